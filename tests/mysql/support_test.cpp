// The MariaDB and MySQL tests' own instrument, against real servers.
#include <csignal>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>

#include "mysql_server.hpp"
#include "server_user.hpp"
#include "shared_mysql.hpp"

namespace talos::test {

namespace {

unsigned number_of(MysqlClient& client, const std::string& sql) {
  try {
    client.run(sql);
  } catch (const MysqlFailure& failure) {
    return failure.number();
  }
  return 0;
}

}  // namespace

TEST_CASE("every flavour that is here starts, syncs its commits and is what it is taken for") {
  for (const auto& installation : all_mysql_or_skip()) {
    const bool mariadb = installation.flavour == MysqlFlavour::mariadb;
    CAPTURE(mariadb);
    MysqlServer server(installation);
    MysqlClient client(server.login());
    const std::string version = client.value("SELECT VERSION()");
    CHECK(version.starts_with(mariadb ? "10.11." : "9."));
    CHECK((version.find("MariaDB") != std::string::npos) == mariadb);
    CHECK(client.value("SELECT @@innodb_flush_log_at_trx_commit") == "1");
    CHECK(client.value("SELECT @@log_bin") == "0");
    CHECK(client.value("SELECT @@performance_schema") == "1");
    CHECK(client.value("SELECT @@character_set_server") == "utf8mb4");
  }
}

TEST_CASE("a MySQL client gives the rows of all statements, NULL as NULL, and any byte") {
  for (const auto& server : shared_mysql_servers()) {
    MysqlClient client(server->login());
    CHECK(client.rows("SELECT 1, NULL, 'a'; DO 1; SELECT 2") == std::vector<std::string>{"1|NULL|a", "2"});
    CHECK(client.query("SELECT NULL, CONCAT('a', CHAR(0), 'b')") ==
          std::vector<MysqlRow>{{std::nullopt, std::string("a\0b", 3)}});
    CHECK(client.value("SELECT 'x', 'y'") == "x");
    CHECK(client.rows("SELECT '', 'y'") == std::vector<std::string>{"|y"});
    CHECK(client.value("SELECT 1 FROM DUAL WHERE FALSE").empty());
  }
}

TEST_CASE("a failure of MySQL has the server's message and number, ends the statements, and the client goes on") {
  for (const auto& server : shared_mysql_servers()) {
    MysqlClient client(server->login());
    CHECK_THROWS_WITH_AS(client.run("SELECT 1; SELEC 2"), doctest::Contains("SQL syntax"), MysqlFailure);
    CHECK(number_of(client, "SELECT * FROM mysql.nowhere") == 1146);
    CHECK(number_of(client, "SELECT 1; SELECT * FROM mysql.nowhere; SET @after = 1") == 1146);
    CHECK(client.value("SELECT @after") == "NULL");
  }
}

TEST_CASE("only the password opens a MySQL server, by TCP and by the socket, and no log has it") {
  for (const auto& server : shared_mysql_servers()) {
    for (MysqlLogin login : {server->login(), server->socket_login()}) {
      CHECK(mysql_value(login, "SELECT 1") == "1");
      login.password = "wrong";
      CHECK_THROWS_WITH_AS(MysqlClient{login}, doctest::Contains("Access denied"), MysqlFailure);
      login.password.clear();
      CHECK_THROWS_AS(MysqlClient{login}, MysqlFailure);
    }
    CHECK(mysql_value(server->login(),
                      "SELECT COUNT(*) FROM mysql.user WHERE authentication_string = ''"
                      " AND user NOT LIKE 'mysql.%' AND user NOT LIKE 'mariadb.%'") == "0");
    CHECK(server->log().find(server->password()) == std::string::npos);
  }
}

TEST_CASE("every MySQL database made is new and empty, and goes again; a given name may hold anything") {
  for (const auto& server : shared_mysql_servers()) {
    const auto one = server->create_database();
    CHECK(one != server->create_database());
    const std::string odd = server->create_database("a/b`c'd\"e% _-é?#&=@:");
    MysqlClient client(server->login(odd));
    CHECK(client.value("SELECT DATABASE()") == odd);
    CHECK(client.rows("SHOW TABLES").empty());
    server->drop_database(odd);
    CHECK_THROWS_WITH_AS(MysqlClient(server->login(odd)), doctest::Contains("Unknown database"), MysqlFailure);
  }
}

TEST_CASE("a MySQL client that waits for a lock can be seen, killed and used again") {
  for (const auto& server : shared_mysql_servers()) {
    const auto database = server->create_database();
    MysqlClient holder(server->login(database));
    MysqlClient waiter(server->login(database));
    holder.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    holder.run("BEGIN; SELECT * FROM t FOR UPDATE; DO GET_LOCK('here', 0)");
    const std::string get_lock = "SELECT GET_LOCK('here', 1000)";
    for (const std::string& sql :
         {std::string("ALTER TABLE t ADD COLUMN x INT"), std::string("UPDATE t SET id = 2"), get_lock}) {
      CAPTURE(sql);
      waiter.send(sql);
      MysqlClient observer(server->login());
      CHECK(eventually([&] { return waits_in_lock(observer, waiter.id()); }));
      CHECK(waiter.busy());
      CHECK_THROWS_WITH_AS(waiter.finish(std::chrono::milliseconds(20)), doctest::Contains("in time"), MysqlFailure);
      observer.run("KILL QUERY " + std::to_string(waiter.id()));
      // To MariaDB a GET_LOCK that is killed is no error.
      if (sql == get_lock && server->flavour() == MysqlFlavour::mariadb)
        CHECK(waiter.finish() == std::vector<MysqlRow>{{std::nullopt}});
      else
        CHECK_THROWS_WITH_AS(waiter.finish(), doctest::Contains("interrupted"), MysqlFailure);
      CHECK_FALSE(waits_in_lock(observer, waiter.id()));
    }
    waiter.send("SELECT GET_LOCK('here', 1000), 'mine'");
    holder.run("DO RELEASE_LOCK('here')");
    CHECK(waiter.finish() == std::vector<MysqlRow>{{"1", "mine"}});
  }
}

TEST_CASE("a killed MySQL server keeps what was committed and comes back on the same port") {
  for (const auto& installation : all_mysql_or_skip()) {
    MysqlServer server(installation);
    const auto database = server.create_database();
    MysqlClient client(server.login(database));
    client.run("CREATE TABLE kept (a INT); INSERT INTO kept VALUES (1); BEGIN; INSERT INTO kept VALUES (2)");
    const pid_t before = server.pid();
    server.kill_hard();
    CHECK(::kill(before, 0) != 0);
    CHECK_THROWS_AS(client.run("SELECT 1"), MysqlFailure);
    server.restart();
    CHECK(mysql_rows(server.login(database), "SELECT a FROM kept") == std::vector<std::string>{"1"});
    server.restart();
    CHECK(mysql_value(server.login(database), "SELECT COUNT(*) FROM kept") == "1");
  }
}

TEST_CASE("settings reach a MySQL server, and a wrong one is a failure with the server's words") {
  for (const auto& installation : all_mysql_or_skip()) {
    MysqlServer server(installation, {"max_connections=17", "log-bin=changes", "innodb_flush_log_at_trx_commit=0"});
    CHECK(mysql_value(server.login(), "SELECT @@max_connections") == "17");
    CHECK(mysql_value(server.login(), "SELECT @@log_bin") == "1");
    CHECK(mysql_value(server.login(), "SELECT @@innodb_flush_log_at_trx_commit") == "0");
    CHECK_THROWS_WITH_AS(MysqlServer(installation, {"no_such_setting=1"}), doctest::Contains("no_such_setting"),
                         std::runtime_error);
  }
}

TEST_CASE("a test that is killed takes its MySQL server along, and the next one clears its directory away") {
  const auto all = all_mysql_or_skip();
  if (all.empty()) return;
  // The test itself, run again as a child that is killed in the middle of this case.
  if (std::getenv("TALOS_TEST_STARTS_AND_WAITS") != nullptr) {
    const MysqlServer server(all.back(), unsynced_mysql);
    MysqlClient client(server.login());
    std::printf("server %d %s;\n", static_cast<int>(server.pid()), server.data_directory().parent_path().c_str());
    std::fflush(stdout);
    client.run("SELECT SLEEP(1000)");
  }
  ProcessOptions options;
  options.argv = {std::filesystem::read_symlink("/proc/self/exe").string(), "--test-case=a test that is killed*"};
  options.environment["TALOS_TEST_STARTS_AND_WAITS"] = "1";
  Process child = Process::start(options);
  child.wait_for_output(";\n");
  const std::string out = child.out_so_far();
  const auto from = out.find("server ") + 7;
  const auto pid = static_cast<pid_t>(std::stol(out.substr(from)));
  const auto space = out.find(' ', from) + 1;
  const std::filesystem::path directory = out.substr(space, out.find(';', space) - space);
  CHECK(::kill(pid, 0) == 0);
  child.signal(SIGKILL);
  CHECK(child.wait().signal == SIGKILL);
  CHECK(eventually([&] { return ::kill(pid, 0) != 0; }));
  // Which another test's program may have done before us.
  const ServerDirectory next;
  CHECK_FALSE(std::filesystem::exists(directory));
}

TEST_CASE("a MySQL server that is missing is named, and fails the run in CI (T7)") {
  const char* given = std::getenv("CI");
  const std::string before = given == nullptr ? "" : given;
  const ScratchDirectory empty;
  ::setenv("TALOS_TEST_MYSQL_DIR", empty.path().c_str(), 1);
  ::setenv("CI", "true", 1);
  CHECK_THROWS_WITH_AS(mysql_or_skip(MysqlFlavour::mysql), doctest::Contains(".ci/mysql-server"), std::runtime_error);
  ::unsetenv("CI");
  CHECK_FALSE(mysql_or_skip(MysqlFlavour::mysql).has_value());
  ::unsetenv("TALOS_TEST_MYSQL_DIR");
  if (given != nullptr) ::setenv("CI", before.c_str(), 1);
  CHECK_THROWS_AS(mysql_flavour("oracle"), std::invalid_argument);
}

}  // namespace talos::test
