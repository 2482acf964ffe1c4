#include "sets.hpp"

namespace talos::test {

std::string events_table() {
  return "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version bigint, what text)";
}

// No sequences: what was rolled back leaves its trace in them.
TestSet busy_set(Profile profile, long rows) {
  const bool bare = profile == Profile::no_transaction;
  const std::string numbers = "generate_series(1, " + std::to_string(rows) + ") AS i";
  TestSet set(12);
  for (std::size_t i = 0; i < set.size(); ++i) {
    set[i].version = static_cast<long>(i) + 1;
    set[i].name = "step_" + std::to_string(i + 1);
  }
  auto at = [&](long version) -> TestMigration& { return set[static_cast<std::size_t>(version - 1)]; };

  at(1).up = {"CREATE TABLE ledger (what text PRIMARY KEY)", ledger(1)};
  at(1).down = {"DROP TABLE ledger"};
  at(2).up = {
      "CREATE TABLE parents (id bigint PRIMARY KEY, name text NOT NULL)",
      "CREATE TABLE children (id bigint PRIMARY KEY, parent bigint NOT NULL REFERENCES parents (id) ON DELETE CASCADE,"
      " note text)",
      ledger(2)};
  at(2).down = {"DROP TABLE children", "DROP TABLE parents", unledger(2)};
  at(3).up = {"INSERT INTO parents SELECT i, 'parent ' || i FROM " + numbers, ledger(3)};
  at(3).down = {"DELETE FROM parents", unledger(3)};
  at(4).up = {"CREATE UNIQUE INDEX parents_name ON parents (name)", ledger(4)};
  at(4).down = {"DROP INDEX parents_name", unledger(4)};
  at(5).up = {"INSERT INTO children SELECT id, id, 'first' FROM parents",
              "INSERT INTO children SELECT id + 1000000, id, 'second' FROM parents", ledger(5)};
  at(5).down = {"DELETE FROM children", unledger(5)};
  at(6).up = {"ALTER TABLE parents ADD COLUMN rank integer", ledger(6)};
  at(6).down = {"ALTER TABLE parents DROP COLUMN rank", unledger(6)};
  at(7).up = {bare ? group({"UPDATE parents SET rank = id * 7", "UPDATE children SET note = note || '!'"})
                   : "UPDATE parents SET rank = id * 7",
              ledger(7)};
  at(7).down = {"UPDATE parents SET rank = NULL", "UPDATE children SET note = rtrim(note, '!')", unledger(7)};
  at(8).up = {
      "ALTER TABLE parents ALTER COLUMN rank TYPE numeric(20, 2), ADD CONSTRAINT parents_named CHECK (name <> '')",
      ledger(8)};
  at(8).down = {"ALTER TABLE parents ALTER COLUMN rank TYPE integer, DROP CONSTRAINT parents_named", unledger(8)};
  at(9).up = {"CREATE TYPE mood AS ENUM ('sad', 'happy')", "ALTER TABLE children ADD COLUMN mood mood", ledger(9)};
  at(9).down = {"ALTER TABLE children DROP COLUMN mood", "DROP TYPE mood", unledger(9)};
  at(10).up = {"CREATE INDEX children_parent ON children (parent)", ledger(10)};
  at(10).down = {"DROP INDEX children_parent", unledger(10)};
  at(11).up = {
      "CREATE TABLE totals (name text PRIMARY KEY, amount bigint NOT NULL)",
      "CREATE FUNCTION children_gone() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN UPDATE totals SET amount ="
      " amount - 1 WHERE name = 'children'; RETURN NULL; END $body$",
      "CREATE TRIGGER children_gone AFTER DELETE ON children FOR EACH ROW EXECUTE FUNCTION children_gone()",
      "INSERT INTO totals SELECT 'children', count(*) FROM children", ledger(11)};
  at(11).down = {"DROP TRIGGER children_gone ON children", "DROP FUNCTION children_gone()", "DROP TABLE totals",
                 unledger(11)};
  at(12).up = {"DELETE FROM children WHERE id % 100 = 0", "UPDATE parents SET rank = rank + 1", ledger(12)};
  at(12).down = {"UPDATE parents SET rank = rank - 1", unledger(12)};
  if (!bare) return set;

  at(5).up = {"INSERT INTO children SELECT id, id, 'first' FROM parents",
              "CREATE INDEX CONCURRENTLY children_note ON children (note)", ledger(5)};
  at(5).down = {"DROP INDEX CONCURRENTLY children_note", "DELETE FROM children", unledger(5)};
  at(8).up = {"VACUUM parents", at(8).up.front(), ledger(8), "VACUUM (ANALYZE) children"};
  // Alone in its file it needs no directive.
  at(10).up = {"CREATE INDEX CONCURRENTLY children_parent ON children (parent)"};
  at(10).down = {"DROP INDEX CONCURRENTLY children_parent"};
  at(12).up = {"CREATE UNIQUE INDEX CONCURRENTLY children_both ON children (parent, id)",
               "DROP INDEX CONCURRENTLY children_note",
               group({"DELETE FROM children WHERE id % 100 = 0", "UPDATE parents SET rank = rank + 1"}), ledger(12)};
  at(12).down = {"CREATE INDEX CONCURRENTLY children_note ON children (note)", "DROP INDEX CONCURRENTLY children_both",
                 "UPDATE parents SET rank = rank - 1", unledger(12)};
  for (const long version : {3L, 5L, 7L, 8L, 12L}) at(version).no_transaction = true;
  return set;
}

std::string repeatable_up(long version) {
  return "CREATE TABLE IF NOT EXISTS table_" + std::to_string(version) + " (id INTEGER PRIMARY KEY)";
}

std::string repeatable_down(long version) { return "DROP TABLE IF EXISTS table_" + std::to_string(version); }

}  // namespace talos::test
