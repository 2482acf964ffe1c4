// The double's own devices: faults, jobs, locks, sessions, and its refusal to judge what it does not know.
#include <algorithm>
#include <array>
#include <string>

#include <libpq-fe.h>

#include "crdb_world.hpp"

namespace talos::test {
namespace {

using What = CrdbFault::What;

std::function<bool(const CrdbStatement&)> says(std::string text) {
  return [text = std::move(text)](const CrdbStatement& statement) {
    return statement.sql.find(text) != std::string::npos;
  };
}

// A client whose session has what a careful migrator sets.
PgClient careful(const CrdbWorld& world) {
  PgClient client = world.client();
  if (world.crdb.profile() >= CrdbProfile::v24_3) client.run("SET autocommit_before_ddl = off");
  client.run("SET strict_ddl_atomicity = on");
  if (world.crdb.profile() >= CrdbProfile::v26_1) client.run("SET create_table_with_schema_locked = off");
  return client;
}

bool job_held(const CrdbDouble& crdb) {
  const auto jobs = crdb.jobs();
  return std::any_of(jobs.begin(), jobs.end(), [](const CrdbJob& job) { return job.held; });
}

std::string last_state(const CrdbDouble& crdb) { return crdb.jobs().empty() ? "" : crdb.jobs().back().state; }

TEST_CASE("every profile says which release it is, and knows its variables") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  for (const CrdbProfile profile : all_crdb_profiles) {
    CAPTURE(profile_name(profile));
    CrdbWorld world(*server, profile);
    PgClient client = world.client();
    const std::string release = "v" + std::string(profile_name(profile)) + ".";
    const char* told = PQparameterStatus(client.raw(), "crdb_version");
    REQUIRE(told != nullptr);
    CHECK(std::string(told).find(release) != std::string::npos);
    CHECK(client.value("SELECT version()") == told);
    CHECK(client.value("SHOW crdb_version") == told);
    CHECK(client.value("SELECT current_setting('crdb_version', true)") == told);
    CHECK(client.value("SHOW CLUSTER SETTING version") == profile_name(profile));
    CHECK(state_of(client, "SHOW autocommit_before_ddl") == (profile < CrdbProfile::v24_3 ? "42704" : ""));
    CHECK(state_of(client, "SET allow_unsafe_internals = on") == (profile < CrdbProfile::v26_1 ? "42704" : ""));
    CHECK(client.value("SHOW strict_ddl_atomicity") == "off");
    CHECK(world.crdb.not_modelled().empty());
  }
}

TEST_CASE("a setting may be given at the start, and one made in a transaction goes with it") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client(world.dsn() +
                  "&application_name=someone&options=-c%20autocommit_before_ddl%3Doff%20-c%20lock_timeout%3D5s");
  CHECK(client.value("SHOW autocommit_before_ddl") == "off");
  CHECK(client.value("SHOW lock_timeout") == "5s");
  CHECK(client.value("SHOW application_name") == "someone");
  for (const char* name : {"client_encoding", "standard_conforming_strings", "crdb_version", "server_version"})
    CHECK(PQparameterStatus(client.raw(), name) != nullptr);
  client.run("BEGIN; SET autocommit_before_ddl = on; ROLLBACK");
  CHECK(client.value("SHOW autocommit_before_ddl") == "off");
  client.run("RESET autocommit_before_ddl");
  CHECK(client.value("SHOW autocommit_before_ddl") == "on");
}

TEST_CASE("RESET ALL gives every setting its value of the login") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client(world.dsn() +
                  "&application_name=someone&options=-c%20autocommit_before_ddl%3Doff%20-c%20lock_timeout%3D5s");
  client.run(
      "SET autocommit_before_ddl = on; SET strict_ddl_atomicity = on; SET lock_timeout = '1s'; SET search_path = x");
  client.run("RESET ALL");
  for (const auto& [name, value] :
       std::array{std::pair{"autocommit_before_ddl", "off"}, std::pair{"strict_ddl_atomicity", "off"},
                  std::pair{"lock_timeout", "5s"}, std::pair{"application_name", "someone"}}) {
    CAPTURE(name);
    CHECK(client.value(std::string("SHOW ") + name) == value);
    CHECK(client.value("SELECT current_setting('" + std::string(name) + "')") == value);
  }
  CHECK(client.value("SELECT current_schema()") == "public");
  CHECK(client.value("SHOW default_transaction_isolation") == "serializable");
  CHECK(client.value("SHOW timezone") == "UTC");
}

TEST_CASE("types have CockroachDB's meaning") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = world.client();
  client.run("CREATE TABLE t (a INT PRIMARY KEY, b STRING, c BYTES, d JSON, e SERIAL, f INT4, g TIMESTAMPTZ, h UUID)");
  CHECK(
      world.rows("SELECT data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position") ==
      Lines{"bigint", "text", "bytea", "jsonb", "bigint", "integer", "timestamp with time zone", "uuid"});
  CHECK(client.value("SELECT 'x'::STRING") == "x");
  client.run("INSERT INTO t (a) VALUES (1)");
  CHECK(client.value("SELECT e > 0 FROM t") == "t");
}

TEST_CASE("what it cannot judge it refuses loudly and remembers") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = world.client();
  for (const char* sql :
       {"DO $$ BEGIN END $$", "UPSERT INTO t VALUES (1)", "SHOW TABLES", "SELECT * FROM crdb_internal.ranges",
        "COPY t FROM STDIN", "PREPARE p AS SELECT 1", "BEGIN; SAVEPOINT cockroach_restart"}) {
    CAPTURE(sql);
    CHECK(message_of(client, sql).find("not modelled") != std::string::npos);
  }
  CHECK(world.crdb.not_modelled().size() == 7);
  // What is wrong anywhere is not among it.
  client.run("ROLLBACK");
  CHECK(state_of(client, "SELEC 1") == "42601");
  CHECK(state_of(client, "SET @@session.transaction_read_only = 1") == "42601");
  CHECK(world.crdb.not_modelled().size() == 7);
}

TEST_CASE("40001 leaves nothing behind, whether a statement or COMMIT gets it, with either TxStatus") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = careful(world);
  client.run("CREATE TABLE t (x INT)");
  world.crdb.add({.what = What::retry, .matches = says("INSERT")});
  CHECK(state_of(client, "INSERT INTO t VALUES (1)") == "40001");
  CHECK(client.transaction_status() == 'I');

  for (const char status : {'I', 'E'}) {
    world.crdb.add({.what = What::retry, .matches = says("COMMIT"), .status_after_commit = status});
    client.run("BEGIN; INSERT INTO t VALUES (2)");
    CHECK(state_of(client, "COMMIT") == "40001");
    CHECK(client.transaction_status() == status);
    if (status == 'E') client.run("ROLLBACK");
  }
  CHECK(world.value("SELECT count(*) FROM t") == "0");
  CHECK(world.crdb.happened() == 3);
}

TEST_CASE("40003 comes before or after the real commit, of DML, of COMMIT and of schema changes") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = careful(world);
  client.run("CREATE TABLE t (x INT)");
  for (const bool after : {false, true}) {
    CAPTURE(after);
    client.run("DELETE FROM t");
    const What what = after ? What::ambiguous_after : What::ambiguous_before;
    world.crdb.add({.what = what, .matches = says("VALUES (1)")});
    CHECK(state_of(client, "INSERT INTO t VALUES (1)") == "40003");
    CHECK(world.value("SELECT count(*) FROM t WHERE x = 1") == (after ? "1" : "0"));
    world.crdb.add({.what = what, .matches = says("COMMIT")});
    client.run("BEGIN; INSERT INTO t VALUES (2)");
    CHECK(state_of(client, "COMMIT") == "40003");
    CHECK(client.transaction_status() == 'I');
    CHECK(world.value("SELECT count(*) FROM t WHERE x = 2") == (after ? "1" : "0"));
    world.crdb.add({.what = what, .matches = says("ADD COLUMN")});
    CHECK(state_of(client, "ALTER TABLE t ADD COLUMN y INT") == "40003");
    CHECK(world.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'") == (after ? "2" : "1"));
  }
  // In the middle of a batch nothing is decided; its last statement decides for all.
  world.crdb.add({.what = What::ambiguous_after,
                  .matches = [](const CrdbStatement& one) { return one.sql.find("INTO t (x)") != std::string::npos; }});
  CHECK(state_of(client, "INSERT INTO t (x) VALUES (8); INSERT INTO t (x) VALUES (9)") == "40003");
  CHECK(world.value("SELECT count(*) FROM t WHERE x IN (8, 9)") == "2");
  // Inside of a transaction an outcome is never ambiguous.
  world.crdb.add({.what = What::ambiguous_before, .matches = says("VALUES (3)")});
  client.run("BEGIN; INSERT INTO t VALUES (3); COMMIT");
  CHECK(world.crdb.happened() == 7);
}

TEST_CASE("the socket is dropped before or after the real commit") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  careful(world).run("CREATE TABLE t (x INT)");
  for (const What what : {What::drop_before, What::drop_after}) {
    const std::string kept = what == What::drop_after ? "1" : "0";
    CAPTURE(kept);
    const auto dropped = [&](const std::string& sql, const std::string& at) {
      PgClient client = careful(world);
      world.crdb.add({.what = what, .matches = says(at)});
      CHECK_THROWS_AS(client.run(sql), PgFailure);
      CHECK(client.transaction_status() == '?');
    };
    dropped("INSERT INTO t VALUES (1)", "VALUES (1)");
    CHECK(world.value("SELECT count(*) FROM t WHERE x = 1") == kept);
    dropped("BEGIN; INSERT INTO t VALUES (2); COMMIT", "COMMIT");
    CHECK(world.value("SELECT count(*) FROM t WHERE x = 2") == kept);
    dropped("CREATE TABLE made (x INT)", "CREATE TABLE");
    CHECK(world.value("SELECT count(*) FROM pg_tables WHERE tablename = 'made'") == kept);
    dropped("CREATE INDEX made_index ON t (x)", "CREATE INDEX");
    CHECK(world.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'made_index'") == kept);
    world.value("DELETE FROM t");
  }
}

TEST_CASE("every statement of a session is a fault point that can be chosen by its number") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  const auto work = [&](PgClient& client) {
    client.run("BEGIN; CREATE TABLE IF NOT EXISTS t (x INT)");
    client.run("INSERT INTO t VALUES (1)");
    client.run("COMMIT");
  };
  PgClient first = careful(world);
  const int before = static_cast<int>(world.crdb.statements().size());
  work(first);
  const int points = static_cast<int>(world.crdb.statements().size()) - before;
  CHECK(points == 4);
  CHECK(world.crdb.statements().back().ends_transaction);
  for (int point = 1; point <= points; ++point) {
    PgClient client = careful(world);
    world.crdb.add({.what = What::drop_before, .statement = static_cast<int>(world.crdb.statements().size()) + point});
    CHECK_THROWS_AS(work(client), PgFailure);
  }
  CHECK(world.crdb.happened() == points);
  CHECK(world.value("SELECT count(*) FROM t") == "1");
}

TEST_CASE("a stalled server answers nothing, keeps the socket, and goes on when it is released") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = careful(world);
  client.run("CREATE TABLE t (x INT)");
  for (const What what : {What::stall_before, What::stall_after}) {
    client.run("DELETE FROM t");
    world.crdb.add({.what = what, .matches = says("VALUES (1)")});
    client.send("INSERT INTO t VALUES (1)");
    CHECK(eventually([&] { return world.crdb.stalled() == 1; }));
    if (what == What::stall_after) CHECK(eventually([&] { return world.value("SELECT count(*) FROM t") == "1"; }));
    if (what == What::stall_before) CHECK(world.value("SELECT count(*) FROM t") == "0");
    CHECK(client.busy());
    world.crdb.release_stalled();
    client.finish();
    CHECK(world.value("SELECT count(*) FROM t") == "1");
  }
}

TEST_CASE("a COMMIT that is late comes after its connection is gone, and counts") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient other = careful(world);
  other.run("CREATE TABLE t (x INT)");
  PgClient client = careful(world);
  world.crdb.add({.what = What::late, .matches = [](const CrdbStatement& s) { return s.ends_transaction; }});
  client.run("BEGIN; INSERT INTO t VALUES (1)");
  CHECK_THROWS_AS(client.run("COMMIT"), PgFailure);
  other.run("SET lock_timeout = 100");
  CHECK(state_of(other, "SELECT * FROM t") == "55P03");
  CHECK(world.value("SELECT count(*) FROM t") == "0");
  world.crdb.release_stalled();
  CHECK(eventually([&] { return world.value("SELECT count(*) FROM t") == "1"; }));
  // In the middle of a transaction it ends with it.
  PgClient third = careful(world);
  world.crdb.add({.what = What::late, .matches = says("VALUES (2)")});
  third.run("BEGIN; SELECT count(*) FROM t");
  CHECK_THROWS_AS(third.run("INSERT INTO t VALUES (2)"), PgFailure);
  world.crdb.release_stalled();
  CHECK(eventually([&] { return world.crdb.open_connections() == 1; }));
  CHECK(world.value("SELECT count(*) FROM t") == "1");
}

TEST_CASE("connections are refused as often as a test wants") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  world.crdb.refuse_connections("53300", 1);
  CHECK_THROWS_WITH_AS(world.client(), doctest::Contains("too many clients"), PgFailure);
  CHECK(world.client().value("SELECT 1") == "1");
  CHECK_THROWS_WITH_AS(PgClient(world.dsn().replace(world.dsn().find("root:") + 5, 1, "#")),
                       doctest::Contains("password authentication failed"), PgFailure);
}

TEST_CASE("a schema change goes on when its client has gone, and lands later") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  for (const CrdbProfile profile : {CrdbProfile::v23_2, CrdbProfile::v26_3}) {
    CAPTURE(profile_name(profile));
    CrdbWorld world(*server, profile);
    careful(world).run("CREATE TABLE t (x INT)");
    world.crdb.hold_jobs("ADD COLUMN");
    {
      PgClient client = careful(world);
      client.send("ALTER TABLE t ADD COLUMN y INT");
      CHECK(eventually([&] { return job_held(world.crdb); }));
    }
    CHECK(eventually([&] { return world.crdb.open_connections() == 0; }));
    CHECK(last_state(world.crdb) == "running");
    CHECK(world.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'") == "1");
    world.crdb.release_jobs();
    CHECK(eventually([&] { return last_state(world.crdb) == "succeeded"; }));
    CHECK(world.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'") == "2");

    // The same by a fault that drops the socket as the job begins.
    world.crdb.hold_jobs();
    world.crdb.add({.what = What::drop_during, .matches = says("DROP COLUMN")});
    CHECK_THROWS_AS(careful(world).run("ALTER TABLE t DROP COLUMN y"), PgFailure);
    CHECK(job_held(world.crdb));
    world.crdb.release_jobs();
    CHECK(eventually([&] { return last_state(world.crdb) == "succeeded"; }));
  }
}

TEST_CASE("from 26.1 on a waiting schema change names its job at once") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  for (const CrdbProfile profile : {CrdbProfile::v25_2, CrdbProfile::v26_1}) {
    CrdbWorld world(*server, profile);
    PgClient client = careful(world);
    client.run("CREATE TABLE t (x INT)");
    world.crdb.hold_jobs();
    client.send("CREATE INDEX i ON t (x)");
    CHECK(eventually([&] { return job_held(world.crdb); }));
    const bool named = profile >= CrdbProfile::v26_1;
    if (named) CHECK(eventually([&] { return client.busy() && !client.notices().empty(); }));
    world.crdb.release_jobs();
    client.finish();
    CHECK(client.notices().size() == (named ? 1 : 0));
    if (named)
      CHECK(client.notices()[0].find("waiting for job(s) to complete: " + std::to_string(world.crdb.jobs()[0].id)) ==
            0);
  }
}

TEST_CASE("a cancelled or timed out wait leaves the job alone; a paused, failed or cancelled job ends the wait") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v24_3);
  PgClient client = careful(world);
  PgClient other = careful(world);
  client.run("CREATE TABLE t (x INT)");
  const auto started = [&](const std::string& sql) {
    world.crdb.hold_jobs();
    client.send(sql);
    REQUIRE(eventually([&] { return job_held(world.crdb); }));
    return world.crdb.jobs().back().id;
  };
  const auto ended = [&] {
    try {
      client.finish();
      return std::string();
    } catch (const PgFailure& failure) {
      return failure.sqlstate();
    }
  };
  started("ALTER TABLE t ADD COLUMN a INT");
  client.cancel();
  CHECK(ended() == "57014");
  CHECK(last_state(world.crdb) == "running");
  world.crdb.release_jobs();
  CHECK(eventually([&] { return last_state(world.crdb) == "succeeded"; }));

  client.run("SET statement_timeout = 100");
  started("ALTER TABLE t ADD COLUMN b INT");
  CHECK(ended() == "57014");
  client.run("SET statement_timeout = 0");
  world.crdb.release_jobs();
  CHECK(eventually([&] { return last_state(world.crdb) == "succeeded"; }));

  auto id = started("ALTER TABLE t ADD COLUMN c INT");
  other.run("PAUSE JOB " + std::to_string(id));
  CHECK(ended() == "XXUUU");
  CHECK(other.value("SELECT status FROM [SHOW JOBS] WHERE job_id = " + std::to_string(id)) == "paused");
  other.run("RESUME JOB " + std::to_string(id));
  other.run("SHOW JOB WHEN COMPLETE " + std::to_string(id));
  CHECK(last_state(world.crdb) == "succeeded");

  id = started("ALTER TABLE t ADD COLUMN d INT");
  other.run("CANCEL JOB " + std::to_string(id));
  CHECK(ended() == "57014");
  CHECK(last_state(world.crdb) == "canceled");

  id = started("ALTER TABLE t ADD COLUMN d INT");
  world.crdb.fail_job(id, "23505", "duplicate key");
  CHECK(ended() == "23505");
  CHECK(other.value("SELECT error FROM [SHOW JOBS] WHERE job_id = " + std::to_string(id)) == "duplicate key");
  id = started("ALTER TABLE t ADD COLUMN d INT");
  CHECK(other.value("SELECT fraction_completed FROM [SHOW JOBS] WHERE job_id = " + std::to_string(id)) == "0.5");
  world.crdb.fail_job(id, "XXUUU", "cannot be undone", "revert-failed");
  CHECK(ended() == "XXUUU");
  CHECK(last_state(world.crdb) == "revert-failed");
  CHECK(world.value("SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns"
                    " WHERE table_name = 't'") == "a b c x");
}

TEST_CASE("a second schema change waits for the table's job, or is told to try again") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient one = careful(world);
  PgClient two = careful(world);
  one.run("CREATE TABLE t (x INT)");
  one.run("CREATE TABLE u (x INT)");
  world.crdb.hold_jobs("COLUMN a");
  one.send("ALTER TABLE t ADD COLUMN a INT");
  REQUIRE(eventually([&] { return job_held(world.crdb); }));
  world.crdb.when_table_is_busy(BusyTable::refuse);
  CHECK(state_of(two, "ALTER TABLE t ADD COLUMN b INT") == "55000");
  CHECK(state_of(two, "ALTER TABLE u ADD COLUMN b INT").empty());
  world.crdb.when_table_is_busy(BusyTable::wait);
  two.send("ALTER TABLE t ADD COLUMN b INT");
  world.crdb.release_jobs();
  one.finish();
  two.finish();
  CHECK(world.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position") ==
        Lines{"x", "a", "b"});
}

TEST_CASE("a table that CREATE TABLE IF NOT EXISTS finds is no younger for it") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient maker = careful(world);
  PgClient reader = careful(world);
  maker.run("CREATE TABLE t (x INT PRIMARY KEY)");
  const std::string of_the_past = "SELECT * FROM t AS OF SYSTEM TIME '-1s'";
  CHECK(state_of(reader, of_the_past) == "42P01");
  REQUIRE(eventually([&] { return state_of(reader, of_the_past).empty(); }));
  maker.run("CREATE TABLE IF NOT EXISTS t (x INT PRIMARY KEY)");
  CHECK(state_of(reader, of_the_past).empty());
}

TEST_CASE("C2: a plain read of what an open transaction has written waits; one of the past does not") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient writer = careful(world);
  PgClient reader = careful(world);
  writer.run("CREATE TABLE t (x INT PRIMARY KEY)");
  writer.run("CREATE TABLE quiet (x INT)");
  writer.run("BEGIN; INSERT INTO t VALUES (1)");
  reader.run("SET lock_timeout = 100");
  CHECK(state_of(reader, "SELECT * FROM t") == "55P03");
  CHECK(reader.value("SELECT count(*) FROM quiet") == "0");
  // The table has to be older than what is read.
  CHECK(eventually([&] { return state_of(reader, "SELECT * FROM t AS OF SYSTEM TIME '-100ms'").empty(); }));
  CHECK(reader.value("SELECT count(*) FROM t AS OF SYSTEM TIME '-100ms'") == "0");
  CHECK(state_of(reader, "SELECT * FROM t AS OF SYSTEM TIME '-1h'") == "42P01");
  CHECK(state_of(reader, "BEGIN AS OF SYSTEM TIME '-1h'; SELECT * FROM t") == "42P01");
  reader.run("ROLLBACK; BEGIN AS OF SYSTEM TIME '-100ms'; SELECT * FROM t; COMMIT");
  reader.run("SET lock_timeout = 0");
  reader.send("SELECT * FROM t");
  CHECK(reader.busy());
  writer.run("COMMIT");
  CHECK(reader.finish() == Lines{"1"});
}

TEST_CASE("two that wait for each other, one of them for a read, do not wait for ever") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient one = careful(world);
  PgClient two = careful(world);
  one.run("CREATE TABLE t (k INT PRIMARY KEY); CREATE TABLE u (k INT PRIMARY KEY)");
  // Both read: either may be the one that is refused.
  one.run("BEGIN; INSERT INTO t VALUES (1)");
  two.run("BEGIN; INSERT INTO u VALUES (1)");
  one.send("SELECT * FROM u");
  two.send("SELECT * FROM t");
  REQUIRE(eventually([&] { return !one.busy() || !two.busy(); }));
  PgClient& refused = one.busy() ? two : one;
  CHECK_THROWS_WITH_AS(refused.finish(), doctest::Contains("40001"), PgFailure);
  refused.run("ROLLBACK");
  PgClient& other = &refused == &one ? two : one;
  try {
    other.finish();
  } catch (const PgFailure& failure) {
    CHECK(failure.sqlstate() == "40001");
  }
  other.run("ROLLBACK");
  // The other waits for a row.
  one.run("BEGIN; INSERT INTO t VALUES (1)");
  two.run("BEGIN; INSERT INTO u VALUES (1)");
  two.send("INSERT INTO t VALUES (1)");
  REQUIRE(eventually([&] { return world.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1"; }));
  CHECK(state_of(one, "SELECT * FROM u") == "40001");
  one.run("ROLLBACK");
  two.finish();
}

TEST_CASE("transactions that conflict really get 40001, and single statements are tried again by the server") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient one = careful(world);
  PgClient two = careful(world);
  one.run("CREATE TABLE t (k INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0)");
  one.run("BEGIN");
  two.run("BEGIN");
  one.run("SELECT v FROM t");
  two.run("SELECT v FROM t");
  one.run("UPDATE t SET v = v + 1");
  two.send("UPDATE t SET v = v + 1");
  one.run("COMMIT");
  CHECK_THROWS_WITH_AS(two.finish(), doctest::Contains("restart transaction: "), PgFailure);
  CHECK(two.transaction_status() == 'E');
  two.run("ROLLBACK");

  one.run("BEGIN; UPDATE t SET v = v + 1");
  two.send("UPDATE t SET v = v + 1");
  one.run("COMMIT");
  two.finish();
  CHECK(world.value("SELECT v FROM t") == "3");
}

TEST_CASE("sessions and queries are seen and cancelled by those who may") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  world.crdb.create_user("watcher", world.database);
  PgClient root = careful(world);
  PgClient user(world.crdb.libpq_dsn(world.database, "watcher") + "&application_name=first");
  PgClient again(world.crdb.libpq_dsn(world.database, "watcher") + "&application_name=second");
  const std::string names = "SELECT application_name FROM [SHOW SESSIONS] WHERE user_name = 'watcher' ORDER BY 1";
  CHECK(root.rows(names) == Lines{"first", "second"});
  CHECK(user.rows("SELECT DISTINCT user_name FROM [SHOW CLUSTER SESSIONS] AS s") == Lines{"watcher"});
  const std::string id = again.value("SHOW session_id");
  CHECK(user.value("SELECT count(*) FROM [SHOW SESSIONS] WHERE session_id = '" + id + "'") == "1");

  root.run("CREATE TABLE t (x INT); GRANT ALL ON t TO watcher");
  root.run("BEGIN; INSERT INTO t VALUES (1)");
  again.send("SELECT * FROM t");
  const std::string active = "SELECT query_id FROM [SHOW QUERIES] WHERE query = 'SELECT * FROM t'";
  CHECK(eventually([&] { return !user.value(active).empty(); }));
  user.run("CANCEL QUERY '" + user.value(active) + "'");
  CHECK_THROWS_WITH_AS(again.finish(), doctest::Contains("57014"), PgFailure);

  const std::string root_id = root.value("SHOW session_id");
  CHECK(state_of(user, "CANCEL SESSION '" + root_id + "'") == "42501");
  world.crdb.forbid_cancel(true);
  CHECK(state_of(user, "CANCEL SESSION '" + id + "'") == "42501");
  world.crdb.forbid_cancel(false);
  user.run("CANCEL SESSIONS (SELECT session_id FROM [SHOW SESSIONS] WHERE application_name = 'second')");
  CHECK(eventually([&] { return user.rows(names) == Lines{"first"}; }));
  CHECK_THROWS_AS(again.run("SELECT 1"), PgFailure);
  CHECK(state_of(user, "CANCEL SESSION IF EXISTS '" + id + "'").empty());
  CHECK(state_of(user, "CANCEL SESSION '" + id + "'") == "XXUUU");
}

TEST_CASE("a client that is idle in its transaction for too long is cut off, and what it wrote is gone") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient other = careful(world);
  other.run("CREATE TABLE t (x INT)");
  PgClient idle = careful(world);
  idle.run("SET idle_in_transaction_session_timeout = '100ms'");
  // Also where it is not idle itself, but what it sends does not come.
  for (const bool stalls : {false, true}) {
    CAPTURE(stalls);
    if (stalls) {
      idle = careful(world);
      idle.run("SET idle_in_transaction_session_timeout = 100");
      world.crdb.add({.what = What::stall_before, .matches = says("VALUES (2)")});
    }
    idle.run("BEGIN; INSERT INTO t VALUES (1)");
    if (stalls) idle.send("INSERT INTO t VALUES (2)");
    CHECK(other.value("SELECT count(*) FROM t") == "0");
    CHECK_THROWS_AS(stalls ? (idle.finish(), void()) : idle.run("COMMIT"), PgFailure);
  }
}

TEST_CASE("a session that ends lets go of what it wrote") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient reader = careful(world);
  reader.run("CREATE TABLE t (x INT)");
  {
    PgClient writer = careful(world);
    writer.run("BEGIN; INSERT INTO t VALUES (1)");
  }
  CHECK(reader.value("SELECT count(*) FROM t") == "0");
}

TEST_CASE("ALTER TABLE refuses what CockroachDB refuses") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = careful(world);
  client.run("CREATE TABLE t (a INT PRIMARY KEY, b INT, c INT UNIQUE, d INT)");
  client.run("CREATE INDEX b_index ON t (b)");
  CHECK(state_of(client, "ALTER TABLE t ALTER COLUMN b TYPE text") == "0A000");
  CHECK(state_of(client, "ALTER TABLE t ALTER COLUMN d TYPE text, ADD COLUMN e INT") == "0A000");
  CHECK(state_of(client, "ALTER TABLE t ALTER COLUMN d TYPE text").empty());
  CHECK(state_of(client, "ALTER TABLE t DROP CONSTRAINT t_c_key") == "0A000");
  CHECK(state_of(client, "DROP INDEX t_c_key") == "2BP01");
  CHECK(state_of(client, "DROP INDEX t@t_c_key CASCADE").empty());
  CHECK(state_of(client, "ALTER TABLE t DROP CONSTRAINT t_pkey") == "0A000");
  CHECK(state_of(client, "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD CONSTRAINT t_pkey PRIMARY KEY (a)").empty());
  CHECK(state_of(client, "CREATE DOMAIN d AS INT") == "0A000");
}

TEST_CASE("in 24.3 a schema change that comes first in its transaction is not committed by itself, in 25.2 it is") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  for (const CrdbProfile profile : {CrdbProfile::v24_3, CrdbProfile::v25_2}) {
    CAPTURE(profile_name(profile));
    CrdbWorld world(*server, profile);
    PgClient client = world.client();
    client.run("CREATE TABLE t (x INT)");
    client.run("SET autocommit_before_ddl = on");
    client.run("BEGIN; ALTER TABLE t ADD COLUMN y INT");
    CHECK(client.transaction_status() == (profile == CrdbProfile::v24_3 ? 'T' : 'I'));
    client.run("ALTER TABLE t ADD COLUMN z INT");
    CHECK(client.transaction_status() == 'I');
  }
}

TEST_CASE("26.1's documentation has locked tables changed by themselves, and a test may follow it") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v26_1);
  PgClient client = world.client();
  client.run("CREATE TABLE t (x INT)");
  CHECK(state_of(client, "ALTER TABLE t ADD COLUMN y INT") == "57000");
  world.crdb.read_schema_lock_as(SchemaLockReading::documentation);
  CHECK(state_of(client, "ALTER TABLE t ADD COLUMN y INT").empty());
}

TEST_CASE("the extended protocol serves parameters in text, as libpq sends them") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = careful(world);
  client.run("CREATE TABLE t (x INT PRIMARY KEY, s STRING)");
  const auto execute = [&](const char* sql, std::vector<const char*> values) {
    return std::unique_ptr<PGresult, decltype(&PQclear)>(
        PQexecParams(client.raw(), sql, static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0),
        PQclear);
  };
  CHECK(PQresultStatus(execute("INSERT INTO t VALUES ($1, $2)", {"1", "it's"}).get()) == PGRES_COMMAND_OK);
  const auto selected = execute("SELECT s FROM t WHERE x = $1", {"1"});
  REQUIRE(PQntuples(selected.get()) == 1);
  CHECK(std::string(PQgetvalue(selected.get(), 0, 0)) == "it's");
  CHECK(PQresultStatus(execute("ALTER TABLE t ADD COLUMN y INT", {}).get()) == PGRES_COMMAND_OK);
  CHECK(PQntuples(execute("SHOW autocommit_before_ddl", {}).get()) == 1);
  const auto failed = execute("INSERT INTO t VALUES ($1, $2)", {"1", nullptr});
  CHECK(std::string(PQresultErrorField(failed.get(), PG_DIAG_SQLSTATE)) == "23505");
  CHECK(client.transaction_status() == 'I');
  const std::unique_ptr<PGresult, decltype(&PQclear)> prepared(
      PQprepare(client.raw(), "p", "SELECT $1::INT", 0, nullptr), PQclear);
  CHECK(PQresultStatus(prepared.get()) == PGRES_COMMAND_OK);
  const std::unique_ptr<PGresult, decltype(&PQclear)> described(PQdescribePrepared(client.raw(), "p"), PQclear);
  CHECK(PQnparams(described.get()) == 1);
  CHECK(PQnfields(described.get()) == 1);
  // Names are looked up as a statement is parsed.
  const std::unique_ptr<PGresult, decltype(&PQclear)> unknown(
      PQprepare(client.raw(), "q", "SELECT nothing FROM t", 0, nullptr), PQclear);
  CHECK(std::string(PQresultErrorField(unknown.get(), PG_DIAG_SQLSTATE)) == "42703");
  CHECK(world.crdb.not_modelled().empty());
}

TEST_CASE("a backup is a job that gives its number at once; it can be read back where it was written") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v26_1);
  PgClient client = world.client();
  client.run("CREATE TABLE t (x INT PRIMARY KEY)");
  const std::string backup =
      "BACKUP DATABASE " + world.database + " INTO 's3://b/x?AWS_SECRET_ACCESS_KEY=s' WITH detached";
  world.crdb.hold_jobs("BACKUP");
  const std::string job = client.value(backup);
  CHECK(client.value("SELECT status FROM [SHOW JOBS] WHERE job_id = " + job) == "running");
  CHECK(client.value("SELECT description FROM [SHOW JOBS] WHERE job_id = " + job).find("KEY=s") == std::string::npos);
  CHECK(state_of(client, "SELECT * FROM [SHOW BACKUP FROM LATEST IN 's3://b/x']") == "XXUUU");
  world.crdb.release_jobs();
  client.run("SHOW JOB WHEN COMPLETE " + job);
  CHECK(client.rows("SELECT object_name FROM [SHOW BACKUP FROM LATEST IN 's3://b/x'] ORDER BY 1") ==
        Lines{"t", world.database});
  const std::string path = world.crdb.backups().at(0).substr(std::string("s3://b/x ").size());
  const std::string shown = "SELECT count(*) FROM [SHOW BACKUP FROM '" + path + "' IN 's3://b/x?K=1' WITH check_files]";
  CHECK(client.value(shown) == "2");
  world.crdb.lose_backup_files();
  CHECK(state_of(client, shown) == "XXUUU");
  CHECK(world.crdb.not_modelled().empty());
  CHECK(state_of(client, "BACKUP INTO 's3://b/x' WITH detached") == "0A000");
  CHECK(world.crdb.not_modelled().size() == 1);
}

}  // namespace
}  // namespace talos::test
