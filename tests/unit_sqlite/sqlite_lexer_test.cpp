#include "sqlite_lexer.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace talos;
using namespace talos::sqlite;

namespace {

using Texts = std::vector<std::string>;

struct Split {
  Texts texts;
  std::vector<Statement> statements;
  std::uint64_t traits = 0;
};

Split split(std::string_view text) {
  Split result;
  result.traits = split_sql(text, [&](const Statement& statement) {
    result.statements.push_back(statement);
    result.texts.emplace_back(text.substr(statement.offset, statement.length));
  });
  return result;
}

Statement only(std::string_view text) {
  const Split result = split(text);
  REQUIRE_MESSAGE(result.statements.size() == 1, text);
  return result.statements[0];
}

StatementClass class_of(std::string_view text) { return only(text).kind; }

/// The offset of the usage error that splitting must end in.
std::size_t refused_at(std::string_view text) {
  try {
    split(text);
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::usage);
    REQUIRE(error.offset);
    return *error.offset;
  }
  FAIL("accepted: " << text);
  return 0;
}

}  // namespace

TEST_CASE("Q8: statements end at semicolons, and comments before them are no part of them") {
  CHECK(split("SELECT 1;\n-- a\n/* b; */ SELECT 2 ;SELECT 3").texts == Texts{"SELECT 1", "SELECT 2 ", "SELECT 3"});
  CHECK(split("").texts.empty());
  CHECK(split(" ;; \n-- only; this\n/* and; that */;").texts.empty());
}

TEST_CASE("Q8: semicolons in strings, names and comments end nothing") {
  CHECK(split("SELECT ';', \"a;b\", `c;d`, [e;f] -- g;h\n, /* i;j */ 1; SELECT 2").texts.size() == 2);
  CHECK(split("SELECT 'it''s; fine'; SELECT 2").texts == Texts{"SELECT 'it''s; fine'", "SELECT 2"});
  CHECK(split("SELECT '-- ;', '/* ;'; SELECT 2").texts.size() == 2);
  CHECK(split("SELECT 1 /* /* ; */; SELECT 2").texts.size() == 2);
  CHECK(split("SELECT '\\'; SELECT 2").texts.size() == 2);
  CHECK(split("SELECT a-b, c/d; SELECT 2").texts.size() == 2);
}

TEST_CASE("Q8: a trigger ends at its END, whatever stands in its body") {
  const std::string trigger =
      "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN 1 THEN 2 END; -- ; END;\n"
      "INSERT INTO d VALUES ('; END;'); END";
  for (const std::string head : {"", "EXPLAIN ", "EXPLAIN QUERY PLAN ", "explain /* x */ "}) {
    CAPTURE(head);
    CHECK(split(head + trigger + "; SELECT 1;").texts == Texts{head + trigger, "SELECT 1"});
  }
  CHECK(split("create temp trigger t after insert on a begin select 1; end; SELECT 2").texts.size() == 2);
  CHECK(split("CREATE TEMPORARY TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END; SELECT 2").texts.size() == 2);
  CHECK(split("CREATE TABLE trigger_log (a); SELECT 2").texts.size() == 2);
}

TEST_CASE("Q8: a text of many statements is cut at each, with offsets into the text") {
  std::string text;
  constexpr std::size_t count = 20'000;
  for (std::size_t i = 0; i < count; ++i) text += "INSERT INTO t VALUES (" + std::to_string(i) + ", ';');\n";
  std::size_t seen = 0;
  std::size_t end = 0;
  split_sql(text, [&](const Statement& statement) {
    ++seen;
    CHECK(statement.offset >= end);
    end = statement.offset + statement.length;
  });
  CHECK(seen == count);
  CHECK(end == text.rfind(';'));
}

TEST_CASE("G10: NUL and what is never closed are refused at their place") {
  CHECK(refused_at(std::string_view("SELECT\0 1", 9)) == 6);
  CHECK(refused_at("SELECT 1; SELECT 'a") == 17);
  CHECK(refused_at("SELECT \"a") == 7);
  CHECK(refused_at("SELECT `a") == 7);
  CHECK(refused_at("SELECT [a") == 7);
  CHECK(refused_at("SELECT 1 /* a") == 9);
  CHECK(refused_at("/* a") == 0);
  CHECK_NOTHROW(split("SELECT 1 -- a"));
}

TEST_CASE("G7: transaction control is told apart by its options") {
  CHECK(class_of("BEGIN") == StatementClass::begin);
  CHECK(class_of("begin transaction;") == StatementClass::begin);
  CHECK(class_of("BEGIN /* x */ -- y\n;") == StatementClass::begin);
  for (const char* text : {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE TRANSACTION", "BEGIN DEFERRED"})
    CHECK(class_of(text) == StatementClass::begin_with_options);
  for (const char* text : {"COMMIT", "END", "commit transaction", "END TRANSACTION"})
    CHECK(class_of(text) == StatementClass::commit);
  for (const char* text : {"ROLLBACK", "rollback transaction"}) CHECK(class_of(text) == StatementClass::rollback);
  for (const char* text :
       {"SAVEPOINT a", "RELEASE a", "RELEASE SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT a"})
    CHECK_MESSAGE(class_of(text) == StatementClass::savepoint, text);
}

TEST_CASE("G7: savepoint names of the program are denied to files, however they are written") {
  for (const char* text : {"SAVEPOINT talos_1", "savepoint TALOS_x", "RELEASE SAVEPOINT talos_1", "RELEASE \"talos_1\"",
                           "SAVEPOINT 'Talos_1'", "SAVEPOINT [talos_1]", "ROLLBACK TO talos_1",
                           "ROLLBACK TRANSACTION TO SAVEPOINT \"Talos_1\""}) {
    CAPTURE(text);
    const Statement statement = only(text);
    CHECK(statement.kind == StatementClass::refused);
    CHECK_FALSE(statement.why.empty());
  }
}

TEST_CASE("the client's commands are refused, and end with their line whatever quotes they hold") {
  const Split result = split(".print it's; here\nSELECT 1;");
  REQUIRE(result.statements.size() == 2);
  CHECK(result.statements[0].kind == StatementClass::refused);
  CHECK_FALSE(result.statements[0].why.empty());
  CHECK(result.texts[1] == "SELECT 1");
}

TEST_CASE("rows and schema are told apart") {
  for (const char* text : {"SELECT 1", "insert into t values (1)", "WITH a AS (SELECT 1) DELETE FROM t",
                           "REPLACE INTO t "
                           "VALUES (1)",
                           "UPDATE t SET a = 1", "DELETE FROM t", "VALUES (1)", "ANALYZE", "PRAGMA user_version",
                           "PRAGMA main.table_list"})
    CHECK_MESSAGE(class_of(text) == StatementClass::dml, text);
  for (const char* text : {"CREATE TABLE t (a)", "DROP INDEX i", "ALTER TABLE t ADD b", "REINDEX", "what is this",
                           "PRAGMA user_version = 7"})
    CHECK_MESSAGE(class_of(text) == StatementClass::ddl, text);
}

TEST_CASE("G8: what SQLite refuses inside a transaction is known") {
  for (const char* text :
       {"VACUUM", "VACUUM INTO 'x'", "DETACH a", "PRAGMA journal_mode = wal", "PRAGMA main.journal_mode(delete)",
        "PRAGMA wal_checkpoint", "PRAGMA synchronous = off", "PRAGMA temp_store = 2", "PRAGMA incremental_vacuum(5)"})
    CHECK_MESSAGE(class_of(text) == StatementClass::no_transaction, text);
  CHECK(class_of("PRAGMA journal_mode") == StatementClass::dml);
}

TEST_CASE("journal modes that make rolling back impossible are refused") {
  for (const char* text : {"PRAGMA journal_mode = OFF", "pragma journal_mode(memory)", "PRAGMA journal_mode = 'Off'",
                           "PRAGMA \"journal_mode\" = off", "PRAGMA journal_mode = o", "PRAGMA journal_mode = mem"})
    CHECK_MESSAGE(class_of(text) == StatementClass::refused, text);
}

TEST_CASE("what changes only the session is marked, and temporary objects cannot be replayed") {
  CHECK(only("PRAGMA recursive_triggers = on").session_only);
  CHECK(only("ATTACH 'x' AS y").session_only);
  CHECK(only("ATTACH 'x' AS y").replayable);
  CHECK_FALSE(only("PRAGMA user_version = 1").session_only);
  CHECK_FALSE(only("CREATE TABLE t (a)").session_only);
  for (const char* text : {"CREATE TEMP TABLE t (a)", "create temporary view v as select 1"}) {
    CHECK(only(text).session_only);
    CHECK_FALSE(only(text).replayable);
  }
}

TEST_CASE("Q3: a file that says foreign_keys off, or rebuilds a table, runs with foreign keys off") {
  for (const char* text :
       {"PRAGMA foreign_keys = OFF; SELECT 1", "PRAGMA foreign_keys(0)", "pragma foreign_keys=no",
        "PRAGMA foreign_keys = 'Off'", "PRAGMA \"foreign_keys\" = 00", "PRAGMA foreign_keys = +0",
        "PRAGMA foreign_keys = -1", "PRAGMA foreign_keys = ''", "PRAGMA foreign_keys = nonsense",
        "PRAGMA foreign_keys = 99999999999", "CREATE TABLE n (a); DROP TABLE t; ALTER TABLE n RENAME TO t;",
        "alter table t rename to o; drop table o"})
    CHECK_MESSAGE((split(text).traits & trait_foreign_keys_off) != 0, text);
  for (const char* text :
       {"PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", "PRAGMA foreign_keys = 'on'", "PRAGMA foreign_keys = +1",
        "PRAGMA foreign_keys = 0x1", "PRAGMA foreign_keys = Yes", "DROP TABLE t", "ALTER TABLE n RENAME TO t",
        "DROP TABLE t; ALTER TABLE n RENAME COLUMN a TO b", "DROP INDEX i; ALTER TABLE n RENAME TO t",
        "SELECT 'PRAGMA foreign_keys = OFF'"})
    CHECK_MESSAGE((split(text).traits & trait_foreign_keys_off) == 0, text);
}

TEST_CASE("G6: a file that may leave something in the session says so by a trait") {
  for (const char* text : {"PRAGMA cache_size = 5", "ATTACH 'x' AS y", "DETACH y", "CREATE TEMP TABLE t (a)"})
    CHECK_MESSAGE((split(text).traits & trait_session_state) != 0, text);
  for (const char* text : {"CREATE TABLE t (a)", "PRAGMA user_version = 1", "PRAGMA cache_size", "SELECT 1"})
    CHECK_MESSAGE((split(text).traits & trait_session_state) == 0, text);
}

TEST_CASE("Q3: PRAGMA foreign_keys with a value is recognised as a statement of its own") {
  CHECK(is_foreign_keys_pragma("PRAGMA foreign_keys = off"));
  CHECK(is_foreign_keys_pragma("PRAGMA \"foreign_keys\" = 'off'"));
  CHECK(is_foreign_keys_pragma("pragma main . foreign_keys(1)"));
  CHECK_FALSE(is_foreign_keys_pragma("PRAGMA foreign_keys"));
  CHECK_FALSE(is_foreign_keys_pragma("PRAGMA foreign_key_check(t)"));
  CHECK_FALSE(is_foreign_keys_pragma("SELECT 1"));
}
