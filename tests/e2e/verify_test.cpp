// `migrate verify` and `migrate schema` as their users meet them: what they print, how they end, what they leave alone.
#include <doctest/doctest.h>

#include <string>

#include "world.hpp"

namespace talos::test {
namespace {

// verify takes no --database.
ProcessResult verify(const World& world, std::vector<std::string> words = {}) {
  words.insert(words.begin(), {"migrate", "verify", "--migrations", world.migrations.string()});
  return talos(std::move(words), world.here());
}

void drops_a_column(World& world) {
  world.migration(1, "keys", "CREATE TABLE keys (id INTEGER PRIMARY KEY, owner TEXT);\n", "DROP TABLE keys;\n");
  world.migration(2, "owner", "-- not used\nALTER TABLE keys DROP COLUMN owner;\n",
                  "ALTER TABLE keys ADD COLUMN owner TEXT;\n");
}

}  // namespace

TEST_CASE("a breaking change is told like a compiler's error, with the place in the file, and is exit 1") {
  World world;
  drops_a_column(world);
  const auto result = verify(world);
  CHECK(result.status == 1);
  CHECK(result.out ==
        Part{"error[dropped-column]: drops or renames column keys.owner: breaking for the release before\n"
             "  --> 000002_owner.up.sql:2:30\n"
             "  2 | ALTER TABLE keys DROP COLUMN owner;\n"
             "    |                              ^\n"});
  CHECK(result.out == Part{"  = help: drop it in the release after the one that stops using it; if it is meant: -- "
                           "talos:breaking REASON\n"});
  CHECK(result.out == Part{"000001_keys.up.sql\n  + table keys\n000002_owner.up.sql\n  - column keys.owner\n"});
  CHECK(result.out == Part{"Verified 2 migrations on SQLite"});
  CHECK(result.out == Part{": 1 error, 1 warning, 0 notes\n"});
}

TEST_CASE("a file that says that it is breaking, and why, is a note, and exit 0; warnings fail only under --strict") {
  World world;
  drops_a_column(world);
  world.migration(2, "owner", "-- talos:breaking nobody reads it\nALTER TABLE keys DROP COLUMN owner;\n",
                  "ALTER TABLE keys ADD COLUMN owner TEXT;\n");
  const auto result = verify(world);
  CHECK(result.status == 0);
  CHECK(result.out == Part{"note[dropped-column]: drops or renames column keys.owner\n"});
  CHECK(result.out == Part{"  = help: declared as breaking: nobody reads it\n"});
  CHECK(result.out == Part{"warning[lossy-down]"});
  CHECK(verify(world, {"--strict"}).status == 1);
}

TEST_CASE("the embedded set is proved on a database in memory; neither a file nor a DSN variable is touched") {
  const World world;
  ProcessOptions options = world.here();
  options.environment["DB_DSN"] = "sqlite://" + (world.directory / "live.db").string();
  const auto result = talos({"migrate", "verify"}, options);
  CHECK(result.status == 0);
  CHECK(result.out == Part{"Verified 24 migrations on SQLite"});
  CHECK(result.out == Part{": 0 errors, 0 warnings, "});
  CHECK(names_in(world.directory.path()) == std::vector<std::string>{"migrations"});
}

TEST_CASE("--scratch with a file's name: that file is not touched, and nothing is left") {
  World world;
  world.tables(2);
  world.sql("CREATE TABLE precious (x); INSERT INTO precious VALUES (1)");
  const std::string before = hash_of(world.database);
  CHECK(verify(world, {"--scratch", "sqlite://" + world.database.string()}).status == 0);
  CHECK(hash_of(world.database) == before);
  CHECK(names_in(world.directory.path()) == std::vector<std::string>{"migrations", "test.db"});
}

TEST_CASE(
    "--from begins from a copy with its rows, and tries what is pending there: what fails only with rows is found") {
  World world;
  world.migration(1, "keys", "CREATE TABLE keys (id INTEGER PRIMARY KEY);\n", "DROP TABLE keys;\n");
  REQUIRE(world.migrate({"up"}).status == 0);
  world.sql("INSERT INTO keys VALUES (1)");
  world.migration(2, "made", "ALTER TABLE keys ADD COLUMN made TEXT DEFAULT CURRENT_TIMESTAMP;\n",
                  "ALTER TABLE keys DROP COLUMN made;\n");
  const std::string before = hash_of(world.database);
  CHECK(verify(world).status == 0);
  const auto scratch = world.directory / "tmp";
  std::filesystem::create_directory(scratch);
  ProcessOptions options = world.here();
  options.environment["TMPDIR"] = scratch.string();
  const auto result = talos(
      {"migrate", "verify", "--migrations", world.migrations.string(), "--from", "sqlite://" + world.database.string()},
      options);
  CHECK(result.status == 1);
  CHECK(result.out == Part{"error[fails]: Cannot add a column with non-constant default"});
  CHECK(result.out == Part{"000002_made.up.sql:1:1"});
  CHECK(hash_of(world.database) == before);
  CHECK(names_in(scratch).empty());
}

TEST_CASE("--since says where the release before ends: earlier breaks are history, columns it lacks are nobody's") {
  World world;
  world.migration(1, "keys", "CREATE TABLE keys (id INTEGER PRIMARY KEY, owner TEXT);\n", "DROP TABLE keys;\n");
  world.migration(2, "owner", "ALTER TABLE keys DROP COLUMN owner;\n", "ALTER TABLE keys ADD COLUMN owner TEXT;\n");
  world.migration(3, "extra", "ALTER TABLE keys ADD COLUMN extra TEXT;\n", "ALTER TABLE keys DROP COLUMN extra;\n");
  world.migration(4, "gone", "ALTER TABLE keys DROP COLUMN extra;\n", "ALTER TABLE keys ADD COLUMN extra TEXT;\n");
  CHECK(verify(world).status == 1);
  const auto result = verify(world, {"--since", "2"});
  INFO(result.out);
  CHECK(result.status == 0);
}

TEST_CASE("GitHub's annotations name file and line, and escape what would end them") {
  World world;
  drops_a_column(world);
  const auto result = verify(world, {"--format", "github"});
  CHECK(result.status == 1);
  CHECK(result.out == Part{"::error file=" + world.migrations.string() +
                           "/000002_owner.up.sql,line=2,col=30,title=dropped-column::drops or "
                           "renames column keys.owner: breaking for the release before%0A"});
  CHECK(result.out == Part{"::warning file="});
}

TEST_CASE("what cannot be meant is exit 2, and says what can") {
  World world;
  world.tables(1);
  CHECK(verify(world, {"--database", "sqlite://x.db"}).status == 2);
  CHECK(verify(world, {"--database", "sqlite://x.db"}).err == Part{"--scratch"});
  CHECK(verify(world, {"--since", "-2"}).status == 2);
  CHECK(verify(world, {"--queries", (world.directory / "none").string()}).status == 2);
  CHECK(verify(world, {"--queries", (world.directory / "none").string()}).err == Part{"none"});
  CHECK(talos({"migrate", "status", "--format", "github", "--database", "sqlite://x.db"}, world.here()).status == 2);
}

TEST_CASE("the open source edition proves nothing on other servers: exit 6, and no password is shown") {
  const World world;
  for (const char* option : {"--scratch", "--from"}) {
    const auto result = talos({"migrate", "verify", option, "postgres://talos:hunter2@127.0.0.1:1/x"}, world.here());
    CHECK(result.status == (std::string(option) == "--scratch" ? 6 : 2));
    CHECK_FALSE(result.err == Part{"hunter2"});
    CHECK_FALSE(result.out == Part{"hunter2"});
  }
}

TEST_CASE("the same schema has the same fingerprint, however it is written; another has another") {
  World world;
  const auto fingerprint = [&](const std::string& sql) {
    std::filesystem::remove(world.database);
    world.sql(sql);
    const auto result = talos({"migrate", "schema", "--database", "sqlite://" + world.database.string()}, world.here());
    CHECK(result.status == 0);
    return result.out;
  };
  const std::string one = fingerprint(
      "CREATE TABLE keys (id INTEGER PRIMARY KEY, owner VARCHAR(20) NOT NULL DEFAULT 'x', CHECK (id > 0));"
      "CREATE INDEX i ON keys (owner DESC) WHERE owner <> ''");
  CHECK(one ==
        Part{"table keys\n  id: integer supplied by the engine\n  owner: varchar(20) not null default 'x'\n"
             "  primary key (id)\n  check (id > 0): (id > 0)\n  index i (owner): (owner desc) where owner <> ''\n"
             "Fingerprint: "});
  const std::string other = fingerprint(
      "create  table \"keys\"(id integer primary key, /* whose */ [owner] varchar (20) not null "
      "default 'x', check(id>0));\ncreate index i on keys(\"owner\" desc)\n where owner<>''");
  CHECK(one == other);
  for (const char* different :
       {"CREATE TABLE keys (id INTEGER PRIMARY KEY, owner VARCHAR(20) NOT NULL DEFAULT 'X', CHECK (id > 0));"
        "CREATE INDEX i ON keys (owner DESC) WHERE owner <> ''",
        "CREATE TABLE keys (id INTEGER PRIMARY KEY, owner VARCHAR(20) NOT NULL DEFAULT 'x', CHECK (id > 0));"
        "CREATE INDEX i ON keys (owner) WHERE owner <> ''",
        "CREATE TABLE keys (id INTEGER PRIMARY KEY AUTOINCREMENT, owner VARCHAR(20) NOT NULL DEFAULT 'x', CHECK (id > "
        "0));"
        "CREATE INDEX i ON keys (owner DESC) WHERE owner <> ''"})
    CHECK(fingerprint(different) != one);
}

TEST_CASE("schema leaves out the migrator's own tables, also under another name, and writes nothing") {
  World world;
  world.tables(1);
  REQUIRE(world.migrate({"up", "--table", "our_versions"}).status == 0);
  const std::string before = hash_of(world.database);
  const auto result =
      talos({"migrate", "schema", "--table", "our_versions", "--database", "sqlite://" + world.database.string()},
            world.here());
  CHECK(result.out == Part{"table t1\n  x\nFingerprint: "});
  CHECK(hash_of(world.database) == before);
}

}  // namespace talos::test
