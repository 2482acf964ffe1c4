// `migrate resume` as an operator meets it: what status tells, what resume does, and how it ends.
#include <doctest/doctest.h>

#include <string>

#include "world.hpp"

namespace talos::test {
namespace {

using Rows = std::vector<std::string>;

constexpr std::string_view broken =
    "-- talos:no-transaction\n"
    "CREATE TABLE hats (id INTEGER);\n"
    "INSERT INTO hats VALUES (1);\n"
    "UPDATE shirts SET colour = 'red';\n"
    "INSERT INTO hats VALUES (2);\n";

struct Broken : World {
  Broken() {
    migration(1, "hats", broken);
    const auto result = migrate({"up"});
    REQUIRE(result.status == 1);
    REQUIRE(tracker() == "1,1");
  }
  void mend(const std::string& from, const std::string& to) {
    std::string text(broken);
    text.replace(text.find(from), from.size(), to);
    migration(1, "hats", text);
  }
};

}  // namespace

TEST_CASE("status of a dirty database names the command that finishes it, and that command does") {
  Broken world;
  const auto status = world.migrate({"status"});
  CHECK(status.out == Part{"failed   statement 3 of 4 (line 4): UPDATE shirts"});
  CHECK(status.out == Part{"with statement 3:  talos migrate resume --migrations "});
  world.mend("UPDATE shirts SET colour = 'red'", "CREATE TABLE shirts (colour TEXT)");
  const auto resumed = world.migrate({"resume"});
  CHECK(resumed.status == 0);
  CHECK(resumed.out == "Resumed and finished: the database is clean, at version 1\n");
  CHECK(resumed.err == Part{"going on with statement 3 of 4"});
  CHECK(world.rows("SELECT id FROM hats") == Rows{"1", "2"});
  CHECK(world.has_table("shirts"));
  CHECK(world.tracker() == "1,0");
  CHECK(world.migrate({"status"}).out == Line{"Database Status: clean"});
  CHECK(world.migrate({"history"}).out == Part{"ok"});
}

TEST_CASE("resume without the cause mended fails as up did, and the database stays dirty at the same statement") {
  Broken world;
  const auto resumed = world.migrate({"resume"});
  CHECK(resumed.status == 1);
  CHECK(resumed.out.empty());
  CHECK(resumed.err == Part{"no such table: shirts"});
  CHECK(world.rows("SELECT id FROM hats") == Rows{"1"});
  CHECK(world.tracker() == "1,1");
  CHECK(world.migrate({"status"}).out == Part{"failed   statement 3 of 4"});
}

TEST_CASE("G12: resume refuses with 3 when a statement that ran was changed, and shows which") {
  Broken world;
  world.mend("VALUES (1)", "VALUES (7)");
  const auto resumed = world.migrate({"resume"});
  CHECK(resumed.status == 3);
  CHECK(resumed.err == Part{"statement 2 of 4 in 000001_hats.up.sql is not what ran"});
  CHECK(resumed.err == Part{"what ran: INSERT INTO hats VALUES (1)"});
  CHECK(world.migrate({"status"}).out == Part{"migrate resume cannot finish it: statement 2 of 4"});
  CHECK(world.tracker() == "1,1");
}

TEST_CASE("G12: pragmas of the statements that ran are said again") {
  World world;
  world.migration(1, "rows",
                  "-- talos:no-transaction\n"
                  "PRAGMA ignore_check_constraints = ON;\n"
                  "CREATE TABLE small (id INTEGER CHECK (id < 10));\n"
                  "INSERT INTO nowhere VALUES (1);\n"
                  "INSERT INTO small VALUES (100);\n");
  REQUIRE(world.migrate({"up"}).status == 1);
  world.migration(1, "rows",
                  "-- talos:no-transaction\n"
                  "PRAGMA ignore_check_constraints = ON;\n"
                  "CREATE TABLE small (id INTEGER CHECK (id < 10));\n"
                  "INSERT INTO small VALUES (99);\n"
                  "INSERT INTO small VALUES (100);\n");
  const auto resumed = world.migrate({"resume"});
  INFO(resumed.err);
  CHECK(resumed.status == 0);
  CHECK(world.rows("SELECT id FROM small") == Rows{"99", "100"});
}

TEST_CASE("G12: what a temporary table held is gone, and resume says so with its place") {
  World world;
  world.migration(1, "temporary",
                  "-- talos:no-transaction\n"
                  "CREATE TEMP TABLE work (id INTEGER);\n"
                  "INSERT INTO nowhere VALUES (1);\n");
  REQUIRE(world.migrate({"up"}).status == 1);
  const auto resumed = world.migrate({"resume"});
  CHECK(resumed.status == 3);
  CHECK(resumed.err == Part{"000001_temporary.up.sql:2:1"});
  CHECK(resumed.err == Part{"it cannot be done again"});
  CHECK(world.tracker() == "1,1");
}

TEST_CASE("resume of a clean database does nothing and says so; of one that another tool left dirty it refuses") {
  World world;
  world.tables(1);
  CHECK(world.migrate({"resume"}).status == 5);  // there is no database
  REQUIRE(world.migrate({"up"}).status == 0);
  const auto clean = world.migrate({"resume"});
  CHECK(clean.status == 0);
  CHECK(clean.out == "Nothing to resume: the database is clean, at version 1\n");
  world.sql("UPDATE schema_migrations SET dirty = 1");
  const auto foreign = world.migrate({"resume"});
  CHECK(foreign.status == 3);
  CHECK(foreign.err == Part{"keeps no journal"});
}

TEST_CASE("--assume takes one of two words, and only where nothing else tells") {
  Broken world;
  CHECK(world.migrate({"resume", "--assume", "maybe"}).status == 2);
  const auto known = world.migrate({"resume", "--assume", "applied"});
  CHECK(known.status == 2);
  CHECK(known.err == Part{"of statement 3 of 4 in 000001_hats.up.sql it is known"});
  CHECK(world.rows("SELECT id FROM hats") == Rows{"1"});
}

TEST_CASE("up and down refuse a database that could be resumed, and run nothing of it") {
  Broken world;
  for (const char* command : {"up", "down"}) {
    const auto refused = world.migrate({command});
    CHECK(refused.status == 3);
    CHECK(refused.err == Line{"Error: Database is in dirty state at version 1"});
  }
  CHECK(world.rows("SELECT id FROM hats") == Rows{"1"});
}

TEST_CASE("Two resumes at once: one finishes it, the other finds nothing to do") {
  Broken world;
  world.mend("UPDATE shirts SET colour = 'red'", "CREATE TABLE shirts (colour TEXT)");
  auto first = world.start({"resume"});
  auto second = world.start({"resume"});
  CHECK(first.wait().status == 0);
  CHECK(second.wait().status == 0);
  CHECK(world.rows("SELECT id FROM hats") == Rows{"1", "2"});
  CHECK(world.rows("SELECT count(*) FROM schema_migrations_log WHERE action = 'up' AND NOT failed") == Rows{"1"});
}

}  // namespace talos::test
