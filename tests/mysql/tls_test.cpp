// Real MariaDB and MySQL servers that take nothing but TLS.
#include <string>

#include <doctest/doctest.h>

#include "mysql_proxy.hpp"
#include "mysql_server.hpp"
#include "mysql_tls.hpp"

namespace talos::test {

TEST_CASE("a MySQL server with certificates takes TLS by TCP and nothing else, and who verifies knows it") {
  if (!openssl_or_skip()) return;
  for (const auto& installation : all_mysql_or_skip()) {
    const MysqlTls files;
    MysqlServer server(installation, files.server_settings());
    MysqlClient client(files.with_tls(server.login()));
    CHECK_FALSE(client.cipher().empty());
    CHECK(client.value("SHOW STATUS LIKE 'Ssl_cipher'") == "Ssl_cipher");
    CHECK(mysql_value(server.socket_login(), "SELECT 1") == "1");
    CHECK_THROWS_AS(MysqlClient(server.login()), MysqlFailure);
    MysqlLogin stranger = server.login();
    stranger.authority = files.stranger();
    CHECK_THROWS_WITH_AS(MysqlClient{stranger}, doctest::Contains("SSL"), MysqlFailure);
    MysqlProxy proxy(server.port());
    CHECK(mysql_value(files.with_tls(server.login("", proxy.port())), "SELECT 1") == "1");
    CHECK(proxy.counts(1).client_types == "H");
    CHECK(proxy.counts(1).server_types == "G");
  }
}

TEST_CASE("a MySQL server's certificate for another name is refused, and a user may need one of its own") {
  if (!openssl_or_skip()) return;
  for (const auto& installation : all_mysql_or_skip()) {
    const MysqlTls named("db.example");
    const MysqlServer other(installation, named.server_settings());
    CHECK_THROWS_WITH_AS(MysqlClient(named.with_tls(other.login())), doctest::Contains("SSL"), MysqlFailure);
    const MysqlTls files;
    MysqlServer server(installation, files.server_settings());
    const MysqlLogin user = server.create_user("carrier", server.create_database());
    mysql_run(server.socket_login(), "ALTER USER carrier@'%' REQUIRE SUBJECT '/CN=root'");
    CHECK_THROWS_WITH_AS(MysqlClient(files.with_tls(user)), doctest::Contains("Access denied"), MysqlFailure);
    CHECK(mysql_value(files.with_certificate(user), "SELECT 1") == "1");
  }
}

}  // namespace talos::test
