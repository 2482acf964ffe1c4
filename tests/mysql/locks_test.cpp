// Runners and golang-migrate's runners keep each other out, and databases of golang-migrate are taken over.
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_keys.hpp"
#include "mysql_world.hpp"

namespace talos::test {

namespace {

std::string golang_lock(const MysqlWorld& world) {
  return "'" + mysql::golang_migrate_lock_name(world.database, "schema_migrations") + "'";
}

// Versions 1 and 2; the second waits until the test lets go of the table `gate`.
struct Gated {
  explicit Gated(MysqlWorld& world) : holder(world.client()) {
    holder.run("CREATE TABLE gate (x int)");
    world.tables(1);
    world.migration(2, "gated", "ALTER TABLE gate ADD COLUMN y int;\n");
    holder.run("START TRANSACTION; SELECT COUNT(*) FROM gate");
  }
  void open() { holder.run("COMMIT"); }
  MysqlClient holder;
};

constexpr const char* golang_tracker =
    "CREATE TABLE `schema_migrations` (version bigint not null primary key, dirty boolean not null)";

// A server that does not show what connections say of themselves: there the holder is named by a table.
std::vector<std::string> hidden_attributes() { return {"performance_schema=OFF", unsynced_mysql.front()}; }

}  // namespace

TEST_CASE("whoever holds golang-migrate's lock keeps up and force waiting: exit 4, and is named") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    MysqlClient old_runner = world.client();
    REQUIRE(old_runner.value("SELECT GET_LOCK(" + golang_lock(world) + ", 10)") == "1");
    for (const char* command : {"up", "force"}) {
      std::vector<std::string> words{command, "--lock-timeout", "200ms"};
      if (words[0] == "force") words.insert(words.begin() + 1, "-1");
      const auto refused = world.migrate(words);
      CHECK(refused.status == 4);
      CHECK(refused.err == Part{std::to_string(old_runner.id())});
      CHECK(refused.err == Part{"user root"});
    }
    CHECK(!world.has_table("schema_migrations"));
    Process patient = world.start({"up"});
    patient.wait_for_output("user root");
    old_runner.run("DO RELEASE_LOCK(" + golang_lock(world) + ")");
    CHECK(patient.wait().status == 0);
  });
}

TEST_CASE("a runner at work holds golang-migrate's lock, status names it, and a second one is kept out") {
  on_each_flavour([](MysqlWorld& world) {
    Gated gate(world);
    Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE gate").empty(); }));
    CHECK(observer.value("SELECT GET_LOCK(" + golang_lock(world) + ", 0)") == "0");
    const std::string name = "pid " + std::to_string(runner.pid()) + " on ";
    CHECK(world.migrate({"status"}).out == Part{"in progress by " + std::to_string(runner.pid()) + "@"});
    const auto second = world.migrate({"up", "--lock-timeout", "100ms"});
    CHECK(second.status == 4);
    CHECK(second.err == Part{name});
    gate.open();
    CHECK(runner.wait().status == 0);
    CHECK(observer.value("SELECT IS_FREE_LOCK(" + golang_lock(world) + ")") == "1");
  });
}

TEST_CASE("where the server shows no connection attributes, the holder is named all the same") {
  for (const auto& installation : all_mysql_or_skip()) {
    MysqlServer server(installation, hidden_attributes());
    MysqlWorld world(server);
    Gated gate(world);
    REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
    Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE gate").empty(); }));
    CHECK(world.migrate({"status"}).out == Part{"in progress by " + std::to_string(runner.pid()) + "@"});
    const auto second = world.migrate({"up", "--lock-timeout", "100ms"});
    CHECK(second.status == 4);
    CHECK(second.err == Part{"pid " + std::to_string(runner.pid()) + " on "});
    gate.open();
    CHECK(runner.wait().status == 0);
  }
}

TEST_CASE("eight runners at once: each migration runs once, all exit 0") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(3);
    world.migration(4, "rows", "INSERT INTO t1 VALUES (1);\n");
    std::vector<Process> runners;
    for (int i = 0; i < 8; ++i) runners.push_back(world.start({"up"}));
    for (Process& runner : runners) {
      const auto result = runner.wait();
      INFO(result.err);
      CHECK(result.status == 0);
    }
    CHECK(world.tracker() == "4,0");
    CHECK(world.value("SELECT COUNT(*) FROM t1") == "1");
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_log WHERE action = 'up' AND NOT failed") == "4");
  });
}

TEST_CASE("without any lock two runners still do not run the same migration") {
  on_each_flavour([](MysqlWorld& world) {
    world.dsn += "?x-no-lock=true";
    world.sql("CREATE TABLE t (x int)");
    for (int i = 1; i <= 5; ++i) world.migration(i, "row", "INSERT INTO t VALUES (" + std::to_string(i) + ");\n");
    std::vector<Process> runners;
    for (int i = 0; i < 4; ++i) runners.push_back(world.start({"up"}));
    for (Process& runner : runners) {
      const auto result = runner.wait();
      INFO(result.err);
      CHECK(result.status == 0);
    }
    CHECK(world.tracker() == "5,0");
    CHECK(world.value("SELECT COUNT(*) FROM t") == "5");
  });
}

TEST_CASE("a killed runner's lock is free when its statement is over, and resume goes on") {
  on_each_flavour([](MysqlWorld& world) {
    Gated gate(world);
    world.migration(3, "rows", "UPDATE gate SET x = 1;\n");
    Process runner = world.start({"up", "--steps", "1"});
    CHECK(runner.wait().status == 0);
    Process victim = world.start({"up", "--ddl-lock-timeout", "1m"});
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE gate").empty(); }));
    victim.signal(SIGKILL);
    victim.wait();
    CHECK(eventually([&] { return observer.value("SELECT IS_FREE_LOCK(" + golang_lock(world) + ")") == "1"; }));
    CHECK(world.tracker() == "2,1");
    gate.open();
    CHECK(world.migrate({"up"}).status == 3);
    CHECK(world.migrate({"resume"}).status == 0);
    CHECK(world.tracker() == "2,0");
    CHECK(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "3,0");
  });
}

TEST_CASE("G13: a statement that goes on without its runner is not run beside itself by resume") {
  on_each_flavour([](MysqlWorld& world) {
    MysqlClient holder = world.client();
    holder.run("CREATE TABLE gate (x int)");
    world.migration(1, "gated", "CREATE TABLE first (x int);\nALTER TABLE gate ADD COLUMN y int;\n");
    holder.run("START TRANSACTION; SELECT COUNT(*) FROM gate");
    Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "ALTER TABLE gate").empty(); }));
    runner.signal(SIGKILL);
    runner.wait();
    // While it waits for a table a server may find that the client is gone, or not: either way there is one end.
    Process resumed = world.start({"resume"});
    holder.run("COMMIT");
    CHECK(resumed.wait().status == 0);
    CHECK(world.tracker() == "1,0");
    CHECK(world.value("SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND"
                      " TABLE_NAME = 'gate'") == "2");
    CHECK(world.rows("SELECT action, version FROM schema_migrations_log WHERE NOT failed").size() == 1);
  });
}

TEST_CASE("a database of golang-migrate is taken over, and golang-migrate's tracker stays what it was") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(std::string(golang_tracker) + "; INSERT INTO schema_migrations VALUES (1, 0); CREATE TABLE t1 (x int)");
    world.tables(2);
    CHECK(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "2,0");
    CHECK(world.rows("SELECT COLUMN_NAME, DATA_TYPE, COLUMN_KEY FROM information_schema.COLUMNS WHERE TABLE_SCHEMA ="
                     " DATABASE() AND TABLE_NAME = 'schema_migrations' ORDER BY ORDINAL_POSITION") ==
          std::vector<std::string>{"version|bigint|PRI", "dirty|tinyint|"});
    CHECK(world.rows("SELECT action, version FROM schema_migrations_log ORDER BY id") ==
          std::vector<std::string>{"baseline|1", "up|2"});
  });
}

}  // namespace talos::test
