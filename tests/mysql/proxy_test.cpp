// The proxy in front of real MariaDB and MySQL servers.
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include "mysql_proxy.hpp"
#include "server_user.hpp"
#include "shared_mysql.hpp"

namespace talos::test {

namespace {

using When = ProxyFault::When;
using What = ProxyFault::What;

constexpr std::chrono::milliseconds short_wait{100};

std::string is_there(const MysqlClient& client) {
  return "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = " + std::to_string(client.id());
}

// A table without rows in a database of its own, and a proxy.
struct Place {
  explicit Place(MysqlServer& its_server)
      : server(its_server), database(server.create_database()), proxy(server.port()), observer(server.login(database)) {
    observer.run("CREATE TABLE t (a INT)");
  }
  MysqlLogin by_proxy() const { return server.login(database, proxy.port()); }

  MysqlServer& server;
  std::string database;
  MysqlProxy proxy;
  MysqlClient observer;
};

}  // namespace

TEST_CASE("the MySQL proxy counts packets and turns of each connection, and passes everything") {
  for (const auto& server : shared_mysql_servers()) {
    Place place(*server);
    MysqlClient one(place.by_proxy());
    const int logged_in = place.proxy.counts(1).client_messages;
    CHECK(place.proxy.counts(1).client_types.front() == 'H');
    CHECK(place.proxy.counts(1).server_types.front() == 'G');
    CHECK(place.proxy.counts(1).server_types.back() == 'O');
    CHECK(place.proxy.counts(1).turns == logged_in);
    one.run("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); SELECT a, a FROM t");
    CHECK(place.proxy.counts(1).turns == logged_in + 1);
    const std::string types = place.proxy.counts(1).server_types;
    CHECK((types.ends_with("OOOTCCFDDF") || types.ends_with("OOOTCCDDF")));
    CHECK_THROWS_AS(one.run("SELECT nothing"), MysqlFailure);
    CHECK(place.proxy.counts(1).server_types == types + "E");
    const std::string long_text(3'000'000, 'x');
    CHECK(one.value("SELECT '" + long_text + "'") == long_text);
    CHECK(place.proxy.counts(1).client_types.ends_with("QQQ"));
    MysqlClient two(place.by_proxy());
    CHECK(place.proxy.connections() == 2);
    { const MysqlClient gone = std::move(two); }
    CHECK(eventually([&] { return place.proxy.open_connections() == 1; }));
    CHECK(place.proxy.counts(2).client_types.ends_with("X"));
    CHECK(place.proxy.counts().turns >= place.proxy.counts(1).turns + 1);
  }
}

TEST_CASE("a statement of more than 16 MiB is one message, and the next is known again") {
  for (const auto& installation : all_mysql_or_skip()) {
    MysqlServer server(installation, {"max_allowed_packet=64M", "innodb_flush_log_at_trx_commit=0"});
    MysqlProxy proxy(server.port());
    MysqlClient client(server.login("", proxy.port()));
    const int before = proxy.counts(1).client_messages;
    CHECK(client.value("SELECT LENGTH('" + std::string(40'000'000, 'x') + "')") == "40000000");
    client.run("DO 1");
    CHECK(proxy.counts(1).client_messages == before + 2);
    CHECK(proxy.counts(1).client_types.ends_with("QQ"));
    CHECK(proxy.counts(1).server_types.ends_with("O"));
  }
}

TEST_CASE("cut before a MySQL client's message the server never sees it; after it, it does and no answer comes") {
  for (const auto& server : shared_mysql_servers()) {
    for (const When when : {When::before, When::after}) {
      Place place(*server);
      MysqlClient client(place.by_proxy());
      place.proxy.add({1, From::client, place.proxy.counts(1).client_messages + 2, when, What::cut});
      client.run("SELECT 1");
      CHECK_THROWS_AS(client.run("INSERT INTO t VALUES (1)"), MysqlFailure);
      CHECK(place.proxy.happened() == 1);
      CHECK(place.proxy.open_connections() == 0);
      CHECK(eventually([&] { return place.observer.value(is_there(client)) == "0"; }));
      CHECK(place.observer.value("SELECT COUNT(*) FROM t") == (when == When::before ? "0" : "1"));
    }
  }
}

TEST_CASE("cut at a MySQL server's answer: the client has what came before") {
  for (const auto& server : shared_mysql_servers()) {
    for (const When when : {When::before, When::after}) {
      Place place(*server);
      MysqlClient client(place.by_proxy());
      place.proxy.add({1, From::server, place.proxy.counts(1).server_messages + 2, when, What::cut});
      CHECK_THROWS_AS(client.run("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)"),
                      MysqlFailure);
      CHECK(place.proxy.counts(1).server_types.ends_with(when == When::before ? "OO" : "OOO"));
      CHECK(eventually([&] { return place.observer.value("SELECT COUNT(*) FROM t") == "3"; }));
    }
  }
}

TEST_CASE("stalled a MySQL connection stays open and silent, and goes on when released") {
  for (const auto& server : shared_mysql_servers()) {
    for (const What what : {What::stall, What::stall_client, What::stall_server}) {
      Place place(*server);
      MysqlClient client(place.by_proxy());
      const int next = place.proxy.counts(1).client_messages + 1;
      place.proxy.add({0, From::client, next, When::before, what});
      client.send("SELECT 1");
      CHECK(eventually([&] { return place.proxy.happened() == 1; }));
      CHECK_THROWS_WITH_AS(client.finish(short_wait), doctest::Contains("in time"), MysqlFailure);
      CHECK(place.proxy.open_connections() == 1);
      CHECK(place.proxy.counts(1).client_messages == (what == What::stall_server ? next : next - 1));
      place.proxy.release();
      CHECK(client.finish() == std::vector<MysqlRow>{{"1"}});
    }
  }
}

TEST_CASE("the MySQL server does not learn that a stalled client has gone, until the connection is cut") {
  for (const auto& server : shared_mysql_servers()) {
    Place place(*server);
    std::string alive;
    {
      MysqlClient client(place.by_proxy());
      alive = is_there(client);
      place.proxy.add({1, From::client, place.proxy.counts(1).client_messages + 1, When::after, What::stall});
      client.send("DO GET_LOCK('stalled', 0)");
      CHECK(eventually([&] { return place.proxy.happened() == 1; }));
    }
    CHECK(eventually([&] { return place.observer.value("SELECT IS_USED_LOCK('stalled') IS NOT NULL") == "1"; }));
    CHECK(place.observer.value(alive) == "1");
    place.proxy.cut_all();
    CHECK(eventually([&] { return place.observer.value(alive) == "0"; }));
    CHECK(place.observer.value("SELECT IS_FREE_LOCK('stalled')") == "1");
  }
}

TEST_CASE("each direction to MySQL is delayed, and statements sent together are one turn") {
  for (const auto& server : shared_mysql_servers()) {
    Place place(*server);
    MysqlClient client(place.by_proxy());
    const int before = place.proxy.counts(1).turns;
    place.proxy.delay(std::chrono::milliseconds(10));
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i) client.run("SELECT 1; SELECT 2; SELECT 3");
    CHECK(std::chrono::steady_clock::now() - began >= std::chrono::milliseconds(5 * 20));
    CHECK(place.proxy.counts(1).turns == before + 5);
  }
}

TEST_CASE("a report of progress is a message of its own and no answer's end") {
  for (const auto& server : shared_mysql_servers()) {
    if (server->flavour() != MysqlFlavour::mariadb) continue;
    Place place(*server);
    MysqlClient client(place.by_proxy());
    // Until the rows are enough for the server to find it worth a word.
    for (int rows = 250'000; place.proxy.counts(1).server_types.find('P') == std::string::npos; rows *= 2) {
      REQUIRE(rows < 10'000'000);
      client.run("INSERT INTO t SELECT seq FROM seq_1_to_" + std::to_string(rows));
      client.run("SET progress_report_time = 1; ALTER TABLE t ADD COLUMN c" + std::to_string(rows) +
                 " CHAR(200) DEFAULT 'x', ALGORITHM=COPY; SELECT 1");
    }
    const std::string types = place.proxy.counts(1).server_types;
    CHECK((types.ends_with("OTCFDF") || types.ends_with("OTCDF")));
  }
}

TEST_CASE("new connections to MySQL can be refused, and nobody behind the proxy is a failure") {
  for (const auto& server : shared_mysql_servers()) {
    Place place(*server);
    MysqlClient client(place.by_proxy());
    place.proxy.refuse(true);
    CHECK_THROWS_AS(MysqlClient(place.by_proxy()), MysqlFailure);
    place.proxy.refuse(false);
    place.observer.run("KILL " + std::to_string(client.id()));
    CHECK_THROWS_AS(client.run("SELECT 1"), MysqlFailure);
    MysqlProxy nobody(free_port());
    CHECK_THROWS_AS(MysqlClient(server->login("", nobody.port())), MysqlFailure);
  }
}

}  // namespace talos::test
