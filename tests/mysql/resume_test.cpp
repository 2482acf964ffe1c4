// `migrate resume`: what a schema change that stopped half-way needs to be finished, and when it is refused.
#include <csignal>
#include <string>

#include <doctest/doctest.h>

#include "mysql_world.hpp"

namespace talos::test {

namespace {

const std::string broken =
    "CREATE TABLE hats (id int);\n"
    "INSERT INTO hats VALUES (1);\n"
    "UPDATE shirts SET colour = 'red';\n"
    "INSERT INTO hats VALUES (2);\n";

std::string mended(const std::string& from, const std::string& to, std::string text = broken) {
  return text.replace(text.find(from), from.size(), to);
}

void break_it(MysqlWorld& world, const std::string& text = broken) {
  world.migration(1, "hats", text, "DROP TABLE hats;\n");
  const auto up = world.migrate({"up"});
  INFO(up.err);
  REQUIRE(up.status == 1);
  REQUIRE(world.tracker() == "1,1");
}

// Kills the runner while its ALTER of `gate` waits, and waits until the server has noticed.
void kill_at_the_gate(MysqlWorld& world, const std::string& command) {
  Process victim = world.start({command, "--ddl-lock-timeout", "1m"});
  MysqlClient observer = world.client();
  REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE gate").empty(); }));
  victim.signal(SIGKILL);
  victim.wait();
}

}  // namespace

TEST_CASE("a schema change that stopped half-way is named with its place, and resume finishes the mended file") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "hats", broken);
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"000001_hats.up.sql:3:1 (statement 3 of 4)"});
    CHECK(up.err == Part{"code: 1146 (42S02)"});
    for (const char* command : {"up", "down"}) {
      const auto refused = world.migrate({command});
      CHECK(refused.status == 3);
      CHECK(refused.err == Line{"Error: Database is in dirty state at version 1"});
    }
    CHECK(world.migrate({"status", "--exit-code"}).status == 3);
    const auto still = world.migrate({"resume"});
    CHECK(still.status == 1);
    CHECK(still.err == Part{"1146"});
    CHECK(world.tracker() == "1,1");
    world.migration(1, "hats", mended("UPDATE shirts SET colour = 'red'", "CREATE TABLE shirts (colour text)"));
    const auto resumed = world.migrate({"resume"});
    INFO(resumed.err);
    CHECK(resumed.status == 0);
    CHECK(resumed.out == "Resumed and finished: the database is clean, at version 1\n");
    CHECK(resumed.err == Part{"going on with statement 3 of 4"});
    CHECK(world.rows("SELECT id FROM hats ORDER BY id") == std::vector<std::string>{"1", "2"});
    CHECK(world.has_table("shirts"));
    CHECK(world.tracker() == "1,0");
    CHECK(world.migrate({"resume"}).out == Part{"Nothing to resume"});
  });
}

TEST_CASE("G12: a statement that ran and was changed, and an --assume where all is known, are refused") {
  on_each_flavour([](MysqlWorld& world) {
    break_it(world);
    CHECK(world.migrate({"resume", "--assume", "applied"}).status == 2);
    world.migration(1, "hats", mended("VALUES (1)", "VALUES (7)"));
    const auto resumed = world.migrate({"resume"});
    CHECK(resumed.status == 3);
    CHECK(resumed.err == Part{"statement 2 of 4 in 000001_hats.up.sql is not what ran"});
    CHECK(world.rows("SELECT id FROM hats") == std::vector<std::string>{"1"});
    CHECK(world.tracker() == "1,1");
  });
}

TEST_CASE("G12: what the statements that ran set in their session is said again: SET, SET NAMES, USE") {
  on_each_flavour([](MysqlWorld& world) {
    const std::string other = world.server.create_database();
    const std::string text =
        "SET SESSION sql_mode = 'ANSI_QUOTES';\nSET foreign_key_checks = 0, @given = 'x';\n"
        "SET time_zone = '+05:00';\nUSE `" +
        other +
        "`;\nCREATE TABLE \"here\" (x int, y text, z text);\nSELECT * FROM missing;\n"
        "INSERT INTO \"here\" VALUES (@@foreign_key_checks, @given, @@time_zone);\n";
    break_it(world, text);
    world.migration(1, "hats", mended("SELECT * FROM missing", "SELECT 1", text));
    const auto resumed = world.migrate({"resume"});
    INFO(resumed.err);
    CHECK(resumed.status == 0);
    CHECK(world.rows("SELECT * FROM `" + other + "`.here") == std::vector<std::string>{"0|x|+05:00"});
    CHECK(world.tracker() == "1,0");
    world.server.drop_database(other);
  });
}

TEST_CASE("G12: what cannot be said again is refused with its place: exit 3, and nothing runs") {
  on_each_flavour([](MysqlWorld& world) {
    for (const std::string first : {"CREATE TEMPORARY TABLE work (x int);\n", "PREPARE p FROM 'SELECT 1';\n",
                                    "SET @n = (SELECT COUNT(*) FROM seen);\n", "SELECT COUNT(*) INTO @n FROM seen;\n",
                                    "LOCK TABLES seen WRITE;\n"}) {
      CAPTURE(first);
      world.sql("DROP TABLE IF EXISTS seen, made; CREATE TABLE seen (x int)");
      const std::string text = "CREATE TABLE made (x int);\n" + first + "INSERT INTO seen VALUES ('no number');\n";
      break_it(world, text);
      world.migration(1, "hats", mended("'no number'", "1", text), "DROP TABLE hats;\n");
      const auto resumed = world.migrate({"resume"});
      CHECK(resumed.status == 3);
      CHECK(resumed.err == Part{"000001_hats.up.sql:2"});
      CHECK(world.value("SELECT COUNT(*) FROM seen") == "0");
      CHECK(world.migrate({"force", "-1"}).status == 0);
    }
  });
}

TEST_CASE("G13: a runner killed before its ALTER began: the catalogue says so, and resume runs it") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE gate (x int)");
    world.migration(
        1, "gated",
        "CREATE TABLE early (x int);\nALTER TABLE gate ADD COLUMN y int;\nINSERT INTO gate VALUES (1, 2);\n");
    MysqlClient holder = world.client();
    holder.run("START TRANSACTION; SELECT COUNT(*) FROM gate");
    kill_at_the_gate(world, "up");
    MysqlClient observer = world.client();
    // The waiter goes when the server sees that nobody is there.
    REQUIRE(eventually([&] { return connection_running(observer, "ALTER TABLE gate").empty(); }));
    holder.run("COMMIT");
    CHECK(world.tracker() == "1,1");
    const auto status = world.migrate({"status"});
    CHECK(status.out == Part{"done     statement 1 of 3"});
    CHECK(status.out == Part{"statement 2 of 3 (line 2): ALTER TABLE gate ADD COLUMN y int"});
    const auto resumed = world.migrate({"resume"});
    INFO(resumed.err);
    CHECK(resumed.status == 0);
    CHECK(world.rows("SELECT x, y FROM gate") == std::vector<std::string>{"1|2"});
    CHECK(world.tracker() == "1,0");
  });
}

TEST_CASE("a down that stopped half-way is finished downwards") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "t1", "CREATE TABLE t1 (x int);\n", "DROP TABLE t1;\n");
    world.migration(2, "t2", "CREATE TABLE t2 (x int);\nCREATE TABLE t3 (x int);\n",
                    "DROP TABLE t3;\nDROP TABLE missing;\nDROP TABLE t2;\n");
    REQUIRE(world.migrate({"up"}).status == 0);
    const auto down = world.migrate({"down"});
    CHECK(down.status == 1);
    CHECK(down.err == Part{"000002_t2.down.sql:2"});
    CHECK(world.migrate({"status"}).out == Part{"000002_t2.down.sql did not finish (down)"});
    world.migration(2, "t2", "CREATE TABLE t2 (x int);\nCREATE TABLE t3 (x int);\n",
                    "DROP TABLE t3;\nDROP TABLE IF EXISTS missing;\nDROP TABLE t2;\n");
    const auto resumed = world.migrate({"resume"});
    INFO(resumed.err);
    CHECK(resumed.status == 0);
    CHECK(world.tracker() == "1,0");
    CHECK(!world.has_table("t2"));
    CHECK(world.has_table("t1"));
  });
}

TEST_CASE("two resumes at once: one finishes it, the other finds nothing to do") {
  on_each_flavour([](MysqlWorld& world) {
    break_it(world);
    world.migration(1, "hats", mended("UPDATE shirts SET colour = 'red'", "CREATE TABLE shirts (colour text)"));
    Process first = world.start({"resume"});
    Process second = world.start({"resume"});
    CHECK(first.wait().status == 0);
    CHECK(second.wait().status == 0);
    CHECK(world.rows("SELECT id FROM hats ORDER BY id") == std::vector<std::string>{"1", "2"});
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_log WHERE action = 'up' AND NOT failed") == "1");
  });
}

TEST_CASE("a CALL that failed is named with what it may have left") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(
        "CREATE TABLE t (x int); CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); COMMIT; SELECT * FROM missing; "
        "END");
    break_it(world, "CREATE TABLE early (x int);\nCALL p();\nINSERT INTO t VALUES (3);\n");
    const auto status = world.migrate({"status"});
    CHECK(status.out == Part{"statement 2 of 3 (line 2): CALL p()"});
    CHECK(status.out == Part{"it left whatever it did before it failed"});
    CHECK(status.out == Part{"not run  statement 3"});
  });
}

}  // namespace talos::test
