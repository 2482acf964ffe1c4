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
    runner.signal(SIGTERM);
    CHECK(runner.wait().status == 128 + SIGTERM);
  });
}

}  // namespace talos::test
