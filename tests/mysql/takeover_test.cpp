// Databases that golang-migrate made are taken over in place, and it can go on with ours: its own statements.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_keys.hpp"
#include "mysql_world.hpp"

namespace talos::test {

namespace {

constexpr const char* golang_tracker =
    "CREATE TABLE `schema_migrations` (version bigint not null primary key, dirty boolean not null)";

// Five tables, of which golang-migrate made `version`, and its tracker with the given row.
void inherit(MysqlWorld& world, int made, const std::string& row) {
  world.tables(5);
  for (int i = 1; i <= made; ++i) world.sql("CREATE TABLE t" + std::to_string(i) + " (x int)");
  world.sql(golang_tracker);
  if (!row.empty()) world.sql("INSERT INTO `schema_migrations` (version, dirty) VALUES " + row);
}

// As its driver writes a version.
void set_version_as_golang_migrate(const MysqlWorld& world, const std::string& row) {
  world.sql(
      "START TRANSACTION; DELETE FROM `schema_migrations` LIMIT 1; INSERT INTO `schema_migrations` (version,"
      " dirty) VALUES " +
      row + "; COMMIT");
}

std::vector<std::string> history(const MysqlWorld& world) {
  return world.rows("SELECT CONCAT(action, ' ', version) FROM schema_migrations_log ORDER BY id");
}

// Without what differs between servers in the display of the same thing.
std::string definition(const MysqlWorld& world, const std::string& table) {
  return world.rows("SHOW CREATE TABLE " + table).at(0).substr(table.size());
}

}  // namespace

TEST_CASE("a tracker of ours is golang-migrate's to the letter") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(2);
    CHECK(world.migrate({"up"}).status == 0);
    world.sql("CREATE TABLE `its_migrations` (version bigint not null primary key, dirty boolean not null)");
    std::string its = definition(world, "its_migrations");
    its.replace(its.find("its_migrations"), std::string("its_migrations").size(), "schema_migrations");
    CHECK(definition(world, "schema_migrations") == its);
    CHECK(world.rows("SELECT version, dirty FROM `schema_migrations` LIMIT 1") == std::vector<std::string>{"2|0"});
    CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
    CHECK(world.tracker() == "none");
  });
}

TEST_CASE("G1: status reads a database of golang-migrate and writes nothing; up writes a baseline and goes on; down") {
  on_each_flavour([](MysqlWorld& world) {
    inherit(world, 3, "(3, 0)");
    const auto status = world.migrate({"status"});
    CHECK(status.out == Line{"Current Version: 3"});
    CHECK(status.out == Line{"Pending: 2"});
    CHECK(!world.has_table("schema_migrations_log"));
    CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
    CHECK(history(world) == std::vector<std::string>{"baseline 3", "up 4"});
    CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
    CHECK(!world.has_table("t1"));
    CHECK(world.tracker() == "none");
  });
}

TEST_CASE("a database that golang-migrate left dirty is refused with its version, and force resolves it") {
  on_each_flavour([](MysqlWorld& world) {
    inherit(world, 3, "(3, 1)");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 3);
    CHECK(up.err == Line{"Error: Database is in dirty state at version 3"});
    const auto resume = world.migrate({"resume"});
    CHECK(resume.status == 3);
    CHECK(resume.err == Part{"keeps no journal"});
    CHECK(world.migrate({"force", "3"}).status == 0);
    CHECK(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "5,0");
  });
}

TEST_CASE("golang-migrate can go on with a database of ours, and we with what it did then") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(4);
    REQUIRE(world.migrate({"up", "--steps", "2"}).status == 0);
    set_version_as_golang_migrate(world, "(3, 1)");
    world.sql("CREATE TABLE t3 (x int)");
    set_version_as_golang_migrate(world, "(3, 0)");
    CHECK(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "4,0");
    CHECK(history(world) == std::vector<std::string>{"up 1", "up 2", "baseline 3", "up 4"});
  });
}

TEST_CASE("while we work golang-migrate does not get its lock, of whatever spelling its DSN's database is") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE gate (x int)");
    world.migration(1, "gated", "ALTER TABLE gate ADD COLUMN y int;\n");
    MysqlClient holder = world.client();
    holder.run("START TRANSACTION; SELECT COUNT(*) FROM gate");
    Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
    MysqlClient golang = world.client();
    REQUIRE(eventually([&] { return !connection_running(golang, "ALTER TABLE gate").empty(); }));
    const std::string lock = "'" + mysql::golang_migrate_lock_name(world.database, "schema_migrations") + "'";
    CHECK(golang.value("SELECT GET_LOCK(" + lock + ", 1)") == "0");
    holder.run("COMMIT");
    CHECK(golang.value("SELECT GET_LOCK(" + lock + ", 10)") == "1");
    CHECK(runner.wait().status == 0);
  });
}

TEST_CASE("golang-migrate's DSN parameters are understood: the tracker's name, its timeouts, x-no-lock") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    world.dsn += "?multiStatements=true&parseTime=true&loc=UTC&x-migrations-table=its&x-statement-timeout=60000";
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(world.tracker("its") == "1,0");
    CHECK(!world.has_table("schema_migrations"));
  });
}

}  // namespace talos::test
