// The forms of a DSN that the program takes, on real servers; the parameters that mean something, and the secrets.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_tls.hpp"
#include "mysql_world.hpp"

namespace talos::test {

namespace {

// `status` of this DSN finds the world's database.
void reaches(MysqlWorld& world, const std::string& dsn) {
  CAPTURE(dsn);
  world.dsn = dsn;
  const auto status = world.migrate({"status"});
  INFO(status.err);
  CHECK(status.status == 0);
  CHECK(status.out == Part{"Current Version: 1"});
}

}  // namespace

TEST_CASE("a DSN as golang-migrate takes it, as a URL, by a Unix socket, and with either scheme reaches the database") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    REQUIRE(world.migrate({"up"}).status == 0);
    const MysqlLogin login = world.login();
    const std::string who = login.user + ":" + login.password;
    const std::string port = std::to_string(login.port);
    const std::string end = "/" + login.database;
    for (const std::string scheme : {"mysql://", "mariadb://", "MySQL://"}) {
      reaches(world, scheme + who + "@tcp(127.0.0.1:" + port + ")" + end);
      reaches(world, scheme + who + "@127.0.0.1:" + port + end);
      reaches(world, scheme + who + "@unix(" + world.server.socket().string() + ")" + end);
    }
    reaches(world, "mysql://" + who + "@(127.0.0.1:" + port + ")" + end);
    reaches(world,
            "mysql://" + who + "@tcp(127.0.0.1:" + port + ")" + end +
                "?parseTime=true&multiStatements=true&loc=Local&charset=utf8mb4,utf8&collation=utf8mb4_bin&timeout=30s&"
                "readTimeout=1s&writeTimeout=1s&maxAllowedPacket=0&interpolateParams=true&clientFoundRows=true&"
                "allowNativePasswords=true&checkConnLiveness=false&max_conns=4&max_idle_conns=2&"
                "max_conn_lifetime=1m&x-no-lock=false&compress=true");
    reaches(world, "mysql://" + who + "@127.0.0.1:" + port + end + "?ssl-mode=PREFERRED");
    world.dsn = "mysql://" + who + "@127.0.0.1:" + port + "/";
    CHECK(world.migrate({"status"}).status == 2);
  });
}

TEST_CASE("G18: a password of any characters works encoded, and as far as it can be told raw, and is shown nowhere") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    REQUIRE(world.migrate({"up"}).status == 0);
    const std::string user = "odd_" + world.database;
    const std::string tail = "@tcp(127.0.0.1:" + std::to_string(world.server.port()) + ")/" + world.database;
    world.sql("CREATE USER " + user + " IDENTIFIED BY 'p@ss:w/rd?#&=;(%)'; GRANT ALL ON `" + world.database +
              "`.* TO " + user);
    for (const char* password : {"p@ss:w/rd?#&=;(%)", "p%40ss%3Aw%2Frd%3F%23%26%3D%3B%28%25%29"}) {
      reaches(world, "mysql://" + user + ":" + password + tail);
      world.dsn = "mysql://" + user + ":" + password + "x" + tail;
      const auto refused = world.migrate({"up"});
      CHECK(refused.status == 5);
      CHECK(refused.err == Part{"1045"});
      CHECK(refused.err == Part{"hint: "});
      for (const char* piece : {"w/rd", "w%2Frd", "p@ss", "p%40ss"}) CHECK(refused.err != Part{piece});
    }
    world.sql("DROP USER " + user);
  });
}

TEST_CASE("a database that is not there, a port where nobody is, and a DSN that cannot be read are told apart") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    MysqlLogin login = world.login();
    login.database = "no_such_database";
    world.dsn = login.dsn();
    const auto missing = world.migrate({"up"});
    CHECK(missing.status == 5);
    CHECK(missing.err == Part{"1049"});
    CHECK(missing.err == Part{"create it first"});
    login.port = 1;
    world.dsn = login.dsn();
    const auto nobody = world.migrate({"up"});
    CHECK(nobody.status == 5);
    CHECK(nobody.err == Part{"127.0.0.1:1/no_such_database"});
    for (const char* dsn :
         {"mysql://u:hunter22@tcp(h:3306", "mysql://u:hunter22@tcp(h:port)/d", "mysql://u:hunter22@h/d?tls=perhaps",
          "mysql://u:hunter22@h/d?x y=1", "mysql://u:hunter22@h/d?sql_mode=a%3Bb"}) {
      CAPTURE(dsn);
      world.dsn = dsn;
      const auto refused = world.migrate({"up"});
      CHECK(refused.status == 2);
      CHECK(refused.err != Part{"hunter22"});
    }
  });
}

TEST_CASE("the collation, and system variables of the DSN, hold in every file and not in our own rows") {
  on_each_flavour([](MysqlWorld& world) {
    world.dsn +=
        "?collation=utf8mb4_bin&transaction_isolation=%27READ-COMMITTED%27&foreign_key_checks=0&time_zone=%27-01:00%27";
    if (world.is_mariadb()) world.dsn.replace(world.dsn.find("transaction_isolation"), 21, "tx_isolation");
    for (const long version : {1L, 2L})
      world.migration(version, "found",
                      "CREATE TABLE found" + std::to_string(version) + " AS SELECT @@collation_connection AS c, @@" +
                          (world.is_mariadb() ? "tx_isolation" : "transaction_isolation") +
                          " AS i, @@foreign_key_checks AS f, @@time_zone AS z;\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    for (const char* table : {"found1", "found2"})
      CHECK(world.rows("SELECT * FROM " + std::string(table)) ==
            std::vector<std::string>{"utf8mb4_bin|READ-COMMITTED|0|-01:00"});
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_log WHERE ABS(TIMESTAMPDIFF(MINUTE, started_at,"
                      " UTC_TIMESTAMP())) < 30") == "2");
  });
}

TEST_CASE("LOAD DATA LOCAL reads a file of the runner's only where the DSN says allowAllFiles") {
  on_each_flavour([](MysqlWorld& world) {
    MysqlClient(world.server.login()).run("SET GLOBAL local_infile = 1");
    const auto file = world.directory / "rows.txt";
    write_bytes(file, "1\n2\n");
    world.sql("CREATE TABLE t (x int)");
    world.migration(1, "load", "LOAD DATA LOCAL INFILE '" + file.string() + "' INTO TABLE t;\n");
    const std::string plain = world.dsn;
    CHECK(world.migrate({"up"}).status == 1);
    CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
    CHECK(world.migrate({"force", "-1"}).status == 0);
    world.dsn = plain + "?allowAllFiles=true";
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(world.value("SELECT COUNT(*) FROM t") == "2");
    MysqlClient(world.server.login()).run("SET GLOBAL local_infile = 0");
  });
}

TEST_CASE("a user who must have a certificate is let in by x-tls-cert and x-tls-key, and not without") {
  if (!openssl_or_skip()) return;
  for (const auto& installation : all_mysql_or_skip()) {
    const MysqlTls files;
    auto settings = files.server_settings();
    settings.push_back(unsynced_mysql.front());
    MysqlServer server(installation, settings);
    const std::string database = server.create_database();
    const MysqlLogin user = server.create_user("carrier", database);
    mysql_run(server.socket_login(), "ALTER USER carrier@'%' REQUIRE SUBJECT '/CN=root'");
    const ScratchDirectory scratch;
    const auto status = [&](const std::string& parameters) {
      ProcessOptions options;
      options.argv = {
          TALOS_TEST_COMMERCIAL,  "migrate", "status", "--database", user.dsn() + parameters, "--migrations",
          scratch.path().string()};
      return run(options).status;
    };
    const std::string trusting = "?tls=own&x-tls-ca=" + files.authority().string();
    const std::string own =
        "&x-tls-cert=" + files.client_certificate().string() + "&x-tls-key=" + files.client_key().string();
    CHECK(status(trusting) == 5);
    CHECK(status(trusting + own) == 0);
    CHECK(status("?ssl-mode=VERIFY_IDENTITY&x-tls-ca=" + files.authority().string() + own) == 0);
    CHECK(status(trusting + "&x-tls-cert=" + files.client_certificate().string()) == 2);
  }
}

TEST_CASE("a password without TLS: the server's public key of serverPubKey is the one that is used") {
  for (const auto& installation : all_mysql_or_skip()) {
    if (installation.flavour == MysqlFlavour::mariadb || !openssl_or_skip()) continue;
    // Nobody has logged in yet, so that the server has no hash to spare the key.
    MysqlServer server(installation, unsynced_mysql);
    const std::string database = server.create_database();
    const auto key = server.data_directory() / "public_key.pem";
    const ScratchDirectory scratch;
    std::filesystem::copy_file(key, scratch / "right.pem");
    const std::string wrong_key = (scratch / "wrong.key").string();
    const std::string wrong = (scratch / "wrong.pem").string();
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"openssl", "genrsa", "-out", wrong_key, "2048"},
                                               {"openssl", "rsa", "-in", wrong_key, "-pubout", "-out", wrong}}) {
      ProcessOptions options;
      options.argv = words;
      REQUIRE(run(std::move(options)).status == 0);
    }
    const auto status = [&](const std::string& user, const char* file) {
      ProcessOptions options;
      options.argv = {TALOS_TEST_COMMERCIAL,
                      "migrate",
                      "status",
                      "--database",
                      server.create_user(user, database).dsn() + "?serverPubKey=" + (scratch / file).string(),
                      "--migrations",
                      scratch.path().string()};
      return run(options).status;
    };
    CHECK(status("wrong", "wrong.pem") == 5);
    CHECK(status("right", "right.pem") == 0);
  }
}

TEST_CASE("connectionAttributes are the server's to see, beside our own") {
  on_each_flavour([](MysqlWorld& world) {
    world.dsn += "?connectionAttributes=team:keys,place:here";
    world.migration(1, "seen",
                    "CREATE TABLE seen AS SELECT ATTR_NAME AS n, ATTR_VALUE AS v FROM"
                    " performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = CONNECTION_ID();\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(world.value("SELECT v FROM seen WHERE n = 'team'") == "keys");
    CHECK(world.value("SELECT v FROM seen WHERE n = 'program_name'") == Part{"talos-commercial "});
  });
}

TEST_CASE("the open source edition refuses MySQL and MariaDB with the plugin at hand: exit 6, and loads nothing") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    const std::string plugins = std::filesystem::path(TALOS_TEST_MYSQL_PLUGIN).parent_path().string();
    for (const std::string scheme : {"mysql", "mariadb"}) {
      ProcessOptions options = talos_options({"migrate", "up", "--plugin-dir", plugins, "--database",
                                              scheme + world.dsn.substr(std::string("mysql").size()), "--migrations",
                                              world.migrations.string()});
      options.directory = world.directory.path();
      const auto refused = run(options);
      CHECK(refused.status == 6);
      CHECK(refused.err == Part{"talos-commercial"});
      CHECK(refused.err != Part{world.server.password()});
    }
    CHECK(!world.has_table("schema_migrations"));
    const auto listed = talos({"plugins", "--plugin-dir", plugins});
    CHECK(listed.out == Part{"not usable in this edition"});
  });
}

}  // namespace talos::test
