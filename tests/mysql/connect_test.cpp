// Who is let in and what is refused: TLS, read-only servers, DSNs, passwords.
#include <string>

#include <doctest/doctest.h>

#include "mysql_tls.hpp"
#include "mysql_world.hpp"

namespace talos::test {

TEST_CASE("M3: a server without TLS is refused where the DSN demands it, and nothing is sent in plain text") {
  for (const auto& installation : all_mysql_or_skip()) {
    // MySQL makes itself a certificate unless it is told not to.
    const bool mariadb = installation.flavour == MysqlFlavour::mariadb;
    MysqlServer server(installation, {mariadb ? "skip-ssl" : "tls-version=", unsynced_mysql.front()});
    MysqlWorld world(server);
    world.tables(1);
    const std::string plain = world.dsn;
    for (const char* tls : {"true", "skip-verify"}) {
      CAPTURE(tls);
      world.dsn = plain + "?tls=" + tls;
      const auto refused = world.migrate({"up"});
      CHECK(refused.status == 5);
      CHECK(refused.err != Part{server.password()});
    }
    CHECK(!world.has_table("schema_migrations"));
    world.dsn = plain + "?tls=preferred";
    CHECK(world.migrate({"up"}).status == 0);
  }
}

TEST_CASE("TLS: a certificate that cannot be verified is refused, one that can or need not be is taken") {
  for (const auto& installation : all_mysql_or_skip()) {
    const MysqlTls tls;
    auto settings = tls.server_settings();
    settings.push_back(unsynced_mysql.front());
    MysqlServer server(installation, settings);
    const ScratchDirectory scratch;
    MysqlClient admin(server.socket_login());
    admin.run("CREATE DATABASE d");
    const std::string dsn = server.login("d").dsn();
    const auto status = [&](const std::string& parameters) {
      ProcessOptions options;
      options.argv = {TALOS_TEST_COMMERCIAL,  "migrate", "status", "--database", dsn + parameters, "--migrations",
                      scratch.path().string()};
      return run(options);
    };
    CHECK(status("?tls=true").status == 5);
    CHECK(status("?tls=custom&x-tls-ca=" + tls.authority().string()).status == 0);
    CHECK(status("?tls=skip-verify").status == 0);
    CHECK(status("?tls=false").status == 5);
  }
}

TEST_CASE("a read-only server is refused for writing and read all the same") {
  for (const auto& installation : all_mysql_or_skip()) {
    MysqlServer server(installation, unsynced_mysql);
    MysqlWorld world(server);
    world.tables(2);
    REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
    MysqlClient(server.login()).run("SET GLOBAL read_only = 1");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 5);
    CHECK(up.err == Part{"read-only"});
    CHECK(world.migrate({"status"}).status == 0);
    MysqlClient(server.login()).run("SET GLOBAL read_only = 0");
  }
}

TEST_CASE("a password that golang-migrate would decode works raw, too, and is shown nowhere") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    world.sql("CREATE USER raw@'%' IDENTIFIED BY 'a%41b+c'; GRANT ALL ON `" + world.database + "`.* TO raw@'%'");
    world.dsn = "mysql://raw:a%41b+c@tcp(127.0.0.1:" + std::to_string(world.server.port()) + ")/" + world.database;
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    world.dsn = "mysql://raw:a%41wrong@tcp(127.0.0.1:" + std::to_string(world.server.port()) + ")/" + world.database;
    const auto refused = world.migrate({"up"});
    CHECK(refused.status == 5);
    CHECK(refused.err != Part{"wrong"});
    world.sql("DROP USER raw@'%'");
  });
}

TEST_CASE("the DSN's system variables are set for files, and an unknown one is refused") {
  on_each_flavour([](MysqlWorld& world) {
    const std::string plain = world.dsn;
    world.migration(1, "found", "CREATE TABLE found AS SELECT @@sql_mode AS m, @@time_zone AS z;\n");
    world.dsn = plain + "?sql_mode=%27ANSI%27&time_zone=%27%2B03%3A00%27";
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(world.value("SELECT m LIKE '%ANSI_QUOTES%' AND z = '+03:00' FROM found") == "1");
    world.migration(2, "more", "CREATE TABLE more (x int);\n");
    world.dsn = plain + "?no_such_variable=1";
    const auto refused = world.migrate({"up"});
    CHECK(refused.status == 5);
    CHECK(refused.err == Part{"no_such_variable"});
    CHECK(world.tracker() == "1,0");
  });
}

}  // namespace talos::test
