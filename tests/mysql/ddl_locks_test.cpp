// A statement that must wait for a table's lock gives up its place in the queue and comes back; time limits; stops.
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_world.hpp"

namespace talos::test {

namespace {

// Version 1 made table `busy`, on which somebody's transaction sits; version 2 alters it.
struct Blocked {
  explicit Blocked(MysqlWorld& world) : blocker(world.client()) {
    world.migration(1, "busy", "CREATE TABLE busy (x int);\n");
    world.migration(2, "alter", "-- so that there is a line before it\nALTER TABLE busy ADD COLUMN y int;\n");
    REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
    blocker.run("START TRANSACTION; SELECT COUNT(*) FROM busy WHERE 'secret' <> ''");
  }
  std::string name() const { return "connection " + std::to_string(blocker.id()) + " (user root"; }
  MysqlClient blocker;
};

// Runs until somebody ends it, on a table with one row.
constexpr const char* slow_rows =
    "INSERT INTO t VALUES (1);\n"
    "INSERT INTO t SELECT COUNT(*) FROM information_schema.COLUMNS a, information_schema.COLUMNS b,"
    " information_schema.COLUMNS c WHERE a.COLUMN_NAME = CONCAT(b.COLUMN_NAME, c.COLUMN_NAME);\n";

}  // namespace

TEST_CASE("readers queued behind a blocked ALTER are served while the blocker still holds, and it succeeds later") {
  on_each_flavour([](MysqlWorld& world) {
    Blocked blocked(world);
    Process runner = world.start({"up", "--ddl-lock-timeout", "1s", "--ddl-lock-retries", "100"});
    MysqlClient observer = world.client();
    MysqlClient reader = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE busy").empty(); }));
    reader.send("SELECT COUNT(*) FROM busy");
    CHECK(reader.finish().at(0).at(0) == "0");
    runner.wait_for_output(blocked.name());
    blocked.blocker.run("COMMIT");
    const auto result = runner.wait();
    CHECK(result.status == 0);
    CHECK(result.err == Part{"attempt 2 of 101"});
    CHECK(result.err != Part{"secret"});
    CHECK(world.tracker() == "2,0");
    CHECK(world.rows("SELECT action, version, failed FROM schema_migrations_log ORDER BY id") ==
          std::vector<std::string>{"up|1|0", "up|2|0"});
  });
}

TEST_CASE("retries spent: exit 1, the blocker named, the place shown, clean") {
  on_each_flavour([](MysqlWorld& world) {
    Blocked blocked(world);
    const auto result = world.migrate({"up", "--ddl-lock-timeout", "1s", "--ddl-lock-retries", "1"});
    CHECK(result.status == 1);
    CHECK(result.err == Part{"tried 2 times"});
    CHECK(result.err == Part{blocked.name()});
    CHECK(result.err == Part{"000002_alter.up.sql:2"});
    CHECK(result.err == Part{"1205"});
    CHECK(result.err == Part{"--ddl-lock-timeout"});
    CHECK(result.err != Part{"secret"});
    CHECK(world.tracker() == "1,0");
    CHECK(world.migrate({"status"}).out == Line{"Database Status: clean"});
  });
}

TEST_CASE("rows that somebody has locked are waited for in the same way") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int PRIMARY KEY, y int); INSERT INTO t VALUES (1, 1)");
    world.migration(1, "row", "UPDATE t SET y = 2;\n");
    MysqlClient blocker = world.client();
    blocker.run("START TRANSACTION; UPDATE t SET y = 3");
    Process runner = world.start({"up", "--ddl-lock-timeout", "1s"});
    runner.wait_for_output("blocked by connection " + std::to_string(blocker.id()));
    blocker.run("COMMIT");
    CHECK(runner.wait().status == 0);
    CHECK(world.value("SELECT y FROM t") == "2");
  });
}

TEST_CASE("SIGTERM between two attempts, and within one, ends it at once with nothing done") {
  on_each_flavour([](MysqlWorld& world) {
    Blocked blocked(world);
    Process pausing = world.start({"up", "--ddl-lock-timeout", "1s"});
    pausing.wait_for_output("attempt 3 of");
    pausing.signal(SIGTERM);
    CHECK(pausing.wait().status == 128 + SIGTERM);
    Process queuing = world.start({"up", "--ddl-lock-timeout", "1m"});
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE busy").empty(); }));
    queuing.signal(SIGINT);
    CHECK(queuing.wait().status == 128 + SIGINT);
    CHECK(world.tracker() == "1,0");
    CHECK(connection_running(observer, "ALTER TABLE busy").empty());
  });
}

TEST_CASE("--ddl-lock-timeout 0 waits for as long as it takes") {
  on_each_flavour([](MysqlWorld& world) {
    Blocked blocked(world);
    Process runner = world.start({"up", "--ddl-lock-timeout", "0"});
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE busy").empty(); }));
    blocked.blocker.run("COMMIT");
    CHECK(runner.wait().status == 0);
  });
}

TEST_CASE("--statement-timeout and the DSN's x-statement-timeout end a statement: exit 1, clean, the option named") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x bigint)");
    world.migration(1, "slow", slow_rows);
    const auto by_option = world.migrate({"up", "--statement-timeout", "300ms"});
    CHECK(by_option.status == 1);
    CHECK(by_option.err == Part{"000001_slow.up.sql:2"});
    CHECK(by_option.err == Part{"--statement-timeout"});
    CHECK(by_option.err == Part{"1317"});
    world.dsn += "?x-statement-timeout=300";
    CHECK(world.migrate({"up"}).status == 1);
    CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
    CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
  });
}

TEST_CASE("M5: a stop ends the statement, and also one that takes an interruption for its end") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x bigint)");
    for (const std::string& body :
         {std::string(slow_rows), std::string("INSERT INTO t VALUES (1);\nSELECT SLEEP(600);\n")}) {
      CAPTURE(body);
      world.migration(1, "slow", body);
      Process runner = world.start({"up"});
      MysqlClient observer = world.client();
      REQUIRE(eventually([&] {
        return !connection_running(observer, "SELECT SLEEP").empty() ||
               !connection_running(observer, "COLUMNS a").empty();
      }));
      runner.signal(SIGTERM);
      CHECK(runner.wait().status == 128 + SIGTERM);
      CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
      CHECK(world.tracker() == "none");
    }
  });
}

}  // namespace talos::test
