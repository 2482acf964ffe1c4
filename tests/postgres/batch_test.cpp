// Many migrations in one message (P6): each is a transaction of its own, and what is said of each is true.
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"
#include "proxy.hpp"

namespace talos::test {

namespace {

long turns_of_up(PgWorld& world) {
  const Proxy proxy(world.server.port());
  world.dsn = world.server.dsn(world.database, proxy.port());
  const auto result = world.migrate({"up"});
  INFO(result.err);
  REQUIRE(result.status == 0);
  world.dsn = world.server.dsn(world.database);
  return proxy.counts().turns;
}

std::vector<std::string> history(const PgWorld& world) {
  return world.rows("SELECT action, version, failed FROM schema_migrations_log ORDER BY id");
}

}  // namespace

TEST_CASE("P6: the turns of a run do not grow with the number of its migrations") {
  if (shared_server() == nullptr) return;
  PgWorld one(*shared_server());
  one.tables(1);
  PgWorld many(*shared_server());
  many.tables(60);
  CHECK(turns_of_up(many) == turns_of_up(one));
  CHECK(many.tracker() == "60,false");
  // Each is a transaction of its own, with a beginning and a duration of its own.
  CHECK(many.value("SELECT count(DISTINCT xmin::text) FROM schema_migrations_log") == "60");
  CHECK(many.value("SELECT count(*) FROM (SELECT started_at, lag(started_at) OVER (ORDER BY id) AS before FROM"
                   " schema_migrations_log) AS log WHERE started_at <= before") == "0");
  CHECK(many.value("SELECT count(*) FROM schema_migrations_log WHERE duration_us <= 0") == "0");
}

TEST_CASE("S4: a statement outside of a transaction costs two turns: its own, and that of the message that goes on") {
  if (shared_server() == nullptr) return;
  const auto turns_with = [](int indexes) {
    PgWorld world(*shared_server());
    for (int i = 1; i <= 12; ++i) {
      const std::string n = std::to_string(i);
      const bool index = i > 2 && i <= 2 + indexes;
      world.migration(
          i, "m" + n,
          index ? "CREATE INDEX CONCURRENTLY i" + n + " ON t1 (x);\n" : "CREATE TABLE t" + n + " (x int);\n");
    }
    const long turns = turns_of_up(world);
    CHECK(world.tracker() == "12,false");
    CHECK(world.invalid_indexes().empty());
    // Each is told with the time that all of it took.
    CHECK(world.value("SELECT count(*) FROM schema_migrations_log WHERE started_at > now() OR duration_us <= 0") ==
          "0");
    return turns;
  };
  const long without = turns_with(0);
  CHECK(without <= 10);
  CHECK(turns_with(1) == without + 2);
  CHECK(turns_with(5) == without + 10);
}

TEST_CASE("P2: golang-migrate's keys are free while a statement outside of a transaction runs, and not afterwards") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.migration(2, "index", "CREATE INDEX CONCURRENTLY i ON t1 (x);\n");
  world.migration(3, "row", "INSERT INTO t3 VALUES (1);\n");
  REQUIRE(world.migrate({"up", "--to", "1"}).status == 0);
  world.sql("CREATE TABLE t3 (x int)");
  PgClient writer = world.client();
  writer.run("BEGIN; INSERT INTO t1 VALUES (1)");
  PgClient locker = world.client();
  locker.run("BEGIN; LOCK TABLE t3");
  Process runner = world.start({"up"});
  const auto count = [&](const std::string& from) { return world.value("SELECT count(*) FROM " + from); };
  REQUIRE(eventually([&] { return count("pg_stat_progress_create_index") == "1"; }));
  CHECK(world.advisory_locks() == "1");
  writer.run("COMMIT");
  REQUIRE(eventually([&] { return count("pg_locks WHERE NOT granted AND relation = 't3'::regclass") == "1"; }));
  CHECK(world.advisory_locks() == "3");
  locker.run("COMMIT");
  CHECK(runner.wait().status == 0);
  CHECK(world.advisory_locks() == "0");
}

TEST_CASE(
    "G6: an event trigger that changes the session with plain DDL reaches neither the next file nor our own rows") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const char* const trigger =
      "CREATE SCHEMA other;\n"
      "CREATE FUNCTION strange() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN\n"
      "  PERFORM set_config('search_path', 'other', false); END $$;\n"
      "CREATE EVENT TRIGGER strange ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION strange();\n";
  std::string first = trigger;
  bool before = false;
  SUBCASE("it was there before") { before = true; }
  SUBCASE("a file of the same run made it") {}
  SUBCASE("a file whose role may become a superuser did so and made it") {
    first = std::string("SET ROLE postgres;\n") + trigger;
    world.dsn = shared_server()->create_role("climber", world.database);
    world.sql("GRANT postgres TO climber; GRANT CREATE ON SCHEMA public TO climber");
  }
  world.migration(0, "nothing", "");
  REQUIRE(world.migrate({"up"}).status == 0);
  if (before)
    world.sql(trigger);
  else
    world.migration(1, "trigger", first);
  for (int i = 2; i <= 5; ++i)
    world.migration(i, "t" + std::to_string(i), "CREATE TABLE t" + std::to_string(i) + " (x int);\n");
  const auto up = world.migrate({"up"});
  INFO(up.err);
  CHECK(up.status == 0);
  CHECK(world.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename ~ '^t[2-5]$'") == "4");
  world.sql("DROP EVENT TRIGGER strange");
}

TEST_CASE("P6: what fails in the middle of a message is named, all before it stays, nothing after it ran") {
  if (shared_server() == nullptr) return;
  for (const auto& [wrong, says] : {std::pair{"CREATE TABLE mine (x int);\nSELECT 'é', nowhere;\n", ":2:14"},
                                    std::pair{"CREATE TABLE mine (x int);\nINSERT INTO t1 VALUES ('x');\n", ":2:24"},
                                    // The server reads the whole message before it begins: not even the first ran.
                                    std::pair{"CREATE TABLE mine (x int);\nSELEC 'é';\n", ":2:1"},
                                    std::pair{"CREATE TABLE mine (x int);\nCREATE TABLE other (\n", ":3:1"},
                                    std::pair{"CREATE TABLE mine (x int);\nSELECT 1/0;\n", ":2:1 "}}) {
    CAPTURE(wrong);
    PgWorld world(*shared_server());
    world.tables(9);
    world.migration(6, "t6", wrong);
    const auto failed = world.migrate({"up"});
    INFO(failed.err);
    CHECK(failed.status == 1);
    CHECK(failed.err == Part{std::string("000006_t6.up.sql") + says});
    CHECK(failed.err == Part{"Applied 000005_t5"});
    CHECK(failed.err != Part{"Applied 000006"});
    CHECK(failed.err != Part{"connected again"});
    CHECK(world.tracker() == "5,false");
    CHECK(world.has_table("t5"));
    CHECK(!world.has_table("mine"));
    CHECK(!world.has_table("t7"));
    CHECK(history(world) == std::vector<std::string>{"up|1|f", "up|2|f", "up|3|f", "up|4|f", "up|5|f", "up|6|t"});
    world.migration(6, "t6", "CREATE TABLE t6 (x int);\n");
    CHECK(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "9,false");
  }
}

TEST_CASE("P6: each migration is told as soon as it is committed, while a later one of the message still runs") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(6);
  world.migration(5, "t5", "SELECT pg_advisory_xact_lock(77);\n");
  PgClient blocker = world.client();
  blocker.run("SELECT pg_advisory_lock(77)");
  Process runner = world.start({"up", "--ddl-lock-timeout", "0", "--durable", "each"});
  runner.wait_for_output("Applied 000004_t4");
  CHECK(world.tracker() == "4,false");
  CHECK(runner.running());
  blocker.run("SELECT pg_advisory_unlock(77)");
  CHECK(runner.wait().status == 0);
  CHECK(world.tracker() == "6,false");
}

TEST_CASE("P6, P9: a lock that is not to be had in the middle of a message is tried for again from there") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(8);
  world.migration(5, "t5", "ALTER TABLE t1 ADD COLUMN y int;\n");
  REQUIRE(world.migrate({"up", "--to", "1"}).status == 0);
  PgClient blocker = world.client();
  blocker.run("BEGIN; SELECT * FROM t1");
  Process runner = world.start({"up", "--ddl-lock-timeout", "300ms", "--ddl-lock-retries", "100"});
  runner.wait_for_output("attempt 2 of 101");
  runner.wait_for_output("attempt 3 of 101");
  CHECK(world.tracker() == "4,false");
  blocker.run("ROLLBACK");
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(world.tracker() == "8,false");
  CHECK(world.value("SELECT count(*) FROM schema_migrations_log") == "8");
}

TEST_CASE("P6: a stop in the middle of a message keeps what is committed, and says so: exit 130") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(8);
  world.migration(5, "t5", "SELECT pg_sleep(1000);\n");
  Process runner = world.start({"up"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] {
    return observer.value(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname ="
               " current_database()") == "1";
  }));
  runner.signal(SIGINT);
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 130);
  CHECK(result.err == Part{"Applied 000004_t4"});
  CHECK(world.tracker() == "4,false");
  CHECK(world.migrate({"status"}).out == Part{"clean"});
}

TEST_CASE("P6: a connection that breaks in the middle of a message: what is said of the database is what is there") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(8);
  world.migration(5, "t5", "SELECT pg_advisory_xact_lock(78);\n");
  PgClient blocker = world.client();
  blocker.run("SELECT pg_advisory_lock(78)");
  Process runner = world.start({"up", "--ddl-lock-timeout", "0"});
  PgClient observer = world.client();
  const std::string waiting =
      "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
  REQUIRE(eventually([&] { return !observer.value(waiting).empty(); }));
  observer.run("SELECT pg_terminate_backend((" + waiting + "))");
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 5);
  CHECK(result.err == Part{"000005_t5.up.sql"});
  CHECK(result.err == Part{"the database is at version 4, clean"});
  CHECK(world.tracker() == "4,false");
}

TEST_CASE("P6: a large migration among small ones, and more of them than one message holds") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const std::string filler = "-- " + std::string(100'000, 'x') + "\n";
  for (int i = 1; i <= 12; ++i)
    world.migration(i, "t", filler + "CREATE TABLE t" + std::to_string(i) + " (x int);\n",
                    filler + "DROP TABLE t" + std::to_string(i) + ";\n");
  world.migration(6, "t", "CREATE TABLE t6 AS SELECT '" + std::string(2'000'000, 'y') + "' AS x;\n",
                  "DROP TABLE t6;\n");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "12,false");
  CHECK(world.value("SELECT count(*) FROM schema_migrations_log") == "12");
  CHECK(world.migrate({"down", "--steps", "12"}).status == 0);
  CHECK(world.tracker() == "none");
}

}  // namespace talos::test
