// `migrate backup` and `up --backup`: whole or not there, and never over something else.
#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include "world.hpp"

namespace talos::test {
namespace {

ProcessResult backup(const World& world, const std::filesystem::path& to) {
  return talos({"migrate", "backup", "--database", "sqlite://" + world.database.string(), "--output", to.string()},
               world.here());
}

}  // namespace

TEST_CASE("a backup holds what the database held, is its owner's alone, and tells how to bring it back") {
  World world;
  world.tables(2);
  REQUIRE(world.migrate({"up"}).status == 0);
  world.sql("INSERT INTO t1 VALUES (41), (42)");
  const auto copy = world.directory / "copy.db";
  const auto result = backup(world, copy);
  CHECK(result.status == 0);
  CHECK(result.out == Part{"Backed up " + world.database.string() + " to " + copy.string()});
  CHECK(result.out == Part{"To restore: "});
  CHECK(rows_of(copy, "SELECT x FROM t1") == std::vector<std::string>{"41", "42"});
  CHECK(rows_of(copy, "SELECT version FROM schema_migrations") == std::vector<std::string>{"2"});
  CHECK((std::filesystem::status(copy).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("a backup overwrites nothing, not even through a link") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  const auto file = world.directory / "precious";
  write_file(file, "precious");
  const auto link = world.directory / "link";
  std::filesystem::create_symlink(world.directory / "nowhere", link);
  for (const auto& there : {file, link}) {
    const auto result = backup(world, there);
    CHECK(result.status == 1);
    CHECK(result.err == Part{there.string() + " exists"});
  }
  CHECK(read_file(file) == "precious");
  CHECK_FALSE(std::filesystem::exists(world.directory / "nowhere"));
}

TEST_CASE("a backup that fails leaves no file: no database, a broken one, no such directory") {
  World world;
  const auto copy = world.directory / "copy.db";
  CHECK(backup(world, copy).status == 5);
  write_file(world.database, "this is no database, and it is long enough to be looked at");
  CHECK(backup(world, copy).status == 5);
  CHECK_FALSE(std::filesystem::exists(copy));
  std::filesystem::remove(world.database);
  world.sql("CREATE TABLE t (x)");
  const auto result = backup(world, world.directory / "none" / "copy.db");
  CHECK(result.status == 5);
  CHECK(result.err == Part{"No such file or directory"});
}

TEST_CASE("a backup that waits for a writer is stopped by SIGTERM, and leaves no file") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  const auto copy = world.directory / "copy.db";
  SqliteFile writer(world.database);
  writer.run("BEGIN EXCLUSIVE");
  auto runner = start_talos({"migrate", "backup", "--log-level", "debug", "--database",
                             "sqlite://" + world.database.string(), "--output", copy.string()},
                            world.here());
  // Said when signals are heeded already. It cannot even look at the file before the writer is done.
  runner.wait_for_output("database ");
  runner.signal(SIGTERM);
  const auto result = runner.wait();
  CHECK(result.status == 128 + SIGTERM);
  CHECK_FALSE(std::filesystem::exists(copy));
}

TEST_CASE("a backup waits for a writer for as long as --lock-timeout says, whatever the DSN says to readers") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  const auto copy = world.directory / "copy.db";
  SqliteFile writer(world.database);
  writer.run("BEGIN EXCLUSIVE");
  const auto result = talos({"migrate", "backup", "--lock-timeout", "6s", "--database",
                             "sqlite://" + world.database.string() + "?_busy_timeout=10", "--output", copy.string()},
                            world.here());
  CHECK(result.status == 5);
  CHECK(result.err == Part{"did not let go for 6000 ms"});
  CHECK_FALSE(std::filesystem::exists(copy));
}

TEST_CASE("up --backup copies first what it then changes; with nothing pending there is no copy") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  const auto copy = world.directory / "copy.db";
  CHECK(world.migrate({"up", "--backup", copy.string()}).status == 0);
  CHECK_FALSE(std::filesystem::exists(copy));
  world.tables(3);
  const auto result = world.migrate({"up", "--backup", copy.string()});
  CHECK(result.status == 0);
  CHECK(result.err == Part{"Backed up to " + copy.string()});
  CHECK(world.tracker() == "3,0");
  CHECK(rows_of(copy, "SELECT version FROM schema_migrations") == std::vector<std::string>{"1"});
}

TEST_CASE("up --backup applies nothing when the backup fails, and is exit 1") {
  World world;
  world.tables(2);
  const auto file = world.directory / "precious";
  write_file(file, "precious");
  const auto result = world.migrate({"up", "--backup", file.string()});
  CHECK(result.status == 1);
  CHECK(result.err == Part{"the backup failed: "});
  CHECK(result.err == Part{"nothing was applied"});
  CHECK(read_file(file) == "precious");
  CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
}

}  // namespace talos::test
