// R4 on CockroachDB's double: servers on which nothing can be done: the exit status and words of product.md, nothing
// changed, no password shown.
#include <algorithm>
#include <chrono>
#include <random>

#include <doctest/doctest.h>

#include "double_place.hpp"
#include "refusals.hpp"

namespace talos::test {

namespace {

TestSet small_set() { return busy_set(Profile::transactional, 20); }

std::string dsn_of(const DoublePlace& place) { return place.target().dsn; }

std::string with_port(const DoublePlace& place, int port) {
  return replaced(dsn_of(place), ":" + std::to_string(place.database.crdb().port()) + "/",
                  ":" + std::to_string(port) + "/");
}

bool is_asleep(const DoublePlace& place) {
  return place.database.value(
             "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname ="
             " current_database()") == "1";
}

}  // namespace

TEST_CASE("R4: a wrong password is exit 5, and neither the wrong nor the right one is shown") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  place.migrate_to("3");
  const std::string wrong = random_password();
  const std::string dsn = replaced(dsn_of(place), shared_server()->password(), wrong);
  check_all_refused(place, dsn, {"password authentication failed"});
  CHECK_FALSE(has(migrate(place.target(dsn), {"up"}).err, wrong));
}

TEST_CASE("R4: an unknown user and an unknown database are exit 5") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  check_all_refused(place, replaced(dsn_of(place), "//root:", "//stranger:"), {"authentication failed"});
  check_all_refused(place, replaced(dsn_of(place), "/" + place.database.name() + "?", "/nowhere?"),
                    {"\"nowhere\" does not exist", "create it first"});
}

TEST_CASE("R4: a closed port and a host that does not exist are exit 5") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  check_all_refused(place, with_port(place, free_port()), {"cannot connect", "refused"});
  check_all_refused(place, replaced(dsn_of(place), "127.0.0.1", "nowhere.invalid"), {"nowhere.invalid"});
}

TEST_CASE("R4: TLS asked for of a server without it is exit 5, never a connection in plaintext") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  for (const char* mode : {"require", "verify-full"}) {
    INFO(std::string(mode));
    check_all_refused(place, replaced(dsn_of(place), "sslmode=disable", std::string("sslmode=") + mode), {"SSL"});
  }
}

TEST_CASE("R4: another engine than the scheme's is exit 5 for every command, and the right scheme is named") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  place.migrate_to("3");
  // One in which the double has made none of its functions.
  const std::string postgres = shared_server()->dsn();
  check_all_refused(place, "cockroach" + postgres.substr(postgres.find("://")),
                    {"the server is PostgreSQL, not CockroachDB", "postgres://"});
  const std::string cockroach = place.database.crdb().dsn(place.database.name());
  check_all_refused(place, "postgres" + cockroach.substr(cockroach.find("://")),
                    {"the server is CockroachDB, not PostgreSQL", "cockroach://"});
}

TEST_CASE("R4: a user who may not create tables is exit 5 naming what is missing, and nothing is made") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  const std::string dsn = place.create_role("guest_of_" + place.database.name());
  place.database.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
  const std::string before = place.everything();
  check_refused(place, dsn, {"up"}, 5, {"permission denied for schema public"});
  CHECK(place.everything() == before);
}

TEST_CASE("R4: where there is no schema to work in it is exit 5") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  const std::string before = place.everything();
  check_refused(place, dsn_of(place) + "&search_path=nowhere", {"up"}, 5, {"no schema"});
  CHECK(place.everything() == before);
}

TEST_CASE("R4: a node without a free connection is exit 5, and --wait tries again") {
  if (!database_or_skip()) return;
  const DoublePlace place(small_set());
  CrdbDouble& crdb = place.database.crdb();
  crdb.refuse_connections("53300", 1'000'000);
  const std::string before = place.everything();
  const auto refused = migrate(place.target(), {"up", "--connect-timeout", "1s"});
  CHECK(refused.status == 5);
  CHECK(has(refused.err, "too many clients"));
  CHECK(place.everything() == before);
  auto patient = Process::start(migrate_options(place.target(), {"up", "--wait", "1m", "--connect-timeout", "1s"}));
  REQUIRE(eventually([&] { return has(patient.err_so_far(), "too many clients") || !patient.running(); }));
  crdb.clear_faults();
  const auto result = patient.wait();
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(place.database.faults(place.set) == "");
}

TEST_CASE("R4: a statement beyond --statement-timeout is exit 1, rolled back, and names the option") {
  if (!database_or_skip()) return;
  const std::string slow = "INSERT INTO quick SELECT 1 FROM pg_sleep(3000)";
  for (const bool with_schema_change : {false, true}) {
    INFO("with a schema change " << with_schema_change);
    const std::vector<std::string> up =
        with_schema_change ? std::vector<std::string>{"CREATE TABLE slow (id INT8)", slow} : std::vector{slow};
    const TestSet set{{1, "quick", {"CREATE TABLE quick (id INT8)"}, {"DROP TABLE quick"}, false},
                      {2, "slow", up, {"DROP TABLE slow"}, false}};
    const DoublePlace place(set);
    check_refused(place, dsn_of(place), {"up", "--statement-timeout", "300ms"}, 1, {"--statement-timeout"});
    CHECK(place.state() == (with_schema_change ? "dirty 2" : "clean 1"));
    CHECK(place.database.faults(set) == "");
    CHECK(place.database.value("SELECT count(*) FROM quick") == "0");
  }
}

TEST_CASE("R4: a session that an operator cancels in the middle of a run is exit 5, and a new run completes it") {
  if (!database_or_skip()) return;
  const TestSet set{{1, "quick", {"CREATE TABLE quick (id INT8)"}, {"DROP TABLE quick"}, false},
                    {2, "slow", {"INSERT INTO quick SELECT 1 FROM pg_sleep(3000)"}, {"DELETE FROM quick"}, false}};
  const DoublePlace place(set);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  REQUIRE(eventually([&] { return is_asleep(place) || !runner.running(); }));
  pg_run(place.database.crdb().libpq_dsn(place.database.name()),
         "CANCEL SESSIONS (SELECT session_id FROM [SHOW SESSIONS] WHERE active_queries LIKE '%pg_sleep%' AND"
         " active_queries NOT LIKE '%SHOW SESSIONS%')");
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 5);
  CHECK(place.state() == "clean 1");
  CHECK(place.database.faults(set) == "");
}

TEST_CASE(
    "R4, G5: a node that dies at any moment of a run: what was told as done is there, and a new run completes it") {
  if (!database_or_skip()) return;
  std::mt19937_64 random(test_seed("R4 node killed"));
  const long rounds = std::max(2L, from_environment("TALOS_TEST_ROUNDS", 2) / 4);
  for (const Profile profile : {Profile::transactional, Profile::no_transaction}) {
    const TestSet set = busy_set(profile, 2'000);
    const DoublePlace undisturbed(set);
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(migrate(undisturbed.target(), {"up"}).status == 0);
    const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    const std::string expected = undisturbed.database.picture();
    for (long round = 0; round < rounds; ++round) {
      INFO("round " << round);
      const DoublePlace place(set);
      CrdbDouble& crdb = place.database.crdb();
      auto runner = Process::start(migrate_options(place.target(), {"up", "--connect-timeout", "1s"}));
      const auto moment = std::chrono::milliseconds(std::uniform_int_distribution<long>(20, span.count())(random));
      eventually([&] { return !runner.running(); }, moment);
      // For long enough that nobody can look again, or for a moment.
      crdb.refuse_connections("57P03", round % 2 == 0 ? 1'000'000 : 2);
      crdb.cut_all();
      const auto result = runner.wait();
      crdb.clear_faults();
      INFO(result.err);
      // Where the node is away for long enough, its lease is.
      CHECK((result.status == 0 || result.status == 5 ||
             (result.status == 1 && has(result.err, "this runner's lease has ended"))));
      place.database.settle();
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

}  // namespace talos::test
