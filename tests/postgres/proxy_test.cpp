// The proxy in front of a real server.
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include "pg_client.hpp"
#include "proxy.hpp"
#include "shared_server.hpp"

namespace talos::test {

namespace {

using When = ProxyFault::When;
using What = ProxyFault::What;

std::string dsn_by(const PostgresServer& server, const Proxy& proxy) {
  return server.dsn("postgres", proxy.port()) + "?sslmode=disable&gssencmode=disable";
}

// Messages of a connection until it is ready: start-up, two of SCRAM.
constexpr int logged_in = 3;

constexpr std::chrono::milliseconds short_wait{100};

}  // namespace

TEST_CASE("the proxy counts messages and turns of each connection, and passes everything") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  PgClient one(dsn_by(*server, proxy));
  CHECK(proxy.counts(1).client_types == "0pp");
  CHECK(proxy.counts(1).turns == logged_in);
  CHECK(one.value("SELECT length(repeat('x', 20000000))") == "20000000");
  CHECK(one.value("SELECT repeat('x', 3000000)").size() == 3'000'000);
  CHECK(proxy.counts(1).client_types == "0ppQQ");
  CHECK(proxy.counts(1).turns == logged_in + 2);
  CHECK(proxy.counts(1).server_types.ends_with("ZTDCZTDCZ"));
  PgClient two(dsn_by(*server, proxy));
  two.run("SELECT '" + std::string(3'000'000, 'x') + "'");
  CHECK(proxy.connections() == 2);
  CHECK(proxy.counts(2).client_messages == logged_in + 1);
  CHECK(proxy.counts().client_messages == 2 * logged_in + 3);
  { const PgClient gone = std::move(two); }
  CHECK(eventually([&] { return proxy.open_connections() == 1; }));
  CHECK(proxy.counts(2).client_types == "0ppQX");
}

TEST_CASE("a request for TLS that the server declines is a message and a turn") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  PgClient client(server->dsn("postgres", proxy.port()) + "?sslmode=prefer&gssencmode=disable");
  CHECK(client.value("SELECT 1") == "1");
  CHECK(proxy.counts(1).client_types == "00ppQ");
  CHECK(proxy.counts(1).server_types.starts_with("NR"));
}

TEST_CASE("cut before a client's message: the server never sees it; after it: it does, and the client sees no answer") {
  auto* server = shared_server();
  if (server == nullptr) return;
  for (const When when : {When::before, When::after}) {
    PgClient observer(server->dsn());
    observer.run("DROP TABLE IF EXISTS cut_test; CREATE TABLE cut_test (a int)");
    Proxy proxy(server->port());
    PgClient client(dsn_by(*server, proxy));
    proxy.add({1, From::client, logged_in + 2, when, What::cut});
    client.run("SELECT 1");
    CHECK_THROWS_AS(client.run("INSERT INTO cut_test VALUES (1)"), PgFailure);
    CHECK(proxy.happened() == 1);
    CHECK(proxy.open_connections() == 0);
    const auto gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(client.backend_pid());
    CHECK(eventually([&] { return observer.value(gone) == "0"; }));
    CHECK(observer.value("SELECT count(*) FROM cut_test") == (when == When::before ? "0" : "1"));
  }
}

TEST_CASE("cut at a server's message: the client has what came before") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  PgClient client(dsn_by(*server, proxy));
  const int ready = proxy.counts(1).server_messages;
  proxy.add({1, From::server, ready + 3, When::after, What::cut});  // T, D, C and no Z
  CHECK_THROWS_AS(client.run("SELECT 1"), PgFailure);
  CHECK(proxy.counts(1).server_types.ends_with("ZTDC"));
}

TEST_CASE("a fault can wait for the second connection, and happens once") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  proxy.add({2, From::client, 1, When::before, What::cut});
  PgClient first(dsn_by(*server, proxy));
  CHECK_THROWS_AS(PgClient(dsn_by(*server, proxy)), PgFailure);
  PgClient third(dsn_by(*server, proxy));
  CHECK(first.value("SELECT 1") + third.value("SELECT 3") == "13");
}

TEST_CASE("stalled the connection stays open and silent, and goes on when released") {
  auto* server = shared_server();
  if (server == nullptr) return;
  for (const What what : {What::stall, What::stall_client, What::stall_server}) {
    Proxy proxy(server->port());
    PgClient client(dsn_by(*server, proxy));
    proxy.add({0, From::client, logged_in + 1, When::before, what});
    client.send("SELECT 1");
    CHECK(eventually([&] { return proxy.happened() == 1; }));
    CHECK_THROWS_WITH_AS(client.finish(short_wait), doctest::Contains("in time"), PgFailure);
    CHECK(proxy.open_connections() == 1);
    CHECK(proxy.counts(1).client_messages == (what == What::stall_server ? logged_in + 1 : logged_in));
    proxy.release();
    CHECK(client.finish() == std::vector<std::string>{"1"});
  }
}

TEST_CASE("the server does not learn that a stalled client has gone, until the connection is cut") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  PgClient observer(server->dsn());
  std::string alive;
  {
    PgClient client(dsn_by(*server, proxy));
    alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(client.backend_pid());
    proxy.add({1, From::client, logged_in + 1, When::after, What::stall});
    client.send("SELECT pg_advisory_lock(77)");
    CHECK(eventually([&] { return proxy.happened() == 1; }));
  }
  const auto held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND granted";
  CHECK(eventually([&] { return observer.value(held) == "1"; }));
  CHECK(observer.value(alive) == "1");
  proxy.cut_all();
  CHECK(eventually([&] { return observer.value(alive) == "0"; }));
}

TEST_CASE("each direction is delayed, and messages sent together stay together") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  PgClient client(dsn_by(*server, proxy));
  proxy.delay(std::chrono::milliseconds(10));
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) client.run("SELECT 1; SELECT 2; SELECT 3");
  const auto took = std::chrono::steady_clock::now() - began;
  CHECK(took >= std::chrono::milliseconds(5 * 20));
  CHECK(proxy.counts(1).turns == logged_in + 5);
}

TEST_CASE("cancel requests pass or are swallowed, and are no connections") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  PgClient client(dsn_by(*server, proxy));
  client.send("SELECT pg_sleep(1000)");
  proxy.swallow_cancel_requests(true);
  client.cancel();
  CHECK(proxy.cancel_requests() == 1);
  CHECK_THROWS_WITH_AS(client.finish(short_wait), doctest::Contains("in time"), PgFailure);
  proxy.swallow_cancel_requests(false);
  client.cancel();
  CHECK_THROWS_WITH_AS(client.finish(), doctest::Contains("57014"), PgFailure);
  CHECK(proxy.cancel_requests() == 2);
  CHECK(proxy.connections() == 1);
}

TEST_CASE("new connections can be refused, and a dead server ends the client's connection") {
  auto* server = shared_server();
  if (server == nullptr) return;
  Proxy proxy(server->port());
  PgClient client(dsn_by(*server, proxy));
  proxy.refuse(true);
  CHECK_THROWS_AS(PgClient(dsn_by(*server, proxy)), PgFailure);
  proxy.refuse(false);
  pg_run(server->dsn(), "SELECT pg_terminate_backend(" + std::to_string(client.backend_pid()) + ")");
  CHECK_THROWS_WITH_AS(client.run("SELECT 1"), doctest::Contains("terminat"), PgFailure);
  Proxy nobody(free_port());
  CHECK_THROWS_AS(PgClient(dsn_by(*server, nobody)), PgFailure);
}

}  // namespace talos::test
