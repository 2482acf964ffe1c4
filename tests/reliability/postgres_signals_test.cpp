// Signals during a run on PostgreSQL (product.md §3, G21): the status is 128+n, what was running is cancelled on the
// server and rolled back or journalled, and the lock is free.
#include <csignal>

#include <doctest/doctest.h>

#include "postgres_place.hpp"

namespace talos::test {

namespace {

constexpr int stopping_signals[] = {SIGTERM, SIGINT, SIGHUP};

// Far longer than any test waits.
const std::string long_statement = "SELECT pg_sleep(3000)";

TestSet slow_set(bool no_transaction, const std::string& statement) {
  return {{1, "quick", {"CREATE TABLE quick (id bigint)"}, {"DROP TABLE quick"}, false},
          {2,
           "slow",
           {"CREATE TABLE slow (id bigint)", statement, "INSERT INTO quick VALUES (2)"},
           {"DROP TABLE slow"},
           no_transaction}};
}

void begin(const PostgresPlace& place) { REQUIRE(migrate(place.target(), {"up", "--to", "1"}).status == 0); }

std::string activity(const PostgresPlace& place) {
  std::string text;
  for (const std::string& line : place.database.at_work()) text += line + "\n";
  return text;
}

// Returns when the server runs that statement for the program.
void wait_for_statement(const PostgresPlace& place, Process& runner, const std::string& part) {
  const bool runs = eventually([&] { return has(activity(place), part) || !runner.running(); });
  INFO(runner.err_so_far());
  REQUIRE(runs);
  REQUIRE(runner.running());
}

void check_ended(const PostgresPlace& place, Process& runner, int signal) {
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 128 + signal);
  CHECK(result.signal == 0);
  // When the program is gone the server has nothing more to do for it.
  CHECK(activity(place) == "");
  place.database.settle();
  CHECK(place.database.faults(place.set) == "");
}

// Takes the lock: force always does.
void check_lock_is_free(const PostgresPlace& place, const std::string& version) {
  const auto result = migrate(place.target(), {"force", version, "--lock-timeout", "100ms"});
  INFO(result.err);
  CHECK(result.status == 0);
}

}  // namespace

TEST_CASE("G21: a signal cancels a transactional migration on the server: clean at the version before, status 128+n") {
  if (!database_or_skip()) return;
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const PostgresPlace place(slow_set(false, long_statement));
    begin(place);
    auto runner = Process::start(migrate_options(place.target(), {"up"}));
    wait_for_statement(place, runner, "pg_sleep");
    runner.signal(signal);
    check_ended(place, runner, signal);
    CHECK(place.state() == "clean 1");
    CHECK_FALSE(place.database.has_table("slow"));
    check_lock_is_free(place, "1");
  }
}

TEST_CASE("G21: a signal in a no-transaction file leaves it journalled and dirty, and status tells") {
  if (!database_or_skip()) return;
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const PostgresPlace place(slow_set(true, long_statement));
    begin(place);
    auto runner = Process::start(migrate_options(place.target(), {"up"}));
    wait_for_statement(place, runner, "pg_sleep");
    runner.signal(signal);
    check_ended(place, runner, signal);
    const auto status = status_of(place.target());
    INFO(status.dump(2));
    CHECK(status.at("status") == "dirty");
    CHECK(status.at("lock").at("held") == false);
    const auto& dirty = status.at("dirty");
    REQUIRE(dirty.at("statements").size() == 2);
    CHECK(dirty.at("statements").at(0).at("state") == "done");
    // It was rolled back, and that is known.
    CHECK(dirty.at("statements").at(1).at("state") == "failed");
    CHECK(migrate(place.target(), {"up"}).status == 3);
    check_lock_is_free(place, "1");
  }
}

TEST_CASE("G21, P8: a signal while CREATE INDEX CONCURRENTLY waits cancels it, and the invalid index is named") {
  if (!database_or_skip()) return;
  for (const int signal : {SIGTERM, SIGINT}) {
    INFO("signal " << signal);
    const PostgresPlace place(slow_set(true, "CREATE INDEX CONCURRENTLY quick_id ON quick (id)"));
    begin(place);
    // A transaction that has written to the table: the index waits for its end.
    PgClient writer(place.database.dsn());
    writer.run("BEGIN; INSERT INTO quick VALUES (0)");
    auto runner = Process::start(migrate_options(place.target(), {"up"}));
    wait_for_statement(place, runner, "CONCURRENTLY");
    PgClient observer(place.database.dsn());
    REQUIRE(eventually([&] {
      return observer.value("SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'") == "1";
    }));
    runner.signal(signal);
    const auto result = runner.wait();
    INFO(result.err);
    CHECK(result.status == 128 + signal);
    CHECK(activity(place) == "");
    CHECK(has(result.err, "INVALID index quick_id"));
    CHECK(has(result.err, "DROP INDEX CONCURRENTLY"));
    writer.run("ROLLBACK");
    CHECK(place.state() == "dirty 2");
    CHECK(place.database.faults(place.set) == "");
    resume(place.database, place.migrations);
    CHECK(place.state() == "clean 2");
    CHECK(place.database.faults(place.set) == "");
  }
}

TEST_CASE("G21: a signal while waiting for the lock ends the waiter, and changes nothing") {
  if (!database_or_skip()) return;
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const PostgresPlace place(slow_set(false, long_statement));
    begin(place);
    auto worker = Process::start(migrate_options(place.target(), {"up"}));
    wait_for_statement(place, worker, "pg_sleep");
    const std::string before = place.everything();
    auto waiter = Process::start(migrate_options(place.target(), {"up"}));
    waiter.wait_for_output("Waiting for another runner");
    waiter.signal(signal);
    CHECK(waiter.wait().status == 128 + signal);
    CHECK(place.everything() == before);
    CHECK(worker.running());
    worker.signal(SIGTERM);
    check_ended(place, worker, SIGTERM);
    CHECK(place.state() == "clean 1");
  }
}

TEST_CASE("G21, P9: a signal while a table's lock is waited for ends the run, rolled back") {
  if (!database_or_skip()) return;
  const PostgresPlace place(slow_set(false, "ALTER TABLE quick ADD COLUMN more bigint"));
  begin(place);
  PgClient reader(place.database.dsn());
  reader.run("BEGIN; SELECT * FROM quick");
  auto runner = Process::start(migrate_options(place.target(), {"up", "--ddl-lock-timeout", "10m"}));
  wait_for_statement(place, runner, "ALTER TABLE quick");
  runner.signal(SIGTERM);
  check_ended(place, runner, SIGTERM);
  CHECK(place.state() == "clean 1");
}

TEST_CASE("G21, P3: a signal behind pgbouncer cancels the statement, and neither lock nor lease is left") {
  if (!database_or_skip() || !pgbouncer_or_skip()) return;
  const PgBouncer pooler(*shared_server(), PgBouncer::Pool::transaction);
  for (const bool no_transaction : {false, true}) {
    INFO("no-transaction " << no_transaction);
    PostgresPlace place(slow_set(no_transaction, long_statement));
    place.database.show_program(pooler.dsn(place.database.name()));
    begin(place);
    auto runner = Process::start(migrate_options(place.target(), {"up"}));
    wait_for_statement(place, runner, "pg_sleep");
    runner.signal(SIGTERM);
    check_ended(place, runner, SIGTERM);
    CHECK(place.state() == (no_transaction ? "dirty 2" : "clean 1"));
  }
}

}  // namespace talos::test
