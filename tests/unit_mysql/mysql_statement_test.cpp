#include "mysql_statement.hpp"

#include <initializer_list>
#include <string>

#include "mysql_split.hpp"

using namespace talos;
using namespace talos::mysql;
using namespace talos::mysql::test;

namespace {

void all_are(StatementClass kind, std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) CHECK_MESSAGE(class_of(text) == kind, text);
}

/// What a statement leaves in the session, and whether saying it again restores it.
enum class Leaves { nothing, replayable, lost };

void all_leave(Leaves expected, std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    const Split result = split(text);
    REQUIRE_MESSAGE(result.statements.size() == 1, text);
    const Statement& statement = result.statements[0];
    const Leaves leaves = !statement.session_only ? Leaves::nothing
                          : statement.replayable  ? Leaves::replayable
                                                  : Leaves::lost;
    CHECK_MESSAGE(leaves == expected, text);
    if (expected != Leaves::nothing) CHECK_MESSAGE((result.traits & trait_session_state) != 0, text);
  }
}

std::uint64_t traits(std::string_view text) { return split(text).traits; }

}  // namespace

TEST_CASE("M2: only what touches rows and nothing else is DML") {
  all_are(StatementClass::dml, {"INSERT INTO t VALUES (1)",
                                "insert ignore into t select 1",
                                "UPDATE t SET a = 1",
                                "DELETE FROM t",
                                "REPLACE INTO t VALUES (1)",
                                "SELECT 1",
                                "(SELECT 1) UNION (SELECT 2)",
                                "WITH a AS (SELECT 1) DELETE FROM t",
                                "WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a",
                                "TABLE t",
                                "VALUES ROW(1)",
                                "DO SLEEP(0)",
                                "SELECT 1 INTO @a",
                                "SET @a = 1",
                                "SET time_zone = '+00:00'",
                                "SET SESSION TRANSACTION READ ONLY",
                                "SET NAMES utf8mb4",
                                "SET CHARACTER SET utf8",
                                "SET CHARSET utf8",
                                "USE db",
                                "/*!50001 INSERT INTO t VALUES (1) */",
                                "SELECT 'INTO OUTFILE'",
                                "SELECT outfile FROM t",
                                "/* x */ # y\n INSERT t VALUES (1)"});
}

TEST_CASE("M2: everything else, and what is not recognised, is DDL") {
  all_are(StatementClass::ddl, {"CREATE TABLE t (a int)",
                                "ALTER TABLE t ADD b int",
                                "DROP TABLE t",
                                "RENAME TABLE a TO b",
                                "TRUNCATE t",
                                "CREATE TABLE t SELECT 1",
                                "CALL p()",
                                "EXECUTE s",
                                "EXECUTE IMMEDIATE 'SELECT 1'",
                                "LOAD DATA INFILE 'x' INTO TABLE t",
                                "LOAD XML INFILE 'x' INTO TABLE t",
                                "HANDLER t OPEN",
                                "ANALYZE TABLE t",
                                "OPTIMIZE TABLE t",
                                "GRANT SELECT ON t TO u",
                                "SELECT 1 INTO OUTFILE '/x'",
                                "SELECT 1 INTO DUMPFILE '/x'",
                                "TABLE t INTO OUTFILE '/x'",
                                "(SELECT 1) INTO OUTFILE '/x'",
                                "SELECT a INTO /* x */ OUTFILE 'x' FROM t",
                                "SET GLOBAL x = 1",
                                "SET PERSIST x = 1",
                                "SET PERSIST_ONLY x = 1",
                                "SET @@global.x = 1",
                                "SET @@PERSIST.x = 1",
                                "SET @a = 1, GLOBAL x = 1",
                                "SET GLOBAL x = 1, @a = 1",
                                "SET PASSWORD = 'x'",
                                "SET PASSWORD FOR u = 'x'",
                                "SET ROLE r",
                                "SET ROLE DEFAULT",
                                "SET DEFAULT ROLE r TO u",
                                "SET RESOURCE GROUP g",
                                "SET STATEMENT max_statement_time = 1 FOR SELECT 1",
                                "SET autocommit = 0",
                                "SET @@autocommit = 1",
                                "SET SESSION sql_log_bin = 0",
                                "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                                "SET GLOBAL TRANSACTION READ ONLY",
                                "SET @@transaction_isolation = 'SERIALIZABLE'",
                                "SET",
                                "SET x",
                                "SET x = ",
                                "LOCK TABLES t READ",
                                "UNLOCK TABLES",
                                "FLUSH TABLES",
                                "FLUSH TABLES WITH READ LOCK",
                                "PREPARE s FROM 'SELECT 1'",
                                "CREATE TEMPORARY TABLE t (a int)",
                                "DROP TEMPORARY TABLE t",
                                "SHOW TABLES",
                                "EXPLAIN SELECT 1",
                                "KILL 1",
                                "INSTALL PLUGIN x SONAME 'y'",
                                "START REPLICA",
                                "START SLAVE",
                                "BINLOG 'x'",
                                "RELEASE x",
                                "UNHEARD OF",
                                "`SELECT` 1",
                                "1",
                                "*",
                                "BEGIN NOT ATOMIC INSERT INTO t VALUES (1); END",
                                "CREATE PROCEDURE p() SELECT 1 INTO @a",
                                "CREATE VIEW v AS SELECT 1",
                                "CHECK TABLE t",
                                "SIGNAL SQLSTATE '45000'"});
}

TEST_CASE("transactions: plain ones, those with options, their ends, and what stays open behind the program's back") {
  all_are(StatementClass::begin, {"BEGIN", "begin work", "START TRANSACTION", "BEGIN /* x */ WORK -- y"});
  all_are(StatementClass::begin_with_options,
          {"START TRANSACTION READ ONLY", "START TRANSACTION READ WRITE", "START TRANSACTION WITH CONSISTENT SNAPSHOT",
           "start transaction with consistent snapshot, read only"});
  all_are(StatementClass::commit,
          {"COMMIT", "COMMIT WORK", "COMMIT AND NO CHAIN", "COMMIT WORK AND NO CHAIN NO RELEASE", "COMMIT NO RELEASE"});
  all_are(StatementClass::rollback, {"ROLLBACK", "ROLLBACK WORK", "ROLLBACK AND NO CHAIN NO RELEASE"});
  all_are(StatementClass::refused,
          {"COMMIT AND CHAIN", "COMMIT WORK AND CHAIN", "ROLLBACK AND CHAIN", "COMMIT RELEASE", "ROLLBACK WORK RELEASE",
           "COMMIT AND NO CHAIN RELEASE", "COMMIT AND CHAIN NO RELEASE"});
}

TEST_CASE("G7: savepoints are allowed, but for names of the program's") {
  all_are(StatementClass::savepoint,
          {"SAVEPOINT a", "RELEASE SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK TO SAVEPOINT `a b`",
           "ROLLBACK WORK TO SAVEPOINT a", "SAVEPOINT savepoint", "SAVEPOINT talos"});
  all_are(StatementClass::refused,
          {"XA START 'x'", "xa commit 'x'", "SAVEPOINT talos_1", "SAVEPOINT `TALOS_x`", "ROLLBACK TO Talos_a",
           "RELEASE SAVEPOINT talos_", "ROLLBACK WORK TO SAVEPOINT talos_b"});
}

TEST_CASE("G12: what changes only the session is said again by a resumed run, where that restores it") {
  all_leave(
      Leaves::nothing,
      {"SELECT 1", "INSERT INTO t VALUES ('@a := 1')", "CREATE TABLE t (a int)", "SET GLOBAL x = 1", "FLUSH TABLES",
       "FLUSH PRIVILEGES", "SET PASSWORD = 'x'", "SET DEFAULT ROLE r TO u", "CREATE PROCEDURE p() SELECT 1 INTO @a",
       "CREATE PROCEDURE p() BEGIN SET @a = GET_LOCK('x', 1); END", "SELECT get_lock FROM t", "SELECT @a, @b",
       "CALL p()", "SELECT @a = 1", "UPDATE t SET a = @b", "DROP TABLE t", "INSERT INTO t SELECT @a"});
  all_leave(Leaves::replayable,
            {"SET @a = 1", "SET @a := -1.5, @b = 'x', @c = NULL, @d = TRUE, @e = _utf8mb4'x', @f = x'41', @g = 1e5",
             "SET foreign_key_checks = 0", "SET SESSION time_zone = '+00:00'", "SET @@session.sql_mode = 'ANSI'",
             "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET CHARACTER SET utf8", "USE db", "SET ROLE r",
             "SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO'", "SET sql_mode = @OLD_SQL_MODE",
             "SET sql_mode = (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))", "SET sql_mode = DEFAULT",
             "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET autocommit = 0",
             "SET LOCAL lock_wait_timeout = 1"});
  all_leave(Leaves::lost, {"SET @a = (SELECT MAX(a) FROM t)",
                           "SET @a = UUID()",
                           "SET @a = NOW()",
                           "SET @a = CURRENT_TIMESTAMP",
                           "SET @a = LAST_INSERT_ID()",
                           "SET @a = @@last_insert_id",
                           "SET @a = @@global.x",
                           "SET @a = @b := 2",
                           "SET timestamp = UNIX_TIMESTAMP()",
                           "SET @a = (TABLE t)",
                           "PREPARE s FROM 'SELECT 1'",
                           "DEALLOCATE PREPARE s",
                           "DROP PREPARE s",
                           "CREATE TEMPORARY TABLE t (a int)",
                           "CREATE OR REPLACE TEMPORARY TABLE t (a int)",
                           "DROP TEMPORARY TABLE t",
                           "LOCK TABLES t WRITE",
                           "LOCK INSTANCE FOR BACKUP",
                           "UNLOCK TABLES",
                           "FLUSH TABLES WITH READ LOCK",
                           "FLUSH NO_WRITE_TO_BINLOG TABLES t WITH READ LOCK",
                           "FLUSH TABLES t FOR EXPORT",
                           "SELECT a INTO @v FROM t",
                           "SELECT 1 INTO @'a'",
                           "SELECT @a := a FROM t",
                           "UPDATE t SET a = (@i := @i + 1)",
                           "SELECT @`a b` := 1",
                           "SELECT @a.b := 1",
                           "SELECT @1 := 1",
                           "INSERT INTO t SELECT @i := 1",
                           "SET TRANSACTION READ ONLY",
                           "SET @@transaction_isolation = 'SERIALIZABLE'",
                           "SELECT GET_LOCK('x', 1)",
                           "DO RELEASE_LOCK ('x')",
                           "SELECT release_all_locks()",
                           "HANDLER t OPEN"});
}

TEST_CASE("the traits of a text say what its session must be cleaned of") {
  CHECK(traits("SELECT 1; INSERT INTO t VALUES ('SET sql_mode')") == 0);
  CHECK(traits("SELECT 1; SET sql_mode = ''") == (trait_session_state | trait_sql_mode));
  CHECK(traits("SET @@SESSION.`Sql_Mode` = ''") == (trait_session_state | trait_sql_mode));
  CHECK(traits("SET @a = 1, foreign_key_checks = 0") == (trait_session_state | trait_foreign_key_checks));
  CHECK(traits("SET unique_checks = 0") == (trait_session_state | trait_foreign_key_checks));
  CHECK(traits("SET @sql_mode = 0, @foreign_key_checks = 1") == trait_session_state);
  CHECK(traits("SET GLOBAL sql_mode = ''") == 0);
  CHECK(traits("USE db") == (trait_session_state | trait_default_database));
  CHECK(traits("SET NAMES latin1") == (trait_session_state | trait_names));
  CHECK(traits("SET character_set_client = latin1") == (trait_session_state | trait_names));
  CHECK(traits("SET autocommit = 0") == (trait_session_state | trait_autocommit));
  CHECK(traits("CALL p()") == (trait_session_state | trait_call));
  CHECK(traits("EXECUTE s") == trait_session_state);
  CHECK(traits("BEGIN NOT ATOMIC SET sql_mode = ''; END") == trait_session_state);
  CHECK(traits("CREATE PROCEDURE p() BEGIN CALL q(); SET sql_mode = ''; END") == 0);
  CHECK(traits("DELIMITER ;\nSELECT 1") == trait_delimiter);
}
