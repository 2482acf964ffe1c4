// A statement that must wait for a table's lock gives up its place in the queue and comes back (P9); timeouts; P7.
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"

namespace talos::test {

namespace {

// Version 1 made table `busy`, on which somebody's transaction sits; version 2 alters it.
struct Blocked : PgWorld {
  Blocked() : PgWorld(*shared_server()) {
    migration(1, "busy", "CREATE TABLE busy (x int);\n");
    migration(2, "alter", "CREATE TABLE first (x int);\nALTER TABLE busy ADD COLUMN y int;\n");
    REQUIRE(migrate({"up", "--steps", "1"}).status == 0);
    blocker.emplace(server.dsn(database) + "?application_name=nightly-report");
    blocker->run("BEGIN; SELECT count(*) FROM busy WHERE $tag$hidden$tag$ <> 'secret' AND E'a\\'veiled' <> ''");
  }
  std::optional<PgClient> blocker;
};

}  // namespace

TEST_CASE("P9: readers queued behind a blocked ALTER are served while the blocker still holds, and it succeeds later") {
  if (shared_server() == nullptr) return;
  Blocked world;
  Process runner = world.start({"up", "--ddl-lock-timeout", "600ms", "--ddl-lock-retries", "100"});
  PgClient observer = world.client();
  PgClient reader = world.client();
  for (int round = 0; round < 2; ++round) {
    REQUIRE(eventually([&] { return waits_for_table(observer, "busy"); }));
    reader.send("SELECT count(*) FROM busy");
    CHECK(reader.finish() == std::vector<std::string>{"0"});
    CHECK(world.blocker->transaction_status() == 'T');
    CHECK(runner.running());
  }
  runner.wait_for_output("nightly-report");
  world.blocker->run("COMMIT");
  const auto result = runner.wait();
  CHECK(result.status == 0);
  CHECK(result.err == Part{"attempt 2 of 101"});
  CHECK(result.err == Part{"pid " + std::to_string(world.blocker->backend_pid()) + " (nightly-report, user postgres)"});
  CHECK(result.err != Part{"secret"});
  CHECK(result.err != Part{"hidden"});
  CHECK(result.err != Part{"veiled"});
  CHECK(world.tracker() == "2,false");
  CHECK(world.rows("SELECT action, version, error IS NULL OR error = '' FROM schema_migrations_log ORDER BY id") ==
        std::vector<std::string>{"up|1|t", "up|2|t"});
}

TEST_CASE("P9: retries spent: exit 1, the blocker named, the place shown, nothing left of the attempts, clean") {
  if (shared_server() == nullptr) return;
  Blocked world;
  const auto result = world.migrate({"up", "--ddl-lock-timeout", "1500ms", "--ddl-lock-retries", "1"});
  CHECK(result.status == 1);
  CHECK(result.err == Part{"lock timeout"});
  CHECK(result.err == Part{"tried 2 times"});
  CHECK(result.err == Part{"pid " + std::to_string(world.blocker->backend_pid()) + " (nightly-report, user postgres)"});
  CHECK(result.err == Part{"000002_alter.up.sql:2"});
  CHECK(result.err == Part{"ALTER TABLE busy"});
  CHECK(result.err == Part{"55P03"});
  CHECK(result.err == Part{"--ddl-lock-timeout"});
  CHECK(result.err != Part{"secret"});
  CHECK(result.err != Part{"hidden"});
  CHECK(result.err != Part{"veiled"});
  CHECK(world.tracker() == "1,false");
  CHECK(!world.has_table("first"));
  const auto status = world.migrate({"status"});
  CHECK(status.out == Line{"Database Status: clean"});
  CHECK(status.out == Part{"Last failure: 000002_alter.up.sql:2, statement 2"});
  CHECK(world.value(
            "SELECT count(*) FROM schema_migrations_log WHERE error LIKE '%secret%' OR error LIKE '%hidden%'") == "0");
  CHECK(world.advisory_locks() == "0");
}

TEST_CASE("P9: SIGTERM between two attempts, and within one, ends it at once with nothing done") {
  if (shared_server() == nullptr) return;
  Blocked world;
  Process pausing = world.start({"up", "--ddl-lock-timeout", "10ms"});
  pausing.wait_for_output("attempt 4 of");
  pausing.signal(SIGTERM);
  CHECK(pausing.wait().status == 128 + SIGTERM);
  Process queuing = world.start({"up", "--ddl-lock-timeout", "1m"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits_for_table(observer, "busy"); }));
  queuing.signal(SIGINT);
  CHECK(queuing.wait().status == 128 + SIGINT);
  CHECK(world.tracker() == "1,false");
  CHECK(!waits_for_table(observer, "busy"));
  CHECK(world.advisory_locks() == "0");
}

TEST_CASE("P9: --ddl-lock-timeout 0 waits for as long as it takes") {
  if (shared_server() == nullptr) return;
  Blocked world;
  Process runner = world.start({"up", "--ddl-lock-timeout", "0"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits_for_table(observer, "busy"); }));
  world.blocker->run("COMMIT");
  CHECK(runner.wait().status == 0);
}

TEST_CASE("a deadlock with somebody else is tried again, not reported") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.sql("CREATE TABLE one (x int); CREATE TABLE two (x int)");
  world.sql("ALTER DATABASE " + world.database + " SET deadlock_timeout = '50ms'");
  world.migration(1, "both", "LOCK TABLE one;\nLOCK TABLE two;\nALTER TABLE two ADD y int;\n");
  PgClient other = world.client();
  other.run("SET deadlock_timeout = '30s'; BEGIN; LOCK TABLE two");
  Process runner = world.start({"up", "--ddl-lock-timeout", "30s"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits_for_table(observer, "two"); }));
  other.send("LOCK TABLE one; COMMIT");
  other.finish();
  const auto result = runner.wait();
  CHECK(result.status == 0);
  CHECK(result.err == Part{"deadlock"});
  CHECK(world.tracker() == "1,false");
}

TEST_CASE("--statement-timeout and the DSN's x-statement-timeout end a statement: exit 1, clean, the option named") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "slow", "CREATE TABLE early (x int);\nSELECT pg_sleep(60);\n");
  const auto by_option = world.migrate({"up", "--statement-timeout", "200ms"});
  CHECK(by_option.status == 1);
  CHECK(by_option.err == Part{"000001_slow.up.sql:2"});
  CHECK(by_option.err == Part{"--statement-timeout"});
  CHECK(by_option.err == Part{"57014"});
  CHECK(!world.has_table("early"));
  world.dsn += "?x-statement-timeout=200";
  const auto by_dsn = world.migrate({"up"});
  CHECK(by_dsn.status == 1);
  CHECK(by_dsn.err == Part{"statement timeout"});
  CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
}

TEST_CASE("P7: with synchronous_commit off by default, a run's last commit is on") {
  const auto installation = postgres_or_skip();
  if (!installation) return;
  PostgresServer server(*installation, {"fsync=off"});
  PgWorld world(server);
  world.sql("ALTER DATABASE " + world.database + " SET synchronous_commit = off");
  world.migration(1, "notes",
                  "SET synchronous_commit = off;\nCREATE TABLE how (x text);\n"
                  "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  "  INSERT INTO public.how VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;\n"
                  "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON schema_migrations_log"
                  "  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.note();\n");
  // The trigger speaks at COMMIT, under what is in force then.
  world.migration(2, "second", "ALTER FUNCTION note() SET search_path = public;\nSET synchronous_commit TO off;\n");
  const auto up = world.migrate({"up"});
  INFO(up.err);
  REQUIRE(up.status == 0);
  const auto how = world.rows("SELECT x FROM how");
  REQUIRE(!how.empty());
  CHECK(how.back() == "on");
  CHECK(world.migrate({"down"}).status == 0);
  CHECK(world.rows("SELECT x FROM how").back() == "on");
  CHECK(world.migrate({"force", "2"}).status == 0);
  CHECK(world.rows("SELECT x FROM how").back() == "on");
}

}  // namespace talos::test
