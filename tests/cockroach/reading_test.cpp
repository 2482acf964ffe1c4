// What may be read while others write.
#include <doctest/doctest.h>

#include "cockroach_place.hpp"

namespace talos::test {

TEST_CASE("C2: status and history answer while a transaction has written the rows that they read") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(2);
    REQUIRE(place.migrate({"up"}).status == 0);
    PgClient writer = place.client();
    writer.run("BEGIN");
    for (const char* table : {"schema_migrations", "schema_migrations_log", "schema_migrations_lock"})
      writer.run("DELETE FROM " + std::string(table));
    const ProcessResult status = place.migrate({"status"});
    INFO(status.err);
    CHECK(status.status == 0);
    CHECK(status.out == Line{"Current Version: 2"});
    const ProcessResult history = place.migrate({"history"});
    CHECK(history.status == 0);
    CHECK(history.out == Part{"t2"});
    writer.run("ROLLBACK");
  });
}

TEST_CASE("C2: status sees what was committed the moment before") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    REQUIRE(place.migrate({"up"}).status == 0);
    CHECK(place.migrate({"status"}).out == Line{"Current Version: 1"});
    REQUIRE(place.migrate({"down"}).status == 0);
    CHECK(place.migrate({"status"}).out == Part{"Not initialized"});
    REQUIRE(place.migrate({"up"}).status == 0);
  });
}

TEST_CASE("R8: status of an empty database writes nothing") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    CHECK(place.migrate({"status"}).status == 0);
    CHECK(place.migrate({"up", "--dry-run"}).status == 0);
    CHECK(place.value("SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public'") == "0");
  });
}

}  // namespace talos::test
