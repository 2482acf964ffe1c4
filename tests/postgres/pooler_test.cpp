// Behind pgbouncer in transaction mode: no lock of a session, and yet one runner at a time (P3).
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"
#include "pgbouncer.hpp"

namespace talos::test {

namespace {

struct Pooled : PgWorld {
  Pooled() : PgWorld(*shared_server()), bouncer(server, PgBouncer::Pool::transaction), pooled(bouncer.dsn(database)) {
    dsn = pooled;
  }
  PgBouncer bouncer;
  const std::string pooled;
  const std::string direct = server.dsn(database);
};

bool ready() { return pgbouncer_or_skip() && shared_server() != nullptr; }

// Version 1 is there; 2 is a statement outside of a transaction that lasts until the writer's transaction ends.
PgClient hold_index(PgWorld& world) {
  world.tables(1);
  world.migration(2, "index", "-- talos:no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (x);\n");
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  PgClient writer = world.client();
  writer.run("BEGIN; INSERT INTO t1 VALUES (1)");
  return writer;
}

}  // namespace

TEST_CASE("P3: the Talos set goes up, twice, and down behind a pooler; no advisory lock stays behind") {
  if (!ready()) return;
  Pooled world;
  const auto talos_migrate = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "migrate");
    words.insert(words.end(), {"--database", world.pooled});
    return run(world.program(words));
  };
  const auto up = talos_migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err == Part{"pooler"});
  CHECK(talos_migrate({"up"}).out == Part{"No change"});
  CHECK(talos_migrate({"status", "--exit-code"}).status == 0);
  CHECK(talos_migrate({"history"}).status == 0);
  CHECK(world.invalid_indexes().empty());
  CHECK(world.advisory_locks() == "0");
  CHECK(talos_migrate({"down", "--all", "--yes"}).status == 0);
  CHECK(world.tracker() == "none");
  CHECK(world.advisory_locks() == "0");
}

TEST_CASE("P3: eight runners at once behind a pooler: each migration once, all exit 0") {
  if (!ready()) return;
  Pooled world;
  world.tables(4);
  world.migration(5, "index", "-- talos:no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (x);\nVACUUM t1;\n");
  world.migration(6, "last", "CREATE TABLE last (x int);\n");
  std::vector<Process> runners;
  for (int i = 0; i < 8; ++i) runners.push_back(world.start({"up"}));
  for (Process& runner : runners) {
    const auto result = runner.wait();
    CAPTURE(result.err);
    CHECK(result.status == 0);
  }
  CHECK(world.tracker() == "6,false");
  CHECK(world.rows("SELECT version FROM schema_migrations_log WHERE action = 'up' AND coalesce(error, '') = '' ORDER BY"
                   " id") == std::vector<std::string>{"1", "2", "3", "4", "5", "6"});
  CHECK(world.advisory_locks() == "0");
  CHECK(world.invalid_indexes().empty());
}

TEST_CASE("P3: direct and pooled runners exclude each other both ways, and status names the holder") {
  if (!ready()) return;
  for (const bool pooled_first : {true, false}) {
    CAPTURE(pooled_first);
    Pooled world;
    PgClient writer = hold_index(world);
    PgClient observer = world.client();
    world.dsn = pooled_first ? world.pooled : world.direct;
    Process first = world.start({"up"});
    REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
    const std::string name = std::to_string(first.pid()) + "@";
    world.dsn = pooled_first ? world.direct : world.pooled;
    const auto second = world.migrate({"up", "--lock-timeout", "300ms"});
    CHECK(second.status == 4);
    CHECK(second.err == Part{"pid " + std::to_string(first.pid()) + " on "});
    for (const std::string& dsn : {world.pooled, world.direct}) {
      world.dsn = dsn;
      CHECK(world.migrate({"status"}).out == Part{"Database Status: DIRTY (migration 2 in progress by " + name});
    }
    writer.run("COMMIT");
    CHECK(first.wait().status == 0);
    CHECK(world.tracker() == "2,false");
    CHECK(world.advisory_locks() == "0");
  }
}

TEST_CASE("G6: a direct runner that waited for a pooled one's lease works in a session that listens to nothing") {
  if (!ready()) return;
  Pooled world;
  PgClient writer = hold_index(world);
  PgClient observer = world.client();
  Process first = world.start({"up"});
  REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
  world.migration(3, "deaf",
                  "DO $$ BEGIN IF EXISTS (SELECT FROM pg_listening_channels()) THEN RAISE EXCEPTION 'it listens';"
                  " END IF; END $$;\n");
  world.dsn = world.direct;
  Process second = world.start({"up"});
  // It listens right after it has said so.
  second.wait_for_output("Waiting for another runner");
  writer.run("COMMIT");
  CHECK(first.wait().status == 0);
  const auto result = second.wait();
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(world.tracker() == "3,false");
}

TEST_CASE("P3: a killed runner's lease is waited for, then the database is dirty: exit 3") {
  if (!ready()) return;
  Pooled world;
  PgClient writer = hold_index(world);
  PgClient observer = world.client();
  world.dsn = world.pooled + "?x-lease-ttl=3s";
  Process first = world.start({"up"});
  REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
  first.signal(SIGKILL);
  first.wait();
  const auto held = world.migrate({"up", "--lock-timeout", "100ms"});
  CHECK(held.status == 4);
  CHECK(held.err == Part{"pid " + std::to_string(first.pid()) + " on "});
  const auto next = world.migrate({"up"});
  CHECK(next.status == 3);
  CHECK(next.err == Line{"Error: Database is in dirty state at version 2"});
  writer.run("COMMIT");
  CHECK(eventually([&] { return world.advisory_locks() == "0"; }));
}

TEST_CASE("P3: what a file sets for its session does not leak to the pool's next client") {
  if (!ready()) return;
  Pooled world;
  world.sql("CREATE SCHEMA other");
  world.migration(1, "sets", "SET search_path = other;\nSET work_mem = '77MB';\nCREATE TABLE here (x int);\n");
  world.migration(2, "bare", "-- talos:no-transaction\nSET search_path = other;\nCREATE TABLE bare (x int);\n");
  world.migration(3, "fails", "SET search_path = other;\nSET work_mem = '78MB';\nSELECT nowhere;\n");
  const auto up = world.migrate({"up"});
  CAPTURE(up.err);
  CHECK(up.status != 0);
  CHECK(world.has_table("other.here"));
  PgClient next(world.pooled);
  CHECK(next.value("SHOW search_path") == "\"$user\", public");
  CHECK(next.value("SHOW work_mem") == "4MB");
  CHECK(next.value("SHOW lock_timeout") == "0");
}

TEST_CASE("session pooling needs nothing special") {
  if (!ready()) return;
  PgWorld world(*shared_server());
  const PgBouncer bouncer(world.server, PgBouncer::Pool::session);
  world.dsn = bouncer.dsn(world.database);
  world.tables(3);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(eventually([&] { return world.advisory_locks() == "0"; }));
}

}  // namespace talos::test
