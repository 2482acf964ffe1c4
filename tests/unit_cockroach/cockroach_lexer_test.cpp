#include "cockroach_lexer.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "pg_lexer.hpp"

namespace talos::cockroach {
namespace {

Statement only(std::string_view text) {
  std::vector<Statement> statements;
  split_sql(text, [&](const Statement& statement) { statements.push_back(statement); });
  REQUIRE(statements.size() == 1);
  return statements.front();
}

}  // namespace

TEST_CASE("L3: rows are rows, and every schema change runs by itself") {
  for (const char* rows : {"INSERT INTO t VALUES (1)", "UPSERT INTO t VALUES (1)",
                           "WITH a AS (SELECT 1) UPSERT INTO t TABLE a", "SELECT 1", "SET LOCAL x = 1", "RESET x"}) {
    CAPTURE(rows);
    CHECK(only(rows).kind == StatementClass::dml);
  }
  for (const char* change : {"CREATE TABLE t (x INT)", "CREATE INDEX CONCURRENTLY i ON t (x)", "DROP DATABASE d",
                             "TRUNCATE t", "SET CLUSTER SETTING a.b = 1", "BACKUP INTO 'x'"}) {
    CAPTURE(change);
    CHECK(only(change).kind == StatementClass::ddl);
  }
}

TEST_CASE("G12: what changes only the session is known; a setting of the cluster is none of it") {
  CHECK(only("SET search_path = a").session_only);
  CHECK(only("USE elsewhere").session_only);
  CHECK_FALSE(only("SET CLUSTER SETTING a.b = 1").session_only);
  CHECK((split_sql("USE elsewhere", [](const Statement&) {}) & pg::trait_session_state) != 0);
}

}  // namespace talos::cockroach
