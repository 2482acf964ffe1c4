// The PostgreSQL tests' own instrument, against real servers.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postgres_server.hpp"
#include "server_user.hpp"
#include "shared_server.hpp"

namespace talos::test {

namespace {

std::string sqlstate_of(PgClient& client, const std::string& sql) {
  try {
    client.run(sql);
  } catch (const PgFailure& failure) {
    return failure.sqlstate();
  }
  return "";
}

}  // namespace

TEST_CASE("every PostgreSQL that is here starts, and is of its major version") {
  for (const auto& installation : all_postgres_or_skip()) {
    CAPTURE(installation.major);
    PostgresServer server(installation);
    PgClient client(server.dsn());
    CHECK(std::stoi(client.value("SHOW server_version_num")) / 10000 == installation.major);
    CHECK(client.value("SHOW fsync") == "on");
    CHECK(client.value("SELECT count(*) > 100 FROM pg_timezone_names") == "t");
  }
}

TEST_CASE("a client gives the rows of all statements, NULL as NULL") {
  auto* server = shared_server();
  if (server == nullptr) return;
  PgClient client(server->dsn());
  CHECK(client.rows("SELECT 1, NULL, 'a'; SELECT 2") == std::vector<std::string>{"1|NULL|a", "2"});
  CHECK(client.value("SELECT 'x', 'y'") == "x");
  CHECK(client.value("SELECT 1 WHERE false").empty());
  client.run("DO $$BEGIN RAISE NOTICE 'heard'; END$$");
  CHECK(client.notices() == std::vector<std::string>{"heard"});
}

TEST_CASE("a failure has the server's message and SQLSTATE, and the client goes on") {
  auto* server = shared_server();
  if (server == nullptr) return;
  PgClient client(server->dsn());
  CHECK_THROWS_WITH_AS(client.run("SELECT 1/0"), doctest::Contains("division by zero"), PgFailure);
  CHECK(sqlstate_of(client, "SELECT * FROM nowhere") == "42P01");
  CHECK(client.value("SELECT 1") == "1");
}

TEST_CASE("only the password opens the server, by TCP and by the socket") {
  auto* server = shared_server();
  if (server == nullptr) return;
  const std::string port = std::to_string(server->port());
  CHECK_THROWS_WITH_AS(PgClient("postgresql://postgres:wrong@127.0.0.1:" + port + "/postgres"),
                       doctest::Contains("password authentication failed"), PgFailure);
  CHECK_THROWS_AS(
      PgClient("user=postgres password=wrong host=" + server->socket_directory().string() + " port=" + port),
      PgFailure);
  CHECK(pg_value("user=postgres dbname=postgres password=" + server->password() +
                     " host=" + server->socket_directory().string() + " port=" + port,
                 "SELECT 1") == "1");
  CHECK(server->log().find(server->password()) == std::string::npos);
}

TEST_CASE("every database made is new and empty, and goes with whoever is in it") {
  auto* server = shared_server();
  if (server == nullptr) return;
  const auto one = server->create_database();
  const auto two = server->create_database();
  CHECK(one != two);
  PgClient client(server->dsn(one));
  CHECK(client.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == "0");
  server->drop_database(one);
  server->drop_database(two);
  CHECK_THROWS_AS(client.run("SELECT 1"), PgFailure);
}

TEST_CASE("a new role logs in with its own password") {
  auto* server = shared_server();
  if (server == nullptr) return;
  CHECK(pg_value(server->create_role("somebody", "postgres"), "SELECT current_user") == "somebody");
}

TEST_CASE("a client that waits in a lock can be seen, cancelled and used again") {
  auto* server = shared_server();
  if (server == nullptr) return;
  PgClient holder(server->dsn());
  PgClient waiter(server->dsn());
  holder.run("SELECT pg_advisory_lock(1)");
  waiter.send("SELECT pg_advisory_lock(1)");
  CHECK(eventually([&] { return waits_in_lock(holder, waiter.backend_pid()); }));
  CHECK(waiter.busy());
  CHECK_THROWS_WITH_AS(waiter.finish(std::chrono::milliseconds(20)), doctest::Contains("in time"), PgFailure);
  waiter.cancel();
  CHECK_THROWS_WITH_AS(waiter.finish(), doctest::Contains("57014"), PgFailure);
  waiter.send("SELECT pg_advisory_lock(1), 'mine'");
  CHECK(eventually([&] { return waits_in_lock(holder, waiter.backend_pid()); }));
  holder.run("SELECT pg_advisory_unlock(1)");
  CHECK(waiter.finish() == std::vector<std::string>{"|mine"});
  CHECK_FALSE(waiter.busy());
}

TEST_CASE("a killed server keeps what was committed and comes back on the same port") {
  const auto installation = postgres_or_skip();
  if (!installation) return;
  PostgresServer server(*installation);
  PgClient client(server.dsn());
  client.run("CREATE TABLE kept AS SELECT 1 AS a");
  client.run("BEGIN");
  client.run("INSERT INTO kept VALUES (2)");
  const int backend = client.backend_pid();
  server.kill_hard();
  CHECK(::kill(backend, 0) != 0);
  CHECK_THROWS_AS(client.run("SELECT 1"), PgFailure);
  server.restart();
  CHECK(pg_rows(server.dsn(), "SELECT a FROM kept") == std::vector<std::string>{"1"});
  server.restart();
  CHECK(pg_value(server.dsn(), "SELECT count(*) FROM kept") == "1");
}

TEST_CASE("settings reach the server, and a wrong one is a failure with the server's words") {
  const auto installation = postgres_or_skip();
  if (!installation) return;
  PostgresServer server(*installation, {"fsync=off", "max_connections=17"});
  CHECK(pg_value(server.dsn(), "SHOW fsync") == "off");
  CHECK(pg_value(server.dsn(), "SHOW max_connections") == "17");
  CHECK_THROWS_WITH_AS(PostgresServer(*installation, {"no_such_setting=1"}), doctest::Contains("no_such_setting"),
                       std::runtime_error);
}

TEST_CASE("a test that is killed takes its server along, and the next one clears its directory away") {
  const auto installation = postgres_or_skip();
  if (!installation) return;
  // The test itself, run again as a child that is killed in the middle of this case.
  if (std::getenv("TALOS_TEST_STARTS_AND_WAITS") != nullptr) {
    const PostgresServer server(*installation, {"fsync=off"});
    PgClient client(server.dsn());
    std::printf("server %d %s;\n", static_cast<int>(server.pid()), server.data_directory().parent_path().c_str());
    std::fflush(stdout);
    client.run("SELECT pg_sleep(1000)");
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

TEST_CASE("T7: what is missing fails the run in CI and is skipped with its reason elsewhere") {
  const char* given = std::getenv("CI");
  const std::string before = given == nullptr ? "" : given;
  ::setenv("CI", "true", 1);
  CHECK_THROWS_WITH_AS(skip_or_fail("nothing here"), doctest::Contains("nothing here"), std::runtime_error);
  ::unsetenv("CI");
  CHECK_NOTHROW(skip_or_fail("said by the test of skipping itself"));
  if (given != nullptr) ::setenv("CI", before.c_str(), 1);
}

}  // namespace talos::test
