// Files that run in one transaction: what they may set and leave, transaction control, bytes, and where an error is.
#include <cstdio>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"

namespace talos::test {

namespace {

// Of all that the files made: tables with their owners, and what file `probe` saw.
std::vector<std::string> schema(const PgWorld& world) {
  return world.rows(
      "SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid"
      " = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2; SELECT * FROM"
      " public.seen ORDER BY version");
}

// A file that sets or leaves something, then one that looks.
struct Leaving : PgWorld {
  explicit Leaving(const std::string& role) : PgWorld(*shared_server()) {
    sql("CREATE SCHEMA other AUTHORIZATION " + role);
    migration(1, "seen",
              "CREATE TABLE public.seen (version int, who text, really text, path text, encoding text, settings text,"
              " temporary text, prepared text, listens text, cursors text, sequence text);\n"
              "GRANT ALL ON public.seen TO PUBLIC;\n");
    const std::vector<std::string> files{
        "SET ROLE " + role + ";\nCREATE TABLE other.by_role (x int);\n",
        "SET search_path = other;\nCREATE TABLE by_path (x int);\n",
        "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE other.dumped (x int);\n",
        "SET SESSION AUTHORIZATION " + role + ";\nCREATE TABLE other.by_session (x int);\n",
        "SET client_encoding = 'LATIN1';\nCREATE TABLE public.latin (x text DEFAULT 'x');\n",
        "CREATE TEMP TABLE seen_not (x int);\nCREATE TABLE public.beside_temp (x int);\n",
        "PREPARE plan AS SELECT 1;\nLISTEN channel;\nDECLARE c CURSOR WITH HOLD FOR SELECT 1;\n",
        "DO $$ BEGIN PERFORM set_config('work_mem', '1MB', false); SET search_path = other; END $$;\n"
        "CREATE TABLE by_block (x int);\n",
        "SET standard_conforming_strings = off;\nCREATE TABLE public.strings AS SELECT E'a\\'b'::text AS x;\n",
        "CREATE SEQUENCE public.s;\nSELECT nextval('public.s');\n",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;\n",
        "SET datestyle = 'German';\nSET timezone = 'Asia/Tokyo';\nSET lock_timeout = 1;\nSET statement_timeout = "
        "'5s';\n",
        "ALTER DATABASE " + database + " SET work_mem = '3MB';\nALTER ROLE " + role + " SET work_mem = '2MB';\n",
    };
    long version = 2;
    for (const std::string& file : files) {
      migration(version, "leaves", file);
      const std::string number = std::to_string(version + 1);
      migration(version + 1, "looks",
                "INSERT INTO public.seen SELECT " + number +
                    ", current_user, session_user, current_setting('search_path'), current_setting('client_encoding'),"
                    " concat_ws(' ', current_setting('standard_conforming_strings'),"
                    " current_setting('default_transaction_read_only'), current_setting('datestyle'),"
                    " current_setting('timezone'), current_setting('statement_timeout')),"
                    " (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relname = 'seen_not'),"
                    " (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),"
                    " (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_cursors WHERE name ="
                    " 'c'), '';\nCREATE TABLE made_" +
                    number + " (x int);\n");
      version += 2;
    }
    count = version - 1;
  }
  long count = 0;
};

// The world's only file, and what `up` says of it.
ProcessResult up_of(PgWorld& world, std::string_view bytes) {
  write_bytes(world.migrations / "000001_file.up.sql", bytes);
  write_bytes(world.migrations / "000001_file.down.sql", "SELECT 1;\n");
  return world.migrate({"up"});
}

// The line under `line` of an error's excerpt: where its caret stands, in characters from the start of the line.
std::size_t caret_column(const std::string& err) {
  const auto caret = err.find("^");
  const auto begin = err.rfind('\n', caret);
  return caret - begin - 1;
}

}  // namespace

TEST_CASE("G6: one run of N migrations and N runs of one give the same schema, whatever files set and leave") {
  if (shared_server() == nullptr) return;
  const std::string role = "mover";
  pg_run(shared_server()->dsn(), "CREATE ROLE mover");
  {
    Leaving together(role);
    Leaving apart(role);
    const auto all = together.migrate({"up"});
    CHECK(all.status == 0);
    CHECK(all.err != Part{"rror"});
    for (long i = 0; i < apart.count; ++i) {
      const auto one = apart.migrate({"up", "--steps", "1"});
      CAPTURE(one.err);
      CHECK(one.status == 0);
    }
    CHECK(together.tracker() == std::to_string(together.count) + ",false");
    CHECK(schema(together) == schema(apart));
    for (const std::string& row : together.rows("SELECT * FROM public.seen ORDER BY version")) {
      CAPTURE(row);
      CHECK(row == Part{"|postgres|postgres|\"$user\", public|UTF8|on off ISO"});
      CHECK(row == Part{"|0|0|0|0|"});
    }
  }
  pg_run(shared_server()->dsn(), "DROP ROLE mover");
}

TEST_CASE("G6: what a function that a file calls sets does not reach the next file, nor our own writes") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const std::string role = "called_" + world.database;
  world.sql("CREATE ROLE " + role);
  world.migration(
      1, "function",
      "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET search_path TO pg_temp; SET ROLE " + role +
          "; END $$;\nSELECT f();\n");
  world.migration(2, "next", "CREATE TABLE next AS SELECT current_user::text AS who;\n");
  world.migration(3, "trigger",
                  "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET ROLE " + role +
                      "; RETURN NULL; END $$;\nCREATE TRIGGER g AFTER INSERT ON next EXECUTE FUNCTION g();\n"
                      "INSERT INTO next VALUES ('x');\n");
  world.migration(4, "last", "CREATE TABLE last AS SELECT current_user::text AS who;\n");
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err != Part{"rror"});
  CHECK(world.tracker() == "4,false");
  CHECK(world.value("SELECT count(*) FROM pg_tables WHERE tableowner = '" + role + "'") == "0");
  world.sql("DROP ROLE " + role);
}

TEST_CASE("G7: an outer BEGIN and COMMIT, or END, is dropped; tracker and body are one transaction all the same") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "pair", "-- made by hand\nBEGIN;\nCREATE TABLE a (x int);\nCOMMIT;\n");
  world.migration(2, "work", "begin work;\nCREATE TABLE b (x int);\nend work;\n-- so\n");
  world.migration(3, "start", "BEGIN TRANSACTION;CREATE TABLE c (x int);COMMIT TRANSACTION");
  world.migration(4, "fails", "BEGIN;\nCREATE TABLE d (x int);\nINSERT INTO missing VALUES (1);\nCOMMIT;\n");
  const auto up = world.migrate({"up"});
  CHECK(up.status == 1);
  CHECK(up.err == Part{"000004_fails.up.sql:3:13"});
  CHECK(world.tracker() == "3,false");
  CHECK(!world.has_table("d"));
}

TEST_CASE("G7: any other transaction control in a file is refused before anything runs: exit 2, file and line") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  for (const char* body : {"COMMIT;\nCREATE TABLE b (x int);\n", "ROLLBACK;\n", "BEGIN;\n", "END;\n", "ABORT;\n",
                           "START TRANSACTION;\n", "COMMIT AND CHAIN;\n", "PREPARE TRANSACTION 'x';\n",
                           "ROLLBACK PREPARED 'x';\n", "COMMIT PREPARED 'x';\n", "/* a */ COMMIT /* b */;\n"}) {
    CAPTURE(body);
    const auto refused = up_of(world, std::string("CREATE TABLE a (x int);\n") + body);
    CHECK(refused.status == 2);
    CHECK(refused.err == Part{"000001_file.up.sql:2"});
    CHECK(!world.has_table("a"));
  }
  for (const char* body : {"BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;\n",
                           "START TRANSACTION READ ONLY;\nSELECT 1;\nCOMMIT;\n", "BEGIN;\nSELECT 1;\nROLLBACK;\n",
                           "BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;\n"}) {
    CAPTURE(body);
    const auto refused = up_of(world, body);
    CHECK(refused.status == 2);
    CHECK(refused.err == Part{"000001_file.up.sql:"});
    CHECK(refused.err == Part{"no-transaction"});
  }
  CHECK(!world.has_table("schema_migrations"));
}

TEST_CASE("G7: control that no reader of the text can see fails on the server, and nothing of the file stays") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  for (const char* body : {"CREATE TABLE a (x int);\nDO $$ BEGIN COMMIT; END $$;\n",
                           "CREATE TABLE a (x int);\nDO $$ BEGIN EXECUTE 'ROLLBACK'; END $$;\n",
                           "CREATE TABLE a (x int);\nCREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';\n"
                           "CALL p();\n"}) {
    CAPTURE(body);
    const auto failed = up_of(world, body);
    CHECK(failed.status == 1);
    CHECK(failed.err == Part{"000001_file.up.sql:"});
    CHECK(!world.has_table("a"));
    CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
  }
}

TEST_CASE("SAVEPOINTs of a file's own work, and a file that tampers with the tracker does not get its way") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "points",
                  "CREATE TABLE a (x int);\nSAVEPOINT one;\nINSERT INTO a VALUES (1);\nROLLBACK TO SAVEPOINT one;\n"
                  "SAVEPOINT two;\nINSERT INTO a VALUES (2);\nRELEASE two;\n");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.rows("SELECT x FROM a") == std::vector<std::string>{"2"});
  world.migration(2, "open", "SAVEPOINT left_open;\nINSERT INTO a VALUES (3);\n");
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.tracker() == "2,false");
}

TEST_CASE("P4: a migration that raises TL001, TL002 or TL003 itself is an ordinary failure") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  for (const char* state : {"TL001", "TL002", "TL003"}) {
    CAPTURE(state);
    const auto failed = up_of(
        world, "SELECT 1;\nDO $$ BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = '" + std::string(state) + "'; END $$");
    CHECK(failed.status == 1);
    CHECK(failed.err == Part{"mine"});
    CHECK(failed.err == Part{state});
    CHECK(failed.err == Part{"000001_file.up.sql:2"});
  }
  // Deferred, it comes at the end of the transaction.
  const auto late = up_of(
      world,
      "CREATE TABLE a (x int);\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
      " 'late' USING ERRCODE = 'TL001'; END $$;\nCREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY"
      " DEFERRED FOR EACH ROW EXECUTE FUNCTION f();\nINSERT INTO a VALUES (1);\n");
  CHECK(late.status == 1);
  CHECK(late.err == Part{"late"});
  CHECK(late.err == Part{"000001_file.up.sql"});
  CHECK(!world.has_table("a"));
}

TEST_CASE("a deferred constraint that fails at the end is the file's failure: exit 1, file, SQLSTATE, all undone") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto failed = up_of(world,
                            "CREATE TABLE parent (id int PRIMARY KEY);\nCREATE TABLE child (id int REFERENCES parent"
                            " DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO child VALUES (7);\n");
  CHECK(failed.status == 1);
  CHECK(failed.err == Part{"violates foreign key constraint"});
  CHECK(failed.err == Part{"23503"});
  CHECK(failed.err == Part{"Key (id)=(7)"});
  CHECK(failed.err == Part{"000001_file.up.sql"});
  CHECK(!world.has_table("parent"));
  CHECK(world.migrate({"status"}).out == Part{"000001_file.up.sql"});
}

TEST_CASE("G9: an unknown directive, or a misplaced one, is exit 2; CRLF, a BOM and comments before one are fine") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto unknown = up_of(world, "-- talos:no-transactions\nSELECT 1;\n");
  CHECK(unknown.status == 2);
  CHECK(unknown.err == Part{"000001_file.up.sql:1"});
  CHECK(unknown.err == Part{"no-transactions"});
  CHECK(up_of(world, "\xEF\xBB\xBF\r\n/* head */\r\n-- talos:no-transaction\r\nCREATE TABLE a (x int);\r\nVACUUM;\r\n")
            .status == 0);
  CHECK(world.has_table("schema_migrations_journal"));
}

TEST_CASE("G10: NUL, an unclosed quote, comment or body, and invalid UTF-8 are refused: exit 2, file and line") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  using namespace std::string_literals;
  for (const std::string& end :
       {"SELECT 'a\0b';\n"s, "SELECT 'open;\n"s, "SELECT \"open;\n"s, "/* open\n"s, "SELECT $x$ open $y$;\n"s,
        "SELECT '\xff\xfe';\n"s, "-- \xc3\x28 in a comment\n"s, "SELECT E'a\\';\n"s}) {
    CAPTURE(end);
    const auto refused = up_of(world, "CREATE TABLE a (x int);\n" + end);
    CHECK(refused.status == 2);
    CHECK(refused.err == Part{"000001_file.up.sql:2"});
    CHECK(!world.has_table("a"));
  }
  CHECK(world.migrate({"up", "--dry-run"}).status == 2);
}

TEST_CASE("G10: empty files, comments only, a BOM, a lone semicolon and a comment at the end are legal") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  long version = 0;
  for (const char* body :
       {"", "\n\n", "-- nothing", "/* nothing */", "\xEF\xBB\xBF", "\xEF\xBB\xBF-- a\n", ";", ";;\n;",
        "\xEF\xBB\xBF"
        "CREATE TABLE bom (x int)",
        "CREATE TABLE last (x int) -- comment", "CREATE TABLE x (x int); -- comment", "CREATE TABLE y (x int)\r\n;\r\n",
        "-- talos:no-transaction", "-- talos:no-transaction\n;"}) {
    ++version;
    char name[32];
    std::snprintf(name, sizeof name, "%06ld_file", version);
    write_bytes(world.migrations / (std::string(name) + ".up.sql"), body);
    write_bytes(world.migrations / (std::string(name) + ".down.sql"), "");
  }
  const auto up = world.migrate({"up"});
  CHECK(up.status == 0);
  CHECK(up.err != Part{"rror"});
  CHECK(world.tracker() == std::to_string(version) + ",false");
  CHECK(world.has_table("last"));
  CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
}

TEST_CASE("COPY FROM STDIN and psql's meta-commands are refused by name: exit 2, file and line") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto copy = up_of(world, "CREATE TABLE a (x int);\nCOPY a FROM STDIN;\n1\n2\n\\.\n");
  CHECK(copy.status == 2);
  CHECK(copy.err == Part{"000001_file.up.sql:2"});
  CHECK(copy.err == Part{"COPY"});
  CHECK(copy.err == Part{"STDIN"});
  for (const char* command : {"\\connect other", "\\i file.sql", "\\set x 1", "\\restrict abc"}) {
    CAPTURE(command);
    const auto meta = up_of(world, std::string("CREATE TABLE a (x int);\n") + command + "\nSELECT 1;\n");
    CHECK(meta.status == 2);
    CHECK(meta.err == Part{"000001_file.up.sql:2"});
    CHECK(meta.err == Part{"psql"});
  }
  CHECK(!world.has_table("a"));
  CHECK(up_of(world, "CREATE TABLE a (x int);\nCOPY a FROM '/nowhere/at/all';\n").status == 1);
  CHECK(up_of(world, "CREATE TABLE a (x int);\nCOPY a FROM PROGRAM 'echo 1';\n").status == 0);
}

TEST_CASE("COPY TO STDOUT is refused, or run, but never leaves the program waiting") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto result = up_of(world, "CREATE TABLE a (x int);\nCOPY a TO STDOUT;\nCREATE TABLE b (x int);\n");
  CHECK((result.status == 2 || result.status == 0));
  CHECK(world.has_table("b") == (result.status == 0));
}

TEST_CASE("a file above one MiB is one transaction: an error in its middle has its line and column, and undoes all") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  std::string text = "CREATE TABLE big (id int PRIMARY KEY, x text);\n";
  const std::string pad(90, 'p');
  int line = 2;
  for (; line < 20'002; ++line) text += "INSERT INTO big VALUES (" + std::to_string(line) + ", 'é" + pad + "');\n";
  const std::string good = text;
  text += "INSERT INTO big VALUES (1, 'é'), (oops, 'x');\n";
  const int wrong = line;
  for (++line; line < 25'000; ++line)
    text += "INSERT INTO big VALUES (" + std::to_string(line) + ", 'é" + pad + "');\n";
  REQUIRE(text.size() > (2U << 20U));
  const auto failed = up_of(world, text);
  CHECK(failed.status == 1);
  CHECK(failed.err == Part{"000001_file.up.sql:" + std::to_string(wrong) + ":"});
  CHECK(failed.err == Part{"column \"oops\" does not exist"});
  CHECK(failed.err == Part{"(statement " + std::to_string(wrong) + " of " + std::to_string(line - 1) + ")"});
  CHECK(!world.has_table("big"));
  CHECK(world.migrate({"status"}).out == Part{"000001_file.up.sql:" + std::to_string(wrong) + ", statement"});

  // A duplicate key has no position: the statement's line.
  const auto twice = up_of(world, good + "\n\n  INSERT INTO big VALUES (2, 'x');\n");
  CHECK(twice.status == 1);
  CHECK(twice.err == Part{"000001_file.up.sql:20004"});
  CHECK(twice.err == Part{"Key (id)=(2) already exists."});
  CHECK(up_of(world, good).status == 0);
  CHECK(world.value("SELECT count(*) FROM big") == "20000");
}

TEST_CASE("characters of several bytes before an error: line, column and caret are right") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto failed = up_of(world, "-- Grüße 你好 😀\nSELECT 'ä';\nSELECT '你好😀é', nowhere FROM pg_class;\n");
  CHECK(failed.status == 1);
  CHECK(failed.err == Part{"000001_file.up.sql:3:"});
  CHECK(failed.err == Part{"3 | SELECT '你好😀é', nowhere FROM pg_class;"});
  // Columns are of characters on the screen as far as the caret goes: two of these are twice as wide.
  const auto plain = up_of(world, "SELECT 'äöü';\nSELECT 'éèê', nowhere;\n");
  CHECK(plain.err == Part{"000001_file.up.sql:2:"});
  CHECK(caret_column(plain.err) == std::string("  2 | SELECT 'xxx', ").size());
  const auto tabbed = up_of(world, "SELECT 1;\n\t\tSELECT nowhere;\n");
  CHECK(tabbed.err == Part{"000001_file.up.sql:2:10"});
}

TEST_CASE(
    "an error without a position, in a block or a function, has its statement's line, detail, hint and SQLSTATE") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto block = up_of(world,
                           "SELECT 1;\n\n-- explained\nDO $$\nBEGIN\n  RAISE EXCEPTION 'no good' USING DETAIL = 'the"
                           " detail', HINT = 'the way out', ERRCODE = 'XY123';\nEND $$;\nSELECT 2;\n");
  CHECK(block.status == 1);
  CHECK(block.err == Part{"no good"});
  CHECK(block.err == Part{"000001_file.up.sql:4"});
  CHECK(block.err == Part{"(statement 2 of 3)"});
  CHECK(block.err == Part{"XY123"});
  CHECK(block.err == Part{"the detail"});
  CHECK(block.err == Part{"hint: the way out"});
  CHECK(block.err == Part{"PL/pgSQL function inline_code_block line 3 at RAISE"});
  const auto status = world.migrate({"status"});
  CHECK(status.out == Part{"no good [XY123]"});

  const auto inner = up_of(world, "SELECT 1;\nDO $$\nBEGIN\n  EXECUTE 'SELECT * FROM nowhere';\nEND $$;\n");
  CHECK(inner.status == 1);
  CHECK(inner.err == Part{"000001_file.up.sql:2"});
  CHECK(inner.err == Part{"SELECT * FROM nowhere"});
}

TEST_CASE("warnings of a migration are shown, notices do not disturb") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto up = up_of(world,
                        "DO $$ BEGIN RAISE WARNING 'look out'; RAISE NOTICE 'by the way'; RAISE INFO 'info'; END $$;\n"
                        "DROP TABLE IF EXISTS nothing;\n");
  CHECK(up.status == 0);
  CHECK(up.err == Part{"look out"});
}

TEST_CASE("rows of a SELECT, an UPDATE's RETURNING and NOTIFY go nowhere and disturb nothing") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto up = up_of(world,
                        "SELECT g, repeat('x', 1000) FROM generate_series(1, 5000) g;\nCREATE TABLE a (x int);\n"
                        "INSERT INTO a VALUES (1) RETURNING x;\nNOTIFY channel, 'payload';\nVALUES (1), (2);\n");
  CHECK(up.status == 0);
  CHECK(up.out == "Applied 1 migration: version none → 1\n");
}

TEST_CASE("functions with bodies of every quoting, and BEGIN ATOMIC, are one statement each") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto up = up_of(world,
                        "CREATE FUNCTION a() RETURNS int LANGUAGE sql AS $body$ SELECT 1; SELECT 2; $body$;\n"
                        "CREATE FUNCTION b() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\n"
                        "CREATE FUNCTION c() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT '';''::text::int';\n"
                        "CREATE FUNCTION d(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN\n  -- it's; \n"
                        "  RETURN CASE WHEN $1 > 0 THEN 1 ELSE 2 END; END $$;\n"
                        "/* a /* nested; */ comment */ SELECT U&'\\0061;' /* ; */;\nSELECT nowhere;\n");
  CHECK(up.status == 1);
  CHECK(up.err == Part{"000001_file.up.sql:8:8"});
  CHECK(up.err == Part{"(statement 6 of 6)"});
}

}  // namespace talos::test
