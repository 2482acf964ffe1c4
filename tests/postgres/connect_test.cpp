// The forms of a DSN on a real server, TLS, and which program takes which scheme.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "pg_world.hpp"
#include "proxy.hpp"
#include "tls.hpp"

namespace talos::test {

namespace {

// The world's status by that DSN.
ProcessResult status_by(PgWorld& world, const std::string& dsn) {
  world.dsn = dsn;
  return world.migrate({"status"});
}

std::string dead_port() { return std::to_string(free_port()); }

}  // namespace

TEST_CASE("every form of a DSN that libpq and Go's drivers take leads to the same database") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  REQUIRE(world.migrate({"up"}).status == 0);
  const std::string direct = world.dsn;
  const std::string rest = direct.substr(direct.find("://"));
  const std::string port = std::to_string(world.server.port());
  const std::string password = world.server.password();
  const std::string sockets = world.server.socket_directory().string();
  std::string escaped;
  for (const char c : sockets) escaped += c == '/' ? std::string("%2F") : std::string(1, c);
  const std::string keywords =
      "host=127.0.0.1 port=" + port + " user=postgres password=" + password + " dbname=" + world.database;
  for (const std::string& dsn :
       {"postgres" + rest, "postgresql" + rest, "pgx5" + rest, "postgres://" + keywords,
        "postgres://postgres:" + password + "@" + escaped + ":" + port + "/" + world.database,
        "postgres:///" + world.database + "?host=" + sockets + "&port=" + port + "&user=postgres&password=" + password,
        "postgres://postgres:" + password + "@127.0.0.1:" + dead_port() + ",127.0.0.1:" + port + "/" + world.database,
        direct + "?target_session_attrs=read-write", direct + "?sslmode=disable&pool_max_conns=4&max_conns=10",
        direct + "?timezone=Asia%2FTokyo&search_path=public", direct + "?options=-c%20work_mem%3D5MB",
        direct + "?application_name=mine&connect_timeout=5&x-multi-statement=true&binary_parameters=yes"}) {
    CAPTURE(dsn);
    const auto status = status_by(world, dsn);
    CAPTURE(status.err);
    CHECK(status.status == 0);
    CHECK(status.out == Part{"Current Version: 1"});
    CHECK((status.out + status.err) != Part{password});
  }
}

TEST_CASE("search_path and timezone of the DSN are in force in migrations, x-migrations-table names the tracker") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.sql("CREATE SCHEMA app");
  world.migration(1, "a", "CREATE TABLE seen AS SELECT current_setting('timezone') AS zone;\n");
  world.dsn += "?search_path=app&timezone=Asia%2FTokyo&x-migrations-table=steps";
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.value("SELECT zone FROM app.seen") == "Asia/Tokyo");
  CHECK(world.value("SELECT version FROM app.steps") == "1");
}

TEST_CASE("G17: a search_path to a schema that is not there is exit 5 and says what to do") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  world.dsn += "?search_path=missing";
  const auto refused = world.migrate({"up"});
  CHECK(refused.status == 5);
  CHECK(refused.err == Part{"schema"});
  CHECK(refused.err == Part{"hint: "});
}

TEST_CASE("who cannot connect is told why, by exit 5, without a word of the password") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(1);
  const std::string good = world.dsn;
  const std::string port = std::to_string(world.server.port());
  const auto wrong = status_by(world, "postgres://postgres:hunter2secret@127.0.0.1:" + port + "/" + world.database);
  CHECK(wrong.status == 5);
  CHECK(wrong.err == Part{"password authentication failed for user \"postgres\""});
  CHECK(wrong.err != Part{"hunter2"});
  const auto nobody = status_by(world, "postgres://postgres:hunter2secret@127.0.0.1:" + dead_port() + "/x");
  CHECK(nobody.status == 5);
  CHECK(nobody.err == Part{"refused"});
  CHECK(nobody.err != Part{"hunter2"});
  const auto missing = status_by(world, world.server.dsn("no_such_database"));
  CHECK(missing.status == 5);
  CHECK(missing.err == Part{"database \"no_such_database\" does not exist"});
  CHECK(missing.err == Part{"create it first"});
  const auto host = status_by(world, "postgres://postgres:hunter2secret@no-such-host.invalid/x");
  CHECK(host.status == 5);
  CHECK(host.err == Part{"no-such-host.invalid"});
  const auto unknown = status_by(world, good + "?no_such_parameter=hunter2secret");
  CHECK(unknown.status != 0);
  CHECK(unknown.err == Part{"no_such_parameter"});
  CHECK(unknown.err != Part{"hunter2"});
}

TEST_CASE("TLS: verify-full with the right CA and name, with a client's certificate; each refusal says what is wrong") {
  if (!openssl_or_skip()) return;
  const auto installation = postgres_or_skip();
  if (!installation) return;
  const TlsFiles files;
  auto settings = files.server_settings(TlsFiles::Client::certificate);
  settings.emplace_back("fsync=off");
  PostgresServer server(*installation, settings);
  PgWorld world(server);
  const std::string plain = world.dsn;
  const auto tried = [&](const std::string& parameters) { return status_by(world, plain + "?" + parameters); };
  CHECK(tried(files.parameters()).status == 0);
  const auto uncertified = tried(files.parameters_without_certificate());
  CHECK(uncertified.status == 5);
  CHECK(uncertified.err == Part{"client certificate"});
  CHECK(uncertified.err == Part{"sslcert"});
  const auto unencrypted = tried("sslmode=disable");
  CHECK(unencrypted.status == 5);
  CHECK(unencrypted.err == Part{"hint: "});
  const auto stranger = tried("sslmode=verify-full&sslrootcert=" + files.stranger().string());
  CHECK(stranger.status == 5);
  CHECK(stranger.err == Part{"certificate verify failed"});
  CHECK(stranger.err == Part{"sslrootcert"});
  const auto no_file = tried("sslmode=verify-full&sslrootcert=/nowhere/ca.crt");
  CHECK(no_file.status == 5);
  CHECK(no_file.err == Part{"/nowhere/ca.crt"});
  const std::string port = std::to_string(server.port());
  const auto name = status_by(world, "postgres://postgres:" + server.password() + "@localhost:" + port + "/" +
                                         world.database + "?" + files.parameters());
  CHECK(name.status == 5);
  CHECK(name.err == Part{"does not match host name \"localhost\""});
}

TEST_CASE("TLS: a server without it is refused under sslmode=require and verify-full: exit 5") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const std::string plain = world.dsn;
  for (const char* mode : {"require", "verify-ca", "verify-full"}) {
    CAPTURE(mode);
    const auto refused = status_by(world, plain + "?sslmode=" + mode);
    CHECK(refused.status == 5);
    CHECK(refused.err == Part{"SSL"});
    CHECK(refused.err == Part{"sslmode"});
  }
}

TEST_CASE("the OSS program refuses PostgreSQL with exit 6 before a socket, whatever lies in the plugin directory") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto plugins = std::filesystem::path(TALOS_TEST_POSTGRES_PLUGIN);
  const auto renamed = world.directory / "plugins";
  std::filesystem::create_directory(renamed);
  std::filesystem::copy_file(plugins, renamed / "postgres.so");
  std::filesystem::copy_file(plugins, renamed / "sqlite.so");
  for (const std::string& directory : {plugins.parent_path().string(), renamed.string()}) {
    for (const std::string& dsn : {world.dsn, "sqlite" + world.dsn.substr(world.dsn.find("://"))}) {
      CAPTURE(directory);
      CAPTURE(dsn);
      ProcessOptions options;
      options.directory = world.directory.path();
      const auto refused = talos({"migrate", "status", "--plugin-dir", directory, "--database", dsn}, options);
      CHECK(refused.status != 0);
      if (dsn == world.dsn) CHECK(refused.status == 6);
      if (dsn == world.dsn) CHECK(refused.err == Part{"talos-commercial"});
      CHECK((refused.out + refused.err) != Part{world.server.password()});
    }
  }
  const auto listed = talos({"plugins", "--plugin-dir", renamed.string()});
  CHECK(listed.out == Part{"not usable in this edition"});
}

TEST_CASE(
    "the commercial program takes SQLite too, lists its plugins, and names package and directories of one that is "
    "missing") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "a", "CREATE TABLE a (x int);\n");
  world.dsn = "sqlite://" + (world.directory / "a.db").string();
  CHECK(world.migrate({"up"}).status == 0);
  // From a place where no plugin is.
  const std::filesystem::path elsewhere = world.directory / "bin";
  std::filesystem::create_directory(elsewhere);
  std::filesystem::copy_file(TALOS_TEST_COMMERCIAL, elsewhere / "talos-commercial");
  world.dsn = "cockroach://root:hunter2secret@127.0.0.1/x";
  ProcessOptions alone = world.program(world.arguments({"up"}));
  alone.argv.front() = (elsewhere / "talos-commercial").string();
  const auto missing = run(alone);
  CHECK(missing.status == 6);
  CHECK(missing.err == Part{"talos-plugin-cockroach"});
  CHECK(missing.err == Part{"tried:"});
  CHECK(missing.err != Part{"hunter2"});
  const auto plugins = run(world.program({"plugins"}));
  CHECK(plugins.status == 0);
  CHECK(plugins.out == Part{"postgres"});
  CHECK(plugins.out != Part{"not usable"});
}

TEST_CASE("of several hosts the second connection goes to the one that the first has come to") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  Proxy first(world.server.port());
  Proxy second(world.server.port());
  const std::string at = "127.0.0.1:";
  world.dsn = "postgres://postgres:" + world.server.password() + "@" + at + std::to_string(first.port()) + "," + at +
              std::to_string(second.port()) + "/" + world.database + "?sslmode=disable";
  world.migration(1, "slow", "CREATE TABLE gate (x int);\n");
  REQUIRE(world.migrate({"up"}).status == 0);
  PgClient holder = world.client();
  holder.run("BEGIN; LOCK TABLE gate");
  world.migration(2, "waits", "ALTER TABLE gate ADD y int;\n");
  first.refuse(true);
  const int before = first.connections();
  Process runner = world.start({"up", "--ddl-lock-timeout", "0"});
  PgClient observer = world.client();
  REQUIRE(eventually([&] { return waits(observer, "ALTER TABLE gate"); }));
  // The first host is there again before the watch begins, a second later.
  first.refuse(false);
  CHECK(eventually([&] { return second.open_connections() == 2; }));
  holder.run("COMMIT");
  CHECK(runner.wait().status == 0);
  CHECK(first.connections() == before);
}

TEST_CASE("a statement of many megabytes over a slow line is no stall: what is under way is life") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  Proxy proxy(world.server.port());
  proxy.throttle(2'000'000);
  world.dsn = world.server.dsn(world.database, proxy.port()) + "?sslmode=disable";
  // 4 seconds: the watch begins after one, and by then the server, idle, would be given up within half a second.
  const std::string statement = "CREATE TABLE big AS SELECT length('" + std::string(8'000'000, 'x') + "') AS size;\n";
  for (const bool bare : {false, true}) {
    CAPTURE(bare);
    world.migration(1, "big", (bare ? "-- talos:no-transaction\n" : "") + statement, "DROP TABLE big;\n");
    const auto up = world.migrate({"up", "--stall-timeout", "1s"});
    CAPTURE(up.err);
    CHECK(up.status == 0);
    CHECK(world.value("SELECT size FROM big") == "8000000");
    CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
  }
}

TEST_CASE("times that are longer than the server can count are as long as it can") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.migration(1, "times",
                  "CREATE TABLE times AS SELECT current_setting('statement_timeout') AS statement,"
                  " current_setting('lock_timeout') AS lock;\n");
  const auto up = world.migrate({"up", "--statement-timeout", "1000h", "--ddl-lock-timeout", "1000h", "--stall-timeout",
                                 "1000h", "--lock-timeout", "1000h"});
  CAPTURE(up.err);
  CHECK(up.status == 0);
  CHECK(world.rows("SELECT * FROM times") == std::vector<std::string>{"2147483647ms|2147483647ms"});
}

}  // namespace talos::test
