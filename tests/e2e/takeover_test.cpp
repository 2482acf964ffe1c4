// Databases that golang-migrate made are taken over in place, and it can go on with ours.
#include <doctest/doctest.h>

#include "world.hpp"

namespace talos::test {

namespace {

// What golang-migrate writes into the schema of a SQLite database.
constexpr std::string_view tracker_table = "CREATE TABLE schema_migrations (version uint64,dirty bool)";
constexpr std::string_view tracker_index = "CREATE UNIQUE INDEX version_unique ON schema_migrations (version)";

// Five tables, of which golang-migrate made `version`, and its tracker with the given row.
struct Inherited : World {
  explicit Inherited(int made, const std::string& row) {
    tables(5);
    for (int i = 1; i <= made; ++i) sql("CREATE TABLE t" + std::to_string(i) + " (x)");
    sql(std::string(tracker_table) + ";" + std::string(tracker_index));
    if (!row.empty()) sql("INSERT INTO schema_migrations (version, dirty) VALUES " + row);
  }
};

void has_golang_migrates_tracker(const World& world) {
  CHECK(world.rows("SELECT sql FROM sqlite_schema WHERE name = 'schema_migrations'") ==
        std::vector<std::string>{std::string(tracker_table)});
  CHECK(world.rows("SELECT sql FROM sqlite_schema WHERE name = 'version_unique'") ==
        std::vector<std::string>{std::string(tracker_index)});
}

// As its driver reads the version: any error there counts as "never migrated".
std::string as_golang_migrate_reads(const World& world) {
  const auto rows = world.rows("SELECT version, dirty FROM schema_migrations LIMIT 1");
  return rows.empty() ? "nil" : rows[0];
}

// As its driver writes a version.
void set_version_as_golang_migrate(const World& world, const std::string& row) {
  world.sql("BEGIN; DELETE FROM schema_migrations; INSERT INTO schema_migrations (version, dirty) VALUES " + row +
            "; COMMIT");
}

std::vector<std::string> history(const World& world) {
  return world.rows("SELECT action || ' ' || version FROM schema_migrations_log ORDER BY id");
}

}  // namespace

TEST_CASE("a tracker of ours is golang-migrate's to the letter") {
  World world;
  world.tables(2);
  CHECK(world.migrate({"up"}).status == 0);
  has_golang_migrates_tracker(world);
  CHECK(as_golang_migrate_reads(world) == "2|0");
  CHECK(world.rows("SELECT typeof(version), typeof(dirty) FROM schema_migrations")[0] == "integer|integer");
  CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
  has_golang_migrates_tracker(world);
  CHECK(as_golang_migrate_reads(world) == "nil");
}

TEST_CASE("G1: a database of golang-migrate is taken over: status reads it, up writes a baseline and goes on") {
  Inherited world(3, "(3, 0)");
  const std::string before = hash_of(world.database);
  const auto status = world.migrate({"status"});
  CHECK(status.out == Line{"Database Status: clean"});
  CHECK(status.out == Line{"Current Version: 3"});
  CHECK(status.out == Line{"Pending: 2"});
  CHECK(hash_of(world.database) == before);

  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  CHECK(world.tracker() == "4,0");
  CHECK(history(world) == std::vector<std::string>{"baseline 3", "up 4"});
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(history(world) == std::vector<std::string>{"baseline 3", "up 4", "up 5"});
  has_golang_migrates_tracker(world);
  CHECK(world.migrate({"history"}).out == Part{"baseline"});
}

TEST_CASE("G1: up on a database of golang-migrate that is up to date writes the baseline, once, and nothing else") {
  Inherited world(5, "(5, 0)");
  const std::string schema = SqliteFile(world.database).schema();
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(history(world) == std::vector<std::string>{"baseline 5"});
  CHECK(world.tracker() == "5,0");
  CHECK(SqliteFile(world.database).schema() == schema);
  const std::string before = hash_of(world.database);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(hash_of(world.database) == before);
}

TEST_CASE("G1: versions that golang-migrate applied are rolled back by down, all the way") {
  Inherited world(3, "(3, 0)");
  CHECK(world.migrate({"down"}).status == 0);
  CHECK(world.tracker() == "2,0");
  CHECK(!world.has_table("t3"));
  CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
  CHECK(world.tracker() == "none");
  CHECK(!world.has_table("t1"));
  has_golang_migrates_tracker(world);
}

TEST_CASE("G1: a migration merged late below the version that was taken over or forced is named, not skipped") {
  for (const bool by_force : {false, true}) {
    Inherited world(3, "(3, 0)");
    std::filesystem::remove(world.migrations / "000002_t2.up.sql");
    std::filesystem::remove(world.migrations / "000002_t2.down.sql");
    CHECK(world.migrate({"up"}).status == 0);
    if (by_force) CHECK(world.migrate({"force", "5"}).status == 0);
    world.migration(2, "t2", "CREATE TABLE late (x);\n");
    const auto late = world.migrate({"up"});
    CHECK(late.status == 1);
    CHECK(late.err == Part{"000002_t2"});
  }
}

TEST_CASE("a database that golang-migrate left dirty is refused with its version, and force resolves it") {
  Inherited world(3, "(3, 1)");
  for (const char* command : {"up", "down"}) {
    const auto refused = world.migrate({command});
    CHECK(refused.status == 3);
    CHECK(refused.err == Line{"Error: Database is in dirty state at version 3"});
  }
  const auto status = world.migrate({"status"});
  CHECK(status.status == 0);
  CHECK(status.out == Line{"Database Status: DIRTY"});
  CHECK(status.out == Part{"keeps no journal"});
  CHECK(status.out == Part{"talos migrate force 3"});
  CHECK(status.out == Part{"talos migrate force V"});
  CHECK(world.migrate({"force", "3"}).status == 0);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "5,0");
}

TEST_CASE(
    "a first down of golang-migrate's that failed, version -1 and dirty, is refused; force -1 empties the tracker") {
  Inherited world(0, "(-1, 1)");
  const auto refused = world.migrate({"up"});
  CHECK(refused.status == 3);
  CHECK(refused.err == Line{"Error: Database is in dirty state at version -1"});
  CHECK(world.migrate({"status"}).out == Line{"Database Status: DIRTY"});
  CHECK(world.migrate({"force", "-1"}).status == 0);
  CHECK(as_golang_migrate_reads(world) == "nil");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "5,0");
}

TEST_CASE("an empty tracker of golang-migrate's means that nothing is applied") {
  Inherited world(0, "");
  CHECK(world.migrate({"status"}).out == Line{"Database Status: Not initialized (no migrations applied)"});
  CHECK(world.migrate({"status", "--exit-code"}).status == 7);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "5,0");
  has_golang_migrates_tracker(world);
}

TEST_CASE("G1: where golang-migrate moved the version meanwhile, up writes a new baseline first") {
  World world;
  world.tables(5);
  CHECK(world.migrate({"up", "--steps", "2"}).status == 0);
  world.sql("CREATE TABLE t3 (x)");
  set_version_as_golang_migrate(world, "(3, 0)");
  CHECK(world.migrate({"status"}).out == Line{"Current Version: 3"});
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  CHECK(history(world) == std::vector<std::string>{"up 1", "up 2", "baseline 3", "up 4"});

  // Back again by the older tool: its versions are pending once more.
  for (const char* table : {"t3", "t4"}) world.sql(std::string("DROP TABLE ") + table);
  set_version_as_golang_migrate(world, "(2, 0)");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "5,0");
  CHECK(world.has_table("t3"));
}

TEST_CASE("golang-migrate can go on with a database of ours") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up"}).status == 0);
  // What its driver does on opening.
  world.sql(
      "CREATE TABLE IF NOT EXISTS schema_migrations (version uint64,dirty bool);"
      "CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON schema_migrations (version);");
  set_version_as_golang_migrate(world, "(2, 1)");
  CHECK(world.migrate({"up"}).status == 3);
  set_version_as_golang_migrate(world, "(2, 0)");
  world.sql("DROP TABLE t3");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "3,0");
}

TEST_CASE("a tracker that golang-migrate cannot have written is refused, and never waited for") {
  for (const char* row : {"('x', 0)", "(1, NULL)", "(1, 'false')", "(1, 2)", "(1.5, 0)", "(NULL, 0)"}) {
    CAPTURE(row);
    Inherited world(1, row);
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"status"}, {"force", "1"}}) {
      const auto result = world.migrate(words);
      CHECK(result.status == 1);
      CHECK(result.err == Part{"tracker"});
    }
  }
}

TEST_CASE("x-migrations-table of golang-migrate's DSN names the tracker") {
  World world;
  world.tables(2);
  const std::string dsn = "sqlite3://" + world.database.string() + "?x-migrations-table=my_versions";
  CHECK(talos({"migrate", "up", "--database", dsn, "--migrations", world.migrations.string()}).status == 0);
  CHECK(world.rows("SELECT sql FROM sqlite_schema WHERE name = 'my_versions'")[0] ==
        "CREATE TABLE my_versions (version uint64,dirty bool)");
  CHECK(world.rows("SELECT version, dirty FROM my_versions")[0] == "2|0");
  CHECK(!world.has_table("schema_migrations"));
}

}  // namespace talos::test
