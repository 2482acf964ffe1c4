// Runners and golang-migrate's runners keep each other out (P1, P2), and databases of golang-migrate are taken over.
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"
#include "postgres_keys.hpp"

namespace talos::test {

namespace {

using postgres::golang_migrate_key;

// As golang-migrate computes it when opened by a URL, and when opened by a library's user.
std::vector<std::string> golang_keys(const PgWorld& world) {
  return {std::to_string(golang_migrate_key("public", "schema_migrations", "/" + world.database)),
          std::to_string(golang_migrate_key("public", "schema_migrations", world.database))};
}

// A migration that waits until the test lets go of the table `gate`.
constexpr const char* waits_at_the_gate = "LOCK TABLE gate;\nCREATE TABLE beyond (x int);\n";

// Somebody's open transaction holds `gate`.
struct Gate {
  explicit Gate(const PgWorld& world) : holder(world.client()) {
    holder.run("CREATE TABLE gate (x int)");
    holder.run("BEGIN; LOCK TABLE gate");
  }
  void open() { holder.run("COMMIT"); }
  PgClient holder;
};

constexpr const char* golang_tracker =
    "CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null)";

}  // namespace

TEST_CASE("P1: golang-migrate's keys are computed as it does") {
  CHECK(golang_migrate_key("public", "schema_migrations", "/public") == 1390574166);
  CHECK(golang_migrate_key("public", "schema_migrations", "public") == 3955115098);
  CHECK(postgres::own_key("public", "schema_migrations") != postgres::own_key("publi", "cschema_migrations"));
}

TEST_CASE("P1: whoever holds one of golang-migrate's keys keeps up and force waiting: exit 4, and is named") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  for (const std::string& key : golang_keys(world)) {
    CAPTURE(key);
    PgClient old_runner(world.server.dsn(world.database) + "?application_name=old-migrate");
    old_runner.run("SELECT pg_advisory_lock(" + key + ")");
    for (const char* command : {"up", "force"}) {
      std::vector<std::string> words{command, "--lock-timeout", "200ms"};
      if (words[0] == "force") words.insert(words.begin() + 1, "-1");
      const auto refused = world.migrate(words);
      CHECK(refused.status == 4);
      CHECK(refused.err == Part{"pid " + std::to_string(old_runner.backend_pid())});
      CHECK(refused.err == Part{"old-migrate"});
      CHECK(refused.err == Part{"--lock-timeout"});
    }
    CHECK(!world.has_table("schema_migrations"));
    // Nothing is left of the attempts: all or none.
    CHECK(world.advisory_locks() == "1");
    CHECK(world.migrate({"status"}).out == Part{"old-migrate"});
    Process patient = world.start({"up"});
    patient.wait_for_output("old-migrate");
    old_runner.run("SELECT pg_advisory_unlock(" + key + ")");
    CHECK(patient.wait().status == 0);
    CHECK(world.migrate({"down"}).status == 0);
    world.sql("DROP TABLE schema_migrations, schema_migrations_log");
  }
}

TEST_CASE("P1: a runner of ours at work holds both of golang-migrate's keys, and status names it") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "gated", waits_at_the_gate);
  Gate gate(world);
  Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits_for_table(observer, "gate"); }));
  for (const std::string& key : golang_keys(world))
    CHECK(observer.value("SELECT pg_try_advisory_lock(" + key + ")") == "f");
  const std::string name = "pid " + std::to_string(runner.pid()) + " on ";
  const auto status = world.migrate({"status"});
  CHECK(status.status == 0);
  CHECK(status.out == Part{"Not initialized"});
  CHECK(status.out == Part{name});
  const auto second = world.migrate({"up", "--lock-timeout", "100ms"});
  CHECK(second.status == 4);
  CHECK(second.err == Part{name});
  gate.open();
  CHECK(runner.wait().status == 0);
  CHECK(world.advisory_locks() == "0");
}

TEST_CASE("G6: whoever waited for its turn works in a session that listens to nothing") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "gated", waits_at_the_gate);
  world.migration(2, "deaf",
                  "DO $$ BEGIN IF EXISTS (SELECT FROM pg_listening_channels()) THEN RAISE EXCEPTION 'it listens';"
                  " END IF; END $$;\n");
  Gate gate(world);
  Process first = world.start({"up", "--steps", "1", "--ddl-lock-timeout", "1m"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits_for_table(observer, "gate"); }));
  Process second = world.start({"up"});
  // Its second attempt: it listens by then.
  REQUIRE(eventually([&] {
    return observer.value(
               "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT CASE WHEN NOT %' AND"
               " application_name LIKE '%" +
               std::to_string(second.pid()) + "@%'") == "1";
  }));
  gate.open();
  CHECK(first.wait().status == 0);
  const auto result = second.wait();
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(world.tracker() == "2,false");
}

TEST_CASE("a runner that did something tells on a channel of its own that it ended; one that did nothing does not") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  PgClient listener = world.client();
  const std::string channel = "talos " + std::to_string(postgres::own_key("public", "schema_migrations"));
  listener.run("LISTEN \"" + channel + "\"");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(eventually([&] { return listener.notified() == channel; }));
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.migrate({"status"}).status == 0);
  CHECK(listener.notified().empty());
}

TEST_CASE("P2: eight runners and a session blocked in pg_advisory_lock: no deadlock, no invalid index, all exit 0") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.migration(2, "gated", waits_at_the_gate);
  world.migration(3, "index", "-- talos:no-transaction\nCREATE INDEX CONCURRENTLY t1_x ON t1 (x);\n");
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  PgClient observer = world.client();
  Gate gate(world);
  PgClient writer = world.client();
  writer.run("BEGIN; INSERT INTO t1 VALUES (1)");

  std::vector<Process> runners;
  for (int i = 0; i < 9; ++i) runners.push_back(world.start({"up", "--ddl-lock-timeout", "1m"}));
  REQUIRE(eventually([&] { return waits_for_table(observer, "gate"); }));
  PgClient old_runner = world.client();
  const std::string key = golang_keys(world)[0];
  old_runner.send("SELECT pg_advisory_lock(" + key + ")");
  REQUIRE(eventually([&] { return waits_in_lock(observer, old_runner.backend_pid()); }));

  gate.open();
  // The writer's transaction holds the statement up; meanwhile the old runner has its turn.
  CHECK(eventually([&] { return !old_runner.busy(); }, std::chrono::seconds(20)));
  REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
  old_runner.finish();
  CHECK(world.tracker() == "3,true");
  CHECK(world.migrate({"status"}).out == Part{"Database Status: DIRTY (migration 3 in progress by "});
  writer.run("COMMIT");
  REQUIRE(eventually([&] {
    return observer.value(
               "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid ="
               " to_regclass('t1_x')") == "1";
  }));
  // It marks the migration clean only with golang-migrate's keys in its hands.
  CHECK(eventually([&] {
    return observer.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock(" + key +
                          "%' AND pid <> pg_backend_pid()") != "0";
  }));
  CHECK(world.tracker() == "3,true");
  old_runner.run("SELECT pg_advisory_unlock(" + key + ")");
  int applied = 0;
  for (Process& runner : runners) {
    const auto result = runner.wait();
    CHECK(result.status == 0);
    CHECK(result.err != Part{"rror"});
    if (result.err == Part{"Applied 000003_index"}) ++applied;
  }
  CHECK(applied == 1);
  CHECK(world.tracker() == "3,false");
  CHECK(world.invalid_indexes().empty());
  CHECK(world.advisory_locks() == "0");
}

TEST_CASE("P1: a killed runner's locks go with its session") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "gated", waits_at_the_gate);
  Gate gate(world);
  Process runner = world.start({"up", "--ddl-lock-timeout", "1m"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits_for_table(observer, "gate"); }));
  runner.signal(SIGKILL);
  runner.wait();
  Process next = world.start({"up", "--ddl-lock-timeout", "1m"});
  // client_connection_check_interval: not before the gate opens would the dead one's backend look up else.
  CHECK(eventually([&] {
    return observer.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%" +
                          std::to_string(runner.pid()) + "@%'") == "0";
  }));
  REQUIRE(eventually([&] { return waits_for_table(observer, "gate"); }));
  gate.open();
  CHECK(next.wait().status == 0);
  CHECK(world.tracker() == "1,false");
}

TEST_CASE(
    "G1: a database of golang-migrate is taken over in place with a baseline row, and its tracker stays its own") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(3);
  world.sql(std::string(golang_tracker) +
            "; INSERT INTO schema_migrations VALUES (2, false);"
            "CREATE TABLE t1 (x int); CREATE TABLE t2 (x int)");
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.out == "Applied 1 migration: version 2 → 3\n");
  CHECK(world.rows("SELECT action, version FROM schema_migrations_log ORDER BY id") ==
        std::vector<std::string>{"baseline|2", "up|3"});
  CHECK(world.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'schema_migrations'::regclass AND attnum > 0") ==
        std::vector<std::string>{"version", "dirty"});

  // It goes on from there by itself, and we after it.
  world.migration(4, "t4", "CREATE TABLE t4 (x int);\n");
  world.migration(5, "t5", "CREATE TABLE t5 (x int);\n");
  world.sql(
      "BEGIN; TRUNCATE schema_migrations; INSERT INTO schema_migrations VALUES (4, false); COMMIT;"
      "CREATE TABLE t4 (x int)");
  CHECK(world.migrate({"up"}).out == "Applied 1 migration: version 4 → 5\n");
}

TEST_CASE("what is no table but has the name of one of ours is an error that names it, not tried without end") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  for (const char* in_the_way :
       {"TYPE schema_migrations_log AS ENUM ('x')", "SEQUENCE schema_migrations", "SEQUENCE schema_migrations_log"}) {
    CAPTURE(in_the_way);
    const std::string thing(in_the_way);
    const std::string kind = thing.substr(0, thing.find(' '));
    const std::string name = thing.substr(kind.size() + 1, thing.find(' ', kind.size() + 1) - kind.size() - 1);
    world.sql("CREATE " + thing);
    for (const std::vector<std::string>& words : {std::vector<std::string>{"up"}, {"force", "1"}}) {
      const auto refused = world.migrate(words);
      CHECK(refused.status == 1);
      CHECK(refused.err == Part{"\"" + name + "\" already exists"});
      CHECK(refused.err == Part{"--table"});
    }
    CHECK(!world.has_table("t1"));
    world.sql("DROP " + kind + " " + name);
    world.sql("DROP TABLE IF EXISTS schema_migrations");
  }
  CHECK(world.migrate({"up"}).status == 0);
}

TEST_CASE("many runners that make the tables at the same time do not take each other for something in the way") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(2);
  for (int round = 0; round < 3; ++round) {
    std::vector<Process> runners;
    for (int i = 0; i < 4; ++i) runners.push_back(world.start({"up"}));
    for (Process& runner : runners) CHECK(runner.wait().status == 0);
    world.sql("DROP TABLE schema_migrations, schema_migrations_log, t1, t2");
  }
}

TEST_CASE("what golang-migrate left dirty is refused with exit 3, and force takes it over") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(2);
  world.sql(std::string(golang_tracker) + "; INSERT INTO schema_migrations VALUES (1, true)");
  const auto refused = world.migrate({"up"});
  CHECK(refused.status == 3);
  CHECK(refused.err == Line{"Error: Database is in dirty state at version 1"});
  const auto status = world.migrate({"status"});
  CHECK(status.status == 0);
  CHECK(status.out == Line{"Database Status: DIRTY"});
  CHECK(status.out == Part{"migrate force 1"});
  CHECK(world.migrate({"force", "-1"}).status == 0);
  CHECK(world.migrate({"up"}).out == "Applied 2 migrations: version none → 2\n");
}

TEST_CASE("our tracker is golang-migrate's to the letter") {
  if (shared_server() == nullptr) return;
  PgWorld ours(*shared_server());
  PgWorld theirs(*shared_server());
  ours.tables(1);
  REQUIRE(ours.migrate({"up"}).status == 0);
  theirs.sql(golang_tracker);
  const std::string columns =
      "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid ="
      " 'schema_migrations'::regclass AND attnum > 0 ORDER BY attnum";
  const std::string constraints =
      "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'schema_migrations'::regclass"
      " ORDER BY 1";
  CHECK(ours.rows(columns) == theirs.rows(columns));
  CHECK(ours.rows(constraints) == theirs.rows(constraints));
  CHECK(ours.rows("SELECT version, dirty FROM schema_migrations LIMIT 1") == std::vector<std::string>{"1|f"});
}

}  // namespace talos::test
