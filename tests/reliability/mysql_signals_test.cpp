// Signals during a run on MySQL (product.md §3, G21): the status is 128+n, what was running is ended on the server and
// rolled back or journalled, and the lock is free.
#include <csignal>

#include <doctest/doctest.h>

#include "mysql_slow.hpp"

namespace talos::test {

namespace {

constexpr int stopping_signals[] = {SIGTERM, SIGINT, SIGHUP};

TestSet slow_set(bool no_transaction, const std::string& statement) {
  return {{1, "quick", {"CREATE TABLE quick (id BIGINT)"}, {"DROP TABLE quick"}, false},
          {2,
           "slow",
           {"INSERT INTO quick VALUES (1)", statement, "INSERT INTO quick VALUES (2)"},
           {"SELECT 1"},
           no_transaction}};
}

void begin(const MysqlPlace& place) { REQUIRE(migrate(place.target(), {"up", "--to", "1"}).status == 0); }

void check_ended(const MysqlPlace& place, Process& runner, int signal) {
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 128 + signal);
  CHECK(result.signal == 0);
  // When the program is gone the server has nothing more to do for it.
  CHECK(place.activity() == "");
  place.database.settle();
  CHECK(place.database.faults(place.set) == "");
}

// Takes the lock: force always does.
void check_lock_is_free(const MysqlPlace& place, const std::string& version) {
  const auto result = migrate(place.target(), {"force", version, "--lock-timeout", "100ms"});
  INFO(result.err);
  CHECK(result.status == 0);
}

}  // namespace

TEST_CASE("G21: a signal ends a migration of rows on the server: clean at the version before, status 128+n") {
  if (!database_or_skip()) return;
  for (const std::string& statement : {slow_insert, sleeping_insert}) {
    for (const int signal : stopping_signals) {
      INFO("signal " << signal << ", " << statement);
      const MysqlPlace place(slow_set(false, statement));
      begin(place);
      auto runner = Process::start(migrate_options(place.target(), {"up"}));
      wait_for_activity(place, runner, "AS slow");
      runner.signal(signal);
      check_ended(place, runner, signal);
      CHECK(place.state() == "clean 1");
      CHECK(place.database.value("SELECT COUNT(*) FROM quick") == "0");
      check_lock_is_free(place, "1");
    }
  }
}

TEST_CASE("G21: a signal in a file of single statements leaves it journalled and dirty, and status tells") {
  if (!database_or_skip()) return;
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const MysqlPlace place(slow_set(true, slow_insert));
    begin(place);
    auto runner = Process::start(migrate_options(place.target(), {"up"}));
    wait_for_activity(place, runner, "AS slow");
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
    CHECK(place.database.rows("SELECT id FROM quick") == std::vector<std::string>{"1"});
    check_lock_is_free(place, "1");
  }
}

TEST_CASE("G21: a signal in a long ALTER TABLE ends it, nothing is left of its copy, and resume does it") {
  if (!database_or_skip()) return;
  const MysqlPlace place(slow_set(false, slow_alter));
  begin(place);
  make_big_table(place.database);
  const std::string untouched = place.database.picture();
  for (const int signal : {SIGTERM, SIGINT}) {
    INFO("signal " << signal);
    auto runner = Process::start(migrate_options(place.target(), {"up"}));
    wait_until_copying(place, runner);
    runner.signal(signal);
    check_ended(place, runner, signal);
    const auto status = status_of(place.target());
    INFO(status.dump(2));
    REQUIRE(status.at("dirty").at("statements").size() == 2);
    CHECK(status.at("dirty").at("statements").at(1).at("state") == "failed");
    if (signal == SIGINT) continue;
    place.database.rows("DELETE FROM quick");
    CHECK(place.database.picture() == untouched);
    check_lock_is_free(place, "1");
  }
  resume(place.database, place.migrations);
  CHECK(place.state() == "clean 2");
  CHECK(place.database.value("SELECT MAX(added) FROM big") == "7");
  CHECK(place.database.rows("SELECT id FROM quick ORDER BY id") == std::vector<std::string>{"1", "2"});
  CHECK(place.database.faults(place.set) == "");
}

TEST_CASE("G21: a signal in a lone ALTER TABLE: nothing happened, so it is clean at the version before") {
  if (!database_or_skip()) return;
  TestSet set = slow_set(false, slow_alter);
  set[1].up = {slow_alter};
  const MysqlPlace place(set);
  begin(place);
  make_big_table(place.database);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  wait_until_copying(place, runner);
  runner.signal(SIGTERM);
  check_ended(place, runner, SIGTERM);
  CHECK(place.state() == "clean 1");
  check_lock_is_free(place, "1");
}

TEST_CASE("G21: a signal while a table's lock is waited for ends the run") {
  if (!database_or_skip()) return;
  const MysqlPlace place(slow_set(false, "ALTER TABLE quick ADD COLUMN more BIGINT"));
  begin(place);
  MysqlClient reader(place.database.login());
  reader.run("START TRANSACTION; SELECT * FROM quick");
  auto runner = Process::start(migrate_options(place.target(), {"up", "--ddl-lock-timeout", "10m"}));
  wait_for_activity(place, runner, "ALTER TABLE quick");
  runner.signal(SIGTERM);
  check_ended(place, runner, SIGTERM);
  CHECK(place.state() == "dirty 2");
}

TEST_CASE("G21: a signal while waiting for the lock ends the waiter, and changes nothing") {
  if (!database_or_skip()) return;
  const MysqlPlace place(slow_set(false, slow_insert));
  begin(place);
  auto worker = Process::start(migrate_options(place.target(), {"up"}));
  wait_for_activity(place, worker, "AS slow");
  const std::string before = place.everything();
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    auto waiter = Process::start(migrate_options(place.target(), {"up"}));
    waiter.wait_for_output("Waiting for another runner");
    waiter.signal(signal);
    CHECK(waiter.wait().status == 128 + signal);
  }
  CHECK(place.everything() == before);
  CHECK(worker.running());
  worker.signal(SIGTERM);
  check_ended(place, worker, SIGTERM);
  CHECK(place.state() == "clean 1");
}

TEST_CASE("G21: a second signal ends at once, also where the server answers nothing") {
  if (!database_or_skip()) return;
  const MysqlPlace place(slow_set(false, slow_insert));
  begin(place);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  wait_for_activity(place, runner, "AS slow");
  {
    const Frozen server(place.database.server().pid());
    runner.signal(SIGTERM);
    REQUIRE(eventually([&] { return !is_pending(runner.pid(), SIGTERM); }));
    REQUIRE(runner.running());
    runner.signal(SIGINT);
    CHECK(runner.wait(std::chrono::seconds(5)).status == 128 + SIGINT);
  }
  // The server ends the statement only when it is told to, or has done it.
  for (const std::string& line : place.database.at_work())
    place.database.rows("KILL " + line.substr(0, line.find(' ')));
  place.database.settle();
  CHECK(place.state() == "clean 1");
  CHECK(place.database.faults(place.set) == "");
  check_lock_is_free(place, "1");
}

}  // namespace talos::test
