// status, force, history, down and their policies, as far as they differ on MariaDB and MySQL.
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_world.hpp"

namespace talos::test {

namespace {

// Version 2 waits for whoever holds the table `gate`.
struct Gate {
  explicit Gate(MysqlWorld& world) : holder(world.client()) {
    world.tables(1);
    world.migration(2, "gated", "ALTER TABLE gate ADD COLUMN y int;\n");
    holder.run("CREATE TABLE gate (x int)");
    REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
    holder.run("START TRANSACTION; SELECT COUNT(*) FROM gate");
  }
  void open() { holder.run("COMMIT"); }
  MysqlClient holder;
};

void wait_until_at_the_gate(const MysqlWorld& world) {
  MysqlClient observer = world.client();
  REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE gate").empty(); }));
}

}  // namespace

TEST_CASE("R8: a user with only SELECT runs status, history and --dry-run, and up says what is lacking") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(2);
    REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
    const std::string user = "reader_" + world.database;
    world.dsn = world.server.create_user(user, world.database, MysqlServer::Rights::select_only).dsn();
    const auto status = world.migrate({"status", "--exit-code"});
    INFO(status.err);
    CHECK(status.status == 7);
    CHECK(status.out == Part{"Current Version: 1"});
    CHECK(world.migrate({"history"}).status == 0);
    CHECK(world.migrate({"up", "--dry-run"}).out == Part{"000002_t2"});
    const auto up = world.migrate({"up"});
    CHECK(up.status != 0);
    CHECK(up.err == Part{"denied to user '" + user + "'"});
    CHECK(up.err == Part{"hint: "});
    CHECK(world.tracker() == "1,0");
    CHECK(!world.has_table("t2"));
    world.sql("DROP USER " + user);
  });
}

TEST_CASE("R8: what a user may not see at all is exit 5 with the server's words, and nothing is made") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    const std::string user = "nobody_" + world.database;
    world.dsn = world.server.create_user(user, world.database, MysqlServer::Rights::none).dsn();
    for (const char* command : {"status", "up"}) {
      const auto refused = world.migrate({command});
      CHECK(refused.status == 5);
      CHECK(refused.err == Part{"1044"});
      CHECK(refused.err == Part{"hint: "});
    }
    CHECK(!world.has_table("schema_migrations"));
    world.sql("DROP USER " + user);
  });
}

TEST_CASE("a user with the rights that the operations guide lists runs up, status, force and down") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(2);
    const std::string user = "runner_" + world.database;
    const MysqlLogin login = world.server.create_user(user, world.database, MysqlServer::Rights::none);
    world.sql("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON `" + world.database +
              "`.* TO " + user);
    world.dsn = login.dsn();
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"up"}, {"status"}, {"force", "2"}, {"history"}, {"down", "--all", "--yes"}}) {
      const auto result = world.migrate(words);
      CAPTURE(words[0]);
      INFO(result.err);
      CHECK(result.status == 0);
    }
    // The Talos set itself.
    ProcessOptions embedded;
    embedded.argv = {TALOS_TEST_COMMERCIAL, "migrate", "up", "--table", "talos_set", "--database", world.dsn};
    const auto set = run(embedded);
    INFO(set.err);
    CHECK(set.status == 0);
    CHECK(world.tracker("talos_set") == "24,0");
    world.sql("DROP USER " + user);
  });
}

TEST_CASE("the embedded Talos set goes up, is verified, and goes down, with no --migrations at all") {
  on_each_flavour([](MysqlWorld& world) {
    const auto embedded = [&](std::vector<std::string> words) {
      words.insert(words.begin(), {TALOS_TEST_COMMERCIAL, "migrate"});
      words.insert(words.end(), {"--database", world.dsn});
      ProcessOptions options;
      options.argv = std::move(words);
      options.directory = world.directory.path();
      return run(options);
    };
    const auto up = embedded({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(up.err == Part{"000024_imported_api_keys_visibility"});
    CHECK(world.tracker() == "24,0");
    const auto status = embedded({"status", "--verify", "--exit-code"});
    CHECK(status.status == 0);
    CHECK(status.out == Line{"Current Version: 24"});
    CHECK(embedded({"down", "--steps", "23"}).status == 0);
    CHECK(world.has_table("networks"));
    CHECK(!world.has_table("issued_api_keys"));
    CHECK(embedded({"up", "--to", "17"}).status == 0);
    CHECK(embedded({"down", "--all", "--yes"}).status == 0);
    CHECK(world.tracker() == "none");
    CHECK(!world.has_table("networks"));
  });
}

TEST_CASE("up, down, force and history tell what they did, in words and as JSON") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(3);
    const auto up = world.migrate({"up", "--steps", "2", "--format", "json"});
    CHECK(up.status == 0);
    CHECK(up.out == Part{"\"to\": 2"});
    CHECK(up.out == Part{world.is_mariadb() ? "\"server\": \"MariaDB " : "\"server\": \"MySQL "});
    CHECK(up.out != Part{world.server.password()});
    const auto down = world.migrate({"down"});
    CHECK(down.err + down.out == Part{"Rolled back 000002_t2"});
    CHECK(!world.has_table("t2"));
    CHECK(world.tracker() == "1,0");
    CHECK(world.migrate({"force", "3"}).status == 0);
    CHECK(world.tracker() == "3,0");
    CHECK(world.migrate({"force", "-1"}).status == 0);
    CHECK(world.tracker() == "none");
    CHECK(world.migrate({"force", "4"}).status != 0);
    CHECK(world.rows("SELECT action, version FROM schema_migrations_log ORDER BY id") ==
          std::vector<std::string>{"up|1", "up|2", "down|2", "force|3", "force|-1"});
    CHECK(world.migrate({"history"}).out == Part{"force"});
    CHECK(world.migrate({"history", "--format", "json"}).out == Part{"\"action\": \"down\""});
    CHECK(world.migrate({"status", "--format", "json"}).out == Part{"\"status\": \"not_initialized\""});
  });
}

TEST_CASE("G14: status --block waits while a runner is in a schema change, and ends with it") {
  on_each_flavour([](MysqlWorld& world) {
    Gate gate(world);
    Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
    wait_until_at_the_gate(world);
    const auto status = world.migrate({"status"});
    CHECK(status.out ==
          Part{"Database Status: DIRTY (migration 2 in progress by " + std::to_string(runner.pid()) + "@"});
    CHECK(status.out == Part{"running  statement 1 of 1 (line 1): ALTER TABLE gate ADD COLUMN y int"});
    CHECK(status.out != Part{"migrate force"});
    CHECK(world.migrate({"status", "--block", "--timeout", "200ms"}).status == 7);
    Process blocking = world.start({"status", "--block"});
    gate.open();
    CHECK(runner.wait().status == 0);
    CHECK(blocking.wait().status == 0);
  });
}

TEST_CASE("G15: a waiter that finds nothing to do exits 0 without the lock") {
  on_each_flavour([](MysqlWorld& world) {
    Gate gate(world);
    world.migration(2, "gated", "UPDATE gate SET x = 2;\n");
    gate.holder.run("COMMIT; INSERT INTO gate VALUES (1); START TRANSACTION; UPDATE gate SET x = 3");
    Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "UPDATE gate SET x = 2").empty(); }));
    CHECK(world.migrate({"up", "--to", "1"}).status == 0);
    gate.open();
    CHECK(runner.wait().status == 0);
  });
}

TEST_CASE("G16: a connection that is ended while rows are written is exit 5, and nothing of the file stays") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    world.migration(2, "slow", "INSERT INTO t1 VALUES (1);\nINSERT INTO t1 SELECT SLEEP(600);\n");
    MysqlClient observer = world.client();
    Process runner = world.start({"up"});
    std::string id;
    REQUIRE(eventually([&] {
      id = connection_running(observer, "SLEEP(600)");
      return !id.empty();
    }));
    observer.run("KILL CONNECTION " + id);
    const auto result = runner.wait();
    INFO(result.err);
    CHECK(result.status == 5);
    CHECK(result.err == Part{"the database is at version 1, clean"});
    CHECK(world.tracker() == "1,0");
    CHECK(world.value("SELECT COUNT(*) FROM t1") == "0");
  });
}

TEST_CASE("G17: --table keeps sets apart; 55 bytes are the most; a table that is not ours is refused") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(2);
    const std::string longest(55, 't');
    CHECK(world.migrate({"up", "--table", longest}).status == 0);
    CHECK(world.tracker(longest) == "2,0");
    CHECK(world.has_table(longest + "_log"));
    CHECK(world.migrate({"status", "--table", longest + "t"}).status == 2);
    CHECK(world.migrate({"status", "--table", "a b"}).status == 2);
    CHECK(world.migrate({"status", "--table", "Mixed$1"}).out == Part{"Not initialized"});
    CHECK(world.migrate({"status", "--table", "select"}).out == Part{"Not initialized"});
    world.sql("CREATE TABLE alien (name text); CREATE TABLE plain_log (line text)");
    const auto alien = world.migrate({"status", "--table", "alien"});
    CHECK(alien.status == 1);
    CHECK(alien.err == Part{"alien"});
    const auto log = world.migrate({"up", "--table", "plain"});
    CHECK(log.status == 1);
    CHECK(log.err == Part{"plain_log"});
    world.sql("CREATE VIEW seen AS SELECT 1 AS version, false AS dirty");
    CHECK(world.migrate({"up", "--table", "seen"}).status != 0);
  });
}

TEST_CASE("G4: a tracker with two rows is exit 1 and left alone") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(2);
    REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
    world.sql("INSERT INTO schema_migrations VALUES (7, 0)");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"more than one row"});
    CHECK(world.tracker() == "many");
    CHECK(!world.has_table("t2"));
  });
}

TEST_CASE("G2, G3: out of order leaves the highest version, ahead is a warning; down undoes the highest") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "t1", "CREATE TABLE t1 (x int);\n", "DROP TABLE t1;\n");
    world.migration(3, "t3", "CREATE TABLE t3 (x int);\n", "DROP TABLE t3;\n");
    REQUIRE(world.migrate({"up"}).status == 0);
    world.migration(2, "t2", "CREATE TABLE t2 (x int);\n", "DROP TABLE t2;\n");
    CHECK(world.migrate({"up"}).status == 1);
    CHECK(world.migrate({"up", "--allow-out-of-order"}).status == 0);
    CHECK(world.tracker() == "3,0");
    CHECK(world.migrate({"down"}).status == 0);
    CHECK(!world.has_table("t3"));
    CHECK(world.tracker() == "2,0");
    world.sql("UPDATE schema_migrations SET version = 9");
    const auto ahead = world.migrate({"up"});
    CHECK(ahead.status == 0);
    CHECK(ahead.err == Part{"arning"});
    CHECK(world.migrate({"down"}).status == 1);
  });
}

TEST_CASE("G2: a migration merged late that fails half-way leaves the dirty row at the highest version") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(3, "t3", "CREATE TABLE t3 (x int);\n");
    REQUIRE(world.migrate({"up"}).status == 0);
    world.migration(2, "t2", "CREATE TABLE t2 (x int);\nALTER TABLE missing ADD COLUMN y int;\n");
    CHECK(world.migrate({"up", "--allow-out-of-order"}).status == 1);
    CHECK(world.tracker() == "3,1");
    CHECK(world.migrate({"status"}).out == Part{"000002_t2.up.sql did not finish (up)"});
    world.migration(2, "t2", "CREATE TABLE t2 (x int);\nALTER TABLE t2 ADD COLUMN y int;\n");
    CHECK(world.migrate({"resume"}).status == 0);
    CHECK(world.tracker() == "3,0");
    CHECK(world.migrate({"up"}).status == 0);
  });
}

}  // namespace talos::test
