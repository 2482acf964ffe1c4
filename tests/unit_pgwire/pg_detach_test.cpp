#include "pg_detach.hpp"

#include <doctest/doctest.h>

using namespace talos::pg;

namespace {

void check(std::string_view statement, std::string_view schema, std::string_view name) {
  CAPTURE(statement);
  const auto partition = concurrent_detach(statement);
  REQUIRE(partition);
  CHECK(partition->schema == schema);
  CHECK(partition->name == name);
}

}  // namespace

TEST_CASE("P8: the partition of DETACH PARTITION … CONCURRENTLY is known by the name that the server stores") {
  check("ALTER TABLE p DETACH PARTITION P1 CONCURRENTLY", "", "p1");
  check("alter table if exists only \"S\".p * /* c */ detach partition db.S.\"P 1\" concurrently", "s", "P 1");
  check("ALTER TABLE ONLY p DETACH PARTITION concurrently CONCURRENTLY", "", "concurrently");
}

TEST_CASE("other statements detach nothing by halves") {
  for (const char* text :
       {"ALTER TABLE p DETACH PARTITION p1", "ALTER TABLE p DETACH PARTITION p1 FINALIZE", "", "ALTER TABLE p",
        "ALTER TABLE p ATTACH PARTITION p1 DEFAULT", "ALTER INDEX p DETACH PARTITION p1 CONCURRENTLY", "SELECT 1",
        "ALTER TABLE p DETACH PARTITION p1 \"CONCURRENTLY\"", "ALTER TABLE p ADD detach int"})
    CHECK_MESSAGE(!concurrent_detach(text), text);
}
