#include "pg_statement.hpp"

#include "pg_split.hpp"

using namespace talos;
using namespace talos::pg;
using namespace talos::pg::test;

TEST_CASE("G7: transaction control is told apart by its options") {
  for (const char* text : {"BEGIN", "begin work;", "BEGIN TRANSACTION", "START TRANSACTION", "BEGIN /* x */ -- y\n;"})
    CHECK_MESSAGE(class_of(text) == StatementClass::begin, text);
  for (const char* text :
       {"BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION READ ONLY", "BEGIN WORK DEFERRABLE"})
    CHECK_MESSAGE(class_of(text) == StatementClass::begin_with_options, text);
  for (const char* text : {"COMMIT", "END", "commit work", "END TRANSACTION", "COMMIT AND NO CHAIN"})
    CHECK_MESSAGE(class_of(text) == StatementClass::commit, text);
  for (const char* text : {"ROLLBACK", "abort", "rollback transaction", "ROLLBACK WORK AND NO CHAIN"})
    CHECK_MESSAGE(class_of(text) == StatementClass::rollback, text);
  for (const char* text :
       {"SAVEPOINT a", "RELEASE a", "RELEASE SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT \"a\""})
    CHECK_MESSAGE(class_of(text) == StatementClass::savepoint, text);
  for (const char* text : {"COMMIT AND CHAIN", "ROLLBACK WORK AND CHAIN", "PREPARE TRANSACTION 'x'"}) {
    CHECK_MESSAGE(class_of(text) == StatementClass::refused, text);
    CHECK_FALSE(only(text).why.empty());
  }
}

TEST_CASE("G7: savepoint names of the program are denied to files, however they are written") {
  for (const char* text :
       {"SAVEPOINT talos_1", "savepoint TALOS_x", "RELEASE SAVEPOINT talos_1", "RELEASE \"talos_1\"",
        "ROLLBACK TO talos_1", "ROLLBACK WORK TO SAVEPOINT \"talos_1\"", "SAVEPOINT U&\"\\0074alos_1\""}) {
    CHECK_MESSAGE(class_of(text) == StatementClass::refused, text);
    CHECK_FALSE(only(text).why.empty());
  }
}

TEST_CASE("rows and schema are told apart") {
  for (const char* text :
       {"SELECT 1", "insert into t values (1)", "WITH a AS (INSERT INTO t VALUES (1) RETURNING b) DELETE FROM t",
        "UPDATE t SET a = 1", "DELETE FROM t", "VALUES (1)", "TABLE t", "(SELECT 1)", "EXPLAIN SELECT 1",
        "EXPLAIN (ANALYZE, VERBOSE off) INSERT INTO t VALUES (1)", "SELECT 1 AS into, t.into FROM t",
        "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "WITH a AS (SELECT 1) INSERT INTO t TABLE a"})
    CHECK_MESSAGE(class_of(text) == StatementClass::dml, text);
  for (const char* text : {"CREATE TABLE t (a int)", "DROP INDEX i", "ALTER TABLE t ADD b int", "what is this",
                           "SELECT 1 INTO t", "WITH a AS (SELECT 1) SELECT * INTO t FROM a", "(SELECT 1 AS a INTO t)",
                           "TRUNCATE t", "GRANT ALL ON t TO u", "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
                           "EXPLAIN (ANALYZE) SELECT 1 INTO t", "DO 'x'", "CALL p()", "COMMENT ON TABLE t IS 'x'",
                           "REFRESH MATERIALIZED VIEW CONCURRENTLY v", "ALTER TYPE e ADD VALUE 'x'", "1", "$"})
    CHECK_MESSAGE(class_of(text) == StatementClass::ddl, text);
}

// All tried on PostgreSQL 15 inside BEGIN, but failover and two_phase, which are newer.
TEST_CASE("G8: what PostgreSQL refuses inside a transaction is known") {
  for (const char* text :
       {"CREATE INDEX CONCURRENTLY i ON t (a)",
        "create unique index concurrently on t (a)",
        "CREATE INDEX /* x */ CONCURRENTLY IF NOT EXISTS i ON t (a)",
        "DROP INDEX CONCURRENTLY IF EXISTS i",
        "REINDEX INDEX CONCURRENTLY i",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX (CONCURRENTLY) TABLE t",
        "REINDEX (VERBOSE, CONCURRENTLY true) TABLE t",
        "REINDEX (concurrently off) TABLE CONCURRENTLY t",
        "REINDEX DATABASE d",
        "REINDEX SYSTEM d",
        "REINDEX (VERBOSE) SCHEMA s",
        "VACUUM",
        "VACUUM (FULL) t",
        "CLUSTER",
        "CLUSTER VERBOSE",
        "CLUSTER (VERBOSE)",
        "CREATE DATABASE d",
        "DROP DATABASE IF EXISTS d",
        "CREATE TABLESPACE x LOCATION '/x'",
        "DROP TABLESPACE x",
        "ALTER DATABASE d SET TABLESPACE x",
        "ALTER DATABASE d WITH TABLESPACE = x",
        "ALTER DATABASE d TABLESPACE x",
        "ALTER SYSTEM SET work_mem = '4MB'",
        "ALTER SYSTEM RESET ALL",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = true, enabled = false)",
        "DROP SUBSCRIPTION s",
        "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
        "ALTER SUBSCRIPTION s SET PUBLICATION p",
        "ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (copy_data = false)",
        "ALTER SUBSCRIPTION s SET (failover = true)",
        "ALTER SUBSCRIPTION s SET (two_phase = false)",
        "ALTER TABLE ONLY p DETACH PARTITION s.p1 CONCURRENTLY",
        "DISCARD ALL",
        "COMMIT PREPARED 'x'",
        "ROLLBACK PREPARED 'x'"})
    CHECK_MESSAGE(class_of(text) == StatementClass::no_transaction, text);
  for (const char* text :
       {"CREATE INDEX \"concurrently\" ON t (a)",
        "CREATE INDEX i ON t (a)",
        "DROP INDEX i",
        "REINDEX TABLE t",
        "REINDEX (VERBOSE) INDEX i",
        "REINDEX (CONCURRENTLY false) TABLE t",
        "REINDEX (CONCURRENTLY 'off') TABLE t",
        "REINDEX (CONCURRENTLY, CONCURRENTLY 0) TABLE t",
        "CLUSTER t",
        "CLUSTER VERBOSE t USING i",
        "CLUSTER (VERBOSE) t",
        "ALTER DATABASE d SET work_mem = '4MB'",
        "ALTER DATABASE d CONNECTION LIMIT 5",
        "ALTER DATABASE d RENAME TO tablespace",
        "ALTER TABLESPACE x SET (seq_page_cost = 1)",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = off)",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (enabled = false, create_slot = 'false')",
        "ALTER SUBSCRIPTION s DISABLE",
        "ALTER SUBSCRIPTION s SET (slot_name = NONE)",
        "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)",
        "ALTER SUBSCRIPTION s RENAME TO t",
        "ALTER TABLE p DETACH PARTITION p1",
        "ALTER TABLE p DETACH PARTITION p1 FINALIZE",
        "DISCARD TEMP",
        "ANALYZE"})
    CHECK_MESSAGE(class_of(text) == StatementClass::ddl, text);
}

TEST_CASE("G12: what changes only the session is marked, and whether saying it again restores it") {
  for (const char* text :
       {"SET search_path = a, b", "set session work_mem to '4MB'", "SET ROLE x", "SET SESSION AUTHORIZATION x",
        "SET TIME ZONE 'UTC'", "RESET ALL", "RESET ROLE", "DISCARD ALL", "LOAD 'x'", "UNLISTEN *", "SET NAMES 'utf8'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SELECT pg_catalog.set_config('search_path', '', false)", "SELECT set_config ('a.b', $$c$$, FALSE)"}) {
    CHECK_MESSAGE(only(text).session_only, text);
    CHECK_MESSAGE(only(text).replayable, text);
  }
  for (const char* text :
       {"CREATE TEMP TABLE t (a int)", "create or replace local temporary view v as select 1",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT 1 INTO TEMP t",
        "SELECT 1 INTO LOCAL TEMPORARY TABLE t", "PREPARE p AS SELECT 1", "DEALLOCATE p", "LISTEN x",
        "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1", "SELECT set_config('a.b', c, false) FROM t",
        "SELECT set_config('a.b', 'c', false), f()", "UPDATE t SET a = pg_catalog.set_config('a.b', 'c', false)",
        "SELECT pg_advisory_lock(1)", "SELECT pg_catalog.pg_try_advisory_lock_shared(1)"}) {
    CHECK_MESSAGE(only(text).session_only, text);
    CHECK_MESSAGE(!only(text).replayable, text);
  }
  for (const char* text :
       {"SET LOCAL search_path = a", "SET TRANSACTION READ ONLY", "SET CONSTRAINTS ALL DEFERRED", "SELECT 1",
        "SELECT set_config('a.b', 'c', true)", "SELECT 'set_config('", "DECLARE c CURSOR FOR SELECT 1",
        "SELECT pg_advisory_xact_lock(1)", "CREATE TABLE t (a int)", "ALTER ROLE r SET search_path = a",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = a, pg_temp AS 'SELECT 1'", "DO 'x'"}) {
    CHECK_MESSAGE(!only(text).session_only, text);
    CHECK_MESSAGE(only(text).replayable, text);
  }
}

TEST_CASE("G6: a file that may leave something in the session says so by a trait") {
  for (const char* text :
       {"SELECT 1; SET search_path = a", "RESET x", "DISCARD ALL", "CREATE TEMP TABLE t (a int)", "DO 'x'", "CALL p()",
        "EXECUTE p", "PREPARE p AS SELECT 1", "LISTEN x", "LOAD 'x'", "SELECT set_config('a.b', 'c', false)",
        "INSERT INTO t SELECT set_config('a.b', 'c', false)", "SELECT pg_advisory_lock(1)"})
    CHECK_MESSAGE((split(text).traits & trait_session_state) != 0, text);
  for (const char* text : {"CREATE TABLE t (a int)", "SET LOCAL a.b = 1", "SELECT 1", "LOCK TABLE t",
                           "SELECT set_config('a.b', 'c', true)", "INSERT INTO t VALUES ('SET x = 1')"})
    CHECK_MESSAGE((split(text).traits & trait_session_state) == 0, text);
}

TEST_CASE("G10: a file that speaks of a setting by which bytes are read says so by a trait") {
  for (const char* text :
       {"SET client_encoding = 'LATIN1'", "SET NAMES 'LATIN1'", "set Standard_Conforming_Strings to off",
        "SET LOCAL client_encoding TO x", "SELECT set_config('client_encoding', 'x', false)",
        "DO $$ BEGIN SET standard_conforming_strings = off; END $$", "ALTER ROLE r SET client_encoding = 'x'"})
    CHECK_MESSAGE((split(text).traits & trait_lexing_settings) != 0, text);
  for (const char* text :
       {"INSERT INTO t VALUES ('client_encoding')", "SET search_path = names", "SELECT encoding FROM t",
        "SET client_min_messages = warning", "SELECT '_', 'client_encodin'"})
    CHECK_MESSAGE((split(text).traits & trait_lexing_settings) == 0, text);
}

TEST_CASE("plain DDL runs nobody else's code; whatever might is said to") {
  for (const char* text :
       {"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, n numeric(10, 2) DEFAULT f(1) CHECK (f(n) > 0))",
        "create unlogged table if not exists s.t (LIKE u INCLUDING ALL) INHERITS (v) WITH (fillfactor = 70)",
        "CREATE UNIQUE INDEX i ON t USING btree (a, b DESC) INCLUDE (c) WITH (fillfactor = 70)",
        "COMMENT ON TABLE t IS 'f(x)'", "DROP TABLE IF EXISTS t CASCADE", "DROP INDEX i; -- f(x)"})
    CHECK_MESSAGE((split(text).traits & trait_foreign_code) == 0, text);
  for (const char* text :
       {"CREATE TABLE t AS SELECT f(1)", "CREATE TABLE t (a) AS (SELECT f(1))", "CREATE TABLE t AS EXECUTE p",
        "CREATE TABLE t PARTITION OF u FOR VALUES FROM (f(1)) TO (2)", "CREATE TEMP TABLE t (x int)",
        "CREATE INDEX ON t (lower(a))", "CREATE INDEX ON t (a) WHERE f(a)", "CREATE EXTENSION e", "SELECT 1",
        "INSERT INTO t VALUES (1)", "ALTER TABLE t ADD COLUMN a int DEFAULT f()", "DROP FUNCTION f", "DO 'BEGIN END'",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()", "CREATE TABLE t (x int); SELECT 1"})
    CHECK_MESSAGE((split(text).traits & trait_foreign_code) != 0, text);
}
