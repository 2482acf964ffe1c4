// Users of MariaDB and MySQL, by every way of logging in.
#include <string>

#include <doctest/doctest.h>

#include "mysql_server.hpp"
#include "shared_mysql.hpp"

namespace talos::test {

using Rights = MysqlServer::Rights;
using Authentication = MysqlServer::Authentication;

TEST_CASE("a new MySQL user has its own password and rights on its database alone") {
  for (const auto& server : shared_mysql_servers()) {
    const auto database = server->create_database("one_of");
    const auto other = server->create_database("oneXof");
    mysql_run(server->login(database), "CREATE TABLE t (a INT)");
    const MysqlLogin all = server->create_user("every 'thing'", database);
    const MysqlLogin reader = server->create_user("reader", database, Rights::select_only);
    const MysqlLogin nobody = server->create_user("nobody", "", Rights::none);
    CHECK(mysql_value(all, "INSERT INTO t VALUES (1); SELECT USER()").starts_with("every 'thing'@"));
    CHECK(mysql_value(reader, "SELECT a FROM t") == "1");
    CHECK_THROWS_WITH_AS(mysql_run(reader, "INSERT INTO t VALUES (2)"), doctest::Contains("denied"), MysqlFailure);
    CHECK_THROWS_WITH_AS(mysql_run(all, "USE " + other), doctest::Contains("denied"), MysqlFailure);
    CHECK_THROWS_WITH_AS(mysql_run(nobody, "USE " + database), doctest::Contains("denied"), MysqlFailure);
    for (const auto& one : {database, other}) server->drop_database(one);
  }
}

TEST_CASE("a user of each kind of authentication that a flavour has logs in by TCP and by the socket") {
  for (const auto& server : shared_mysql_servers()) {
    const bool mariadb = server->flavour() == MysqlFlavour::mariadb;
    const auto database = server->create_database();
    int number = 0;
    for (const auto authentication :
         {Authentication::native_password, Authentication::ed25519, Authentication::caching_sha2_password}) {
      const std::string name = "login" + std::to_string(++number);
      const bool known = mariadb != (authentication == Authentication::caching_sha2_password);
      CAPTURE(name);
      if (!known) {
        CHECK_THROWS_AS(server->create_user(name, database, Rights::all, authentication), std::invalid_argument);
        continue;
      }
      MysqlLogin user = server->create_user(name, database, Rights::all, authentication);
      CHECK(mysql_value(user, "SELECT CURRENT_USER()") == name + "@%");
      user.socket = server->socket();
      CHECK(mysql_value(user, "SELECT CURRENT_USER()") == name + "@%");
      user.password += "x";
      CHECK_THROWS_WITH_AS(MysqlClient{user}, doctest::Contains("Access denied"), MysqlFailure);
    }
  }
}

TEST_CASE("what would mean something else in a MySQL DSN is encoded") {
  MysqlLogin login;
  login.port = 3307;
  login.user = "a@b:c/d";
  login.password = "p%q+r s";
  login.database = "x?y`é";
  CHECK(login.dsn() == "mysql://a%40b%3Ac%2Fd:p%25q%2Br%20s@tcp(127.0.0.1:3307)/x%3Fy%60%C3%A9");
  CHECK(login.url() == "mysql://a%40b%3Ac%2Fd:p%25q%2Br%20s@127.0.0.1:3307/x%3Fy%60%C3%A9");
  login.socket = "/run/my.sock";
  CHECK(login.dsn() == "mysql://a%40b%3Ac%2Fd:p%25q%2Br%20s@unix(/run/my.sock)/x%3Fy%60%C3%A9");
}

}  // namespace talos::test
