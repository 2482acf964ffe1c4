// T6: the double's rules against the cases of CockroachDB's own test suite, restated in our words. Each names its file
// in cockroachdb/cockroach (below pkg/sql/) and the commit's first digits; README.md has the list.
#include <initializer_list>
#include <memory>

#include <libpq-fe.h>

#include "crdb_world.hpp"

namespace talos::test {
namespace {

constexpr const char* auto_commit =
    "notice auto-committing transaction before processing DDL due to autocommit_before_ddl setting";

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Through the extended protocol, with one Sync at the end; each statement's SQLSTATE, or its tag.
Lines pipeline(PgClient& client, std::initializer_list<const char*> statements) {
  PQenterPipelineMode(client.raw());
  for (const char* sql : statements) PQsendQueryParams(client.raw(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0);
  PQpipelineSync(client.raw());
  Lines answers;
  for (bool synced = false; !synced;) {
    const Result result(PQgetResult(client.raw()), PQclear);
    if (!result) continue;
    synced = PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC;
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    if (!synced) answers.emplace_back(state != nullptr ? state : PQcmdStatus(result.get()));
  }
  PQexitPipelineMode(client.raw());
  return answers;
}

std::string count(CrdbWorld& world, const std::string& table) { return world.value("SELECT count(*) FROM " + table); }

TEST_CASE("pgtest/param_status@0d6c10e: a changed parameter is told before the command's end") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  CHECK(one.run("SET application_name = 'pgtest'") == Lines{"application_name=pgtest", "SET", "I"});
  CHECK(one.run("SET TIME ZONE 'America/New_York'") == Lines{"TimeZone=America/New_York", "SET", "I"});
  CHECK(one.run("SET IntervalStyle = 'ISO_8601'") == Lines{"IntervalStyle=iso_8601", "SET", "I"});
  CHECK(one.run("SET DateStyle = 'YMD, ISO'") == Lines{"DateStyle=ISO, YMD", "SET", "I"});
}

TEST_CASE("pgtest/batch_stmt@1fcc5ab: one message is one implicit transaction") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  CHECK(one.run("CREATE TABLE mytable(a INT8)") == Lines{"CREATE TABLE", "I"});

  CHECK(one.run("INSERT INTO mytable VALUES(1); SELECT 1/0; INSERT INTO mytable VALUES(2)") ==
        Lines{"INSERT 0 1", "error 22012", "I"});
  CHECK(count(world, "mytable") == "0");

  // What follows COMMIT is another implicit transaction.
  CHECK(one.run("BEGIN; INSERT INTO mytable VALUES(1); COMMIT; SELECT 1/0; INSERT INTO mytable VALUES(2)") ==
        Lines{"BEGIN", "INSERT 0 1", "COMMIT", "error 22012", "I"});
  CHECK(count(world, "mytable") == "1");

  // BEGIN takes over what the batch did before.
  CHECK(one.run("INSERT INTO mytable VALUES(2); BEGIN; INSERT INTO mytable VALUES(3); COMMIT; "
                "INSERT INTO mytable VALUES(4); SELECT 1/0") ==
        Lines{"INSERT 0 1", "BEGIN", "INSERT 0 1", "COMMIT", "INSERT 0 1", "error 22012", "I"});
  CHECK(world.rows("SELECT a FROM mytable ORDER BY a") == Lines{"1", "2", "3"});

  CHECK(one.run("BEGIN; SELECT 1/0; COMMIT") == Lines{"BEGIN", "error 22012", "E"});
  CHECK(one.run("ROLLBACK") == Lines{"ROLLBACK", "I"});
  CHECK(one.run("BEGIN; SELECT 1/0; ROLLBACK") == Lines{"BEGIN", "error 22012", "E"});
  CHECK(one.run("ROLLBACK") == Lines{"ROLLBACK", "I"});

  CHECK(one.run("SET enable_implicit_transaction_for_batch_statements = 'false'") == Lines{"SET", "I"});
  CHECK(one.run("INSERT INTO mytable VALUES(4); SELECT 1/0; INSERT INTO mytable VALUES(5)") ==
        Lines{"INSERT 0 1", "error 22012", "I"});
  CHECK(count(world, "mytable") == "4");
}

TEST_CASE("pgtest/implicit_txn@2321e4e: BEGIN in a transaction is an error that aborts it") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  CHECK(one.run("BEGIN") == Lines{"BEGIN", "T"});
  CHECK(one.run("BEGIN") == Lines{"error 25001", "E"});
  CHECK(one.run("ROLLBACK") == Lines{"ROLLBACK", "I"});

  one.run("BEGIN READ ONLY");
  CHECK(one.client().value("SHOW transaction_read_only") == "on");
  CHECK(one.run("COMMIT") == Lines{"COMMIT", "I"});

  CHECK(one.run("BEGIN READ ONLY AS OF SYSTEM TIME '-10s'") == Lines{"BEGIN", "T"});
  CHECK(one.client().value("SHOW transaction_read_only") == "on");
  CHECK(one.run("COMMIT") == Lines{"COMMIT", "I"});
}

TEST_CASE("pgtest/aborted_txn@179b6e8: an aborted transaction takes only its end, and COMMIT says ROLLBACK") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  one.run("BEGIN");
  CHECK(one.run("SELECT 1/0") == Lines{"error 22012", "E"});
  CHECK(one.run("SELECT 2") == Lines{"error 25P02", "E"});
  CHECK(one.run("SHOW JOBS") == Lines{"error 25P02", "E"});
  CHECK(one.run("COMMIT") == Lines{"ROLLBACK", "I"});

  one.run("BEGIN");
  one.run("SAVEPOINT s");
  one.run("SELECT 1/0");
  CHECK(one.run("ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s") == Lines{"ROLLBACK", "RELEASE", "T"});
  CHECK(one.run("ROLLBACK") == Lines{"ROLLBACK", "I"});
}

TEST_CASE(
    "pgtest/aborted_txn@179b6e8: in an aborted transaction only its end is parsed, and an error passes over the rest") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = world.client();
  client.run("BEGIN");
  CHECK(state_of(client, "SELECT 1/0") == "22012");
  CHECK(pipeline(client, {"SELECT 1"}) == Lines{"25P02"});
  CHECK(client.transaction_status() == 'E');
  CHECK(pipeline(client, {"ROLLBACK"}) == Lines{"ROLLBACK"});
  CHECK(client.transaction_status() == 'I');
  client.run("BEGIN");
  // The third is passed over: it has neither a tag nor a state of its own.
  CHECK(pipeline(client, {"SELECT 1", "SELECT 1/0", "SELECT 2"}) == Lines{"SELECT 1", "22012", ""});
  CHECK(client.transaction_status() == 'E');
  CHECK(pipeline(client, {"COMMIT"}) == Lines{"ROLLBACK"});
}

TEST_CASE("pgtest/schema_changes_implicit_txn@1fc7f69: the same through the extended protocol") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = world.client();
  client.run("CREATE TABLE \"User\" (\"UserID\" integer primary key)");
  CHECK(pipeline(client, {"ALTER TABLE \"User\" ADD \"SponsorID\" INT NULL",
                          "CREATE INDEX User_SponsorID_IDX ON \"User\" (\"SponsorID\")"}) ==
        Lines{"ALTER TABLE", "CREATE INDEX"});
  CHECK(client.notices() == Lines{std::string(auto_commit).substr(7)});
  client.run("BEGIN");
  CHECK(client.transaction_status() == 'T');
  CHECK(pipeline(client, {"DROP TABLE \"User\""}) == Lines{"DROP TABLE"});
  CHECK(client.transaction_status() == 'I');
  CHECK(client.notices().size() == 2);
}

TEST_CASE("logic_test/txn@c97b116: ends without a beginning, statements across messages, an aborted batch") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v23_2);
  Transcript one = world.transcript();
  PgClient& client = one.client();
  CHECK(client.value("SHOW TRANSACTION ISOLATION LEVEL") == "serializable");
  CHECK(one.run("COMMIT TRANSACTION") == Lines{"error 25P01", "I"});
  CHECK(one.run("ROLLBACK TRANSACTION") == Lines{"error 25P01", "I"});
  CHECK(one.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE") == Lines{"error 25P01", "I"});
  CHECK(one.run("BEGIN; COMMIT") == Lines{"BEGIN", "COMMIT", "I"});
  CHECK(one.run("BEGIN; END") == Lines{"BEGIN", "COMMIT", "I"});

  one.run("BEGIN; CREATE TABLE kv (k VARCHAR PRIMARY KEY, v VARCHAR); INSERT INTO kv (k,v) VALUES ('a', 'b'); COMMIT");
  one.run("BEGIN TRANSACTION; UPDATE kv SET v = 'b' WHERE k in ('a')");
  CHECK(client.rows("SELECT * FROM kv; COMMIT; BEGIN; UPDATE kv SET v = 'd' WHERE k in ('a')") == Lines{"a|b"});
  CHECK(client.rows("SELECT * FROM kv; UPDATE kv SET v = 'c' WHERE k in ('a'); COMMIT") == Lines{"a|d"});
  CHECK(client.rows("SELECT * FROM kv") == Lines{"a|c"});

  one.run("BEGIN");
  CHECK(
      state_of(client, "INSERT INTO kv VALUES('unique_key', 'some value'); INSERT INTO kv VALUES('a', 'c'); COMMIT") ==
      "23505");
  CHECK(state_of(client, "UPDATE kv SET v = 'b' WHERE k in ('a')") == "25P02");
  CHECK(one.run("COMMIT; INSERT INTO kv VALUES('x', 'y')") == Lines{"ROLLBACK", "INSERT 0 1", "I"});
  CHECK(client.rows("SELECT * FROM kv ORDER BY k") == Lines{"a|c", "x|y"});

  CHECK(client.value("SHOW TRANSACTION STATUS") == "NoTxn");
  one.run("BEGIN");
  CHECK(client.value("SHOW TRANSACTION STATUS") == "Open");
  one.run("ROLLBACK");

  one.run("BEGIN READ ONLY");
  CHECK(state_of(client, "INSERT INTO kv VALUES('z', 'z')") == "25006");
}

TEST_CASE("logic_test/txn@c97b116: 40001 says that the transaction must be restarted, and it is rolled back") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v23_2);
  PgClient client = world.client();
  client.run("CREATE TABLE kv (k INT PRIMARY KEY)");
  world.crdb.add({.what = CrdbFault::What::retry,
                  .matches = [](const CrdbStatement& statement) { return statement.sql == "SELECT 1"; }});
  client.run("BEGIN");
  client.run("INSERT INTO kv VALUES (1)");
  const std::string message = message_of(client, "SELECT 1");
  CHECK(message.find("restart transaction: ") != std::string::npos);
  CHECK(message.find("40001") != std::string::npos);
  CHECK(client.transaction_status() == 'E');
  client.run("COMMIT");
  CHECK(count(world, "kv") == "0");
}

TEST_CASE("pgtest/schema_changes_implicit_txn@1fc7f69: DDL commits what is open first, and says so") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  CHECK(one.client().value("SHOW autocommit_before_ddl") == "on");
  one.run("CREATE TABLE t (a INT PRIMARY KEY)");
  CHECK(one.run("BEGIN") == Lines{"BEGIN", "T"});
  one.run("INSERT INTO t VALUES (1)");
  CHECK(one.run("ALTER TABLE t ADD \"SponsorID\" INT NULL") == Lines{auto_commit, "ALTER TABLE", "I"});
  CHECK(count(world, "t") == "1");

  // The first schema change of a message has nothing to commit, the second has.
  CHECK(one.run("ALTER TABLE t ADD b INT; CREATE INDEX t_b ON t (b)") ==
        Lines{"ALTER TABLE", auto_commit, "CREATE INDEX", "I"});
  // What came before in the message is committed although what follows fails.
  CHECK(one.run("INSERT INTO t VALUES (2); ALTER TABLE t ADD b INT") ==
        Lines{"INSERT 0 1", auto_commit, "error 42701", "I"});
  CHECK(count(world, "t") == "2");
  // The transaction is gone; an end of it only warns.
  CHECK(one.run("COMMIT") == Lines{"notice there is no transaction in progress", "COMMIT", "I"});
}

TEST_CASE("pgtest/notice@0456465: DROP INDEX tells that its data go later") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  one.run("CREATE TABLE t(x INT, y INT)");
  CHECK(one.run("CREATE INDEX t_x_idx ON t(x)") == Lines{"CREATE INDEX", "I"});
  CHECK(one.run("DROP INDEX t_x_idx") ==
        Lines{"notice the data for dropped indexes is reclaimed asynchronously", "DROP INDEX", "I"});
}

TEST_CASE("logic_test/create_index@f392f86: CONCURRENTLY is taken and not needed, rows that break it give 23505") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  one.run("CREATE TABLE t (a INT PRIMARY KEY, b INT)");
  CHECK(one.run("CREATE INDEX CONCURRENTLY i ON t(b)") ==
        Lines{"notice CONCURRENTLY is not required as all indexes are created concurrently", "CREATE INDEX", "I"});
  CHECK(one.run("DROP INDEX CONCURRENTLY i") ==
        Lines{"notice CONCURRENTLY is not required as all indexes are dropped concurrently",
              "notice the data for dropped indexes is reclaimed asynchronously", "DROP INDEX", "I"});
  one.run("INSERT INTO t VALUES (1,1), (2,1)");
  CHECK(one.run("CREATE UNIQUE INDEX bar ON t (b)") == Lines{"error 23505", "I"});
  CHECK(one.run("CREATE INDEX bar ON t (c)") == Lines{"error 42703", "I"});
  CHECK(one.run("CREATE INDEX fail ON foo (b DESC)") == Lines{"error 42P01", "I"});
  CHECK(world.value("SELECT count(*) FROM pg_indexes WHERE tablename = 't'") == "1");
}

TEST_CASE("logic_test/strict_ddl_atomicity@09d4505: XXA00 keeps the rows, the strict setting refuses") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  PgClient& client = one.client();
  one.run("SET autocommit_before_ddl = off");
  CHECK(
      one.run("CREATE TABLE testing (k int, v string); INSERT INTO testing (k,v) VALUES (1, 'a'), (2, 'b'), (3, 'a'), "
              "(4, 'b'); CREATE TABLE unrelated(x INT)") == Lines{"CREATE TABLE", "INSERT 0 4", "CREATE TABLE", "I"});
  one.run("BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE");
  CHECK(one.run("ALTER TABLE testing ADD CONSTRAINT \"unique_values\" UNIQUE(v)") == Lines{"ALTER TABLE", "T"});
  CHECK(one.run("INSERT INTO testing (k,v) VALUES (5, 'c'); INSERT INTO unrelated(x) VALUES (1)") ==
        Lines{"INSERT 0 1", "INSERT 0 1", "T"});
  const std::string message = message_of(client, "COMMIT");
  CHECK(message.find("transaction committed but schema change aborted") != std::string::npos);
  CHECK(message.find("23505") != std::string::npos);
  CHECK(message.find("SQLSTATE XXA00") != std::string::npos);
  CHECK(client.transaction_status() == 'I');
  CHECK(count(world, "testing") == "5");
  CHECK(count(world, "unrelated") == "1");
  CHECK(world.value("SELECT count(*) FROM pg_constraint WHERE conname = 'unique_values'") == "0");

  one.run("SET strict_ddl_atomicity = true");
  one.run("BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE");
  CHECK(message_of(client, "ALTER TABLE testing ADD CONSTRAINT \"unique_values\" UNIQUE(v)")
            .find("cannot run this DDL statement inside a multi-statement transaction as its atomicity cannot be "
                  "guaranteed") != std::string::npos);
  one.run("ROLLBACK");
  CHECK(one.run("SELECT 1; ALTER TABLE testing ADD CONSTRAINT \"unique_values\" UNIQUE(v)") ==
        Lines{"row", "SELECT 1", "error 0A000", "I"});
}

TEST_CASE("logic_test/schema_change_in_txn@013891f: a transaction's own tables may be changed in it") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  Transcript one = world.transcript();
  PgClient& client = one.client();
  one.run("SET autocommit_before_ddl = off");
  one.run("SET strict_ddl_atomicity = on");
  CHECK(
      one.run("BEGIN; CREATE TABLE parent (id int primary key); INSERT INTO parent VALUES (1); "
              "CREATE TABLE child (id int primary key, parent_id int); ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY "
              "(parent_id) REFERENCES parent (id); CREATE INDEX i ON child (parent_id); INSERT INTO child VALUES (1, "
              "1); "
              "COMMIT")
          .back() == "I");
  CHECK(count(world, "child") == "1");

  // Its rows break the index at once, and nothing is kept.
  client.run(
      "BEGIN; CREATE TABLE shopping (item text, quantity int); INSERT INTO shopping VALUES ('cups', 10), ('forks', "
      "10)");
  CHECK(state_of(client, "CREATE UNIQUE INDEX bar ON shopping (quantity)") == "23505");
  CHECK(one.run("COMMIT") == Lines{"ROLLBACK", "I"});
  CHECK(state_of(client, "SELECT * FROM shopping") == "42P01");
}

TEST_CASE("logic_test/schema_change_in_txn@013891f: a job that failed at COMMIT is shown as failed") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = world.client();
  client.run("SET autocommit_before_ddl = off");
  client.run("CREATE TABLE customers (k CHAR PRIMARY KEY)");
  client.run("INSERT INTO customers VALUES ('b'), ('z'), ('x')");
  client.run("BEGIN; ALTER TABLE customers ADD i INT DEFAULT 5; CREATE UNIQUE INDEX i_idx ON customers (i)");
  CHECK(state_of(client, "COMMIT") == "XXA00");
  CHECK(world.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'customers'") == "1");
  CHECK(client.value("SELECT status FROM [SHOW JOBS] WHERE job_type = 'SCHEMA CHANGE' ORDER BY job_id DESC LIMIT 1") ==
        "failed");
}

TEST_CASE("logic_test/schema_locked@0b7f3f6: 57000 but for DROP TABLE, GRANT, COMMENT and the setting itself") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  world.crdb.create_user("locktester", world.database);
  Transcript one = world.transcript();
  PgClient& client = one.client();
  one.run("CREATE TABLE t (i INT PRIMARY KEY, j INT) WITH (schema_locked = t)");
  one.run("INSERT INTO t SELECT i, i+1 FROM generate_series(1,10) AS tmp(i)");
  one.run("CREATE TABLE ref (a INT PRIMARY KEY, b INT)");
  for (const char* sql :
       {"ALTER TABLE t ADD COLUMN k INT DEFAULT 30", "ALTER TABLE t DROP COLUMN j", "ALTER TABLE t RENAME TO t2",
        "ALTER TABLE t RENAME COLUMN j TO j2", "CREATE INDEX idx2 ON t(j)",
        "ALTER TABLE ref ADD CONSTRAINT fk FOREIGN KEY (b) REFERENCES t(i)"}) {
    CAPTURE(sql);
    CHECK(one.run(sql) == Lines{"error 57000", "I"});
  }
  CHECK(one.run("GRANT DELETE ON TABLE t TO locktester WITH GRANT OPTION") == Lines{"GRANT", "I"});
  CHECK(one.run("COMMENT ON TABLE t IS 't is a table'") == Lines{"COMMENT", "I"});

  // Alone in its message, outside of a transaction, without company.
  one.run("SET autocommit_before_ddl = off");
  CHECK(one.run("ALTER TABLE t SET (schema_locked=f); CREATE TABLE t2 (i INT PRIMARY KEY)").front() == "error 22023");
  one.run("BEGIN");
  CHECK(one.run("ALTER TABLE t SET (schema_locked=f)") == Lines{"error 22023", "E"});
  one.run("ROLLBACK");
  CHECK(one.run("ALTER TABLE t SET (schema_locked=f, fillfactor=70)") == Lines{"error 22023", "I"});

  CHECK(one.run("ALTER TABLE t SET (schema_locked = false)") == Lines{"ALTER TABLE", "I"});
  CHECK(one.run("CREATE INDEX idx ON t(j)") == Lines{"CREATE INDEX", "I"});
  CHECK(one.run("ALTER TABLE t SET (schema_locked = true)") == Lines{"ALTER TABLE", "I"});
  CHECK(state_of(client, "DROP INDEX idx") == "57000");
  CHECK(state_of(client, "ALTER INDEX idx RENAME TO idx2") == "57000");
  CHECK(one.run("ALTER TABLE t RESET (schema_locked)") == Lines{"ALTER TABLE", "I"});
  CHECK(state_of(client, "ALTER INDEX idx RENAME TO idx2").empty());
  one.run("ALTER TABLE t SET (schema_locked = true)");
  CHECK(one.run("DROP TABLE t") == Lines{"DROP TABLE", "I"});
}

TEST_CASE("logic_test/jobs@062f64c: users see their own jobs, VIEWJOB shows all, CONTROLJOB stops them") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v26_3);
  world.crdb.create_user("testuser", world.database);
  PgClient root = world.client();
  root.run("SET create_table_with_schema_locked = off");
  root.run("GRANT CREATE ON SCHEMA public TO testuser");
  root.run("CREATE TABLE t(x INT)");
  root.run("CREATE INDEX ON t(x)");
  const std::string mine = "SELECT job_type, description, user_name FROM [SHOW JOBS] ORDER BY 1, 2, 3";
  const std::string created = "SCHEMA CHANGE|CREATE INDEX ON " + world.database + ".public.";
  CHECK(root.rows(mine) == Lines{created + "t (x)|root"});

  PgClient user(world.crdb.libpq_dsn(world.database, "testuser"));
  user.run("SET create_table_with_schema_locked = off");
  CHECK(user.rows(mine).empty());
  user.run("CREATE TABLE u(x INT); INSERT INTO u(x) VALUES (1)");
  user.run("CREATE INDEX ON u(x)");
  CHECK(user.rows(mine) == Lines{created + "u (x)|testuser"});
  CHECK(root.rows(mine) == Lines{created + "t (x)|root", created + "u (x)|testuser"});

  const std::string job = root.value("SELECT job_id FROM [SHOW JOBS] WHERE user_name = 'root'");
  CHECK(state_of(user, "PAUSE JOB (SELECT " + job + ")") == "42501");
  CHECK(state_of(user, "CANCEL JOB " + job) == "42501");
  const std::string stable = "SELECT count(*) FROM information_schema.crdb_jobs WHERE job_id = " + job;
  CHECK(user.value(stable) == "0");
  root.run("GRANT SYSTEM VIEWJOB TO testuser");
  CHECK(user.value(stable) == "1");
  CHECK(user.rows(mine).size() == 2);
  root.run("REVOKE SYSTEM VIEWJOB FROM testuser");
  CHECK(user.rows(mine).size() == 1);

  // The stable view: an error that is not there is NULL, the description is whole, and no setting bars it.
  CHECK(root.value("SELECT count(error) FROM information_schema.crdb_jobs WHERE job_id = " + job) == "0");
  CHECK(root.value("SELECT state FROM information_schema.crdb_jobs WHERE job_id = " + job) == "succeeded");
  CHECK(root.value("SHOW allow_unsafe_internals") == "off");
  CHECK(state_of(root, "SELECT * FROM crdb_internal.jobs") == "42501");
  root.run("SET allow_unsafe_internals = on");
  CHECK(root.value("SELECT error FROM crdb_internal.jobs WHERE job_id = " + job).empty());
}

TEST_CASE("logic_test/advisory_lock@2322790: of a transaction from 26.3 on; of a session only two stubs") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v26_3);
  PgClient one = world.client();
  PgClient two = world.client();
  one.run("BEGIN");
  one.run("SELECT pg_advisory_xact_lock(4242424242)");
  two.run("BEGIN");
  CHECK(two.value("SELECT pg_try_advisory_xact_lock(4242424242)") == "f");
  one.run("COMMIT");
  CHECK(two.value("SELECT pg_try_advisory_xact_lock(4242424242)") == "t");
  two.run("COMMIT");

  // The stubs lock nothing.
  for (PgClient* client : {&one, &two}) {
    CHECK(client->value("SELECT pg_try_advisory_lock(7)") == "t");
    CHECK(client->value("SELECT pg_advisory_unlock(8)") == "t");
    CHECK(state_of(*client, "SELECT pg_advisory_lock(7)") == "42883");
  }
}

TEST_CASE("logic_test/advisory_lock@2322790: before 26.3 there are no locks of a transaction") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v26_1);
  PgClient client = world.client();
  CHECK(state_of(client, "SELECT pg_advisory_xact_lock(1)") == "42883");
  CHECK(client.value("SELECT pg_try_advisory_lock(7)") == "t");
}

TEST_CASE("pgcode/codes@089528b: the codes are those of CockroachDB's list") {
  PostgresServer* server = shared_server();
  if (server == nullptr) return;
  CrdbWorld world(*server, CrdbProfile::v25_2);
  PgClient client = world.client();
  CHECK(state_of(client, "CANCEL JOB 1") == "XXUUU");
  CHECK(state_of(client, "SET no_such_variable = 1") == "42704");
  CHECK(state_of(client, "LOCK TABLE t") == "42601");
  world.crdb.add({.what = CrdbFault::What::ambiguous_after, .matches = [](const CrdbStatement&) { return true; }});
  CHECK(state_of(client, "CREATE TABLE t (x INT)") == "40003");
}

}  // namespace
}  // namespace talos::test
