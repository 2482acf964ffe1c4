#include "schemes.hpp"

#include <doctest/doctest.h>

namespace talos::app {

namespace {

PluginRequest request(const std::string& scheme) { return plugin_for(Dsn::parse(scheme + "://h/d", file_scheme)); }

}  // namespace

TEST_CASE("Every scheme that a dialect is known by asks for that dialect's plugin and package") {
  for (const char* scheme : {"postgres", "postgresql", "pgx", "pgx4", "pgx5", "PGX5"}) {
    CAPTURE(scheme);
    CHECK(request(scheme).name == "postgres");
    CHECK(request(scheme).package == "talos-plugin-postgres");
  }
  for (const char* scheme : {"cockroach", "cockroachdb", "crdb-postgres"}) CHECK(request(scheme).name == "cockroach");
  for (const char* scheme : {"mysql", "mariadb"}) CHECK(request(scheme).name == "mysql");
  CHECK(request("sqlite3").name == "sqlite");
}

TEST_CASE("A scheme that nobody knows is its own plugin's name, and no package is promised") {
  CHECK(request("pgx6").scheme == "pgx6");
  CHECK(request("pgx6").name == "pgx6");
  CHECK(request("pgx6").package.empty());
}

}  // namespace talos::app
