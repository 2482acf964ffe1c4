// R3 on CockroachDB's double: the connection cut, or stalled, at every message of a run (proxy_bench.hpp).
#include <doctest/doctest.h>

#include "cockroach_database.hpp"
#include "proxy.hpp"
#include "proxy_bench.hpp"

namespace talos::test {

std::unique_ptr<MessageProxy> new_proxy() { return std::make_unique<Proxy>(shared_double_or_skip()->port()); }

std::string dsn_by(const MessageProxy& proxy, const TestDatabase& database) {
  std::string dsn = database.target({}).dsn;
  const std::string port = ":" + std::to_string(shared_double_or_skip()->port()) + "/";
  return dsn.replace(dsn.find(port), port.size(), ":" + std::to_string(proxy.port()) + "/");
}

namespace {

// So long that the heartbeat has its connection.
constexpr const char* slow_row = "INSERT INTO ledger SELECT 'slept ' || pg_sleep(0.6)::TEXT";

TestSet rows_mostly() {
  return {
      {1, "step", {"CREATE TABLE ledger (what TEXT PRIMARY KEY)"}, {"DROP TABLE ledger"}, false},
      {2, "step", {"CREATE TABLE items (id INT8 PRIMARY KEY, half INT8)"}, {"DROP TABLE items"}, false},
      {3,
       "step",
       {"INSERT INTO items (id) VALUES (1), (2), (3)", slow_row, ledger(3)},
       {"DELETE FROM ledger", "DELETE FROM items"},
       false},
      {4, "step", {"UPDATE items SET half = id / 2", ledger(4)}, {"UPDATE items SET half = NULL", unledger(4)}, false},
  };
}

TestSet schema_and_rows() {
  return {
      {1,
       "step",
       {"CREATE TABLE ledger (what TEXT PRIMARY KEY)", "CREATE TABLE items (id INT8 PRIMARY KEY, half INT8)",
        ledger(1)},
       {"DROP TABLE items", "DROP TABLE ledger"},
       false},
      {2,
       "step",
       {"INSERT INTO items (id) VALUES (1), (2), (3)", "ALTER TABLE items ADD COLUMN more TEXT",
        group({slow_row, "UPDATE items SET half = id / 2"}), "CREATE INDEX items_half ON items (half)", ledger(2)},
       {"DROP INDEX items_half", "DELETE FROM ledger WHERE what LIKE 'slept%'", "ALTER TABLE items DROP COLUMN more",
        "DELETE FROM items", unledger(2)},
       true},
      {3, "step", {"CREATE VIEW halves AS SELECT half FROM items"}, {"DROP VIEW halves"}, false},
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
  database.rows("ALTER TABLE items DROP COLUMN more; DELETE FROM items");
}

}  // namespace

TEST_CASE("R3: CockroachDB: up of files that are transactions or lone schema changes, cut or stalled anywhere") {
  try_scenario({"up", rows_mostly(), {"up"}, nullptr, 4}, 5, 2);
}

TEST_CASE("R3: CockroachDB: up, cut anywhere, and no way to look again") {
  try_scenario({"up, no network afterwards", rows_mostly(), {"up"}, nullptr, 4, true}, 2, 0);
}

TEST_CASE("R3: CockroachDB: up with files of schema changes among rows") {
  try_scenario({"up, statement by statement", schema_and_rows(), {"up"}, nullptr, 3}, 5, 2);
}

TEST_CASE("R3: CockroachDB: down") {
  try_scenario({"down", schema_and_rows(), {"down", "--steps", "2"}, all_up, 1}, 2, 1);
}

TEST_CASE("R3: CockroachDB: force") { try_scenario({"force", schema_and_rows(), {"force", "1"}, left_dirty, 1}, 2, 1); }

TEST_CASE("R3: CockroachDB: status") {
  try_scenario({"status", schema_and_rows(), {"status", "--format", "json"}, all_up, 3}, 2, 1);
}

}  // namespace talos::test
