// `migrate verify` on a server: scratch databases, what is found, and what is tried to find it.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"
#include "verify_report.hpp"

namespace talos::test {

namespace {

ProcessOptions verify_options(const PgWorld& world, std::vector<std::string> words = {}) {
  std::vector<std::string> all{"migrate", "verify", "--scratch", world.dsn, "--migrations", world.migrations.string()};
  all.insert(all.end(), words.begin(), words.end());
  return world.program(all);
}

ProcessResult verify(const PgWorld& world, std::vector<std::string> words = {}) {
  return run(verify_options(world, std::move(words)));
}

std::string scratch_databases(const PgWorld& world) {
  return world.value("SELECT count(*) FROM pg_database WHERE datname LIKE 'talos_scratch%'");
}

/// What is said of one migration: the lines below its file's name.
std::string about(const std::string& report, const std::string& file) {
  const auto at = report.find(file + ".up.sql\n");
  if (at == std::string::npos) return "nothing";
  const auto begin = report.find('\n', at) + 1;
  auto end = begin;
  while (report.compare(end, 2, "  ") == 0) end = report.find('\n', end) + 1;
  return report.substr(begin, end - begin);
}

/// Case number `index` of a set, after the first migration. Without a down, which is not asked.
std::string file_of(std::size_t index) {
  std::string number = std::to_string(index + 2);
  return number.insert(0, 6 - number.size(), '0') + "_case";
}
void only_up(const PgWorld& world, std::size_t index, const std::string& statement) {
  write_bytes(world.migrations / (file_of(index) + ".up.sql"), statement);
}

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// What every process on this machine shows of itself to others: its arguments. And what pg_dump's environment holds.
bool is_shown(const std::string& secret, bool& dump_seen) {
  bool found = false;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string arguments = read(entry.path() / "cmdline");
    if (arguments.find("pg_dump") == std::string::npos) continue;
    dump_seen = true;
    const std::string environment = read(entry.path() / "environ");
    found = found || arguments.find(secret) != std::string::npos || environment.find(secret) != std::string::npos;
  }
  return found;
}

}  // namespace

TEST_CASE("The embedded set passes without an error or a warning, and leaves no database behind") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto verified = run(world.program({"migrate", "verify", "--scratch", world.dsn, "--strict"}));
  CHECK_MESSAGE(verified.status == 0, verified.out);
  CHECK(verified.out == Part{"Verified 24 migrations on PostgreSQL "});
  CHECK(verified.out == Part{": 0 errors, 0 warnings, "});
  CHECK(scratch_databases(world) == "0");
  CHECK(world.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == "0");
}

TEST_CASE("A down that leaves something behind, or takes too much, is found with what differs") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "base",
                  "CREATE TABLE t (a int DEFAULT 1, b int NOT NULL); CREATE INDEX i ON t (a);"
                  "CREATE TYPE mood AS ENUM ('ok'); CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;",
                  "DROP TABLE t; DROP TYPE mood; DROP FUNCTION f;");
  const std::vector<std::pair<std::string, std::string>> broken = {
      {"CREATE TABLE more (x int);", "  + table more"},
      {"CREATE INDEX another ON t (b);", "  + index another on t"},
      {"ALTER TABLE t ADD COLUMN c int;", "  + column t.c: integer"},
      {"ALTER TABLE t ALTER a DROP DEFAULT;", "  ~ column t.a: integer; before: integer default 1"},
      {"ALTER TABLE t ALTER b DROP NOT NULL;", "  ~ column t.b: integer; before: integer not null"},
      {"ALTER TYPE mood ADD VALUE 'sad';", "  + member mood.sad"},
      {"CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql RETURN 2;", "  ~ function f(): "},
      {"CREATE SEQUENCE s;", "  + sequence s"},
      {"ALTER TABLE t ENABLE ROW LEVEL SECURITY;", "  ~ table t: row level security"}};
  for (std::size_t i = 0; i < broken.size(); ++i)
    world.migration(static_cast<long>(i) + 2, "broken", broken[i].first, "SELECT 1;");
  const auto verified = verify(world);
  CHECK(verified.status == 1);
  for (const auto& [statement, line] : broken) {
    CAPTURE(statement);
    CHECK(verified.out == Part{line});
  }
  std::size_t found = 0;
  for (auto at = verified.out.find("[down-leaves]"); at != std::string::npos;
       at = verified.out.find("[down-leaves]", at + 1))
    ++found;
  CHECK(found == broken.size());
  CHECK(scratch_databases(world) == "0");
}

TEST_CASE("Every kind of breaking change is found, and no other") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(
      1, "base",
      "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE gone (x int);"
      "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(20), c text DEFAULT 'x', d numeric(10,2), e int,"
      " f timestamptz, g text, h int, i int, j text); CREATE TYPE mood AS ENUM ('ok', 'sad');"
      "CREATE VIEW v AS SELECT id FROM t; CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;");
  // What each is called by; empty: it breaks nobody.
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"DROP TABLE gone;", "dropped-table"},
      {"DROP VIEW v;", "dropped-view"},
      {"DROP FUNCTION f;", "dropped-object"},
      {"ALTER TYPE mood RENAME VALUE 'sad' TO 'low';", "dropped-value"},
      {"ALTER TABLE t RENAME a TO aa;", "dropped-column"},
      {"ALTER TABLE t ALTER b TYPE varchar(10);", "narrowed-type"},
      {"ALTER TABLE t ALTER g TYPE jsonb USING NULL;", "changed-type"},
      {"ALTER TABLE t ALTER c SET DEFAULT 'y';", "changed-default"},
      {"ALTER TABLE t ALTER d SET NOT NULL;", "not-null-added"},
      {"ALTER TABLE t ADD COLUMN n1 int NOT NULL;", "not-null-without-default"},
      {"ALTER TABLE t ADD UNIQUE (e);", "added-unique"},
      {"ALTER TABLE t ADD CHECK (h > 0);", "added-check"},
      {"ALTER TABLE t ADD EXCLUDE (h WITH =);", "added-check"},
      {"ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES p;", "added-foreign-key"},
      {"ALTER TABLE t ALTER j TYPE text COLLATE \"C\";", "changed-column"},
      {"ALTER TABLE t ADD COLUMN n2 int;", ""},
      {"ALTER TABLE t ADD COLUMN n3 int NOT NULL DEFAULT 4;", ""},
      {"ALTER TABLE t ADD COLUMN n4 bigint GENERATED ALWAYS AS IDENTITY;", ""},
      {"ALTER TABLE t ALTER b TYPE text;", ""},
      {"ALTER TABLE t ALTER d TYPE numeric(12,2);", ""},
      {"ALTER TABLE t ALTER d DROP NOT NULL;", ""},
      {"CREATE INDEX i ON t (e);", ""},
      {"ALTER TYPE mood ADD VALUE 'fine';", ""},
      {"CREATE TABLE n (t int REFERENCES t);", ""},
      {"ALTER TABLE t ADD COLUMN n5 int REFERENCES p;", ""},
      {"ALTER TABLE t ADD COLUMN n6 int CHECK (n6 > 0);", ""},
      {"ALTER TABLE t SET (fillfactor = 70);", ""}};
  for (std::size_t i = 0; i < cases.size(); ++i) only_up(world, i, cases[i].first);
  const auto verified = verify(world);
  CHECK(verified.status == 1);
  CHECK(verified.out != Part{"Not tried"});
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(cases[i].first);
    const auto found = rules_at(verified.out, file_of(i), "error");
    CHECK(found == (cases[i].second.empty() ? std::vector<std::string>{} : std::vector<std::string>{cases[i].second}));
  }
}

TEST_CASE("What a migration takes on tables that were there before is told: locks, rewrites, reads of the whole") {
  for (const PostgresInstallation& installation : all_postgres_or_skip()) {
    CAPTURE(installation.major);
    PostgresServer server(installation, {"fsync=off"});
    PgWorld world(server);
    world.migration(1, "base",
                    "CREATE TABLE p (id int PRIMARY KEY); CREATE DOMAIN d AS int; CREATE TABLE of_d (x d);"
                    "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(20), c text, d numeric(10,2));"
                    "CREATE MATERIALIZED VIEW m AS SELECT id FROM t;",
                    "DROP MATERIALIZED VIEW m; DROP TABLE t; DROP TABLE of_d; DROP DOMAIN d; DROP TABLE p;");
    const std::string whole = ", which it reads whole\n";
    const std::string anew = ", which it rewrites\n";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"ALTER TABLE t ADD COLUMN n1 int;", "  takes ACCESS EXCLUSIVE on t\n"},
        {"ALTER TABLE t ADD COLUMN n2 timestamptz DEFAULT now();", "  takes ACCESS EXCLUSIVE on t\n"},
        {"ALTER TABLE t ADD COLUMN n3 timestamptz DEFAULT clock_timestamp();", "  takes ACCESS EXCLUSIVE on t" + anew},
        {"ALTER TABLE t ALTER a TYPE bigint;", "  takes ACCESS EXCLUSIVE on t" + anew},
        {"ALTER TABLE t ALTER b TYPE varchar(30);", "  takes ACCESS EXCLUSIVE on t\n"},
        {"ALTER TABLE t ALTER b TYPE text;", "  takes ACCESS EXCLUSIVE on t\n"},
        {"ALTER TABLE t ALTER d TYPE numeric(12,2);", "  takes ACCESS EXCLUSIVE on t\n"},
        {"ALTER TABLE t ALTER d TYPE numeric(12,4);", "  takes ACCESS EXCLUSIVE on t" + anew},
        {"ALTER TABLE t ALTER a SET NOT NULL;", "  takes ACCESS EXCLUSIVE on t" + whole},
        {"ALTER TABLE t ADD CHECK (a > 0);", "  takes ACCESS EXCLUSIVE on t" + whole},
        {"ALTER TABLE t ADD CHECK (a > 1) NOT VALID;", "  takes ACCESS EXCLUSIVE on t\n"},
        {"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (id);", "  takes SHARE ROW EXCLUSIVE on t" + whole},
        {"CREATE TABLE n (p int REFERENCES p);", "  takes SHARE ROW EXCLUSIVE on p\n"},
        {"CREATE INDEX i1 ON t (c);", "  takes SHARE on t" + whole},
        {"CREATE INDEX CONCURRENTLY i2 ON t (c);", "  takes SHARE UPDATE EXCLUSIVE on t" + whole},
        {"-- talos:no-transaction\nALTER TABLE t ADD CONSTRAINT k CHECK (c <> '') NOT VALID;\n"
         "ALTER TABLE t VALIDATE CONSTRAINT k;",
         "  takes SHARE UPDATE EXCLUSIVE on t" + whole},
        {"ALTER TABLE t ADD CONSTRAINT l CHECK (c <> 'l') NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT l;",
         "  takes ACCESS EXCLUSIVE on t" + whole},
        {"-- talos:no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY u ON t (c);\n"
         "ALTER TABLE t ADD CONSTRAINT uc UNIQUE USING INDEX u;",
         "  takes SHARE UPDATE EXCLUSIVE on t" + whole},
        {"ALTER DOMAIN d ADD CHECK (VALUE > 0);", "  takes SHARE on of_d" + whole},
        {"REFRESH MATERIALIZED VIEW m;", "  takes ACCESS EXCLUSIVE on m" + anew},
        {"TRUNCATE of_d;", "  takes ACCESS EXCLUSIVE on of_d\n"},
        {"UPDATE t SET a = 1;", ""}};
    for (std::size_t i = 0; i < cases.size(); ++i) only_up(world, i, cases[i].first);
    const auto verified = verify(world);
    REQUIRE_MESSAGE(verified.out == Part{"Verified 23 migrations"}, verified.out);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      CAPTURE(cases[i].first);
      const std::string told = about(verified.out, file_of(i));
      if (cases[i].second.empty())
        CHECK(told != Part{"  takes "});
      else
        CHECK(told == Part{cases[i].second});
    }
    // Nobody waits long for the concurrent ways.
    CHECK(verified.out != Part{"under SHARE UPDATE EXCLUSIVE"});
    CHECK(verified.out == Part{"warning[blocks-writes]: reads the whole of table t under SHARE\n"});
    CHECK(verified.out == Part{"warning[rewrites-table]: rewrites table t under ACCESS EXCLUSIVE\n"});
    CHECK(scratch_databases(world) == "0");
  }
}

TEST_CASE("To validate a constraint is no new one, and no breaking change") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "base", "CREATE TABLE t (a int);", "DROP TABLE t;");
  world.migration(2, "check", "-- talos:breaking agreed\nALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID;",
                  "ALTER TABLE t DROP CONSTRAINT k;");
  world.migration(3, "validate", "ALTER TABLE t VALIDATE CONSTRAINT k;",
                  "ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID;");
  const auto verified = verify(world, {"--strict"});
  CHECK_MESSAGE(verified.status == 0, verified.out);
  CHECK(about(verified.out, "000003_validate") == Part{"  - check not validated k on t\n"});
}

TEST_CASE("A unique index on some rows only makes none on all of them superfluous") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "base", "CREATE TABLE t (a int, b int); CREATE UNIQUE INDEX part ON t (a) WHERE b > 0;",
                  "DROP TABLE t;");
  world.migration(2, "all", "CREATE UNIQUE INDEX CONCURRENTLY whole ON t (a, b);", "DROP INDEX CONCURRENTLY whole;");
  CHECK(verify(world).out == Part{"error[added-unique]: adds unique index whole on t"});
}

TEST_CASE("--from starts from a copy: its schema, its version and its settings, and it is not touched") {
  if (shared_server() == nullptr) return;
  PgWorld source(*shared_server());
  PgWorld world(*shared_server());
  source.sql("CREATE SCHEMA \"My App\"; ALTER DATABASE " + source.database + " SET search_path = \"My App\"");
  for (PgWorld* one : {&source, &world}) {
    one->tables(2);
    one->migration(3, "index", "-- talos:no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (x);\n",
                   "DROP INDEX CONCURRENTLY i;\n");
    one->migration(4, "breaks", "ALTER TABLE t1 RENAME x TO y;\n", "ALTER TABLE t1 RENAME y TO x;\n");
  }
  REQUIRE(source.migrate({"up", "--steps", "3"}).status == 0);
  // Not in the set: it is in the copy.
  source.sql("SET search_path = \"My App\"; CREATE VIEW by_hand AS SELECT x FROM t1");
  const auto verified = verify(world, {"--from", source.dsn});
  CHECK(verified.status == 1);
  CHECK(verified.out == Part{"Verified 1 migration on PostgreSQL "});
  CHECK(verified.out == Part{"error[dropped-column]: drops or renames column t1.x"});
  CHECK(source.tracker("\"My App\".schema_migrations") == "3,false");
  CHECK(source.value(
            "SELECT count(*) FROM pg_attribute WHERE attname = 'x' AND attrelid = '\"My App\".t1'::regclass") == "1");
  CHECK(scratch_databases(world) == "0");
}

TEST_CASE("The password of a database that is copied shows in no process and in no output") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  PgWorld source(*shared_server());
  world.tables(1);
  source.sql("CREATE TABLE held (x int)");
  PgClient holder = source.client();
  holder.run("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
  Process talos = Process::start(verify_options(world, {"--from", source.dsn}));
  PgClient observer = source.client();
  REQUIRE(eventually([&] { return waits(observer, "LOCK TABLE"); }));
  bool dump_seen = false;
  CHECK_FALSE(is_shown(source.server.password(), dump_seen));
  CHECK(dump_seen);
  // While it waits, it can be stopped, and leaves nothing.
  talos.signal(SIGTERM);
  const auto stopped = talos.wait();
  CHECK(stopped.status == 128 + SIGTERM);
  CHECK(stopped.out + stopped.err != Part{source.server.password()});
  CHECK(scratch_databases(world) == "0");
  holder.run("ROLLBACK");
}

TEST_CASE("Without pg_dump a copy is refused, naming the package; without a copy it is not needed") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  ProcessOptions options = verify_options(world, {"--from", world.dsn});
  options.environment["PATH"] = "/nonexistent";
  const auto refused = run(options);
  CHECK(refused.status == 1);
  CHECK(refused.err == Part{"pg_dump is not installed"});
  CHECK(refused.err == Part{"postgresql-client"});
  options = verify_options(world);
  options.environment["PATH"] = "/nonexistent";
  CHECK(run(options).status == 0);
}

TEST_CASE("Queries of the application are prepared against the schema, with parameters, and run nothing") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "base", "CREATE TABLE t (id int PRIMARY KEY, a int, b text);", "DROP TABLE t;");
  world.migration(2, "rename", "-- talos:breaking known\nALTER TABLE t RENAME a TO c;", "ALTER TABLE t RENAME c TO a;");
  const auto queries = world.directory / "queries";
  std::filesystem::create_directories(queries / "old");
  std::filesystem::create_directories(queries / "new");
  write_bytes(queries / "old" / "q.sql",
              "SELECT b FROM t WHERE id = $1;\nINSERT INTO t (id, a) VALUES ($1, $2);\n"
              "SELECT $1 IS NULL;\nWITH x AS (DELETE FROM t RETURNING b) SELECT * FROM x;\n");
  write_bytes(queries / "new" / "q.sql", "SELECT c FROM t;\nSELECT missing(c) FROM t;\n");
  const auto verified = verify(world, {"--queries", queries.string()});
  CHECK(verified.status == 1);
  CHECK(verified.out == Part{"error[query-breaks]: this query fails after version 2\n  --> old/q.sql:2"});
  CHECK(verified.out == Part{"column \"a\" of relation \"t\" does not exist"});
  CHECK(verified.out ==
        Part{"error[query-fails]: this query of the new release fails at version 2\n  --> new/q.sql:2"});
  CHECK(verified.out == Part{": 2 errors, "});
}

TEST_CASE(
    "Queries are planned, too, where no value of theirs matters: what an ON CONFLICT needs is looked for only then") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "base",
                  "CREATE DOMAIN filled AS text NOT NULL CHECK (value <> '');\n"
                  "CREATE TABLE t (id bigint, name filled, CONSTRAINT t_id UNIQUE (id));",
                  "DROP TABLE t; DROP DOMAIN filled;");
  world.migration(2, "unique", "ALTER TABLE t DROP CONSTRAINT t_id;", "ALTER TABLE t ADD CONSTRAINT t_id UNIQUE (id);");
  const auto queries = world.directory / "queries";
  std::filesystem::create_directories(queries / "old");
  write_bytes(queries / "old" / "q.sql",
              "INSERT INTO t (id) VALUES ($1) ON CONFLICT (id) DO NOTHING;\n"
              "INSERT INTO t (id, name) VALUES ($1, $2::filled);\nSELECT 1;\nSELECT $1::bigint / $2::bigint;\n"
              "CREATE TEMPORARY TABLE mine (x bigint);\nSELECT nextval('nowhere');\n");
  const auto verified = verify(world, {"--since", "1", "--queries", queries.string()});
  CHECK(verified.status == 1);
  CHECK(verified.out == Part{"error[query-breaks]: this query fails after version 2\n  --> old/q.sql:1"});
  CHECK(verified.out == Part{"no unique or exclusion constraint matching the ON CONFLICT"});
  // Nothing of the others, which say nothing that is wrong before they run but that a sequence is missing.
  CHECK(verified.out == Part{"--> old/q.sql:6"});
  for (const char* line : {"q.sql:2", "q.sql:3", "q.sql:4", "q.sql:5"})
    CHECK_FALSE(verified.out == Part{std::string("--> old/") + line});
}

TEST_CASE("The schema and the role that the DSN names are those of the scratch database") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.sql("CREATE SCHEMA \"My App\"");
  world.migration(1, "base", "CREATE TABLE t (x int DEFAULT 1); CREATE VIEW v AS SELECT x FROM \"My App\".t;",
                  "DROP VIEW v; DROP TABLE t;");
  world.dsn += "?search_path=%22My%20App%22&x-migrations-table=mine";
  const auto verified = verify(world, {"--strict"});
  CHECK_MESSAGE(verified.status == 0, (verified.out + verified.err));
  CHECK(scratch_databases(world) == "0");
}

TEST_CASE("A role that may not create databases is told so") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  const std::string role = "poor_" + world.database;
  world.dsn = world.server.create_role(role, world.database);
  const auto refused = verify(world);
  CHECK(refused.status == 5);
  CHECK(refused.err == Part{"permission denied to create database"});
  CHECK(refused.err == Part{"CREATEDB"});
  world.sql("DROP ROLE " + role);
}

}  // namespace talos::test
