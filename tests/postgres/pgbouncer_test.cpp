// pgbouncer in front of a real server: that the traps it sets are there to be met.
#include <csignal>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "pg_client.hpp"
#include "pgbouncer.hpp"
#include "shared_server.hpp"

namespace talos::test {

namespace {

PostgresServer* server_for_pgbouncer() { return pgbouncer_or_skip() ? shared_server() : nullptr; }

std::string held(PgClient& observer) {
  return observer.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711");
}

}  // namespace

TEST_CASE("pgbouncer passes to every database, and takes only the password") {
  auto* server = server_for_pgbouncer();
  if (server == nullptr) return;
  const auto database = server->create_database();
  for (const auto pool : {PgBouncer::Pool::session, PgBouncer::Pool::transaction, PgBouncer::Pool::statement}) {
    const PgBouncer bouncer(*server, pool);
    CHECK(pg_value(bouncer.dsn(database), "SELECT current_database()") == database);
    CHECK_THROWS_AS(PgClient("postgresql://postgres:wrong@127.0.0.1:" + std::to_string(bouncer.port()) + "/postgres"),
                    PgFailure);
  }
  server->drop_database(database);
}

TEST_CASE("in transaction mode a session's advisory lock stays on the pooled connection when its client has gone") {
  auto* server = server_for_pgbouncer();
  if (server == nullptr) return;
  PgClient observer(server->dsn());
  {
    const PgBouncer bouncer(*server, PgBouncer::Pool::transaction);
    pg_run(bouncer.dsn(), "SELECT pg_advisory_lock(4711)");
    // The next client has the same server connection, so pgbouncer is through with the one before.
    CHECK(pg_value(bouncer.dsn(), "SELECT pg_try_advisory_lock(4711)") == "t");
    CHECK(held(observer) == "1");
  }
  CHECK(eventually([&] { return held(observer) == "0"; }));
}

TEST_CASE("in session mode the lock goes with its client") {
  auto* server = server_for_pgbouncer();
  if (server == nullptr) return;
  PgClient observer(server->dsn());
  const PgBouncer bouncer(*server, PgBouncer::Pool::session);
  {
    PgClient client(bouncer.dsn());
    client.run("SELECT pg_advisory_lock(4711)");
    CHECK(held(observer) == "1");
  }
  CHECK(eventually([&] { return held(observer) == "0"; }));
}

TEST_CASE("pgbouncer refuses a start-up parameter that it does not know, unless it is told to ignore it") {
  auto* server = server_for_pgbouncer();
  if (server == nullptr) return;
  const std::string parameter = "?options=-c%20lock_timeout%3D1s";
  const PgBouncer plain(*server, PgBouncer::Pool::session);
  CHECK_THROWS_WITH_AS(PgClient(plain.dsn() + parameter), doctest::Contains("unsupported startup parameter"),
                       PgFailure);
  const PgBouncer patient(*server, PgBouncer::Pool::session, {"ignore_startup_parameters = options"});
  CHECK(pg_value(patient.dsn() + parameter, "SELECT 1") == "1");
}

TEST_CASE("pgbouncer ends with its object") {
  auto* server = server_for_pgbouncer();
  if (server == nullptr) return;
  std::optional<PgBouncer> bouncer(std::in_place, *server, PgBouncer::Pool::session);
  const pid_t pid = bouncer->pid();
  CHECK(::kill(pid, 0) == 0);
  bouncer.reset();
  CHECK(::kill(pid, 0) != 0);
}

}  // namespace talos::test
