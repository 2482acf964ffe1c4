// R8 on CockroachDB's double: status, history and --dry-run as a user who may only read: they work, and the catalogue
// is as before.
#include <csignal>

#include <doctest/doctest.h>

#include "double_place.hpp"
#include "pg_reader.hpp"
#include "readers.hpp"

namespace talos::test {

namespace {

// What the program has sent to the double beside what reads.
std::string writes(const DoublePlace& place) {
  std::string text;
  for (const CrdbStatement& statement : place.database.crdb().statements()) {
    const std::string word = statement.sql.substr(0, statement.sql.find(' '));
    const bool reads = word == "SELECT" || word == "SHOW" || word == "SET" || word == "BEGIN" || word == "COMMIT" ||
                       word == "ROLLBACK";
    if (statement.application.starts_with("talos") && !reads) text += statement.sql + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("R8: with nothing but SELECT and USAGE, status, history and --dry-run work and write nothing") {
  if (!database_or_skip()) return;
  for (const Profile profile : {Profile::transactional, Profile::no_transaction}) {
    const DoublePlace place(busy_set(profile, 20));
    place.migrate_to("7");
    check_readers(place, reader(place), "7", writes);
  }
}

TEST_CASE("R8: the same user is refused by up, down and force, and nothing changed") {
  if (!database_or_skip()) return;
  const DoublePlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  check_writers_refused(place, reader(place), 0, "permission denied");
}

TEST_CASE("R8: an admin's own status, history and --dry-run write nothing either") {
  if (!database_or_skip()) return;
  const DoublePlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  check_readers(place, place.target().dsn, "7", writes);
}

TEST_CASE("R8: where every transaction is read-only they work, and up is refused") {
  if (!database_or_skip()) return;
  const DoublePlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  const std::string dsn = place.target().dsn + "&default_transaction_read_only=on";
  check_readers(place, dsn, "7", writes);
  const auto refused = migrate(place.target(dsn), {"up"});
  INFO(refused.err);
  CHECK(refused.status != 0);
  CHECK(has(refused.err, "read-only transaction"));
  CHECK(place.state() == "clean 7");
}

TEST_CASE("R8: on an untouched database nothing is created, and that is told") {
  if (!database_or_skip()) return;
  const DoublePlace place(busy_set(Profile::transactional, 20));
  check_readers_of_nothing(place, reader(place));
}

TEST_CASE("R8, G14: the same user sees that a runner is at work") {
  if (!database_or_skip()) return;
  const DoublePlace place({{1, "quick", {"CREATE TABLE quick (id INT8)"}, {"DROP TABLE quick"}, false},
                           {2,
                            "slow",
                            {"CREATE TABLE slow (id INT8)", "INSERT INTO slow SELECT 1 FROM pg_sleep(3000)"},
                            {"DROP TABLE slow"},
                            false}});
  place.migrate_to("1");
  const std::string dsn = reader(place);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  REQUIRE(eventually([&] {
    return place.database.value(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname ="
               " current_database()") == "1" ||
           !runner.running();
  }));
  const auto during = migrate(place.target(dsn), {"status"});
  INFO(during.out << during.err);
  CHECK(during.status == 0);
  CHECK(has(during.out, "Database Status: DIRTY (migration 2 in progress"));
  runner.signal(SIGTERM);
  CHECK(runner.wait().status == 128 + SIGTERM);
}

}  // namespace talos::test
