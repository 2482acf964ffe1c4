// R8: status, history and --dry-run as a role that may only read, and where nothing can be written: they work, and the
// catalogue is as before.
#include <doctest/doctest.h>

#include "pg_reader.hpp"
#include "postgres_place.hpp"
#include "postgres_user.hpp"
#include "readers.hpp"

namespace talos::test {

namespace {

// Every transaction that has written has taken a number.
std::string writes(const PostgresPlace& place) {
  return place.database.value("SELECT pg_snapshot_xmax(pg_current_snapshot())");
}

}  // namespace

TEST_CASE("R8: with nothing but SELECT and USAGE, status, history and --dry-run work and write nothing") {
  if (!database_or_skip()) return;
  for (const Profile profile : {Profile::transactional, Profile::no_transaction}) {
    const PostgresPlace place(busy_set(profile, 20));
    place.migrate_to("7");
    check_readers(place, reader(place), "7", writes);
  }
}

TEST_CASE("R8: the same role is refused by up, down and force, and nothing changed") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  check_writers_refused(place, reader(place), 0, "permission denied");
}

TEST_CASE("R8: the superuser's own status, history and --dry-run write nothing either") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  check_readers(place, place.database.dsn(), "7", writes);
}

TEST_CASE("R8: where every transaction is read-only they work") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  check_readers(place, place.database.dsn() + "?default_transaction_read_only=on", "7", writes);
  const auto refused = migrate(place.target(place.database.dsn() + "?default_transaction_read_only=on"), {"up"});
  INFO(refused.err);
  CHECK(refused.status != 0);
  CHECK(has(refused.err, "read-only transaction"));
  CHECK(place.state() == "clean 7");
}

TEST_CASE("R8: on an untouched database nothing is created, and that is told") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  check_readers_of_nothing(place, reader(place));
}

TEST_CASE("R8, R4: a standby is read, and up is exit 5 there") {
  if (!database_or_skip()) return;
  const PostgresPlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  // A copy of the primary as it stands, that waits for more.
  PostgresServer standby(shared_server()->installation(), {"fsync=off"});
  const PostgresPlace copy(busy_set(Profile::transactional, 20), standby);
  copy.migrate_to("7");
  standby.stop();
  postgres_user().write(standby.data_directory() / "standby.signal", "");
  standby.restart();
  REQUIRE(copy.database.value("SELECT pg_is_in_recovery()") == "t");
  // It writes nothing for anybody.
  check_readers(copy, copy.database.dsn(), "7", [](const PostgresPlace&) { return std::string(); });
  check_writers_refused(copy, copy.database.dsn(), 5, "standby");
  CHECK(copy.state() == "clean 7");
  std::filesystem::remove(standby.data_directory() / "standby.signal");
  standby.restart();
}

}  // namespace talos::test
