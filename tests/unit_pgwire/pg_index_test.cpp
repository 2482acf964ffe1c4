#include "pg_index.hpp"

#include <doctest/doctest.h>

using namespace talos::pg;
using Action = IndexTarget::Action;

namespace {

void check(std::string_view statement, const IndexTarget& expected) {
  CAPTURE(statement);
  const auto target = concurrent_index(statement);
  REQUIRE(target);
  CHECK(target->action == expected.action);
  CHECK(target->schema == expected.schema);
  CHECK(target->name == expected.name);
  CHECK(target->table_schema == expected.table_schema);
  CHECK(target->table == expected.table);
}

}  // namespace

TEST_CASE("G12: the index of a CONCURRENTLY statement is known by the name that the server stores") {
  check("CREATE INDEX CONCURRENTLY Ix ON S.T (a)", {Action::create, "s", "ix", "s", "t"});
  check("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I \"\"x\" ON ONLY \"S\".\"T\" USING gin (a)",
        {Action::create, "S", "I \"x", "S", "T"});
  check("create index /* c */ concurrently on t (lower(a))", {Action::create, "", "", "", "t"});
  check("CREATE INDEX CONCURRENTLY U&\"\\0069x\" ON t (a)", {Action::create, "", "ix", "", "t"});
  check("DROP INDEX CONCURRENTLY IF EXISTS s.I", {Action::drop, "s", "i", "", ""});
  check("REINDEX INDEX CONCURRENTLY s.i", {Action::reindex, "s", "i", "", ""});
  check("REINDEX (VERBOSE, CONCURRENTLY) TABLE s.t", {Action::reindex, "", "", "s", "t"});
  check("REINDEX SCHEMA CONCURRENTLY s", {Action::reindex, "s", "", "", ""});
  check("REINDEX DATABASE CONCURRENTLY d", {Action::reindex, "", "", "", ""});
  check("CREATE INDEX CONCURRENTLY " + std::string(70, 'A') + " ON t (a)",
        {Action::create, "", std::string(63, 'a'), "", "t"});
}

TEST_CASE("G12: where PostgreSQL 15 cannot parse it, the words say the index") {
  check("CREATE INDEX CONCURRENTLY IF NOT EXISTS Ix ON ONLY a.S.\"T\" (a) NEW SYNTAX",
        {Action::create, "s", "ix", "s", "T"});
  check("CREATE INDEX CONCURRENTLY ON t (a) NEW SYNTAX", {Action::create, "", "", "", "t"});
  check("DROP INDEX CONCURRENTLY IF EXISTS s.\"I\"\"\" NEW SYNTAX", {Action::drop, "s", "I\"", "", ""});
  check("REINDEX (CONCURRENTLY) INDEX s.i NEW SYNTAX", {Action::reindex, "s", "i", "", ""});
  check("REINDEX TABLE CONCURRENTLY s.t NEW SYNTAX", {Action::reindex, "", "", "s", "t"});
  check("REINDEX DATABASE CONCURRENTLY", {Action::reindex, "", "", "", ""});
  const std::string euros(62, 'a');
  check("DROP INDEX CONCURRENTLY " + euros + "\xE2\x82\xAC NEW", {Action::drop, "", euros, "", ""});
}

TEST_CASE("other statements are about no index built concurrently") {
  for (const char* text : {"CREATE INDEX i ON t (a)", "DROP INDEX i", "REINDEX INDEX i", "SELECT 1", "",
                           "REINDEX (CONCURRENTLY false) TABLE t", "CREATE INDEX \"concurrently\" ON t (a)",
                           "REFRESH MATERIALIZED VIEW CONCURRENTLY v", "CREATE INDEX CONCURRENTLY_ ON t (a)"})
    CHECK_MESSAGE(!concurrent_index(text), text);
}
