// Files that run without a transaction: what they may do, and what a failure leaves, says and takes to repair.
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"
#include "proxy.hpp"

namespace talos::test {

namespace {

// Version 1 makes a table with a value twice, version 2 wants a unique index on it.
struct Duplicates : PgWorld {
  Duplicates() : PgWorld(*shared_server()) {
    migration(1, "people", "CREATE TABLE people (mail text);\nINSERT INTO people VALUES ('a'), ('a'), ('b');\n",
              "DROP TABLE people;\n");
    migration(2, "unique",
              "-- talos:no-transaction\nCREATE TABLE before (x int);\n"
              "CREATE UNIQUE INDEX CONCURRENTLY people_mail ON people (mail);\nCREATE TABLE after (x int);\n",
              "-- talos:no-transaction\nDROP INDEX CONCURRENTLY people_mail;\n");
  }
};

std::vector<std::string> journal(const PgWorld& world) {
  return world.rows("SELECT statement, statements, state FROM schema_migrations_journal ORDER BY statement");
}

}  // namespace

TEST_CASE("P8: a unique index that fails is named, in the error and in status, and the printed commands repair it") {
  if (shared_server() == nullptr) return;
  Duplicates world;
  const auto failed = world.migrate({"up"});
  CHECK(failed.status == 1);
  CHECK(failed.err == Part{"Applied 000001_people"});
  CHECK(failed.err == Part{"could not create unique index \"people_mail\""});
  CHECK(failed.err == Part{"INVALID index people_mail"});
  CHECK(failed.err == Part{"000002_unique.up.sql:3"});
  CHECK(failed.err == Part{"(statement 2 of 3)"});
  CHECK(failed.err == Part{"23505"});
  CHECK(failed.err == Part{"Key (mail)=(a) is duplicated."});
  CHECK(failed.err == Part{"DROP INDEX CONCURRENTLY people_mail;"});
  CHECK(world.tracker() == "2,true");
  CHECK(world.invalid_indexes() == std::vector<std::string>{"people_mail"});
  CHECK(world.has_table("before"));
  CHECK(!world.has_table("after"));
  CHECK(world.advisory_locks() == "0");

  const auto again = world.migrate({"up"});
  CHECK(again.status == 3);
  CHECK(again.err == Line{"Error: Database is in dirty state at version 2"});
  CHECK(world.migrate({"down"}).status == 3);
  const auto status = world.migrate({"status"});
  CHECK(status.status == 0);
  CHECK(status.out == Line{"Database Status: DIRTY"});
  CHECK(status.out == Part{"done     statement 1 of 3 (line 2): CREATE TABLE before (x int)"});
  CHECK(status.out == Part{"statement 2 of 3 (line 3): CREATE UNIQUE INDEX CONCURRENTLY people_mail"});
  CHECK(status.out == Part{"INVALID index people_mail"});
  CHECK(status.out == Part{"[23505]"});
  CHECK(status.out == Part{"not run  statement 3"});
  CHECK(status.out == Part{"migrate force 2"});
  CHECK(status.out == Part{"migrate force 1"});
  CHECK(world.migrate({"status", "--exit-code"}).status == 3);
  CHECK(world.migrate({"status", "--block"}).status == 3);

  // What it did is undone by hand, as the hint and status say.
  world.sql("DROP INDEX CONCURRENTLY people_mail");
  world.sql("DROP TABLE before; DELETE FROM people");
  CHECK(world.migrate({"force", "1"}).status == 0);
  CHECK(world.migrate({"up"}).out == "Applied 1 migration: version 1 → 2\n");
  CHECK(world.has_table("after"));
  CHECK(world.migrate({"down"}).out == "Rolled back 1 migration: version 2 → 1\n");
  CHECK(world.value("SELECT to_regclass('people_mail')") == "NULL");
}

TEST_CASE("P8: IF NOT EXISTS over an invalid index succeeds on the server, and is not marked clean") {
  if (shared_server() == nullptr) return;
  Duplicates world;
  world.migration(2, "unique",
                  "-- talos:no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS people_mail ON people"
                  " (mail);\n");
  CHECK(world.migrate({"up"}).status == 1);
  CHECK(world.migrate({"force", "1"}).status == 0);
  const auto second = world.migrate({"up"});
  CHECK(second.status == 1);
  CHECK(second.err == Part{"the index people_mail is INVALID"});
  CHECK(second.err == Part{"000002_unique.up.sql:2"});
  CHECK(world.tracker() == "2,true");
  world.sql("DROP INDEX CONCURRENTLY people_mail");
  world.sql("DELETE FROM people");
  CHECK(world.migrate({"force", "1"}).status == 0);
  CHECK(world.migrate({"up"}).status == 0);
}

TEST_CASE("P8: an index without a name, and one that REINDEX leaves behind, are found and named too") {
  if (shared_server() == nullptr) return;
  Duplicates world;
  for (const char* name : {"000002_unique.up.sql", "000002_unique.down.sql"})
    std::filesystem::remove(world.migrations / name);
  world.migration(2, "unnamed", "-- talos:no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY ON people (mail);\n");
  const auto unnamed = world.migrate({"up"});
  CHECK(unnamed.status == 1);
  CHECK(unnamed.err == Part{"DROP INDEX CONCURRENTLY people_mail_idx;"});
  for (const char* name : {"000002_unnamed.up.sql", "000002_unnamed.down.sql"})
    std::filesystem::remove(world.migrations / name);
  CHECK(world.migrate({"force", "1"}).status == 0);
  // The invalid one was there before: not this statement's doing, and REINDEX passes over it.
  world.migration(2, "reindex", "REINDEX TABLE CONCURRENTLY people;\n");
  const auto passed = world.migrate({"up"});
  CHECK(passed.status == 0);
  CHECK(passed.err == Part{"people_mail_idx"});
  world.sql("DROP INDEX people_mail_idx; CREATE INDEX people_mail ON people (mail)");
  world.migration(3, "again", "REINDEX INDEX CONCURRENTLY people_mail;\n");
  PgClient writer = world.client();
  writer.run("BEGIN; INSERT INTO people VALUES ('c')");
  const auto left = world.migrate({"up", "--statement-timeout", "200ms"});
  CHECK(left.status == 1);
  CHECK(left.err == Part{"DROP INDEX CONCURRENTLY people_mail_ccnew;"});
}

TEST_CASE("P8: a DETACH PARTITION CONCURRENTLY cut short half-way is dirty, and names the partition and FINALIZE") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "parts",
                  "CREATE SCHEMA \"S\"; CREATE TABLE \"S\".\"P\" (x int) PARTITION BY RANGE (x);\n"
                  "CREATE TABLE part PARTITION OF \"S\".\"P\" FOR VALUES FROM (1) TO (2);\n");
  world.migration(2, "detach", "ALTER TABLE IF EXISTS \"S\".\"P\" DETACH PARTITION Part CONCURRENTLY;\n");
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  PgClient reader = world.client();
  reader.run("BEGIN; SELECT count(*) FROM \"S\".\"P\"");
  const auto failed = world.migrate({"up", "--statement-timeout", "300ms"});
  CHECK(failed.status == 1);
  CHECK(failed.err == Part{"it left the partition part half detached"});
  CHECK(failed.err == Part{"ALTER TABLE \"S\".\"P\" DETACH PARTITION part FINALIZE;"});
  CHECK(world.tracker() == "2,true");
  CHECK(world.migrate({"status"}).out == Part{"the partition part half detached"});
  CHECK(world.migrate({"up"}).status == 3);
  // Tried anew as it stands, it fails at once and leaves nothing of its own: clean.
  REQUIRE(world.migrate({"force", "1"}).status == 0);
  const auto again = world.migrate({"up"});
  CHECK(again.status == 1);
  CHECK(again.err != Part{"it left"});
  CHECK(world.tracker() == "1,false");
  reader.run("COMMIT");
  world.sql("ALTER TABLE \"S\".\"P\" DETACH PARTITION part FINALIZE");
  CHECK(world.migrate({"force", "2"}).status == 0);
}

TEST_CASE("G8: a lone CREATE INDEX CONCURRENTLY or VACUUM amid comments runs without the directive, with a note") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.migration(2, "index", "\n/* as golang-migrate had it */\n-- one\nCREATE INDEX CONCURRENTLY i ON t1 (x); -- end",
                  "DROP INDEX CONCURRENTLY i");
  world.migration(3, "vacuum", "VACUUM ANALYZE t1;\n");
  world.migration(4, "reindex", "REINDEX INDEX CONCURRENTLY i");
  world.migration(5, "enum", "CREATE TYPE mood AS ENUM ('low')");
  world.migration(6, "detach",
                  "CREATE TABLE p (x int) PARTITION BY RANGE (x); CREATE TABLE p1 PARTITION OF p DEFAULT;\n"
                  "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1) TO (2);\nDROP TABLE p1;");
  world.migration(7, "detach2", "ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY");
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err == Part{"000002_index"});
  CHECK(up.err == Part{"Note: "});
  CHECK(up.err == Part{"without a transaction"});
  CHECK(world.tracker() == "7,false");
  CHECK(world.invalid_indexes().empty());
  CHECK(world.migrate({"down", "--to", "1"}).status == 0);
}

TEST_CASE("G8: CONCURRENTLY beside another statement is refused before anything runs, with file, line and directive") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  const std::vector<std::string> alone{"CREATE INDEX CONCURRENTLY i ON t1 (x)",
                                       "DROP INDEX CONCURRENTLY i",
                                       "VACUUM",
                                       "VACUUM t1",
                                       "REINDEX TABLE CONCURRENTLY t1",
                                       "REINDEX (CONCURRENTLY) INDEX i",
                                       "CREATE DATABASE d",
                                       "DROP DATABASE d",
                                       "ALTER SYSTEM SET work_mem = '1MB'",
                                       "REINDEX DATABASE d",
                                       "CREATE TABLESPACE s LOCATION '/s'",
                                       "DISCARD ALL",
                                       "ALTER DATABASE d SET TABLESPACE s",
                                       "CLUSTER",
                                       "DROP TABLESPACE s"};
  for (const std::string& statement : alone) {
    CAPTURE(statement);
    world.migration(2, "mixed", "ALTER TABLE t1 ADD y int;\n\n" + statement + ";\n");
    const auto refused = world.migrate({"up"});
    CHECK(refused.status == 2);
    CHECK(refused.err == Part{"000002_mixed.up.sql:3"});
    CHECK(refused.err == Part{"-- talos:no-transaction"});
  }
  CHECK(!world.has_table("t1"));
  world.migration(2, "mixed",
                  "-- talos:no-transaction\nALTER TABLE t1 ADD y int;\nVACUUM t1;\nCLUSTER;\nDISCARD ALL;\n");
  CHECK(world.migrate({"up"}).status == 0);
}

TEST_CASE("a journal row for each statement, one for a group; a failing group is undone whole") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(
      1, "steps",
      "-- talos:no-transaction\nCREATE TABLE a (x int);\n"
      "BEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE b (x int);\n"
      "CREATE TABLE level AS SELECT current_setting('transaction_isolation') AS level;\nCOMMIT;\n"
      "BEGIN;\nCREATE TABLE c (x int);\nINSERT INTO missing VALUES (1);\nCOMMIT;\nCREATE TABLE d (x int);\n");
  const auto failed = world.migrate({"up"});
  CHECK(failed.status == 1);
  CHECK(failed.err == Part{"000001_steps.up.sql:9:13"});
  CHECK(failed.err == Part{"relation \"missing\" does not exist"});
  CHECK(world.value("SELECT level FROM level") == "serializable");
  CHECK(world.has_table("b"));
  CHECK(!world.has_table("c"));
  const auto rows = journal(world);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == Part{"|done"});
  CHECK(rows[1] == Part{"|done"});
  CHECK(rows[2] == Part{"|failed"});
  CHECK(world.migrate({"status"}).out == Part{"42P01"});
  CHECK(world.migrate({"force", "-1"}).status == 0);
  CHECK(world.migrate({"status"}).out != Part{"did not finish"});
}

TEST_CASE("a group with a ROLLBACK, and one that is not closed, are refused: exit 2, file and line") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  for (const char* body : {"BEGIN;\nCREATE TABLE a (x int);\nROLLBACK;\n", "BEGIN;\nCREATE TABLE a (x int);\n",
                           "COMMIT;\n", "BEGIN;\nBEGIN;\nCOMMIT;\n", "BEGIN;\nCOMMIT AND CHAIN;\n",
                           "BEGIN;\nPREPARE TRANSACTION 'x';\n", "BEGIN;\nVACUUM;\nCOMMIT;\n"}) {
    CAPTURE(body);
    world.migration(1, "group", std::string("-- talos:no-transaction\nCREATE TABLE z (x int);\n") + body);
    const auto refused = world.migrate({"up"});
    CHECK(refused.status == 2);
    CHECK(refused.err == Part{"000001_group.up.sql:"});
    CHECK(!world.has_table("z"));
  }
}

TEST_CASE("G6, P5: what a file sets holds for its later statements, and our own rows are not written under it") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const std::string role = "weak_" + world.database;
  world.sql("CREATE ROLE " + role + "; CREATE SCHEMA elsewhere AUTHORIZATION " + role);
  world.migration(1, "sets",
                  "-- talos:no-transaction\nSET search_path = elsewhere;\nSET ROLE " + role +
                      ";\nCREATE TABLE here (x int);\nCREATE INDEX CONCURRENTLY here_x ON here (x);\n"
                      "SET default_transaction_read_only = on;\nSELECT 1;\nSET standard_conforming_strings = off;\n"
                      "SET SESSION AUTHORIZATION " +
                      role + ";\nSET statement_timeout = 5000;\nSET synchronous_commit = off;\nSELECT E'\\'';\n");
  world.migration(2, "fresh",
                  "CREATE TABLE fresh AS SELECT current_user::text AS who, session_user::text AS really,"
                  " current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout,"
                  " current_setting('standard_conforming_strings') AS strings;\n");
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err != Part{"rror"});
  CHECK(world.tracker() == "2,false");
  CHECK(world.value("SELECT tableowner FROM pg_tables WHERE tablename = 'here' AND schemaname = 'elsewhere'") == role);
  CHECK(world.rows("SELECT * FROM fresh") == std::vector<std::string>{"postgres|postgres|\"$user\", public|0|on"});
  CHECK(world.value("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'schema_migrations%' AND schemaname <>"
                    " 'public'") == "0");
  world.sql("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST_CASE("G18: a password in a statement is neither kept in the journal nor shown by status") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const std::string role = "role_" + world.database;
  world.migration(1, "role",
                  "-- talos:no-transaction\nCREATE ROLE " + role +
                      " PASSWORD 'hid''den';\nALTER ROLE missing PASSWORD $$hidden$$;\n");
  CHECK(world.migrate({"up"}).status == 1);
  CHECK(world.rows("SELECT text FROM schema_migrations_journal ORDER BY statement") ==
        std::vector<std::string>{"CREATE ROLE " + role + " PASSWORD ***", "ALTER ROLE missing PASSWORD ***"});
  for (const char* format : {"text", "json"}) {
    const auto status = world.migrate({"status", "--format", format});
    CHECK(status.out == Part{"PASSWORD ***"});
    CHECK(status.out != Part{"hid"});
  }
  world.sql("DROP ROLE " + role);
}

// SIGTERM during a statement; its cancel request is held up on its way until the next message waits for a lock.
// `arrives` lets the request through.
void cancel_late(std::chrono::milliseconds longest_wait, bool hits,
                 const std::function<void(Proxy&, PgClient&)>& arrives) {
  PgWorld world(*shared_server());
  Proxy proxy(world.server.port());
  world.dsn = world.server.dsn(world.database, proxy.port()) + "?sslmode=disable";
  world.migration(1, "gate", "CREATE TABLE gate (x int);\n");
  world.migration(2, "waits",
                  "-- talos:no-transaction\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON gate (x);\nSELECT 2;\n");
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  PgClient holder = world.client();
  holder.run("BEGIN; INSERT INTO gate VALUES (1)");
  Process runner = world.start({"up", "--ddl-lock-timeout", "0"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
  proxy.hold_cancel_requests(true);
  runner.signal(SIGTERM);
  REQUIRE(eventually([&] { return proxy.cancel_requests() == 1; }));
  // What it writes next about the statement has to wait.
  PgClient journal = world.client();
  journal.run("BEGIN; LOCK TABLE schema_migrations_journal");
  holder.run("COMMIT");
  CHECK(eventually([&] { return waits_for_table(observer, "schema_migrations_journal"); }, longest_wait) == hits);
  arrives(proxy, observer);
  CHECK(!eventually([&] { return !runner.running(); }, std::chrono::milliseconds(300)));
  journal.run("COMMIT");
  const auto stopped = runner.wait();
  CHECK(stopped.status == 128 + SIGTERM);
  CHECK(stopped.err != Part{"could not be recorded"});
  CHECK(stopped.err != Part{"57014"});
  CHECK(world.value("SELECT count(*) FROM schema_migrations_log WHERE failed AND version = 2") == "1");
  CHECK(world.tracker() == "2,true");
}

void let_go(Proxy& proxy, PgClient& /*observer*/) { proxy.hold_cancel_requests(false); }

TEST_CASE("a cancel request that comes late is waited for before anything else is sent that it might hit") {
  if (shared_server() != nullptr) cancel_late(std::chrono::milliseconds(1'500), false, let_go);
}

TEST_CASE("a cancel request that comes later than anybody waits hits our own message, which is then sent once more") {
  if (shared_server() != nullptr) cancel_late(std::chrono::seconds(20), true, let_go);
}

TEST_CASE("a late cancel request has two signals: the message that the first hit is not sent again before the second") {
  if (shared_server() == nullptr) return;
  cancel_late(std::chrono::seconds(20), true, [](Proxy& proxy, PgClient& observer) {
    REQUIRE(observer.value("SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted AND relation ="
                           " 'schema_migrations_journal'::regclass") == "t");
    REQUIRE(eventually([&] { return !waits_for_table(observer, "schema_migrations_journal"); }));
    CHECK(!eventually([&] { return waits_for_table(observer, "schema_migrations_journal"); },
                      std::chrono::milliseconds(1'000)));
    proxy.hold_cancel_requests(false);
  });
}

TEST_CASE("P8: a role's lock_timeout and --ddl-lock-timeout do not hit CONCURRENTLY") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.migration(2, "index", "CREATE INDEX CONCURRENTLY i ON t1 (x);\n");
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  world.sql("ALTER DATABASE " + world.database + " SET lock_timeout = '50ms'");
  PgClient writer = world.client();
  writer.run("BEGIN; INSERT INTO t1 VALUES (1)");
  Process runner = world.start({"up", "--ddl-lock-timeout", "50ms"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
  CHECK(!eventually([&] { return !runner.running(); }, std::chrono::milliseconds(500)));
  writer.run("COMMIT");
  CHECK(runner.wait().status == 0);
  CHECK(world.invalid_indexes().empty());
}

TEST_CASE(
    "--statement-timeout ends a statement of a no-transaction file; SIGTERM cancels it and names what it leaves") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.migration(2, "index", "CREATE INDEX CONCURRENTLY i ON t1 (x);\n");
  REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
  PgClient writer = world.client();
  writer.run("BEGIN; INSERT INTO t1 VALUES (1)");
  const auto late = world.migrate({"up", "--statement-timeout", "200ms"});
  CHECK(late.status == 1);
  CHECK(late.err == Part{"--statement-timeout"});
  CHECK(late.err == Part{"INVALID index i"});
  CHECK(world.tracker() == "2,true");
  writer.run("COMMIT; DROP INDEX i; BEGIN; INSERT INTO t1 VALUES (1)");
  CHECK(world.migrate({"force", "1"}).status == 0);

  Process runner = world.start({"up"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits(observer, "CREATE INDEX CONCURRENTLY"); }));
  runner.signal(SIGTERM);
  const auto stopped = runner.wait();
  CHECK(stopped.status == 128 + SIGTERM);
  CHECK(stopped.err == Part{"INVALID index i"});
  CHECK(world.migrate({"status"}).out == Part{"INVALID index i"});
  CHECK(world.advisory_locks() == "0");
}

}  // namespace talos::test
