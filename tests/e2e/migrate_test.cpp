// up, down, status, force and history on SQLite: what they do, say and leave.
#include <csignal>

#include <doctest/doctest.h>

#include "world.hpp"

namespace talos::test {

namespace {

constexpr std::string_view dirty_line = "Error: Database is in dirty state at version ";

// Three tables, of which the second file fails half-way in a transaction.
struct Failing : World {
  Failing() {
    tables(1);
    migration(2, "broken", "CREATE TABLE half (x);\nINSERT INTO half VALUES (1);\nINSERT INTO missing VALUES (1);\n");
  }
};

// The second file fails half-way without a transaction.
struct Dirty : World {
  Dirty() {
    tables(1);
    migration(2, "partial",
              "-- talos:no-transaction\nCREATE TABLE half (x);\nINSERT INTO missing VALUES (1);\n"
              "CREATE TABLE later (x);\n",
              "DROP TABLE half;\n");
    const auto result = migrate({"up"});
    REQUIRE(result.status == 1);
  }
};

std::string bytes(const World& world) { return hash_of(world.database); }

}  // namespace

TEST_CASE("up applies everything pending and says so; again it finds nothing to do") {
  World world;
  world.tables(3);
  const auto first = world.migrate({"up"});
  CHECK(first.status == 0);
  CHECK(first.out == "Applied 3 migrations: version none → 3\n");
  CHECK(first.err == Part{"Applied 000001_t1"});
  CHECK(first.err == Part{"Applied 000003_t3"});
  CHECK(world.tracker() == "3,0");
  CHECK(world.has_table("t3"));

  const std::string before = bytes(world);
  const auto second = world.migrate({"up"});
  CHECK(second.status == 0);
  CHECK(second.out == "No change: the database is at version 3\n");
  CHECK(bytes(world) == before);
}

TEST_CASE("up --steps N applies the next N, and fewer where there are fewer") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up", "--steps", "2"}).status == 0);
  CHECK(world.tracker() == "2,0");
  CHECK(world.migrate({"up", "--steps", "5"}).status == 0);
  CHECK(world.tracker() == "3,0");
}

TEST_CASE("up --to V applies V last, refuses the wrong direction and an unknown version") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up", "--to", "2"}).status == 0);
  CHECK(world.tracker() == "2,0");
  CHECK(world.migrate({"up", "--to", "2"}).status == 0);
  const auto back = world.migrate({"up", "--to", "1"});
  CHECK(back.status == 2);
  CHECK(back.err == Part{"migrate down --to 1"});
  CHECK(world.migrate({"up", "--to", "9"}).status == 2);
  CHECK(world.tracker() == "2,0");
}

TEST_CASE("down rolls back one migration, --steps N as many") {
  World world;
  world.tables(5);
  CHECK(world.migrate({"up"}).status == 0);
  const auto one = world.migrate({"down"});
  CHECK(one.status == 0);
  CHECK(one.out == "Rolled back 1 migration: version 5 → 4\n");
  CHECK(world.tracker() == "4,0");
  CHECK(!world.has_table("t5"));
  CHECK(world.migrate({"down", "--steps", "3"}).status == 0);
  CHECK(world.tracker() == "1,0");
  CHECK(world.has_table("t1"));
}

TEST_CASE("down by more steps than there are rolls back all of them and says so; nothing applied is a success") {
  World world;
  world.tables(2);
  CHECK(world.migrate({"up"}).status == 0);
  const auto all = world.migrate({"down", "--steps", "9"});
  CHECK(all.status == 0);
  CHECK(all.out == Part{"all there were (9 were asked for)"});
  CHECK(world.tracker() == "none");
  const auto none = world.migrate({"down"});
  CHECK(none.status == 0);
  CHECK(none.out == Part{"no migrations applied"});
}

TEST_CASE("down --to V leaves V applied, refuses the wrong direction and an unknown version") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up", "--to", "2"}).status == 0);
  const auto forward = world.migrate({"down", "--to", "3"});
  CHECK(forward.status == 2);
  CHECK(forward.err == Part{"migrate up --to 3"});
  CHECK(world.migrate({"down", "--to", "9"}).status == 2);
  CHECK(world.migrate({"down", "--to", "1"}).status == 0);
  CHECK(world.tracker() == "1,0");
  CHECK(world.migrate({"down", "--to", "1"}).status == 0);
  CHECK(world.tracker() == "1,0");
}

TEST_CASE("D4: down --all without a terminal needs --yes") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up"}).status == 0);
  const auto refused = world.migrate({"down", "--all"});
  CHECK(refused.status == 2);
  CHECK(refused.err == Part{"--yes"});
  CHECK(world.tracker() == "3,0");
  CHECK(world.migrate({"down", "--all", "--dry-run"}).status == 0);
  CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
  CHECK(world.tracker() == "none");
  CHECK(!world.has_table("t1"));
}

TEST_CASE("D4: down --all asks on a terminal, and does nothing unless the answer is yes") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up"}).status == 0);
  ProcessOptions terminal;
  terminal.terminal_in = terminal.terminal_err = true;
  for (const char* answer : {"no\n", "\n", "y\n", "\x04"}) {
    Process child = world.start({"down", "--all"}, terminal);
    child.wait_for_output("Type yes");
    child.type(answer);
    CHECK(child.wait().status == 2);
    CHECK(world.tracker() == "3,0");
  }
  Process child = world.start({"down", "--all"}, terminal);
  child.wait_for_output("Type yes");
  child.type("yes\n");
  CHECK(child.wait().status == 0);
  CHECK(world.tracker() == "none");
}

TEST_CASE("R8: --dry-run shows the plan and writes nothing") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  const std::string before = bytes(world);
  const auto files = names_in(world.directory.path());
  const auto up = world.migrate({"up", "--dry-run"});
  CHECK(up.status == 0);
  CHECK(up.out == "Would apply 2 migrations:\n  000002_t2\n  000003_t3\n");
  const auto down = world.migrate({"down", "--dry-run"});
  CHECK(down.status == 0);
  CHECK(down.out == "Would roll back 1 migration:\n  000001_t1\n");
  CHECK(bytes(world) == before);
  CHECK(names_in(world.directory.path()) == files);
}

TEST_CASE("R8: --dry-run, status and history work on a database that is not there, and do not create it") {
  World world;
  world.tables(1);
  const auto up = world.migrate({"up", "--dry-run"});
  CHECK(up.status == 0);
  CHECK(up.out == Part{"000001_t1"});
  const auto status = world.migrate({"status"});
  CHECK(status.status == 0);
  CHECK(status.out == Line{"Database Status: Not initialized (no migrations applied)"});
  CHECK(world.migrate({"history"}).status == 0);
  CHECK(world.migrate({"down"}).status == 0);
  CHECK(names_in(world.directory.path()) == std::vector<std::string>{"migrations"});
}

TEST_CASE("--dry-run refuses what up would refuse before anything runs") {
  World world;
  world.migration(1, "a", "-- talos:nonsense\nSELECT 1;\n");
  CHECK(world.migrate({"up", "--dry-run"}).status == 2);
  Dirty dirty;
  CHECK(dirty.migrate({"up", "--dry-run"}).status == 3);
}

TEST_CASE("status tells a database that was never migrated, one with migrations pending, and one that is up to date") {
  World world;
  world.tables(2);
  world.sql("CREATE TABLE users_own (x)");
  CHECK(world.migrate({"status"}).out ==
        "Database Status: Not initialized (no migrations applied)\nCurrent Version: none\nLatest Version: 2\n"
        "Pending: 2\n  000001_t1\n  000002_t2\n");
  CHECK(world.migrate({"status", "--exit-code"}).status == 7);
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  const auto pending = world.migrate({"status"});
  CHECK(pending.status == 0);
  CHECK(pending.out == "Database Status: clean\nCurrent Version: 1\nLatest Version: 2\nPending: 1\n  000002_t2\n");
  CHECK(world.migrate({"status", "--exit-code"}).status == 7);
  CHECK(world.migrate({"up"}).status == 0);
  const std::string before = bytes(world);
  const auto clean = world.migrate({"status", "--exit-code"});
  CHECK(clean.status == 0);
  CHECK(clean.out == "Database Status: clean\nCurrent Version: 2\nLatest Version: 2\nPending: none\n");
  CHECK(bytes(world) == before);
}

TEST_CASE("R8: status and --dry-run work on a read-only file") {
  World world;
  world.tables(2);
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  std::filesystem::permissions(world.database, std::filesystem::perms::owner_read);
  CHECK(world.migrate({"status"}).out == Line{"Current Version: 1"});
  CHECK(world.migrate({"up", "--dry-run"}).out == Part{"000002_t2"});
}

TEST_CASE("a failing migration is rolled back whole: exit 1, the schema as before, the place of the error shown") {
  Failing world;
  world.migration(3, "never", "CREATE TABLE never (x);\n");
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  const std::string schema = SqliteFile(world.database).schema(true);
  const auto result = world.migrate({"up"});
  CHECK(result.status == 1);
  CHECK(result.err == Part{"no such table: missing"});
  CHECK(result.err == Part{"000002_broken.up.sql:3"});
  CHECK(result.err == Part{"INSERT INTO missing"});
  CHECK(SqliteFile(world.database).schema(true) == schema);
  CHECK(world.tracker() == "1,0");

  const auto status = world.migrate({"status"});
  CHECK(status.out == Line{"Database Status: clean"});
  CHECK(status.out == Part{"Last failure: 000002_broken.up.sql:3, statement 3"});
  CHECK(status.out == Part{"no such table: missing"});
  CHECK(world.migrate({"history"}).out == Part{"FAILED: no such table: missing"});

  world.migration(2, "broken", "CREATE TABLE half (x);\n");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.migrate({"status"}).out != Part{"Last failure"});
}

TEST_CASE("what was applied before a failure in the same run stays applied") {
  Failing world;
  const auto result = world.migrate({"up"});
  CHECK(result.status == 1);
  CHECK(result.err == Part{"Applied 000001_t1"});
  CHECK(world.tracker() == "1,0");
  CHECK(world.has_table("t1"));
  CHECK(!world.has_table("half"));
}

TEST_CASE(
    "a failing no-transaction migration leaves the database dirty: exit 1 then, exit 3 for the next up and down") {
  Dirty world;
  CHECK(world.tracker() == "2,1");
  CHECK(world.has_table("half"));
  for (const char* command : {"up", "down"}) {
    const auto next = world.migrate({command});
    CHECK(next.status == 3);
    CHECK(next.err == Line{"Error: Database is in dirty state at version 2"});
    CHECK(next.err == Part{"talos migrate status"});
    CHECK(next.err == Part{"talos migrate force"});
  }
  CHECK(!world.has_table("later"));
}

TEST_CASE("G20: the line about the dirty database stands alone and plain on stderr whatever the log's options") {
  Dirty world;
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {"--log-format", "json"},
           {"--quiet"},
           {"--color", "always"},
           {"--log-level", "off"},
           {"--format", "json"},
           {"--quiet", "--color", "always", "--log-format", "json", "--format", "json", "--log-level", "error"}}) {
    for (const char* command : {"up", "down"}) {
      std::vector<std::string> words{command};
      words.insert(words.end(), options.begin(), options.end());
      for (const bool terminal : {false, true}) {
        ProcessOptions process;
        process.terminal_err = terminal;
        const auto result = world.migrate(words, process);
        CAPTURE(terminal);
        CHECK(result.status == 3);
        CHECK(result.err == Line{"Error: Database is in dirty state at version 2"});
        CHECK(result.out != Part{dirty_line});
      }
    }
  }
}

TEST_CASE("status on a dirty database tells which statements ran, which failed and what resolves it") {
  Dirty world;
  const auto status = world.migrate({"status"});
  CHECK(status.status == 0);
  CHECK(status.out == Line{"Database Status: DIRTY"});
  CHECK(status.out == Line{"Current Version: 2"});
  CHECK(status.out == Part{"000002_partial.up.sql"});
  CHECK(status.out == Part{"done     statement 1 of 3 (line 2): CREATE TABLE half (x)"});
  CHECK(status.out == Part{"failed   statement 2 of 3 (line 3): INSERT INTO missing VALUES (1)"});
  CHECK(status.out == Part{"no such table: missing"});
  CHECK(status.out == Part{"not run  statement 3"});
  CHECK(status.out == Part{"talos migrate force 2"});
  CHECK(status.out == Part{"talos migrate force 1"});
  CHECK(world.migrate({"status", "--exit-code"}).status == 3);
}

TEST_CASE("force resolves a dirty database, in either direction") {
  Dirty forward;
  forward.sql("CREATE TABLE later (x)");
  CHECK(forward.migrate({"force", "2"}).status == 0);
  CHECK(forward.tracker() == "2,0");
  CHECK(forward.migrate({"status", "--exit-code"}).status == 0);
  CHECK(forward.migrate({"down"}).status == 0);
  CHECK(!forward.has_table("half"));

  Dirty back;
  back.sql("DROP TABLE half");
  CHECK(back.migrate({"force", "1"}).status == 0);
  back.migration(2, "partial", "CREATE TABLE half (x);\n", "DROP TABLE half;\n");
  CHECK(back.migrate({"up"}).status == 0);
  CHECK(back.tracker() == "2,0");
}

TEST_CASE("a failing no-transaction down leaves the tracker as golang-migrate does: dirty at the version before") {
  World world;
  world.tables(1);
  world.migration(2, "b", "CREATE TABLE b (x);\n", "-- talos:no-transaction\nDROP TABLE b;\nDROP TABLE missing;\n");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.migrate({"down"}).status == 1);
  CHECK(world.tracker() == "1,1");
  CHECK(world.migrate({"up"}).err == Line{"Error: Database is in dirty state at version 1"});
  CHECK(world.migrate({"status"}).out == Part{"000002_b.down.sql"});
  CHECK(world.migrate({"force", "1"}).status == 0);
  CHECK(world.tracker() == "1,0");

  World first;
  first.migration(1, "a", "CREATE TABLE a (x);\n", "-- talos:no-transaction\nDROP TABLE a;\nDROP TABLE missing;\n");
  CHECK(first.migrate({"up"}).status == 0);
  CHECK(first.migrate({"down"}).status == 1);
  CHECK(first.tracker() == "-1,1");
  CHECK(first.migrate({"up"}).err == Line{"Error: Database is in dirty state at version -1"});
  CHECK(first.migrate({"force", "-1"}).status == 0);
  CHECK(first.tracker() == "none");
}

TEST_CASE("force sets a known version, -1 empties the tracker, an unknown one needs --allow-unknown-version") {
  World world;
  world.tables(20);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.migrate({"force", "17"}).status == 0);
  CHECK(world.tracker() == "17,0");
  CHECK(world.migrate({"status"}).out == Line{"Pending: 3"});
  CHECK(world.migrate({"force", "-1"}).status == 0);
  CHECK(world.tracker() == "none");
  CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
  const auto unknown = world.migrate({"force", "99"});
  CHECK(unknown.status == 1);
  CHECK(unknown.err == Part{"--allow-unknown-version"});
  CHECK(world.tracker() == "none");
  CHECK(world.migrate({"force", "99", "--allow-unknown-version"}).status == 0);
  CHECK(world.tracker() == "99,0");
}

TEST_CASE("G1: after force V all versions of the set up to V count as applied, and the rest do not") {
  World world;
  world.tables(4);
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  for (int i = 2; i <= 3; ++i) world.sql("CREATE TABLE t" + std::to_string(i) + " (x)");
  CHECK(world.migrate({"force", "3"}).status == 0);
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.out == Part{"Applied 1 migration: version 3 → 4"});
  CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
  CHECK(!world.has_table("t1"));
}

TEST_CASE("history tells who applied what, and every force and failure") {
  Failing world;
  CHECK(world.migrate({"up"}).status == 1);
  CHECK(world.migrate({"down"}).status == 0);
  CHECK(world.migrate({"force", "1"}).status == 0);
  const auto history = world.migrate({"history"});
  CHECK(history.status == 0);
  CHECK(history.out == Part{"ACTION"});
  for (const char* word : {"up", "down", "force", "FAILED", "talos "}) CHECK(history.out == Part{word});
  CHECK(std::count(history.out.begin(), history.out.end(), '\n') == 5);
}

TEST_CASE("G3: a database that is ahead: up succeeds with a warning, down refuses") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up"}).status == 0);
  std::filesystem::remove(world.migrations / "000003_t3.up.sql");
  std::filesystem::remove(world.migrations / "000003_t3.down.sql");
  const std::string before = bytes(world);
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err == Part{"Warning:"});
  CHECK(up.err == Part{"version 3"});
  const auto down = world.migrate({"down"});
  CHECK(down.status == 1);
  CHECK(down.err == Part{"version 3"});
  CHECK(world.migrate({"status", "--exit-code"}).status == 0);
  CHECK(world.migrate({"status", "--block"}).status == 0);
  CHECK(bytes(world) == before);
}

TEST_CASE("G3: an empty set on a migrated database is ahead, and says that it has no migrations") {
  World world;
  world.tables(1);
  CHECK(world.migrate({"up"}).status == 0);
  std::filesystem::remove_all(world.migrations);
  std::filesystem::create_directory(world.migrations);
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err == Part{"newest migration of this program (none)"});
  CHECK(world.migrate({"down"}).status == 1);
}

TEST_CASE("G3: a database that another set migrated is refused, and not called ahead") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up"}).status == 0);
  World other;
  other.migration(1, "users", "CREATE TABLE users (x);\n");
  for (const char* command : {"up", "down"}) {
    const auto result = talos({"migrate", command, "--database", "sqlite://" + world.database.string(), "--migrations",
                               other.migrations.string()});
    CHECK(result.status == 1);
    CHECK(result.err == Part{"this database was migrated by another set"});
  }
  CHECK(world.tracker() == "3,0");
}

TEST_CASE("G3: another set's database within the set's range is refused too, until force says that it is the set's") {
  World world;
  world.tables(2);
  CHECK(world.migrate({"up"}).status == 0);
  World other;
  for (int version : {1, 2, 3}) other.migration(version, "other", "SELECT 1;\n");
  const std::vector<std::string> where{"--database", "sqlite://" + world.database.string(), "--migrations",
                                       other.migrations.string()};
  auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), where.begin(), where.end());
    return talos(words);
  };
  const auto refused = run({"migrate", "up"});
  CHECK(refused.status == 1);
  CHECK(refused.err == Part{"this database was migrated by another set"});
  CHECK(run({"migrate", "force", "2"}).status == 1);
  CHECK(run({"migrate", "force", "2", "--allow-unknown-version"}).status == 0);
  CHECK(run({"migrate", "up"}).status == 0);
}

TEST_CASE("G3: a current version inside the set's range that the set lacks is refused by its number") {
  World world;
  world.tables(3);
  CHECK(world.migrate({"up", "--steps", "2"}).status == 0);
  std::filesystem::remove(world.migrations / "000002_t2.up.sql");
  std::filesystem::remove(world.migrations / "000002_t2.down.sql");
  for (const char* command : {"up", "down"}) {
    const auto result = world.migrate({command});
    CHECK(result.status == 1);
    CHECK(result.err == Part{"version 2"});
  }
}

TEST_CASE("G2: a migration merged late is never skipped silently, and --allow-out-of-order applies it") {
  World world;
  world.tables(4);
  std::filesystem::rename(world.migrations / "000002_t2.up.sql", world.directory / "late.up.sql");
  std::filesystem::rename(world.migrations / "000002_t2.down.sql", world.directory / "late.down.sql");
  CHECK(world.migrate({"up", "--to", "3"}).status == 0);
  std::filesystem::rename(world.directory / "late.up.sql", world.migrations / "000002_t2.up.sql");
  std::filesystem::rename(world.directory / "late.down.sql", world.migrations / "000002_t2.down.sql");

  const auto refused = world.migrate({"up"});
  CHECK(refused.status == 1);
  CHECK(refused.err == Part{"000002_t2.up.sql"});
  CHECK(refused.err == Part{"--allow-out-of-order"});
  CHECK(world.tracker() == "3,0");
  CHECK(world.migrate({"status"}).out == Part{"000002_t2 (out of order"});

  CHECK(world.migrate({"up", "--allow-out-of-order", "--steps", "1"}).status == 0);
  CHECK(world.has_table("t2"));
  CHECK(world.tracker() == "3,0");
  // The highest goes first, not the latest.
  CHECK(world.migrate({"down"}).status == 0);
  CHECK(!world.has_table("t3"));
  CHECK(world.has_table("t2"));
  CHECK(world.tracker() == "2,0");
}

TEST_CASE("a missing down file is refused by name, and --allow-missing-down moves the version") {
  World world;
  world.tables(1);
  world.migration(2, "oneway", "CREATE TABLE oneway (x);\n", "");
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err == Part{"000002_oneway.up.sql has no down file"});
  const auto down = world.migrate({"down"});
  CHECK(down.status == 1);
  CHECK(down.err == Part{"000002_oneway.up.sql"});
  CHECK(world.tracker() == "2,0");
  CHECK(world.migrate({"down", "--allow-missing-down"}).status == 0);
  CHECK(world.tracker() == "1,0");
  CHECK(world.has_table("oneway"));
}

TEST_CASE("G11: an edited file is told by status --verify and by up with work; --strict refuses") {
  World world;
  world.tables(2);
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  write_file(world.migrations / "000001_t1.up.sql", "CREATE TABLE t1 (y);\n");  // the same size
  CHECK(world.migrate({"status"}).out != Part{"Edited"});
  const auto verify = world.migrate({"status", "--verify"});
  CHECK(verify.status == 0);
  CHECK(verify.out == Part{"Edited: 000001_t1.up.sql"});

  const auto strict = world.migrate({"up", "--strict"});
  CHECK(strict.status == 1);
  CHECK(strict.err == Part{"000001_t1.up.sql"});
  CHECK(world.tracker() == "1,0");
  CHECK(world.migrate({"up", "--dry-run", "--strict"}).status == 1);

  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err == Part{"000001_t1.up.sql"});
  CHECK(world.tracker() == "2,0");
  CHECK(world.migrate({"up", "--strict"}).status == 1);

  write_file(world.migrations / "000001_t1.up.sql", "CREATE TABLE t1 (another);\n");
  CHECK(world.migrate({"up"}).err == Part{"000001_t1.up.sql"});
}

TEST_CASE("G9: an unknown directive is a usage error with file and line, before anything runs") {
  World world;
  world.tables(1);
  world.migration(2, "b", "-- a comment\n-- talos:no-transactions\nCREATE TABLE b (x);\n");
  const auto result = world.migrate({"up"});
  CHECK(result.status == 2);
  CHECK(result.err == Part{"000002_b.up.sql:2"});
  CHECK(result.err == Part{"no-transactions"});
  CHECK(!world.has_table("t1"));
}

TEST_CASE("G7: transaction control in a file is a usage error with file and line, before anything runs") {
  for (const char* text :
       {"CREATE TABLE b (x);\nCOMMIT;\nCREATE TABLE c (x);\n", "CREATE TABLE b (x);\nROLLBACK;\n",
        "CREATE TABLE a (x);\nBEGIN;\nCREATE TABLE b (x);\nCOMMIT;\n", "SELECT 1;\nEND TRANSACTION;\n"}) {
    CAPTURE(text);
    World world;
    world.tables(1);
    world.migration(2, "b", text);
    const auto result = world.migrate({"up"});
    CHECK(result.status == 2);
    CHECK(result.err == Part{"000002_b.up.sql:2"});
    CHECK(!world.has_table("t1"));
  }
}

TEST_CASE("a migration that writes to the tracker's tables fails, and leaves them as they were") {
  for (const char* statement : {"INSERT INTO schema_migrations VALUES (99, 0)", "DELETE FROM Schema_Migrations",
                                "DROP TABLE schema_migrations_log", "UPDATE schema_migrations_log SET title = 'x'",
                                "ALTER TABLE schema_migrations RENAME TO other",
                                "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM schema_migrations; "
                                "END;\nINSERT INTO notes VALUES (1)"}) {
    World world;
    world.migration(1, "notes", "CREATE TABLE notes (x);\n");
    CHECK(world.migrate({"up"}).status == 0);
    world.migration(2, "meddles", std::string(statement) + ";\n");
    const auto result = world.migrate({"up"});
    CHECK_MESSAGE(result.status == 1, statement);
    CHECK(world.tracker() == "1,0");
    CHECK(world.migrate({"history"}).out == Part{"notes"});
  }
}

TEST_CASE("G7: one plain BEGIN … COMMIT around the whole file is dropped") {
  World world;
  world.migration(1, "a", "BEGIN;\nCREATE TABLE a (x);\nCREATE TABLE b (x);\nCOMMIT;\n");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.has_table("b"));
}

TEST_CASE("G7: inside a no-transaction file a BEGIN … COMMIT group is one unit") {
  World world;
  world.migration(1, "a",
                  "-- talos:no-transaction\nCREATE TABLE a (x);\nBEGIN;\nCREATE TABLE b (x);\n"
                  "INSERT INTO missing VALUES (1);\nCOMMIT;\n");
  CHECK(world.migrate({"up"}).status == 1);
  CHECK(world.has_table("a"));
  CHECK(!world.has_table("b"));
  CHECK(world.tracker() == "1,1");
}

TEST_CASE("G8: a lone VACUUM runs without a transaction by itself; among others it is refused with the directive") {
  World world;
  world.tables(1);
  world.migration(2, "vacuum", "-- tidy up\nVACUUM;\n");
  const auto lone = world.migrate({"up"});
  CHECK(lone.status == 0);
  CHECK(lone.err == Part{"000002_vacuum.up.sql"});
  world.migration(3, "mixed", "CREATE TABLE m (x);\nVACUUM;\n");
  const auto mixed = world.migrate({"up"});
  CHECK(mixed.status == 2);
  CHECK(mixed.err == Part{"000003_mixed.up.sql:2"});
  CHECK(mixed.err == Part{"-- talos:no-transaction"});
  CHECK(!world.has_table("m"));
}

TEST_CASE("G10: NUL, an unclosed quote and an unclosed comment are refused before anything runs") {
  for (const std::string& text : {std::string("CREATE TABLE a (x);\0", 20), std::string("SELECT 'open;\n"),
                                  std::string("SELECT 1; /* open\n"), std::string("CREATE TABLE \"a (x);\n")}) {
    World world;
    world.tables(1);
    world.migration(2, "b", text);
    const auto result = world.migrate({"up"});
    CHECK(result.status == 2);
    CHECK(result.err == Part{"000002_b.up.sql"});
    CHECK(!world.has_table("t1"));
  }
}

TEST_CASE("G10: empty files, comments alone, a BOM, CRLF and a last line without a newline are legal") {
  World world;
  world.migration(1, "empty", "");
  write_file(world.migrations / "000001_empty.down.sql", "");
  world.migration(2, "comment", "-- nothing\n/* at all */");
  world.migration(3, "bom", "\xEF\xBB\xBF-- talos:no-transaction\r\nCREATE TABLE bom (x);\r\n", "DROP TABLE bom");
  world.migration(4, "tail", "CREATE TABLE tail (x) -- no end", "DROP TABLE tail -- no end");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.has_table("bom"));
  CHECK(world.has_table("tail"));
  CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
  CHECK(!world.has_table("bom"));
}

TEST_CASE("file names that golang-migrate ignores silently are refused by name") {
  for (const char* name : {"foo.up.sql", "1.up.sql", "1_x.sql", "V1__x.sql", "1_x.up.sql.bak",
                           "99999999999999999999_x.up.sql", "0001_t1b.up.sql"}) {
    CAPTURE(name);
    World world;
    world.tables(1);
    write_file(world.migrations / name, "SELECT 1;\n");
    const auto result = world.migrate({"up"});
    CHECK(result.status == 2);
    CHECK(result.err == Part{name});
    CHECK(!std::filesystem::exists(world.database));
  }
}

TEST_CASE("version 0, gaps and the greatest version are legal, and the order is by number") {
  World world;
  write_file(world.migrations / "9223372036854775807_last.up.sql", "CREATE TABLE last AS SELECT * FROM ten;\n");
  write_file(world.migrations / "0_zero.up.sql", "CREATE TABLE zero (x);\n");
  write_file(world.migrations / "10_ten.up.sql", "CREATE TABLE ten AS SELECT * FROM nine;\n");
  write_file(world.migrations / "9_nine.up.sql", "CREATE TABLE nine AS SELECT * FROM zero;\n");
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  CHECK(world.tracker() == "0,0");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "9223372036854775807,0");
  CHECK(world.migrate({"status", "--exit-code"}).status == 0);
}

TEST_CASE("a thousand migrations go in one run, and back") {
  World world;
  world.tables(1000);
  const auto up = world.migrate({"up", "--quiet"});
  CHECK(up.status == 0);
  CHECK(up.out == "Applied 1000 migrations: version none → 1000\n");
  CHECK(world.rows("SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'")[0] == "1000");
  CHECK(world.rows("SELECT count(*) FROM schema_migrations_log WHERE action = 'up'")[0] == "1000");
  CHECK(world.migrate({"down", "--all", "--yes", "--quiet"}).status == 0);
  CHECK(world.tracker() == "none");
  CHECK(world.rows("SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'")[0] == "0");
}

TEST_CASE("Q3: a parent table rebuilt by copy, drop and rename keeps its children's rows") {
  for (const char* parameters : {"", "?_fk=1", "?_pragma=foreign_keys(1)"}) {
    CAPTURE(parameters);
    World world;
    world.migration(1, "tables",
                    "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n"
                    "CREATE TABLE child (id INTEGER REFERENCES parent (id) ON DELETE CASCADE);\n"
                    "INSERT INTO parent VALUES (1), (2);\nINSERT INTO child VALUES (1), (2);\n");
    world.migration(2, "rebuild",
                    "PRAGMA foreign_keys = OFF;\nCREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT);\n"
                    "INSERT INTO parent_new (id) SELECT id FROM parent;\nDROP TABLE parent;\n"
                    "ALTER TABLE parent_new RENAME TO parent;\nPRAGMA foreign_keys = ON;\n");
    const auto result = talos({"migrate", "up", "--database", "sqlite://" + world.database.string() + parameters,
                               "--migrations", world.migrations.string()});
    CAPTURE(result.err);
    CHECK(result.status == 0);
    CHECK(world.rows("SELECT count(*) FROM child")[0] == "2");
    CHECK(world.rows("PRAGMA foreign_key_check").empty());
  }
}

TEST_CASE("Q3: a rebuild that loses a parent row of a child fails and is rolled back") {
  World world;
  world.migration(1, "tables",
                  "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n"
                  "CREATE TABLE child (id INTEGER REFERENCES parent (id));\n"
                  "INSERT INTO parent VALUES (1), (2);\nINSERT INTO child VALUES (1), (2);\n");
  world.migration(2, "rebuild",
                  "PRAGMA foreign_keys = OFF;\nCREATE TABLE parent_new (id INTEGER PRIMARY KEY);\n"
                  "INSERT INTO parent_new (id) SELECT id FROM parent WHERE id = 1;\nDROP TABLE parent;\n"
                  "ALTER TABLE parent_new RENAME TO parent;\n");
  CHECK(world.migrate({"up"}).status == 1);
  CHECK(world.tracker() == "1,0");
  CHECK(world.rows("SELECT count(*) FROM parent")[0] == "2");
}

TEST_CASE("G6: one run of many migrations and many runs of one make the same schema and rows") {
  const auto fill = [](const World& world) {
    write_migration(world.migrations, 1, "a", "PRAGMA case_sensitive_like = ON;\nCREATE TABLE a (x);\n");
    write_migration(world.migrations, 2, "b",
                    "CREATE TABLE b AS SELECT 'A' LIKE 'a' AS alike;\nPRAGMA foreign_keys = ON;\n");
    write_migration(world.migrations, 3, "c",
                    "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (id REFERENCES p (id));\n"
                    "INSERT INTO c VALUES (7);\nCREATE TEMP TABLE gone (x);\n");
    write_migration(world.migrations, 4, "d", "CREATE TABLE d AS SELECT count(*) AS temps FROM sqlite_temp_schema;\n");
  };
  World at_once;
  World singly;
  fill(at_once);
  fill(singly);
  CHECK(at_once.migrate({"up"}).status == 0);
  for (int i = 0; i < 4; ++i) CHECK(singly.migrate({"up", "--steps", "1"}).status == 0);
  CHECK(SqliteFile(at_once.database).schema() == SqliteFile(singly.database).schema());
  CHECK(SqliteFile(at_once.database).contents() == SqliteFile(singly.database).contents());
}

TEST_CASE("G14: status --block waits until a real runner has finished, then exits 0") {
  World world;
  world.tables(2);
  Process waiting = world.start({"status", "--block"});
  waiting.wait_for_output("Waiting");
  CHECK(waiting.running());
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  CHECK(waiting.running());
  CHECK(world.migrate({"up"}).status == 0);
  const auto result = waiting.wait();
  CHECK(result.status == 0);
  CHECK(result.out == Line{"Database Status: clean"});
}

TEST_CASE("G14: status --block gives up after --timeout with exit 7, and on a dirty database at once with exit 3") {
  World world;
  world.tables(1);
  const auto out_of_time = world.migrate({"status", "--block", "--timeout", "50ms"});
  CHECK(out_of_time.status == 7);
  CHECK(out_of_time.err == Part{"out of time"});
  Dirty dirty;
  CHECK(dirty.migrate({"status", "--block"}).status == 3);
}

TEST_CASE(
    "G14: while a runner works without a transaction status names it, --block waits, and exits 3 when it is killed") {
  World world;
  world.tables(1);
  world.migration(2, "slow", "-- talos:no-transaction\nCREATE TABLE half (x);\n" + std::string(endless_statement));
  Process runner = world.start({"up"});
  REQUIRE(eventually([&] { return world.migrate({"status"}).out == Part{"in progress"}; }));
  const auto status = world.migrate({"status"});
  const std::string holder = "DIRTY (migration 2 in progress by " + std::to_string(runner.pid()) + "@";
  CHECK(status.out == Part{holder});
  CHECK(status.out == Part{" since "});
  CHECK(status.out == Part{"running  statement 2 of 2"});
  Process waiting = world.start({"status", "--block"});
  waiting.wait_for_output("Waiting");
  runner.signal(SIGKILL);
  CHECK(runner.wait().signal == SIGKILL);
  CHECK(waiting.wait().status == 3);
  CHECK(world.migrate({"status"}).out == Part{"not run  statement 2 of 2"});
  CHECK(world.migrate({"up"}).status == 3);
}

TEST_CASE("a second runner waits for the first, says for whom, and gives up after --lock-timeout with exit 4") {
  World world;
  world.tables(1);
  world.migration(2, "slow", endless_statement);
  Process runner = world.start({"up"});
  REQUIRE(eventually([&] { return world.migrate({"status"}).out == Part{"Running: "}; }));
  const auto second = world.migrate({"up", "--lock-timeout", "200ms"});
  CHECK(second.status == 4);
  CHECK(second.err == Part{"Waiting for another runner"});
  CHECK(second.err == Part{std::to_string(runner.pid())});
  runner.signal(SIGKILL);
  runner.wait();
  world.migration(2, "slow", "SELECT 1;\n");
  CHECK(world.migrate({"up"}).status == 0);
}

TEST_CASE("a signal rolls the running migration back and ends with 128 + its number") {
  for (const int signal : {SIGINT, SIGTERM}) {
    World world;
    world.tables(1);
    world.migration(2, "slow", "CREATE TABLE half (x);\n" + std::string(endless_statement));
    CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
    Process runner = world.start({"up", "--log-level", "debug"});
    runner.wait_for_output("migrations planned");
    runner.signal(signal);
    CHECK(runner.wait().status == 128 + signal);
    CHECK(world.tracker() == "1,0");
    CHECK(!world.has_table("half"));
    CHECK(world.migrate({"status"}).out == Line{"Database Status: clean"});
  }
}

TEST_CASE("a signal stops a no-transaction migration at its statement, journalled and dirty") {
  World world;
  world.migration(1, "slow", "-- talos:no-transaction\nCREATE TABLE half (x);\n" + std::string(endless_statement));
  Process runner = world.start({"up"});
  REQUIRE(eventually([&] { return world.migrate({"status"}).out == Part{"running  statement 2"}; }));
  runner.signal(SIGTERM);
  CHECK(runner.wait().status == 128 + SIGTERM);
  CHECK(world.tracker() == "1,1");
  CHECK(world.migrate({"status"}).out == Part{"done     statement 1 of 2"});
  CHECK(world.migrate({"up"}).status == 3);
}

TEST_CASE("a second signal ends the program at once, and the next run finds the database as it was") {
  World world;
  world.tables(1);
  world.migration(2, "slow", "CREATE TABLE half (x);\n" + std::string(endless_statement));
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  Process runner = world.start({"up", "--log-level", "debug"});
  runner.wait_for_output("migrations planned");
  runner.signal(SIGINT);
  runner.signal(SIGTERM);
  const int status = runner.wait().status;
  CHECK((status == 128 + SIGINT || status == 128 + SIGTERM));
  CHECK(world.migrate({"status"}).out == Line{"Current Version: 1"});
  CHECK(!world.has_table("half"));
}

TEST_CASE("a runner that waits for another ends by a signal too, and has done nothing") {
  World world;
  world.migration(1, "slow", "CREATE TABLE half (x);\n" + std::string(endless_statement));
  Process first = world.start({"up"});
  REQUIRE(eventually([&] { return world.migrate({"status"}).out == Part{"Running: "}; }));
  Process second = world.start({"up"});
  second.wait_for_output("Waiting for another runner");
  second.signal(SIGTERM);
  CHECK(second.wait().status == 128 + SIGTERM);
  CHECK(first.running());
  first.signal(SIGINT);
  CHECK(first.wait().status == 128 + SIGINT);
  CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
}

TEST_CASE("R4: a database that another program writes to is exit 5 after --lock-timeout, and untouched") {
  World world;
  world.tables(2);
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  SqliteFile writer(world.database);
  writer.run("BEGIN EXCLUSIVE");
  const auto up = world.migrate({"up", "--lock-timeout", "100ms"});
  CHECK(up.status == 5);
  CHECK(up.err == Part{"another process is writing"});
  CHECK(world.migrate({"status", "--lock-timeout", "100ms"}).status == 5);
  writer.run("ROLLBACK");
  CHECK(world.tracker() == "1,0");
  CHECK(world.migrate({"up"}).status == 0);
}

TEST_CASE("Q1: a lock file that is a symbolic link is not followed: exit 5") {
  World world;
  world.tables(1);
  write_file(world.directory / "precious", "precious");
  std::filesystem::create_symlink(world.directory / "precious", world.directory / "test.db.talos.lock");
  const auto result = world.migrate({"up"});
  CHECK(result.status == 5);
  CHECK(result.err == Part{"test.db.talos.lock"});
  CHECK(read_file(world.directory / "precious") == "precious");
}

TEST_CASE("Q1: a database reached by a symbolic link has the same lock") {
  World world;
  world.tables(1);
  std::filesystem::create_symlink("test.db", world.directory / "link.db");
  world.migration(2, "slow", endless_statement);
  Process runner = world.start({"up"});
  REQUIRE(eventually([&] { return world.migrate({"status"}).out == Part{"Running: "}; }));
  const auto second = talos({"migrate", "up", "--database", "sqlite://" + (world.directory / "link.db").string(),
                             "--migrations", world.migrations.string(), "--lock-timeout", "100ms"});
  CHECK(second.status == 4);
  CHECK(!std::filesystem::exists(world.directory / "link.db.talos.lock"));
  runner.signal(SIGKILL);
  runner.wait();
}

TEST_CASE("output that cannot be written is no success") {
  World world;
  world.tables(1);
  ProcessOptions options;
  options.argv = {"sh", "-c", "\"$0\" \"$@\" > /dev/full", talos_program().string()};
  for (const std::string& word : world.arguments({"status"})) options.argv.push_back(word);
  const auto result = run(options);
  CHECK(result.status == 1);
  CHECK(result.err == Part{"cannot write to stdout"});
}

TEST_CASE("--statement-timeout stops a statement and rolls its migration back") {
  World world;
  world.migration(1, "slow", "CREATE TABLE half (x);\n" + std::string(endless_statement));
  const auto result = world.migrate({"up", "--statement-timeout", "200ms"});
  CHECK(result.status == 1);
  CHECK(result.err == Part{"--statement-timeout"});
  CHECK(!world.has_table("half"));
}

TEST_CASE("several runners at once: one migrates, all exit 0, nothing runs twice") {
  World world;
  world.tables(50);
  std::vector<Process> runners;
  for (int i = 0; i < 6; ++i) runners.push_back(world.start({"up"}));
  for (Process& runner : runners) {
    const auto result = runner.wait();
    CAPTURE(result.err);
    CHECK(result.status == 0);
  }
  CHECK(world.tracker() == "50,0");
  CHECK(world.rows("SELECT count(*), count(DISTINCT version) FROM schema_migrations_log WHERE action = 'up'")[0] ==
        "50|50");
}

TEST_CASE("G4: more than one row in the tracker is refused and nothing is done") {
  World world;
  world.tables(2);
  world.sql(
      "CREATE TABLE schema_migrations (version uint64,dirty bool); INSERT INTO schema_migrations VALUES (1,0),(2,0)");
  const std::string before = bytes(world);
  for (const char* command : {"up", "down"}) CHECK(world.migrate({command}).status == 1);
  CHECK(bytes(world) == before);
}

TEST_CASE("G5: --durable each makes every migration durable before it is called applied") {
  World world;
  world.tables(3);
  const auto result = world.migrate({"up", "--durable", "each"});
  CHECK(result.status == 0);
  CHECK(result.err != Part{"not yet durable"});
  CHECK(world.tracker() == "3,0");
}

TEST_CASE("the embedded Talos set goes up, is verified, and goes down, with no --migrations at all") {
  World world;
  const std::string dsn = "sqlite://" + world.database.string();
  CHECK(talos({"migrate", "up", "--database", dsn, "--strict"}).status == 0);
  CHECK(world.has_table("issued_api_keys"));
  CHECK(talos({"migrate", "status", "--database", dsn, "--verify", "--exit-code"}).status == 0);
  CHECK(talos({"migrate", "down", "--all", "--yes", "--database", dsn}).status == 0);
  CHECK(SqliteFile(world.database).schema().empty());
}

}  // namespace talos::test
