// Who answers at the other end, and how the program gets there.
#include <doctest/doctest.h>

#include "cockroach_place.hpp"

namespace talos::test {

TEST_CASE("A PostgreSQL server under cockroach:// is refused, and the right scheme is named") {
  on_double([](CockroachPlace& place) {
    const std::string postgres = place.server->dsn(place.database);
    place.dsn = "cockroach" + postgres.substr(postgres.find("://"));
    const ProcessResult status = place.migrate({"status"});
    CHECK(status.status == 5);
    CHECK(status.err == Part{"the server is PostgreSQL, not CockroachDB"});
    CHECK(status.err == Part{"postgres://"});
  });
}

TEST_CASE("CockroachDB under postgres:// is refused, and the right scheme is named") {
  on_cockroach([](CockroachPlace& place) {
    place.dsn = "postgres" + place.dsn.substr(place.dsn.find("://"));
    const ProcessResult up = place.migrate({"up"});
    CHECK(up.status == 5);
    CHECK(up.err == Part{"the server is CockroachDB, not PostgreSQL"});
    CHECK(up.err == Part{"cockroach://"});
    CHECK_FALSE(place.has_table("schema_migrations"));
  });
}

TEST_CASE("The schemes cockroachdb and crdb-postgres, and golang-migrate's parameters") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    const std::string rest =
        place.dsn.substr(place.dsn.find("://")) +
        "&x-migrations-table=tracked&x-lock-table=locked&x-force-lock=true&x-statement-timeout=60000";
    for (const char* scheme : {"cockroachdb", "crdb-postgres"}) {
      place.dsn = scheme + rest;
      const ProcessResult up = place.migrate({"up"});
      INFO(up.err);
      CHECK(up.status == 0);
    }
    CHECK(place.value("SELECT version FROM tracked") == "1");
  });
}

TEST_CASE("The default port is CockroachDB's") {
  on_double([](CockroachPlace& place) {
    place.dsn = "cockroach://root@127.0.0.254/nowhere?sslmode=disable";
    CHECK(place.migrate({"status", "--connect-timeout", "1s"}).err == Part{"26257"});
  });
}

TEST_CASE("A node that has too many clients, or is starting, is asked again") {
  on_double([](CockroachPlace& place) {
    for (const char* state : {"53300", "57P03"}) {
      place.crdb->refuse_connections(state, 2);
      const ProcessResult status = place.migrate({"status"});
      INFO(status.err);
      CHECK(status.status == 0);
    }
    place.crdb->refuse_connections("53300", 1000);
    CHECK(place.migrate({"status", "--connect-timeout", "1s"}).status == 5);
    place.crdb->refuse_connections("53300", 0);
  });
}

TEST_CASE("A wrong password is refused without being shown") {
  on_double([](CockroachPlace& place) {
    const auto at = place.dsn.find('@');
    place.dsn = place.dsn.substr(0, place.dsn.rfind(':', at)) + ":wrong-secret" + place.dsn.substr(at);
    const ProcessResult status = place.migrate({"status"});
    CHECK(status.status == 5);
    CHECK(status.err != Part{"wrong-secret"});
  });
}

}  // namespace talos::test
