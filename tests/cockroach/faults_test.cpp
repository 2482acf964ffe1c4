// 40001 at every statement, 40003 and lost connections around every commit.
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>

#include <doctest/doctest.h>

#include "cockroach_lease.hpp"
#include "cockroach_place.hpp"

namespace talos::test {
namespace {

using What = CrdbFault::What;
using cockroach::Lease;
using cockroach::LeaseRows;

void write_set(CockroachPlace& place) {
  place.migration(1, "t", "CREATE TABLE t (id int PRIMARY KEY);\nALTER TABLE t ADD COLUMN name text;\n",
                  "DROP TABLE t;\n");
  place.migration(2, "rows", "INSERT INTO t VALUES (1, 'a');\nINSERT INTO t VALUES (2, 'b');\n",
                  "DELETE FROM t WHERE id > 0;\n");
}

// As an undisturbed run leaves it.
void check_done(CockroachPlace& place) {
  CHECK(place.tracker() == "2,false");
  CHECK(place.rows("SELECT id::text || name FROM t ORDER BY id") == std::vector<std::string>{"1a", "2b"});
  CHECK(place.value("SELECT count(*) FROM schema_migrations_log WHERE action = 'up' AND NOT failed") == "2");
  CHECK(place.value("SELECT count(*) FROM schema_migrations_journal WHERE NOT closed") == "0");
}

// Everything but the server's own tables goes, and the double's memory with it.
void clean_up(CockroachPlace& place) {
  place.crdb->clear_faults();
  for (const char* table :
       {"t", "schema_migrations", "schema_migrations_log", "schema_migrations_journal", "schema_migrations_lock"})
    place.sql("DROP TABLE IF EXISTS " + std::string(table));
}

// Statement number n of a run is not the same one in each: the heartbeat has its own pace. So faults are counted by
// what the statements say, without numbers and literals.
std::string shape_of(const std::string& sql) {
  std::string shape;
  bool quoted = false;
  for (const char c : sql) {
    if (c == '\'') quoted = !quoted;
    if (!quoted && (c < '0' || c > '9')) shape += c;
  }
  return shape;
}

bool is_heartbeat(const CrdbStatement& statement) {
  // Nor are the test's own.
  return !statement.application.starts_with("talos") ||
         statement.sql.find("WHERE id = 2 AND owner") != std::string::npos ||
         statement.sql.find("[SHOW") != std::string::npos;
}

using Wanted = std::function<bool(const CrdbStatement&)>;

// Until it is done: what cut a runner short before it had begun, or left the database dirty, is no loss.
void finish(CockroachPlace& place, bool at_once) {
  ProcessResult up = place.migrate({"up"});
  for (int attempt = 0; !at_once && up.status != 0 && attempt < 10; ++attempt) {
    INFO(up.err);
    REQUIRE((up.status == 5 || up.status == 3 || up.status == 1));
    up = place.migrate({up.status == 3 ? "resume" : "up"});
  }
  INFO(up.err);
  REQUIRE(up.status == 0);
  // What was resumed was one migration.
  if (!at_once) CHECK(place.migrate({"up"}).status == 0);
  check_done(place);
}

/// Runs `up` anew for each statement for which `wanted` holds, by its shape and how often it has come.
void at_each(CockroachPlace& place, CrdbFault fault, const Wanted& wanted, bool at_once) {
  const std::size_t begun = place.crdb->statements().size();
  REQUIRE(place.migrate({"up"}).status == 0);
  std::vector<std::pair<std::string, int>> points;
  std::map<std::string, int> seen;
  const auto statements = place.crdb->statements();
  for (std::size_t i = begun; i < statements.size(); ++i)
    if (wanted(statements[i]) && !is_heartbeat(statements[i])) {
      const std::string shape = shape_of(statements[i].sql);
      points.emplace_back(shape, ++seen[shape]);
    }
  MESSAGE(points.size() << " points");
  REQUIRE(points.size() > 5);
  for (const auto& [shape, number] : points) {
    clean_up(place);
    CAPTURE(shape);
    CAPTURE(number);
    int passed = 0;
    const int before = place.crdb->happened();
    fault.matches = [&, wanted_number = number, wanted_shape = shape](const CrdbStatement& statement) {
      return wanted(statement) && shape_of(statement.sql) == wanted_shape && ++passed == wanted_number;
    };
    place.crdb->add(fault);
    finish(place, at_once);
    CHECK(place.crdb->happened() == before + 1);
  }
}

/// The same in one run: what matches fails each time that it comes for the first time, and then every third time, so
/// that the settling and the next attempt get through.
void at_many(CockroachPlace& place, CrdbFault fault, const Wanted& wanted, bool at_once) {
  std::map<std::string, int> seen;
  const int before = place.crdb->happened();
  fault.matches = [&](const CrdbStatement& statement) {
    if (!wanted(statement) || is_heartbeat(statement)) return false;
    const int times = ++seen[shape_of(statement.sql)];
    return times == 1 || (statement.ends_transaction && times % 3 == 1);
  };
  fault.times = 1'000'000;
  place.crdb->add(fault);
  finish(place, at_once);
  const int happened = place.crdb->happened() - before;
  place.crdb->clear_faults();
  MESSAGE(happened << " faults");
  CHECK(happened > 5);
}

// Each statement by a run of its own takes many minutes: TALOS_TEST_CRDB_LONG.
void with_faults(CockroachPlace& place, CrdbFault fault, const Wanted& wanted, bool at_once) {
  write_set(place);
  if (std::getenv("TALOS_TEST_CRDB_LONG") != nullptr)
    at_each(place, std::move(fault), wanted, at_once);
  else
    at_many(place, std::move(fault), wanted, at_once);
}

bool is_schema_change(const CrdbStatement& statement) {
  return statement.sql.starts_with("CREATE") || statement.sql.starts_with("ALTER");
}

// With it something is written, or not. The COMMIT of a transaction that only reads decides nothing.
class Commits {
 public:
  bool operator()(const CrdbStatement& statement) const {
    bool& writes = (*writes_)[statement.connection];
    if (statement.sql.starts_with("BEGIN")) writes = false;
    for (const char* word : {"INSERT", "UPDATE", "DELETE"}) writes = writes || statement.sql.starts_with(word);
    return is_schema_change(statement) || (statement.ends_transaction && writes);
  }

 private:
  std::shared_ptr<std::map<int, bool>> writes_ = std::make_shared<std::map<int, bool>>();
};

}  // namespace

TEST_CASE("40001 at every statement and at COMMIT is tried again, and changes nothing of the outcome") {
  on_double([](CockroachPlace& place) {
    with_faults(
        place, {.what = What::retry}, [](const CrdbStatement& s) { return !s.sql.starts_with("SET "); }, true);
  });
}

TEST_CASE("40001 at COMMIT that leaves the session aborted is no different") {
  on_double([](CockroachPlace& place) {
    with_faults(place, {.what = What::retry, .status_after_commit = 'E'}, Commits(), true);
  });
}

TEST_CASE("C4: 40003 before the real commit: of rows it is settled by the poison, of schema changes by the catalogue") {
  on_double([](CockroachPlace& place) { with_faults(place, {.what = What::ambiguous_before}, Commits(), false); });
}

TEST_CASE("C4: 40003 after the real commit: nothing is done twice") {
  on_double([](CockroachPlace& place) { with_faults(place, {.what = What::ambiguous_after}, Commits(), false); });
}

TEST_CASE("C4: a connection that is lost before a commit loses nothing") {
  on_double([](CockroachPlace& place) { with_faults(place, {.what = What::drop_before}, Commits(), false); });
}

TEST_CASE("C4: a connection that is lost after a commit repeats nothing") {
  on_double([](CockroachPlace& place) { with_faults(place, {.what = What::drop_after}, Commits(), false); });
}

TEST_CASE("C4: a COMMIT that arrives long after its connection was lost is waited for, and counted once") {
  on_double([](CockroachPlace& place) {
    place.tables(1);
    place.migration(2, "rows", "INSERT INTO t1 VALUES (1);\n");
    place.crdb->add({.what = What::late, .matches = [writer = std::make_shared<int>(0)](const CrdbStatement& s) {
                       if (s.sql.starts_with("INSERT INTO t1")) *writer = s.connection;
                       return s.connection == *writer && s.ends_transaction;
                     }});
    Process up = place.start({"up"});
    REQUIRE(eventually([&] { return place.crdb->stalled() == 1; }));
    // It has moved the epoch, and looks for what the old transaction wrote.
    REQUIRE(eventually([&] {
      return place.value(
                 "SELECT count(*) FROM [SHOW SESSIONS] WHERE active_queries LIKE '%count(*)%_log%'"
                 " AND active_queries NOT LIKE '%SHOW SESSIONS%'") == "1";
    }));
    place.crdb->release_stalled();
    const ProcessResult result = up.wait();
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK(result.err != Part{"attempt 2"});
    CHECK(place.value("SELECT count(*) FROM t1") == "1");
    CHECK(place.tracker() == "2,false");
    // One by taking it, one by the poison.
    CHECK(place.value("SELECT epoch FROM schema_migrations_lock WHERE id = 1") == "2");
  });
}

TEST_CASE("C4: what the poison has not found cannot come later") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    REQUIRE(place.migrate({"up"}).status == 0);
    Lease lease("schema_migrations_lock", Runner{}, "root", std::chrono::minutes(1));
    PgClient settler = place.client();
    const auto rows = place.rows("SELECT owner, epoch FROM schema_migrations_lock WHERE id = 1");
    LeaseRows free;
    free.epoch = std::stoll(rows.at(0).substr(rows.at(0).find('|') + 1));
    for (const std::string& statement : lease.take_sql(free, {})) settler.run(statement);
    lease.set_epoch(free.epoch + 1);
    PgClient late = place.client();
    const std::string begin = "BEGIN ISOLATION LEVEL SERIALIZABLE; ";
    late.run(begin + "SELECT 1 WHERE " + lease.fence());
    settler.run(begin + lease.poison_sql() + "; SELECT count(*) FROM t1; COMMIT");
    std::string state;
    try {
      late.run("INSERT INTO t1 VALUES (1)");
      late.run("COMMIT");
    } catch (const PgFailure& failure) {
      state = failure.sqlstate();
    }
    CHECK(state == "40001");
    late.run("ROLLBACK");
    CHECK(place.value("SELECT count(*) FROM t1") == "0");
  });
}

TEST_CASE("G13: a lost schema change whose job goes on is waited for, and found to have happened") {
  on_double([](CockroachPlace& place) {
    write_set(place);
    place.crdb->hold_jobs("ADD COLUMN name");
    Process up = place.start({"up"});
    REQUIRE(eventually([&] { return !place.crdb->jobs().empty() && place.crdb->jobs().back().held; }));
    place.crdb->cut_all();
    up.wait_for_output("waiting for schema change job");
    place.crdb->release_jobs();
    const ProcessResult result = up.wait();
    INFO(result.err);
    CHECK(result.status == 0);
    check_done(place);
  });
}

TEST_CASE("A schema change whose job is paused is told with what resolves it, lost or not") {
  for (const bool lost : {false, true}) {
    CAPTURE(lost);
    on_double([lost](CockroachPlace& place) {
      write_set(place);
      place.crdb->hold_jobs("ADD COLUMN name");
      Process up = place.start({"up"});
      REQUIRE(eventually([&] { return !place.crdb->jobs().empty() && place.crdb->jobs().back().held; }));
      const auto job = place.crdb->jobs().back().id;
      if (lost) {
        place.crdb->cut_all();
        // Not before it waits: the pause ends the statement, and the cut would hit the question of what became of it.
        up.wait_for_output("waiting for schema change job");
      }
      place.crdb->pause_job(job);
      const ProcessResult result = up.wait();
      INFO(result.err);
      CHECK(result.status != 0);
      CHECK(result.err == Part{"RESUME JOB " + std::to_string(job)});
      CHECK(place.tracker() == "1,true");
      const ProcessResult status = place.migrate({"status"});
      CHECK(status.out == Part{"DIRTY"});
      place.sql("RESUME JOB " + std::to_string(job));
      place.crdb->release_jobs();
      const ProcessResult resume = place.migrate({"resume"});
      INFO(resume.err);
      CHECK(resume.status == 0);
      CHECK(place.migrate({"up"}).status == 0);
      check_done(place);
    });
  }
}

TEST_CASE("G13: after a kill in a schema change resume asks the catalogue, and goes on") {
  on_double([](CockroachPlace& place) {
    place.shorten_lease();
    write_set(place);
    place.crdb->hold_jobs("ADD COLUMN name");
    Process up = place.start({"up"});
    REQUIRE(eventually([&] { return !place.crdb->jobs().empty() && place.crdb->jobs().back().held; }));
    up.signal(SIGKILL);
    up.wait();
    place.crdb->release_jobs();
    CHECK(place.migrate({"up"}).status == 3);
    const ProcessResult resume = place.migrate({"resume"});
    INFO(resume.err);
    CHECK(resume.status == 0);
    CHECK(place.migrate({"up"}).status == 0);
    check_done(place);
  });
}

TEST_CASE("A statement of which the catalogue tells nothing is settled by the file's talos:verify query") {
  on_double([](CockroachPlace& place) {
    place.tables(1);
    REQUIRE(place.migrate({"up"}).status == 0);
    place.migration(2, "copy",
                    "-- talos:verify SELECT count(*) = 1 FROM pg_catalog.pg_tables WHERE tablename = 'copied'\n"
                    "CREATE TABLE copied AS SELECT x FROM t1;\n");
    place.crdb->add({.what = What::ambiguous_after, .matches = [](const CrdbStatement& s) {
                       return s.sql.find("CREATE TABLE copied") != s.sql.npos;
                     }});
    const ProcessResult up = place.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(up.err == Part{"talos:verify"});
    CHECK(place.tracker() == "2,false");
  });
}

}  // namespace talos::test
