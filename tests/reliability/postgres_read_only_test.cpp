// R8: status, history and --dry-run as a role that may only read, and where nothing can be written: they work, and the
// catalogue is as before.
#include <doctest/doctest.h>

#include "postgres_place.hpp"
#include "postgres_user.hpp"

namespace talos::test {

namespace {

const std::vector<std::vector<std::string>> readers{
    {"status"}, {"status", "--verify"}, {"history"}, {"up", "--dry-run"}, {"down", "--dry-run"}};

// Every transaction that has written has taken a number.
std::string writes(const PostgresPlace& place) {
  return place.database.value("SELECT pg_snapshot_xmax(pg_current_snapshot())");
}

void migrate_to(const PostgresPlace& place, const std::string& version) {
  REQUIRE(migrate(place.target(place.database.dsn()), {"up", "--to", version}).status == 0);
}

void check_readers(const PostgresPlace& place, const std::string& dsn, const std::string& version) {
  const std::string before = place.everything();
  const std::string written = writes(place);
  for (const auto& words : readers) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: clean\nCurrent Version: " + version + "\n"));
    if (words[0] == "history") CHECK(has(result.out, "step_" + version));
    if (words[0] == "up") CHECK(has(result.out, "Would apply"));
    if (words[0] == "down") CHECK(has(result.out, "Would roll back 1 migration"));
  }
  CHECK(place.everything() == before);
  CHECK(writes(place) == written);
}

// A name of its own: roles belong to the whole server.
std::string reader(const PostgresPlace& place) {
  const std::string role = "reader_of_" + place.database.name();
  const std::string dsn = place.database.server().create_role(role, place.database.name());
  place.database.rows("REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO " + role +
                      "; GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role);
  return dsn;
}

}  // namespace

TEST_CASE("R8: with nothing but SELECT and USAGE, status, history and --dry-run work and write nothing") {
  if (!database_or_skip()) return;
  for (const Profile profile : {Profile::transactional, Profile::no_transaction}) {
    const PostgresPlace place(busy_set(profile, 20));
    migrate_to(place, "7");
    check_readers(place, reader(place), "7");
  }
}

TEST_CASE("R8: the same role is refused by up, down and force, and nothing changed") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  migrate_to(place, "7");
  const std::string dsn = reader(place);
  const std::string before = place.everything();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "3"}}) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.err);
    CHECK((result.status == 5 || result.status == 1));
    CHECK(has(result.err, "permission denied"));
    CHECK(place.everything() == before);
  }
}

TEST_CASE("R8: the superuser's own status, history and --dry-run write nothing either") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  migrate_to(place, "7");
  check_readers(place, place.database.dsn(), "7");
}

TEST_CASE("R8: where every transaction is read-only they work") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  migrate_to(place, "7");
  check_readers(place, place.database.dsn() + "?default_transaction_read_only=on", "7");
  const auto refused = migrate(place.target(place.database.dsn() + "?default_transaction_read_only=on"), {"up"});
  INFO(refused.err);
  CHECK(refused.status != 0);
  CHECK(has(refused.err, "read-only transaction"));
  CHECK(place.state() == "clean 7");
}

TEST_CASE("R8: on an untouched database nothing is created, and that is told") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  const std::string dsn = reader(place);
  const std::string before = place.everything();
  for (const auto& words : readers) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: Not initialized (no migrations applied)\n"));
  }
  CHECK(place.everything() == before);
}

TEST_CASE("R8, R4: a standby is read, and up is exit 5 there") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  migrate_to(place, "7");
  // A copy of the primary as it stands, that waits for more.
  PostgresServer standby(shared_server()->installation(), {"fsync=off"});
  const PostgresPlace copy(busy_set(Profile::transactional, 20), standby);
  migrate_to(copy, "7");
  standby.stop();
  postgres_user().write(standby.data_directory() / "standby.signal", "");
  standby.restart();
  REQUIRE(copy.database.value("SELECT pg_is_in_recovery()") == "t");
  for (const auto& words : readers) {
    const auto result = migrate(copy.target(), words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: clean\nCurrent Version: 7\n"));
  }
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "3"}}) {
    const auto result = migrate(copy.target(), words);
    INFO(words[0] << ": " << result.err);
    CHECK(result.status == 5);
    CHECK(has(result.err, "standby"));
    CHECK_FALSE(has(result.err, standby.password()));
  }
  CHECK(copy.state() == "clean 7");
  std::filesystem::remove(standby.data_directory() / "standby.signal");
  standby.restart();
}

}  // namespace talos::test
