#include "sets.hpp"

namespace talos::test {

namespace {

constexpr const char* create_ledger = "CREATE TABLE ledger (what TEXT PRIMARY KEY)";
constexpr const char* create_parents = "CREATE TABLE parents (id INT8 PRIMARY KEY, name TEXT NOT NULL, place INT8)";
constexpr const char* create_children =
    "CREATE TABLE children (id INT8 PRIMARY KEY, parent INT8 NOT NULL REFERENCES parents (id) ON DELETE CASCADE, note"
    " TEXT)";
constexpr const char* create_totals = "CREATE TABLE totals (name TEXT PRIMARY KEY, amount INT8 NOT NULL)";
constexpr const char* count_children = "INSERT INTO totals SELECT 'children', count(*) FROM children";
constexpr const char* add_third = "INSERT INTO children SELECT id + 2000000, id, 'third' FROM parents";
constexpr const char* take_third = "DELETE FROM children WHERE id > 2000000";

std::string fill_parents(long rows) {
  return "INSERT INTO parents (id, name) SELECT i, 'parent ' || i::TEXT FROM generate_series(1, " +
         std::to_string(rows) + ") AS g (i)";
}

TestSet empty_set() {
  TestSet set(12);
  for (std::size_t i = 0; i < set.size(); ++i) {
    set[i].version = static_cast<long>(i) + 1;
    set[i].name = "step_" + std::to_string(i + 1);
  }
  return set;
}

// Every file is a transaction of rows, or one schema change, which fails a second time.
TestSet rows_mostly(long rows) {
  TestSet set = empty_set();
  auto at = [&](long version) -> TestMigration& { return set[static_cast<std::size_t>(version - 1)]; };
  at(1).up = {create_ledger};
  at(1).down = {"DROP TABLE ledger"};
  at(2).up = {create_parents};
  at(2).down = {"DROP TABLE parents"};
  at(3).up = {create_children};
  at(3).down = {"DROP TABLE children"};
  at(4).up = {fill_parents(rows), ledger(4)};
  at(4).down = {"DELETE FROM parents", unledger(4)};
  at(5).up = {"INSERT INTO children SELECT id, id, 'first' FROM parents",
              "INSERT INTO children SELECT id + 1000000, id, 'second' FROM parents", ledger(5)};
  at(5).down = {"DELETE FROM children", unledger(5)};
  at(6).up = {"UPDATE parents SET place = id * 7", "UPDATE children SET note = note || '!'", ledger(6)};
  at(6).down = {"UPDATE parents SET place = NULL", "UPDATE children SET note = rtrim(note, '!')", unledger(6)};
  at(7).up = {"CREATE INDEX parents_name ON parents (name)"};
  at(7).down = {"DROP INDEX parents_name"};
  at(8).up = {add_third, ledger(8)};
  at(8).down = {take_third, unledger(8)};
  at(9).up = {create_totals};
  at(9).down = {"DROP TABLE totals"};
  at(10).up = {count_children, ledger(10)};
  at(10).down = {"DELETE FROM totals", unledger(10)};
  at(11).up = {"UPDATE parents SET place = place + 1", ledger(11)};
  at(11).down = {"UPDATE parents SET place = place - 1", unledger(11)};
  at(12).up = {"INSERT INTO totals SELECT 'parents', count(*) FROM parents", take_third, ledger(12)};
  at(12).down = {"DELETE FROM totals WHERE name = 'parents'", add_third, unledger(12)};
  return set;
}

// Schema changes among rows, in files with and without the directive.
TestSet schema_and_rows(long rows) {
  TestSet set = empty_set();
  auto at = [&](long version) -> TestMigration& { return set[static_cast<std::size_t>(version - 1)]; };
  at(1).up = {create_ledger, ledger(1)};
  at(1).down = {"DROP TABLE ledger"};
  at(2).up = {create_parents, create_children, ledger(2)};
  at(2).down = {"DROP TABLE children", "DROP TABLE parents", unledger(2)};
  at(3).up = {fill_parents(rows), ledger(3)};
  at(3).down = {"DELETE FROM parents", unledger(3)};
  at(4).up = {"CREATE INDEX parents_name ON parents (name)", ledger(4)};
  at(4).down = {"DROP INDEX parents_name", unledger(4)};
  at(5).up = {"INSERT INTO children SELECT id, id, 'first' FROM parents",
              "CREATE INDEX children_note ON children (note)",
              group({"INSERT INTO children SELECT id + 1000000, id, 'second' FROM parents", ledger(5)})};
  at(5).down = {"DROP INDEX children_note", "DELETE FROM children", unledger(5)};
  at(6).up = {"ALTER TABLE parents ADD COLUMN mood TEXT", "ALTER TABLE parents ADD COLUMN born DATE", ledger(6)};
  at(6).down = {"ALTER TABLE parents DROP COLUMN born", "ALTER TABLE parents DROP COLUMN mood", unledger(6)};
  at(7).up = {group({"UPDATE parents SET place = id * 7", "UPDATE children SET note = note || '!'"}), ledger(7)};
  at(7).down = {"UPDATE parents SET place = NULL", "UPDATE children SET note = rtrim(note, '!')", unledger(7)};
  at(8).up = {"ALTER TABLE parents ADD CONSTRAINT parents_named CHECK (name <> '')", ledger(8)};
  at(8).down = {"ALTER TABLE parents DROP CONSTRAINT parents_named", unledger(8)};
  at(9).up = {"CREATE VIEW happy AS SELECT id FROM parents WHERE mood = 'happy'", ledger(9)};
  at(9).down = {"DROP VIEW happy", unledger(9)};
  at(10).up = {"CREATE INDEX children_both ON children (note, parent)"};
  at(10).down = {"DROP INDEX children_both"};
  at(11).up = {create_totals, count_children, ledger(11)};
  at(11).down = {"DROP TABLE totals", unledger(11)};
  at(12).up = {"DROP INDEX children_note", group({add_third, "UPDATE parents SET place = place + 1"}), ledger(12)};
  at(12).down = {"CREATE INDEX children_note ON children (note)", "UPDATE parents SET place = place - 1", take_third,
                 unledger(12)};
  for (const long version : {3L, 5L, 7L, 12L}) at(version).no_transaction = true;
  return set;
}

}  // namespace

std::string events_table() {
  return "CREATE TABLE events (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, version bigint, what text);"
         " CREATE TABLE marks (id bigint PRIMARY KEY)";
}

// Schema changes would not be one transaction with their events.
std::string repeatable_up(long version) {
  return "INSERT INTO marks VALUES (" + std::to_string(version) + ") ON CONFLICT DO NOTHING";
}

std::string repeatable_down(long version) { return "DELETE FROM marks WHERE id = " + std::to_string(version); }

TestSet busy_set(Profile profile, long rows) {
  return profile == Profile::transactional ? rows_mostly(rows) : schema_and_rows(rows);
}

}  // namespace talos::test
