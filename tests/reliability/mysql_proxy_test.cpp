// R3 on MySQL: the connection cut, or stalled, at every message of a run (proxy_bench.hpp).
#include <doctest/doctest.h>

#include "mysql_place.hpp"
#include "mysql_proxy.hpp"
#include "proxy_bench.hpp"

namespace talos::test {

std::unique_ptr<MessageProxy> new_proxy() { return std::make_unique<MysqlProxy>(shared_mysql_or_skip()->port()); }

std::string dsn_by(const MessageProxy& proxy, const TestDatabase& database) {
  const auto& own = dynamic_cast<const MysqlDatabase&>(database);
  return own.server().login(own.name(), proxy.port()).dsn();
}

namespace {

TestSet rows_mostly() {
  return {
      {1, "step", {"CREATE TABLE ledger (what VARCHAR(100) PRIMARY KEY)"}, {"DROP TABLE ledger"}, false},
      {2, "step", {"CREATE TABLE items (id INT PRIMARY KEY, half INT)"}, {"DROP TABLE items"}, false},
      {3,
       "step",
       {"INSERT INTO items (id) VALUES (1), (2), (3)", "INSERT INTO ledger SELECT CONCAT('slept ', SLEEP(0.6))",
        ledger(3)},
       {"DELETE FROM ledger", "DELETE FROM items"},
       false},
      {4, "step", {"UPDATE items SET half = id / 2", ledger(4)}, {"UPDATE items SET half = NULL", unledger(4)}, false},
  };
}

TestSet schema_and_rows() {
  return {
      {1,
       "step",
       {"CREATE TABLE ledger (what VARCHAR(100) PRIMARY KEY)", "CREATE TABLE items (id INT PRIMARY KEY, half INT)",
        ledger(1)},
       {"DROP TABLE items", "DROP TABLE ledger"},
       false},
      {2,
       "step",
       {"INSERT INTO items (id) VALUES (1), (2), (3)", "ALTER TABLE items ADD COLUMN more INT, ADD INDEX (half)",
        group({"INSERT INTO ledger SELECT CONCAT('slept ', SLEEP(0.6))", "UPDATE items SET half = id / 2"}),
        "CREATE VIEW halves AS SELECT half FROM items", ledger(2)},
       {"DROP VIEW halves", "DELETE FROM ledger WHERE what LIKE 'slept%'",
        "ALTER TABLE items DROP COLUMN more, DROP INDEX half", "DELETE FROM items", unledger(2)},
       true},
      {3, "step", {"ALTER TABLE items MODIFY COLUMN half BIGINT"}, {"ALTER TABLE items MODIFY COLUMN half INT"}, false},
  };
}

// Dirty in migration 2; what forcing to 1 promises is then done by hand.
void left_dirty(const ProxyScenario& scenario, const TestDatabase& database) {
  const ScratchDirectory files;
  TestSet set = scenario.set;
  set[1].up[2] = "INSERT INTO nowhere VALUES (1)";
  write_set(files.path(), set);
  const ProcessResult result = migrate(database.target(files.path()), {"up"});
  if (result.status != 1) throw std::runtime_error("not dirty: " + result.out + result.err);
  database.rows("ALTER TABLE items DROP COLUMN more, DROP INDEX half; DELETE FROM items");
}

}  // namespace

TEST_CASE("R3: MySQL: up of files that are transactions or lone schema changes, cut or stalled anywhere") {
  try_scenario({"up", rows_mostly(), {"up"}, nullptr, 4}, 10, 5);
}

TEST_CASE("R3: MySQL: up, cut anywhere, and no way to look again") {
  try_scenario({"up, no network afterwards", rows_mostly(), {"up"}, nullptr, 4, true}, 5, 0);
}

TEST_CASE("R3: MySQL: up with files of schema changes among rows") {
  try_scenario({"up, statement by statement", schema_and_rows(), {"up"}, nullptr, 3}, 10, 5);
}

TEST_CASE("R3: MySQL: down") { try_scenario({"down", schema_and_rows(), {"down", "--steps", "2"}, all_up, 1}, 5, 3); }

TEST_CASE("R3: MySQL: force") { try_scenario({"force", schema_and_rows(), {"force", "1"}, left_dirty, 1}, 4, 2); }

TEST_CASE("R3: MySQL: status") {
  try_scenario({"status", schema_and_rows(), {"status", "--format", "json"}, all_up, 3}, 4, 2);
}

}  // namespace talos::test
