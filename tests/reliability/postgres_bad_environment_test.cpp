// R4 on PostgreSQL: servers on which nothing can be done: the exit status and words of product.md, nothing changed, no
// password shown.
#include <algorithm>
#include <chrono>

#include <doctest/doctest.h>
#include <unistd.h>

#include "postgres_place.hpp"
#include "postgres_user.hpp"
#include "refusals.hpp"
#include "tls.hpp"

namespace talos::test {

namespace {

TestSet small_set() { return busy_set(Profile::transactional, 20); }

std::string with_port(const PostgresPlace& place, int port) {
  return place.database.server().dsn(place.database.name(), port);
}

}  // namespace

TEST_CASE("R4: a wrong password is exit 5, and neither the wrong nor the right one is shown") {
  if (!database_or_skip()) return;
  const PostgresPlace place(small_set());
  REQUIRE(migrate(place.target(), {"up", "--to", "3"}).status == 0);
  const std::string wrong = random_password();
  const std::string dsn = replaced(place.database.dsn(), shared_server()->password(), wrong);
  check_all_refused(place, dsn, {"password authentication failed"});
  CHECK_FALSE(has(migrate(place.target(dsn), {"up"}).err, wrong));
}

TEST_CASE("R4: an unknown user and an unknown database are exit 5") {
  if (!database_or_skip()) return;
  const PostgresPlace place(small_set());
  check_all_refused(place, replaced(place.database.dsn(), "//postgres:", "//stranger:"), {"authentication failed"});
  check_all_refused(place, shared_server()->dsn("nowhere"), {"\"nowhere\" does not exist", "create it first"});
}

TEST_CASE("R4: a closed port and a host that does not exist are exit 5") {
  if (!database_or_skip()) return;
  const PostgresPlace place(small_set());
  check_all_refused(place, with_port(place, free_port()), {"cannot connect", "refused"});
  check_all_refused(place, replaced(place.database.dsn(), "127.0.0.1", "nowhere.invalid"), {"nowhere.invalid"});
}

TEST_CASE("R4: TLS asked for of a server without it is exit 5, never a connection in plaintext") {
  if (!database_or_skip()) return;
  const PostgresPlace place(small_set());
  for (const char* mode : {"require", "verify-full"}) {
    INFO(std::string(mode));
    check_all_refused(place, place.database.dsn() + "?sslmode=" + mode, {"SSL"});
  }
}

TEST_CASE("R4: a server whose certificate a stranger has signed is exit 5") {
  if (!database_or_skip() || !openssl_or_skip()) return;
  const TlsFiles files;
  auto settings = files.server_settings(TlsFiles::Client::password_only);
  settings.push_back("fsync=off");
  PostgresServer server(shared_server()->installation(), settings);
  PostgresPlace place(small_set(), server);
  // The superuser's own way of looking is a socket.
  const std::string dsn = server.dsn(place.database.name());
  const auto result =
      migrate(place.target(dsn + "?sslmode=verify-full&sslrootcert=" + files.stranger().string()), {"up"});
  INFO(result.err);
  CHECK(result.status == 5);
  CHECK(has(result.err, "certificate"));
  CHECK_FALSE(has(result.err, server.password()));
}

TEST_CASE("R4: a role that may not create tables is exit 5 naming what is missing, and nothing is made") {
  if (!database_or_skip()) return;
  const PostgresPlace place(small_set());
  const std::string role = "guest_of_" + place.database.name();
  const std::string dsn = shared_server()->create_role(role, place.database.name());
  place.database.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO " + role);
  const std::string before = place.everything();
  check_refused(place, dsn, {"up"}, 5, {"permission denied for schema public"});
  CHECK(place.everything() == before);
}

TEST_CASE("R4: where there is no schema to work in it is exit 5") {
  if (!database_or_skip()) return;
  const PostgresPlace place(small_set());
  const std::string before = place.everything();
  check_refused(place, place.database.dsn() + "?search_path=nowhere", {"up"}, 5, {"no schema"});
  CHECK(place.everything() == before);
}

TEST_CASE("R4: a server without a free connection is exit 5, and --wait tries again") {
  if (!database_or_skip()) return;
  PostgresServer server(shared_server()->installation(),
                        {"fsync=off", "max_connections=5", "superuser_reserved_connections=1"});
  const PostgresPlace place(small_set(), server);
  std::vector<std::unique_ptr<PgClient>> all;
  try {
    for (;;) all.push_back(std::make_unique<PgClient>(server.dsn()));
  } catch (const PgFailure& failure) {
    INFO(failure.what());
    REQUIRE(has(failure.what(), "too many clients"));
  }
  check_refused(place, place.database.dsn(), {"up"}, 5, {"too many clients"});
  auto patient = Process::start(migrate_options(place.target(), {"up", "--wait", "1m"}));
  REQUIRE(eventually([&] { return has(server.log(), "too many clients") && patient.running(); }));
  all.clear();
  const auto result = patient.wait();
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(place.database.faults(place.set) == "");
}

TEST_CASE("R4: a statement beyond --statement-timeout is exit 1, rolled back, and names the option") {
  if (!database_or_skip()) return;
  for (const bool no_transaction : {false, true}) {
    INFO("no-transaction " << no_transaction);
    const TestSet set{
        {1, "quick", {"CREATE TABLE quick (id bigint)"}, {"DROP TABLE quick"}, false},
        {2, "slow", {"CREATE TABLE slow (id bigint)", "SELECT pg_sleep(3000)"}, {"DROP TABLE slow"}, no_transaction}};
    const PostgresPlace place(set);
    check_refused(place, place.database.dsn(), {"up", "--statement-timeout", "300ms"}, 1, {"--statement-timeout"});
    CHECK(place.state() == (no_transaction ? "dirty 2" : "clean 1"));
    CHECK(place.database.faults(set) == "");
  }
}

TEST_CASE("R4: a session that the server ends in the middle of a run is exit 5, and a new run completes it") {
  if (!database_or_skip()) return;
  const TestSet set{{1, "quick", {"CREATE TABLE quick (id bigint)"}, {"DROP TABLE quick"}, false},
                    {2, "slow", {"SELECT pg_sleep(3000)", "INSERT INTO quick VALUES (1)"}, {"SELECT 1"}, false}};
  const PostgresPlace place(set);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  const std::string ended =
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <>"
      " pg_backend_pid() AND wait_event = 'PgSleep'";
  REQUIRE(eventually([&] { return place.database.value(ended) != "0"; }));
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 5);
  CHECK(place.state() == "clean 1");
  CHECK(place.database.faults(set) == "");
}

TEST_CASE("R4, G5: a server killed at any moment of a run: exit 5, and what was told as done is there") {
  if (!database_or_skip()) return;
  // Without fsync, too, what is flushed is in the kernel, which stays; asynchronous commits are lost.
  PostgresServer server(shared_server()->installation(), {"fsync=off"});
  std::mt19937_64 random(test_seed("R4 server killed"));
  const long rounds = std::max(3L, from_environment("TALOS_TEST_ROUNDS", 3) / 4);
  for (const Profile profile : {Profile::transactional, Profile::no_transaction}) {
    const TestSet set = busy_set(profile, 5'000);
    const PostgresPlace undisturbed(set, server);
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(migrate(undisturbed.target(), {"up"}).status == 0);
    const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    const std::string expected = undisturbed.database.picture();
    for (long round = 0; round < rounds; ++round) {
      INFO("round " << round);
      const PostgresPlace place(set, server);
      auto runner = Process::start(migrate_options(place.target(), {"up"}));
      const auto moment = std::chrono::milliseconds(std::uniform_int_distribution<long>(20, span.count())(random));
      eventually([&] { return !runner.running(); }, moment);
      server.kill_hard();
      const auto result = runner.wait();
      INFO(result.err);
      CHECK((result.status == 0 || result.status == 5));
      CHECK_FALSE(has(result.err, server.password()));
      server.restart();
      CHECK(place.database.faults(set) == "");
      const long told = durable_by(result.err);
      const bool any = place.database.has_table("schema_migrations") && !place.database.tracker().empty();
      CHECK((any ? std::stol(place.database.tracker().front()) : 0) >= told);
      up_with_resumes(place.database, place.migrations, set);
      CHECK(place.database.faults(set) == "");
      CHECK(place.database.picture() == expected);
    }
  }
}

// ---- Disk full

TEST_CASE("R4: a server whose disk is full: exit 5 in the server's words, clean, and it goes on once there is room") {
  if (!database_or_skip()) return;
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can mount a small file system");
    return;
  }
  const ServerDirectory small;
  const auto mount = [&](const std::string& options) {
    ProcessOptions command;
    command.argv = {"mount", "-t", "tmpfs", "-o", options, "none", small.path().string()};
    return run(command).status == 0;
  };
  if (!mount("size=12m,mode=0777")) {
    MESSAGE("skipped: a small file system cannot be mounted here");
    return;
  }
  struct Unmount {
    std::filesystem::path where;
    ~Unmount() {
      ProcessOptions command;
      command.argv = {"umount", "-l", where.string()};
      try {
        run(command);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
      }
    }
  } const unmount{small.path()};
  const auto space = small / "space";
  std::filesystem::create_directory(space);
  postgres_user().give(space);
  PostgresServer server(shared_server()->installation(), {"fsync=off"});
  pg_run(server.dsn(), "CREATE TABLESPACE small LOCATION '" + space.string() + "'");
  const TestSet set{
      {1, "small", {"CREATE TABLE filler (id bigint, data text) TABLESPACE small"}, {"DROP TABLE filler"}, false},
      {2,
       "big",
       {"ALTER TABLE filler ALTER COLUMN data SET STORAGE EXTERNAL",
        "INSERT INTO filler SELECT i, repeat('x', 100000) FROM generate_series(1, 300) AS i"},
       {"DELETE FROM filler"},
       false}};
  const PostgresPlace place(set, server);
  check_refused(place, place.database.dsn(), {"up"}, 5, {"No space left on device", "53100"});
  CHECK(place.state() == "clean 1");
  CHECK(place.database.faults(set) == "");
  REQUIRE(mount("remount,size=120m"));
  const auto result = migrate(place.target(), {"up"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(place.database.value("SELECT count(*) FROM filler") == "300");
}

}  // namespace talos::test
