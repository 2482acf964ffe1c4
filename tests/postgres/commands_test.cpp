// status, force, history, down and their policies, as far as they differ on a server.
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"
#include "proxy.hpp"

namespace talos::test {

TEST_CASE("R8: a role with only SELECT runs status, history and --dry-run, and up says what it lacks") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(2);
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  const std::string role = "reader_" + world.database;
  const std::string reader = world.server.create_role(role, world.database);
  const std::string owner = world.dsn;
  world.dsn = reader;
  const auto denied = world.migrate({"status"});
  CHECK(denied.status == 5);
  CHECK(denied.err == Part{"permission denied for table schema_migrations"});
  world.sql("GRANT SELECT ON schema_migrations, schema_migrations_log TO " + role);
  const auto status = world.migrate({"status", "--exit-code"});
  CHECK(status.status == 7);
  CHECK(status.out == Part{"Current Version: 1"});
  CHECK(world.migrate({"history"}).status == 0);
  CHECK(world.migrate({"up", "--dry-run"}).out == Part{"000002_t2"});
  const auto up = world.migrate({"up"});
  CHECK(up.status != 0);
  CHECK(up.err == Part{"permission denied"});
  CHECK(up.err == Part{"hint: "});
  world.dsn = owner;
  CHECK(world.tracker() == "1,false");
  world.sql("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST_CASE("R8: a role without any grant reads an empty database as not initialised") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  const std::string role = "nobody_" + world.database;
  world.dsn = world.server.create_role(role, world.database);
  CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
  const auto up = world.migrate({"up"});
  CHECK(up.status == 5);
  CHECK(up.err == Part{"permission denied for schema public"});
  CHECK(up.err == Part{"hint: "});
  world.sql("DROP ROLE " + role);
}

TEST_CASE("G14: status --block waits while a runner is in a no-transaction file, and ends with it") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.migration(2, "index", "CREATE INDEX CONCURRENTLY i ON t1 (x);\n");
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  PgClient writer = world.client();
  writer.run("BEGIN; INSERT INTO t1 VALUES (1)");
  Process runner = world.start({"up"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
  const auto status = world.migrate({"status"});
  CHECK(status.out == Part{"Database Status: DIRTY (migration 2 in progress by " + std::to_string(runner.pid()) + "@"});
  CHECK(status.out == Part{"running  statement 1 of 1 (line 1): CREATE INDEX CONCURRENTLY i ON t1 (x)"});
  CHECK(status.out != Part{"migrate force"});
  CHECK(world.migrate({"status", "--block", "--timeout", "200ms"}).status == 7);
  Process blocking = world.start({"status", "--block"});
  writer.run("COMMIT");
  CHECK(runner.wait().status == 0);
  CHECK(blocking.wait().status == 0);
}

TEST_CASE("G15: a waiter that finds nothing to do exits 0 without the lock") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  PgClient holder = world.client();
  world.migration(2, "gated", "LOCK TABLE t1;\n");
  holder.run("BEGIN; LOCK TABLE t1");
  Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits_for_table(observer, "t1"); }));
  const auto older = world.migrate({"up", "--to", "1"});
  CHECK(older.status == 0);
  holder.run("COMMIT");
  CHECK(runner.wait().status == 0);
}

TEST_CASE("G16: a backend that is ended while it works is exit 5 with what became of the migration") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.migration(2, "slow", "CREATE TABLE early (x int);\nSELECT pg_sleep(600);\n");
  PgClient observer = world.client();
  Process runner = world.start({"up"});
  std::string pid;
  REQUIRE(eventually([&] {
    pid = observer.value(
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()");
    return !pid.empty();
  }));
  observer.run("SELECT pg_terminate_backend(" + pid + ")");
  const auto result = runner.wait();
  CHECK(result.status == 5);
  CHECK(result.err == Part{"terminating connection due to administrator command"});
  CHECK(result.err == Part{"the database is at version 1, clean"});
  CHECK(world.tracker() == "1,false");
  CHECK(!world.has_table("early"));
}

TEST_CASE("G16: a server that answers nothing any more is given up after --stall-timeout") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  Proxy proxy(world.server.port());
  world.dsn = world.server.dsn(world.database, proxy.port());
  world.migration(1, "slow", "CREATE TABLE early (x int);\nSELECT pg_sleep(600);\n");
  Process runner = world.start({"up", "--stall-timeout", "3s", "--connect-timeout", "1s"});
  // The second connection is the one that watches.
  REQUIRE(eventually([&] { return proxy.connections() == 2 && proxy.counts(2).turns > 3; }));
  proxy.add({2, From::server, proxy.counts(2).server_messages + 1, ProxyFault::When::before, ProxyFault::What::stall});
  proxy.refuse(true);
  const auto result = runner.wait();
  CHECK(result.status == 5);
  CHECK(result.err == Part{"stall-timeout"});
}

TEST_CASE("G17: --table keeps sets apart; 55 bytes are the most; a table that is not ours is refused") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(2);
  const std::string longest(55, 't');
  CHECK(world.migrate({"up", "--table", longest}).status == 0);
  CHECK(world.tracker(longest) == "2,false");
  CHECK(world.has_table(longest + "_log"));
  CHECK(world.migrate({"status", "--table", longest + "t"}).status == 2);
  CHECK(world.migrate({"status", "--table", "a b"}).status == 2);
  CHECK(world.migrate({"status", "--table", "Mixed$1"}).out == Part{"Not initialized"});
  world.sql("CREATE TABLE alien (name text); CREATE TABLE plain_log (line text)");
  const auto alien = world.migrate({"status", "--table", "alien"});
  CHECK(alien.status == 1);
  CHECK(alien.err == Part{"alien"});
  const auto log = world.migrate({"up", "--table", "plain"});
  CHECK(log.status == 1);
  CHECK(log.err == Part{"plain_log"});
  CHECK(world.value("SELECT to_regclass('plain')").empty() == false);
  world.sql("CREATE VIEW seen AS SELECT 1 AS version, false AS dirty");
  const auto view = world.migrate({"up", "--table", "seen"});
  CHECK(view.status != 0);
}

TEST_CASE("G4: a tracker with two rows is exit 1 and left alone") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(2);
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  world.sql("INSERT INTO schema_migrations VALUES (7, false)");
  const auto up = world.migrate({"up"});
  CHECK(up.status == 1);
  CHECK(up.err == Part{"more than one row"});
  CHECK(world.tracker() == "many");
}

TEST_CASE("G2, G3: out of order leaves the highest version, ahead is a warning; down undoes the highest") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "t1", "CREATE TABLE t1 (x int);\n", "DROP TABLE t1;\n");
  world.migration(3, "t3", "CREATE TABLE t3 (x int);\n", "DROP TABLE t3;\n");
  REQUIRE(world.migrate({"up"}).status == 0);
  world.migration(2, "t2", "CREATE TABLE t2 (x int);\n", "DROP TABLE t2;\n");
  CHECK(world.migrate({"up"}).status == 1);
  CHECK(world.migrate({"up", "--allow-out-of-order"}).status == 0);
  CHECK(world.tracker() == "3,false");
  CHECK(world.migrate({"down"}).status == 0);
  CHECK(!world.has_table("t3"));
  CHECK(world.tracker() == "2,false");
  world.sql("UPDATE schema_migrations SET version = 9");
  const auto ahead = world.migrate({"up"});
  CHECK(ahead.status == 0);
  CHECK(ahead.err == Part{"arning"});
}

}  // namespace talos::test
