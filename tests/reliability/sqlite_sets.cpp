#include "sets.hpp"

namespace talos::test {

namespace {

std::string numbers(long rows) {
  return "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(rows) + ") ";
}

std::vector<std::string> rebuild(const std::string& table, const std::string& columns, const std::string& names) {
  return {"CREATE TABLE " + table + "_new (" + columns + ")",
          "INSERT INTO " + table + "_new (" + names + ") SELECT " + names + " FROM " + table, "DROP TABLE " + table,
          "ALTER TABLE " + table + "_new RENAME TO " + table};
}

std::vector<std::string> statements(std::vector<std::string> first, const std::vector<std::string>& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

}  // namespace

TestSet busy_set(Profile profile, long rows) {
  const bool bare = profile == Profile::no_transaction;
  const std::string parents_before = "id INTEGER PRIMARY KEY, name TEXT NOT NULL, rank INTEGER";
  const std::string parents_after = "id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''), rank INTEGER";
  TestSet set(12);
  for (std::size_t i = 0; i < set.size(); ++i) {
    set[i].version = static_cast<long>(i) + 1;
    set[i].name = "step_" + std::to_string(i + 1);
  }
  auto at = [&](long version) -> TestMigration& { return set[static_cast<std::size_t>(version - 1)]; };

  at(1).up = {"CREATE TABLE ledger (id INTEGER PRIMARY KEY, what TEXT NOT NULL UNIQUE)", ledger(1)};
  at(1).down = {"DROP TABLE ledger"};
  at(2).up = {
      "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
      "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE "
      "CASCADE, note TEXT)",
      ledger(2)};
  at(2).down = {"DROP TABLE children", "DROP TABLE parents", unledger(2)};
  at(3).up = {numbers(rows) + "INSERT INTO parents (name) SELECT 'parent ' || i FROM n", ledger(3)};
  at(3).down = {"DELETE FROM parents", unledger(3)};
  at(4).up = {"CREATE UNIQUE INDEX parents_name ON parents (name)", ledger(4)};
  at(4).down = {"DROP INDEX parents_name", unledger(4)};
  at(5).up = {"INSERT INTO children (parent, note) SELECT id, 'first' FROM parents",
              "INSERT INTO children (parent, note) SELECT id, 'second' FROM parents", ledger(5)};
  at(5).down = {"DELETE FROM children", unledger(5)};
  at(6).up = {"ALTER TABLE parents ADD COLUMN rank INTEGER", ledger(6)};
  at(6).down = {"ALTER TABLE parents DROP COLUMN rank", unledger(6)};
  at(7).up = {bare ? group({"UPDATE parents SET rank = id * 7", "UPDATE children SET note = note || '!'"})
                   : "UPDATE parents SET rank = id * 7",
              ledger(7)};
  at(7).down = {"UPDATE parents SET rank = NULL", "UPDATE children SET note = rtrim(note, '!')", unledger(7)};
  // Copy, drop, rename of a table that others refer to: with foreign keys on it would empty them.
  const auto there = statements(rebuild("parents", parents_after, "id, name, rank"),
                                {"CREATE UNIQUE INDEX parents_name ON parents (name)"});
  const auto back = statements(rebuild("parents", parents_before, "id, name, rank"),
                               {"CREATE UNIQUE INDEX parents_name ON parents (name)"});
  if (bare) {
    at(8).up = {"PRAGMA foreign_keys = OFF", group(there), "PRAGMA foreign_keys = ON", ledger(8)};
    at(8).down = {"PRAGMA foreign_keys = OFF", group(back), "PRAGMA foreign_keys = ON", unledger(8)};
  } else {
    at(8).up = statements(there, {ledger(8)});
    at(8).down = statements(back, {unledger(8)});
  }
  at(9).up = {"PRAGMA user_version = 9", ledger(9)};
  at(9).down = {"PRAGMA user_version = 0", unledger(9)};
  at(10).up = bare ? std::vector<std::string>{"VACUUM"}
                   : std::vector<std::string>{"CREATE INDEX children_parent ON children (parent)", ledger(10)};
  at(10).down =
      bare ? std::vector<std::string>{"VACUUM"} : std::vector<std::string>{"DROP INDEX children_parent", unledger(10)};
  at(11).up = {
      "CREATE TABLE totals (name TEXT PRIMARY KEY, amount INTEGER NOT NULL)",
      "CREATE TRIGGER children_gone AFTER DELETE ON children BEGIN UPDATE totals SET amount = amount - 1 WHERE "
      "name = 'children'; END",
      "INSERT INTO totals SELECT 'children', count(*) FROM children", ledger(11)};
  at(11).down = {"DROP TRIGGER children_gone", "DROP TABLE totals", unledger(11)};
  at(12).up = {"DELETE FROM children WHERE id % 3 = 0", "UPDATE parents SET rank = rank + 1", ledger(12)};
  at(12).down = {"UPDATE parents SET rank = rank - 1", unledger(12)};
  if (bare) {
    for (const long version : {3L, 5L, 7L, 8L, 12L}) at(version).no_transaction = true;
  }
  return set;
}

std::string events_table() { return "CREATE TABLE events (id INTEGER PRIMARY KEY, version INTEGER, what TEXT)"; }

std::string repeatable_up(long version) {
  return "CREATE TABLE IF NOT EXISTS table_" + std::to_string(version) + " (id INTEGER PRIMARY KEY)";
}

std::string repeatable_down(long version) { return "DROP TABLE IF EXISTS table_" + std::to_string(version); }

}  // namespace talos::test
