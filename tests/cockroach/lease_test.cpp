// Runners that meet: the lease, golang-migrate's rows, a runner that stalls, one that is gone.
#include <csignal>

#include <doctest/doctest.h>

#include "cockroach_place.hpp"

namespace talos::test {
namespace {

// Until the runner is at this statement, which does not end.
void until_active(CockroachPlace& place, const std::string& text) {
  REQUIRE(eventually([&] {
    return place.value("SELECT count(*) FROM [SHOW SESSIONS] WHERE active_queries LIKE '%" + text +
                       "%' AND active_queries NOT LIKE '%SHOW SESSIONS%'") != "0";
  }));
}

constexpr const char* slow_rows = "INSERT INTO t1 SELECT 1 FROM pg_sleep(600);\n";

// A process that stands still until it is told to go on.
class Stopped {
 public:
  explicit Stopped(const Process& process) : process_(process) { process_.signal(SIGSTOP); }
  void go_on() const { process_.signal(SIGCONT); }

 private:
  const Process& process_;
};

bool says(const CrdbStatement& statement, std::string_view text) {
  return statement.application.starts_with("talos") && statement.sql.find(text) != std::string::npos;
}

// All that a runner may write, apart from the lease.
std::vector<std::string> written(CockroachPlace& place) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& sql) {
    for (std::string& row : place.rows(sql)) all.push_back(std::move(row));
  };
  add("SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = 'public' ORDER BY 1");
  for (const char* table : {"schema_migrations", "schema_migrations_log", "schema_migrations_journal", "t"})
    if (place.has_table(table)) add("SELECT r::text FROM " + std::string(table) + " AS r ORDER BY 1");
  return all;
}

}  // namespace

TEST_CASE("C3, C4: a runner that stalls in a transaction past its lease is succeeded, stops, and says so") {
  on_cockroach([](CockroachPlace& place) {
    place.shorten_lease();
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    Process first = place.start({"up"});
    until_active(place, "pg_sleep");
    const Stopped stall(first);
    // The second finds the lease expired, ends the first one's session and applies the rest.
    place.migration(2, "slow", "INSERT INTO t1 VALUES (2);\n");
    const ProcessResult second = place.migrate({"up"});
    INFO(second.err);
    CHECK(second.status == 0);
    CHECK(place.tracker() == "2,false");
    stall.go_on();
    const ProcessResult stalled = first.wait();
    INFO(stalled.err);
    CHECK(stalled.status == 1);
    CHECK(stalled.err == Part{"this runner's lease has ended"});
    CHECK(place.value("SELECT count(*) FROM t1") == "1");
    CHECK(place.tracker() == "2,false");
  });
}

TEST_CASE("C3: a runner that stalls in a schema change is succeeded only when its job is over") {
  on_double([](CockroachPlace& place) {
    place.shorten_lease();
    place.tables(1);
    place.migration(2, "change", "ALTER TABLE t1 ADD COLUMN y int;\nALTER TABLE t1 ADD COLUMN z int;\n");
    place.crdb->hold_jobs("ADD COLUMN y");
    Process first = place.start({"up"});
    REQUIRE(eventually([&] { return !place.crdb->jobs().empty() && place.crdb->jobs().back().held; }));
    const Stopped stall(first);
    Process second = place.start({"up"});
    second.wait_for_output("schema change job");
    CHECK(second.running());
    place.crdb->release_jobs();
    // It never resumes by itself.
    const ProcessResult succeeded = second.wait();
    INFO(succeeded.err);
    CHECK(succeeded.status == 3);
    stall.go_on();
    const ProcessResult stalled = first.wait();
    INFO(stalled.err);
    CHECK(stalled.status == 1);
    CHECK(stalled.err == Part{"this runner's lease has ended"});
    CHECK(place.tracker() == "2,true");
    const ProcessResult resume = place.migrate({"resume"});
    INFO(resume.err);
    CHECK(resume.status == 0);
    CHECK(place.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 't1' AND column_name IN"
                      " ('y', 'z')") == "2");
  });
}

TEST_CASE("C3: what a runner sent of its journal arrives after another has taken over, and is not written") {
  // In a message of its own, or in the middle of its transaction.
  for (const char* word : {"BEGIN", "INSERT INTO"})
    on_double([&](CockroachPlace& place) {
      CAPTURE(word);
      place.shorten_lease();
      place.migration(1, "three", "CREATE TABLE a (x int);\nCREATE TABLE b (x int);\nCREATE TABLE c (x int);\n");
      place.crdb->add({.what = CrdbFault::What::stall_before,
                       .matches = [word, begun = std::make_shared<bool>(false)](const CrdbStatement& statement) {
                         if (statement.sql.starts_with("CREATE TABLE a ")) *begun = true;
                         return *begun && statement.sql.starts_with(word) && says(statement, word);
                       }});
      Process first = place.start({"up"});
      REQUIRE(eventually([&] { return place.crdb->stalled() == 1; }));
      const Stopped stall(first);
      const ProcessResult up = place.migrate({"up"});
      INFO(up.err);
      CHECK(up.status == 3);
      const ProcessResult resume = place.migrate({"resume"});
      INFO(resume.err);
      REQUIRE(resume.status == 0);
      const auto before = written(place);
      place.crdb->release_stalled();
      stall.go_on();
      const ProcessResult stalled = first.wait();
      INFO(stalled.err);
      CHECK(stalled.status == 1);
      CHECK(stalled.err == Part{"this runner's lease has ended"});
      CHECK(written(place) == before);
      CHECK(place.value("SELECT count(*) FROM schema_migrations_journal WHERE NOT closed") == "0");
    });
}

// Somebody takes the lease over while the runner cannot know it, as if its machine had slept: at each of its writes.
TEST_CASE("C3, C4: a runner whose epoch is over writes nothing more, wherever it is") {
  on_double([](CockroachPlace& place) {
    place.migration(1, "t", "CREATE TABLE t (x int);\nCREATE INDEX t_x ON t (x);\n");
    place.migration(2, "rows", "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n");
    int points = 0;
    for (bool reached = true; reached; ++points) {
      CAPTURE(points);
      place.crdb->add(
          {.what = CrdbFault::What::stall_before,
           .matches = [left = std::make_shared<int>(points), held = std::make_shared<bool>(false)](const auto& one) {
             if (says(one, "INSERT INTO") && says(one, "_lock")) *held = true;
             const bool looks = says(one, "clock_timestamp()") && one.sql.starts_with("SELECT") && !one.in_transaction;
             const bool begins = says(one, "BEGIN ISOLATION LEVEL SERIALIZABLE") && !says(one, "READ ONLY");
             return *held && (looks || begins) && (*left)-- == 0;
           }});
      Process runner = place.start({"up"});
      reached = eventually([&] { return place.crdb->stalled() == 1 || !runner.running(); }) && runner.running();
      if (reached) {
        const auto before = written(place);
        place.sql("UPDATE schema_migrations_lock SET epoch = epoch + 1 WHERE id = 1");
        place.crdb->release_stalled();
        const ProcessResult result = runner.wait();
        INFO(result.err);
        CHECK(written(place) == before);
        // The last write is the lease's own end.
        const bool all = place.tracker() == "2,false";
        CHECK(result.status == (all ? 0 : 1));
        if (!all) CHECK(result.err == Part{"this runner's lease has ended"});
      } else {
        CHECK(runner.wait().status == 0);
      }
      place.crdb->clear_faults();
      for (const char* table :
           {"t", "schema_migrations", "schema_migrations_log", "schema_migrations_journal", "schema_migrations_lock"})
        place.sql("DROP TABLE IF EXISTS " + std::string(table));
    }
    MESSAGE(points << " points");
    CHECK(points > 8);
  });
}

// Its machine has slept, so that its heartbeat knows nothing yet.
TEST_CASE("C3: a runner whose session a successor has ended says that its lease is over, not that the network is") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    Process runner = place.start({"up"});
    until_active(place, "pg_sleep");
    place.sql("UPDATE schema_migrations_lock SET owner = 'another', epoch = epoch + 1 WHERE id = 1");
    place.sql(
        "CANCEL SESSIONS (SELECT session_id FROM [SHOW SESSIONS] WHERE active_queries LIKE '%pg_sleep%'"
        " AND active_queries NOT LIKE '%SHOW SESSIONS%')");
    const ProcessResult result = runner.wait();
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.err == Part{"this runner's lease has ended"});
    CHECK(place.tracker() == "1,false");
  });
}

TEST_CASE("C3: where the stalled runner's session may not be ended its successor waits, and says for what") {
  on_double([](CockroachPlace& place) {
    place.shorten_lease();
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    place.crdb->forbid_cancel(true);
    Process first = place.start({"up"});
    until_active(place, "pg_sleep");
    const Stopped stall(first);
    const ProcessResult second = place.migrate({"up", "--lock-timeout", "10s"});
    INFO(second.err);
    CHECK(second.status == 4);
    CHECK(second.err == Part{"is still there and cannot be ended by this user"});
    first.signal(SIGKILL);
    first.wait();
    place.crdb->cut_all();
    place.migration(2, "slow", "INSERT INTO t1 VALUES (2);\n");
    const ProcessResult third = place.migrate({"up"});
    INFO(third.err);
    CHECK(third.status == 0);
  });
}

TEST_CASE("C3: what another user's runner left is judged by who can see it, and not by who cannot") {
  on_double([](CockroachPlace& place) {
    place.shorten_lease();
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    const std::string admins = place.dsn;
    const auto with_lease = [&](const std::string& dsn) { return dsn + "&x-lease-ttl=4s"; };
    const std::string one = "one_" + place.database, two = "two_" + place.database;
    const std::string ones = with_lease(place.crdb->create_user(one, place.database));
    const std::string twos = with_lease(place.crdb->create_user(two, place.database));
    place.sql("GRANT ALL ON SCHEMA public TO " + one + ", " + two);
    place.dsn = ones;
    Process first = place.start({"up"});
    until_active(place, "pg_sleep");
    first.signal(SIGKILL);
    first.wait();
    place.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO " + two);
    place.dsn = twos;
    const ProcessResult blind = place.migrate({"up", "--lock-timeout", "9s"});
    INFO(blind.err);
    CHECK(blind.status == 4);
    CHECK(blind.err == Part{"as the user " + one});
    CHECK(place.tracker() == "1,false");
    // Nor is it forgotten by who has held the lease meanwhile.
    CHECK(place.migrate({"up", "--lock-timeout", "1s"}).status == 4);
    place.migration(2, "slow", "INSERT INTO t1 VALUES (2);\n");
    place.dsn = admins;
    const ProcessResult seeing = place.migrate({"up"});
    INFO(seeing.err);
    CHECK(seeing.status == 0);
    CHECK(place.tracker() == "2,false");
    // And after that everybody may.
    place.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO " + two);
    place.dsn = twos;
    CHECK(place.migrate({"force", "2", "--lock-timeout", "1s"}).status == 0);
  });
}

TEST_CASE("A runner whose heartbeat has no connection stops in time, and its migration can be run again") {
  on_double([](CockroachPlace& place) {
    place.shorten_lease();
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    Process runner = place.start({"up"});
    until_active(place, "pg_sleep");
    // Whatever renews it from now on is cut, on every new connection, too.
    place.crdb->add(
        {.what = CrdbFault::What::drop_before,
         .matches = [](const CrdbStatement& s) { return s.sql.find("WHERE id = 2 AND owner") != s.sql.npos; },
         .times = 100000});
    const ProcessResult result = runner.wait();
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.err == Part{"this runner's lease has ended"});
    place.crdb->clear_faults();
    CHECK(place.tracker() == "1,false");
    place.migration(2, "slow", "INSERT INTO t1 VALUES (2);\n");
    CHECK(place.migrate({"up"}).status == 0);
    CHECK(place.value("SELECT count(*) FROM t1") == "1");
  });
}

TEST_CASE("C1: golang-migrate's lock rows are held with the lease, under both of its numbers, and removed with it") {
  on_cockroach([](CockroachPlace& place) {
    place.sql("CREATE TABLE schema_lock (lock_id INT NOT NULL PRIMARY KEY)");
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    Process runner = place.start({"up"});
    until_active(place, "pg_sleep");
    CHECK(place.value("SELECT count(*) FROM schema_lock") == "2");
    runner.signal(SIGTERM);
    CHECK(runner.wait().status == 128 + SIGTERM);
    CHECK(place.value("SELECT count(*) FROM schema_lock") == "0");
  });
}

TEST_CASE("C1: golang-migrate's rows that a killed runner of ours left are its successor's") {
  on_cockroach([](CockroachPlace& place) {
    place.shorten_lease();
    place.sql("CREATE TABLE schema_lock (lock_id INT NOT NULL PRIMARY KEY)");
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    Process runner = place.start({"up"});
    until_active(place, "pg_sleep");
    runner.signal(SIGKILL);
    runner.wait();
    CHECK(place.value("SELECT count(*) FROM schema_lock") == "2");
    place.migration(2, "slow", "INSERT INTO t1 VALUES (2);\n");
    const ProcessResult next = place.migrate({"up"});
    INFO(next.err);
    CHECK(next.status == 0);
    CHECK(place.value("SELECT count(*) FROM schema_lock") == "0");
    CHECK(place.value("SELECT count(*) FROM t1") == "1");
  });
}

TEST_CASE("C1: a lock row of golang-migrate's own is waited for, and then the DELETE that clears it is named") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    place.sql("CREATE TABLE schema_lock (lock_id INT NOT NULL PRIMARY KEY)");
    // The number is that of this database's name; one runner of ours tells it.
    place.migration(2, "look", "CREATE TABLE seen AS SELECT lock_id FROM schema_lock;\n");
    REQUIRE(place.migrate({"up"}).status == 0);
    place.sql("INSERT INTO schema_lock SELECT min(lock_id) FROM seen");
    place.migration(3, "more", "CREATE TABLE more (x int);\n");
    const ProcessResult up = place.migrate({"up", "--lock-timeout", "1s"});
    INFO(up.err);
    CHECK(up.status == 4);
    CHECK(up.err == Part{"golang-migrate"});
    CHECK(up.err == Part{"DELETE FROM"});
    CHECK(up.err == Part{place.value("SELECT lock_id FROM schema_lock")});
    place.sql("DELETE FROM schema_lock");
    CHECK(place.migrate({"up"}).status == 0);
  });
}

TEST_CASE("A waiter is told who holds the lock, and gives up with exit 4") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    place.migration(2, "slow", slow_rows);
    Process runner = place.start({"up"});
    until_active(place, "pg_sleep");
    const ProcessResult waiter = place.migrate({"up", "--lock-timeout", "1s"});
    INFO(waiter.err);
    CHECK(waiter.status == 4);
    CHECK(waiter.err == Part{"pid " + std::to_string(runner.pid())});
    if (place.crdb) {
      // A waiter that has seen the tables once asks for the lease alone.
      int asked = 0;
      int searched = 0;
      for (const CrdbStatement& statement : place.crdb->statements()) {
        if (statement.application.find(" " + std::to_string(runner.pid()) + "@") != std::string::npos) continue;
        if (says(statement, "SELECT w.owner")) ++asked;
        if (says(statement, "tablename = 'schema_lock'") && !statement.in_transaction) ++searched;
      }
      CHECK(asked > 2);
      CHECK(searched == 1);
    }
    runner.signal(SIGTERM);
    CHECK(runner.wait().status == 128 + SIGTERM);
  });
}

}  // namespace talos::test
