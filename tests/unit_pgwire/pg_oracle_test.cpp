// The cut and the classes against PostgreSQL's own parser (libpg_query).
#include <optional>
#include <set>

#include <pg_query.h>
#include <nlohmann/json.hpp>

#include "pg_split.hpp"
#include "pg_token.hpp"

using namespace talos;
using namespace talos::pg;
using namespace talos::pg::test;
using Json = nlohmann::json;

namespace {

// Without comments between the parts of one string: the library, unlike the server, refuses them there.
constexpr const char* scripts[] = {
    "SELECT 1",
    "SELECT 1; SELECT 2; ; -- x\n;SELECT 3 -- y",
    "-- a\n/* b; /* c; */ */ SELECT ';' /* ; */, \";\" -- ;\n; SELECT E'\\';', 'a''b;', U&'\\0041;', U&\"a;\", B'01', "
    "X'1F'",
    "SELECT E'a'\n'\\';' ; SELECT 'a'\n'b;'; SELECT 'a\\'; SELECT 2",
    "SELECT 1 AS a$b$, 2 AS c$b$; SELECT 3",
    "SELECT 1 AS a$$, 2; SELECT $1; SELECT $1 + $2; SELECT $$;$$, $a$;$$;$b$ $a$; SELECT 1",
    "DO $do$ BEGIN EXECUTE $q$ SELECT 1; $q$; END $do$; DO LANGUAGE plpgsql $$ BEGIN NULL; END $$",
    "SELECT 1+--;\n2; SELECT 1-/*;*/2, 3 */* ; */ 4; SELECT '{\"a\": 1}'::jsonb #>> '{a}' ?| array['b;']",
    "CREATE RULE r AS ON UPDATE TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b); SELECT 1",
    "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a = 1 THEN 2 ELSE CASE "
    "a WHEN "
    "3 THEN 4 END END; SELECT 1 AS end; SELECT t.case, 2 AS case FROM t; END; SELECT 2",
    "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); DELETE FROM t; END; SELECT 2; END",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN CASE WHEN true THEN 1 END; CREATE FUNCTION g() RETURNS "
    "trigger "
    "LANGUAGE plpgsql AS $f$ BEGIN IF a THEN b; END IF; RETURN NEW; END; $f$; SELECT 3",
    "CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1;'; BEGIN; COMMIT",
    "BEGIN; BEGIN WORK; START TRANSACTION; START TRANSACTION READ ONLY; BEGIN ISOLATION LEVEL SERIALIZABLE",
    "COMMIT; END; COMMIT WORK; COMMIT AND NO CHAIN; COMMIT AND CHAIN; COMMIT PREPARED 'x'; PREPARE TRANSACTION 'x'",
    "ROLLBACK; ABORT; ROLLBACK WORK; ROLLBACK AND CHAIN; ROLLBACK PREPARED 'x'; ROLLBACK TO a; ROLLBACK TO SAVEPOINT a",
    "SAVEPOINT a; RELEASE a; RELEASE SAVEPOINT a; SAVEPOINT \"begin\"",
    "INSERT INTO t VALUES (1, ';'), (2, E'\\''); INSERT INTO t (a) SELECT 1 RETURNING *; UPDATE t SET a = ';'; DELETE "
    "FROM t",
    "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1); TABLE t; "
    "VALUES (1)",
    "WITH a AS (INSERT INTO t VALUES (1) RETURNING b) SELECT * FROM a; WITH a AS (SELECT 1) DELETE FROM t",
    "SELECT 1 INTO t; WITH a AS (SELECT 1) SELECT * INTO TEMP t FROM a; SELECT 1 INTO t UNION SELECT 2; (SELECT 1)",
    "SELECT 1 AS into; SELECT t.into FROM t; SELECT 'into'; SELECT \"into\" FROM t; (SELECT 1 INTO t)",
    "EXPLAIN SELECT 1; EXPLAIN (ANALYZE, FORMAT json) DELETE FROM t; EXPLAIN ANALYZE VERBOSE CREATE TABLE t AS SELECT "
    "1",
    "EXPLAIN CREATE MATERIALIZED VIEW v AS SELECT 1; EXPLAIN ANALYZE SELECT 1 INTO t; EXPLAIN VERBOSE TABLE t",
    "CREATE TABLE t (a int, b text DEFAULT ';'); CREATE INDEX i ON t (a); DROP TABLE t; ALTER TABLE t ADD c int",
    "CREATE INDEX CONCURRENTLY i ON t (a); CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a); CREATE INDEX "
    "CONCURRENTLY ON t (a); CREATE INDEX \"concurrently\" ON t (a)",
    "DROP INDEX CONCURRENTLY i; DROP INDEX i; DROP INDEX \"concurrently\"; DROP INDEX CONCURRENTLY IF EXISTS a.i "
    "CASCADE",
    "REINDEX TABLE t; REINDEX INDEX CONCURRENTLY i; REINDEX (VERBOSE, CONCURRENTLY) TABLE t; REINDEX (CONCURRENTLY "
    "false) "
    "TABLE t; REINDEX DATABASE d; REINDEX SYSTEM d; REINDEX SCHEMA s; REINDEX (CONCURRENTLY, CONCURRENTLY off) TABLE "
    "t; "
    "REINDEX (CONCURRENTLY off) TABLE CONCURRENTLY t",
    "VACUUM; VACUUM (FULL, ANALYZE) t; ANALYZE t; CLUSTER; CLUSTER VERBOSE; CLUSTER t USING i; CLUSTER VERBOSE t; "
    "CLUSTER "
    "(VERBOSE) t; CLUSTER i ON t",
    "CREATE DATABASE d; DROP DATABASE d; CREATE TABLESPACE s LOCATION '/x'; DROP TABLESPACE s; ALTER SYSTEM RESET ALL",
    "ALTER DATABASE d SET TABLESPACE s; ALTER DATABASE d SET work_mem = 1; ALTER DATABASE d CONNECTION LIMIT 1; ALTER "
    "DATABASE d WITH TABLESPACE s; ALTER TABLESPACE s RENAME TO t",
    "CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p; CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p WITH "
    "(create_slot = false); CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p WITH (connect = 'off', enabled); CREATE "
    "SUBSCRIPTION s CONNECTION 'c' PUBLICATION p WITH (connect, enabled = false); DROP SUBSCRIPTION s",
    "ALTER SUBSCRIPTION s REFRESH PUBLICATION; ALTER SUBSCRIPTION s SET PUBLICATION p; ALTER SUBSCRIPTION s ADD "
    "PUBLICATION p "
    "WITH (refresh = false); ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s CONNECTION 'x'; ALTER SUBSCRIPTION s "
    "SET "
    "(slot_name = NONE)",
    "ALTER TABLE p DETACH PARTITION c; ALTER TABLE p DETACH PARTITION c CONCURRENTLY; ALTER TABLE p DETACH PARTITION c "
    "FINALIZE",
    "ALTER TABLE IF EXISTS ONLY p DETACH PARTITION \"concurrently\"; ALTER TYPE e ADD VALUE 'a;'; COMMENT ON TABLE t "
    "IS ';'",
    "SET a = 1; SET LOCAL a = 1; RESET a; SHOW a; DISCARD ALL; DISCARD TEMP; LISTEN a; NOTIFY a; LOAD 'x'; CHECKPOINT",
    "PREPARE p AS SELECT 1; EXECUTE p; DEALLOCATE p; CALL p(); DECLARE c CURSOR FOR SELECT 1; FETCH c; MOVE c; CLOSE c",
    "COPY t FROM STDIN; SELECT 1",
    "COPY t TO STDOUT; COPY (SELECT 1) TO '/x'",
    "COPY t FROM '/x'; COPY t TO PROGRAM 'x'",
    "COPY (SELECT a FROM stdin) TO '/x' WITH (FORMAT csv); COPY t TO stdin; COPY \"stdin\" FROM '/x'",
    "CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1; GRANT SELECT ON t TO u; LOCK TABLE t; TRUNCATE "
    "t",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f(';'); CREATE TABLE \"a;\"\"b\" (\"c'\" int)",
    "SELECT 1\r\n;\r\n-- x\rSELECT 2; SELECT '\xC3\xA4;' AS \xC3\xA4$x$, 1 AS \xE2\x82\xAC; SELECT 3",
};

std::size_t after_blank(std::string_view text, std::size_t at) {
  Tokens tokens(text, at);
  tokens.skip_blank();
  return tokens.at();
}

// As texts, with their places.
std::string piece(std::string_view text, std::size_t begin, std::size_t end) {
  return std::to_string(begin) + ": " + std::string(text.substr(begin, end - begin));
}

Texts ours(std::string_view text) {
  Texts pieces;
  for (const Statement& s : split(text).statements)
    pieces.push_back(piece(text, s.offset, after_blank(text, s.offset + s.length)));
  return pieces;
}

/// From the statement's first word to its semicolon or the end of the text; nothing if the parser refuses the text.
std::optional<Texts> theirs(const std::string& text) {
  PgQuerySplitResult result = pg_query_split_with_parser(text.c_str());
  std::optional<Texts> pieces;
  if (result.error == nullptr) {
    pieces.emplace();
    for (int i = 0; i < result.n_stmts; ++i) {
      const auto begin = static_cast<std::size_t>(result.stmts[i]->stmt_location);
      const auto length = static_cast<std::size_t>(result.stmts[i]->stmt_len);
      pieces->push_back(
          piece(text, after_blank(text, begin), length == 0 ? text.size() : after_blank(text, begin + length)));
    }
  }
  pg_query_free_split_result(result);
  return pieces;
}

Json parse(const std::string& statement) {
  PgQueryParseResult result = pg_query_parse(statement.c_str());
  const Json tree = result.error != nullptr ? Json() : Json::parse(result.parse_tree);
  pg_query_free_parse_result(result);
  REQUIRE_MESSAGE(tree.is_object(), statement);
  return tree["stmts"][0]["stmt"];
}

bool is_true(const Json& option) {
  if (!option.contains("arg")) return true;
  const std::string value = option["arg"].dump();
  return value.find("\"false\"") == std::string::npos && value.find("\"off\"") == std::string::npos;
}

/// The last of the options with this name, or `otherwise`.
bool option(const Json& node, const char* list, const char* name, bool otherwise) {
  for (const Json& item : node.value(list, Json::array()))
    if (item["DefElem"]["defname"] == name) otherwise = is_true(item["DefElem"]);
  return otherwise;
}

StatementClass transaction_class(const Json& node) {
  const std::string kind = node["kind"];
  const bool options = node.contains("options");
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START")
    return options ? StatementClass::begin_with_options : StatementClass::begin;
  if (kind == "TRANS_STMT_PREPARE" || node.value("chain", false)) return StatementClass::refused;
  if (kind == "TRANS_STMT_COMMIT") return StatementClass::commit;
  if (kind == "TRANS_STMT_ROLLBACK") return StatementClass::rollback;
  return kind.ends_with("_PREPARED") ? StatementClass::no_transaction : StatementClass::savepoint;
}

bool lone(const std::string& type, const Json& node) {
  static const std::set<std::string> always = {"CreatedbStmt",       "DropdbStmt",      "CreateTableSpaceStmt",
                                               "DropTableSpaceStmt", "AlterSystemStmt", "DropSubscriptionStmt"};
  const std::string kind = node.value("kind", "");
  const std::string text = node.dump();
  if (type == "IndexStmt" || type == "DropStmt") return node.value("concurrent", false);
  if (type == "ReindexStmt")
    return option(node, "params", "concurrently", false) ||
           (kind != "REINDEX_OBJECT_INDEX" && kind != "REINDEX_OBJECT_TABLE");
  if (type == "VacuumStmt") return node.value("is_vacuumcmd", false);
  if (type == "ClusterStmt") return !node.contains("relation");
  if (type == "DiscardStmt") return node["target"] == "DISCARD_ALL";
  if (type == "AlterDatabaseStmt") return text.find("\"tablespace\"") != std::string::npos;
  if (type == "AlterTableStmt") return text.find("\"concurrent\":true") != std::string::npos;
  if (type == "CreateSubscriptionStmt")
    return option(node, "options", "create_slot", true) && option(node, "options", "connect", true);
  if (type == "AlterSubscriptionStmt")
    return kind.ends_with("_REFRESH") || (kind.ends_with("_PUBLICATION") && option(node, "options", "refresh", true));
  return always.contains(type);
}

StatementClass expected_class(const Json& statement) {
  static const std::set<std::string> rows = {"InsertStmt", "UpdateStmt",       "DeleteStmt", "MergeStmt",
                                             "FetchStmt",  "VariableShowStmt", "SelectStmt", "DeclareCursorStmt"};
  const std::string type = statement.begin().key();
  const Json& node = statement.begin().value();
  const bool into = node.dump().find("intoClause") != std::string::npos;
  if (type == "TransactionStmt") return transaction_class(node);
  if (type == "CopyStmt") return node.contains("filename") ? StatementClass::dml : StatementClass::refused;
  if (lone(type, node)) return StatementClass::no_transaction;
  if (type == "ExplainStmt")
    return into || node["query"].contains("CreateTableAsStmt") ? StatementClass::ddl : StatementClass::dml;
  return rows.contains(type) && !into ? StatementClass::dml : StatementClass::ddl;
}

}  // namespace

TEST_CASE("the cut is the one of PostgreSQL's parser") {
  for (const std::string text : scripts) {
    CAPTURE(text);
    const auto expected = theirs(text);
    REQUIRE(expected);
    CHECK(ours(text) == *expected);
  }
}

TEST_CASE("the class follows from the parser's node") {
  for (const std::string script : scripts) {
    const Split cut = split(script);
    for (std::size_t i = 0; i < cut.texts.size(); ++i) {
      CAPTURE(cut.texts[i]);
      CHECK(cut.statements[i].kind == expected_class(parse(cut.texts[i])));
    }
  }
}
