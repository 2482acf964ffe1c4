// `migrate diagnose`, and `force` that looks before it writes.
#include <doctest/doctest.h>

#include <string>

#include "world.hpp"

namespace talos::test {
namespace {

void write_fingerprints(const World& world) {
  const auto result =
      talos({"migrate", "verify", "--write-fingerprints", "--migrations", world.migrations.string()}, world.here());
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
}

}  // namespace

TEST_CASE("a database whose schema is what its tracker says has nothing to resolve") {
  World world;
  world.tables(2);
  REQUIRE(world.migrate({"up"}).status == 0);
  const std::string before = hash_of(world.database);
  const auto result = world.migrate({"diagnose"});
  CHECK(result.status == 0);
  CHECK(result.out ==
        "Tracker: version 2\nSchema: version 2 (by a scratch database)\n"
        "Nothing to resolve: the schema is what the tracker says\n");
  CHECK(hash_of(world.database) == before);
}

TEST_CASE("a tracker that is wrong is told, with the command that sets it right, and that command does") {
  World world;
  world.tables(3);
  write_fingerprints(world);
  REQUIRE(world.migrate({"up", "--to", "2"}).status == 0);
  REQUIRE(world.migrate({"force", "3"}).status == 0);
  const auto result = world.migrate({"diagnose"});
  CHECK(result.out == Part{"Tracker: version 3\nSchema: version 2 (by fingerprints)\n"});
  CHECK(result.out == Part{"Resolve with: talos migrate force 2 --migrations " + world.migrations.string()});
  REQUIRE(world.migrate({"force", "2", "--checked"}).status == 0);
  CHECK(world.migrate({"diagnose"}).out == Part{"Nothing to resolve"});
}

TEST_CASE("force warns when the schema is another version's; --checked refuses, and names what differs") {
  World world;
  world.tables(3);
  write_fingerprints(world);
  REQUIRE(world.migrate({"up"}).status == 0);
  const auto refused = world.migrate({"force", "2", "--checked"});
  CHECK(refused.status == 1);
  CHECK(refused.err == Part{"the schema is not the one of version 2 (--checked)"});
  CHECK(refused.err == Part{"+ table t3"});
  CHECK(world.tracker() == "3,0");
  const auto warned = world.migrate({"force", "2"});
  CHECK(warned.status == 0);
  CHECK(warned.err == Part{"Warning: the schema is not the one of version 2"});
  CHECK(world.tracker() == "2,0");
}

TEST_CASE("--checked without anything to compare with refuses, and says how to make it") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  const auto result = world.migrate({"force", "1", "--checked"});
  CHECK(result.status == 1);
  CHECK(result.err == Part{"verify --write-fingerprints"});
  CHECK(world.tracker() == "1,0");
}

TEST_CASE("a file of fingerprints that cannot be read is named with its line, exit 2") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  for (const char* text : {"[sqlite]\nnonsense\n", "[sqlite]\n1 abc\n", "[sqlite]\n  + 0123456789abcdef table t\n"}) {
    write_file(world.migrations / "fingerprints", text);
    const auto result = world.migrate({"diagnose"});
    CHECK(result.status == 2);
    CHECK(result.err == Part{"the file fingerprints cannot be read: line 2"});
  }
}

TEST_CASE("what cannot be compared keeps nobody from forcing, but under --checked") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  write_file(world.migrations / "fingerprints", "[sqlite]\nnonsense\n");
  CHECK(world.migrate({"force", "1", "--checked"}).status == 2);
  const auto result = world.migrate({"force", "-1"});
  CHECK(result.status == 0);
  CHECK(result.err == Part{"Warning: the schema could not be compared with the version's: the file fingerprints"});
  CHECK(world.tracker() == "none");
}

TEST_CASE("fingerprints of other servers stay in the file when those of one are made anew") {
  World world;
  world.tables(2);
  const std::string other = "[postgres-15]\n-1 " + std::string(64, 'a') + "\n";
  write_file(world.migrations / "fingerprints", other);
  write_fingerprints(world);
  const std::string text = read_file(world.migrations / "fingerprints");
  CHECK(text == Part{other});
  CHECK(text == Part{"[sqlite]\n-1 "});
  write_fingerprints(world);
  CHECK(read_file(world.migrations / "fingerprints") == text);
}

TEST_CASE("of a migration left half-way diagnose tells which statements are in the schema, and resume finishes it") {
  World world;
  const std::string text =
      "-- talos:no-transaction\nCREATE TABLE one (x);\nCREATE TABLE two (x);\nCREATE TABLE three (x);\n";
  std::string broken = text;
  broken.replace(broken.find("CREATE TABLE two"), 16, "CREATE TABLO two");
  world.migration(1, "three", broken, "DROP TABLE one;\nDROP TABLE two;\nDROP TABLE three;\n");
  REQUIRE(world.migrate({"up"}).status == 1);
  REQUIRE(world.tracker() == "1,1");
  world.migration(1, "three", text, "DROP TABLE one;\nDROP TABLE two;\nDROP TABLE three;\n");
  const auto result = world.migrate({"diagnose"});
  CHECK(result.status == 0);
  CHECK(result.out == Part{"Tracker: version 1, DIRTY\n"});
  CHECK(result.out == Part{"  statement 1 (line 2): in the schema\n    CREATE TABLE one (x)\n"
                           "  statement 2 (line 3): not in the schema\n    CREATE TABLE two (x)\n"
                           "  statement 3 (line 4): not in the schema\n    CREATE TABLE three (x)\n"
                           "The schema is exactly that after 1 of 3 statements\n"
                           "Resolve with: talos migrate resume --migrations "});
  CHECK(world.migrate({"resume"}).status == 0);
  CHECK(world.migrate({"diagnose"}).out == Part{"Nothing to resolve"});
}

TEST_CASE("a half-way migration that was finished by hand is told as finished") {
  World world;
  const std::string text = "-- talos:no-transaction\nCREATE TABLE one (x);\nCREATE TABLE two (x);\n";
  std::string broken = text;
  broken.replace(broken.find("CREATE TABLE two"), 16, "CREATE TABLO two");
  world.migration(1, "two", broken, "DROP TABLE one;\nDROP TABLE two;\n");
  REQUIRE(world.migrate({"up"}).status == 1);
  world.migration(1, "two", text, "DROP TABLE one;\nDROP TABLE two;\n");
  world.sql("CREATE TABLE two (x)");
  const auto result = world.migrate({"diagnose"});
  CHECK(result.out == Part{"The schema is exactly that after 2 of 2 statements\nResolve with: talos migrate force 1 "});
  world.sql("DROP TABLE two; DROP TABLE one");
  CHECK(world.migrate({"diagnose"}).out == Part{"Resolve with: talos migrate force -1 "});
}

TEST_CASE("a drifted schema is none of the versions: the nearest and what differs are named, no command is guessed") {
  World world;
  world.tables(3);
  REQUIRE(world.migrate({"up"}).status == 0);
  world.sql("CREATE TABLE by_hand (x); DROP TABLE t1");
  const auto result = world.migrate({"diagnose"});
  CHECK(result.out == Part{"Schema: none of the versions of "});
  CHECK(result.out == Part{"Nearest Version: 3, but for\n  - table t1\n  + table by_hand\n"});
  CHECK_FALSE(result.out == Part{"Resolve with"});
}

}  // namespace talos::test
