// R1: many runners at once, some of them killed, and what must hold afterwards.
#include <algorithm>
#include <chrono>

#include <doctest/doctest.h>

#include "crowd.hpp"

namespace talos::test {

namespace {

std::vector<std::string> random_command(std::mt19937_64& random, long versions) {
  auto pick = [&](long least, long most) { return std::uniform_int_distribution<long>(least, most)(random); };
  switch (pick(0, 6)) {
    case 0:
    case 1:
      return {"up"};
    case 2:
      return {"up", "--steps", std::to_string(pick(1, 3))};
    case 3:
      return {"down"};
    case 4:
      return {"down", "--steps", std::to_string(pick(1, 3))};
    case 5:
      return {"down", "--all", "--yes"};
    default:
      return {"force", pick(0, versions) == 0 ? "-1" : std::to_string(pick(1, versions))};
  }
}

// The bodies that ran, in the order of their commits, and the same by history.
void check_events(const TestDatabase& database) {
  const auto ran = database.rows("SELECT what, version FROM events ORDER BY id");
  // Where nothing was ever applied there is no history either.
  if (!database.has_table("schema_migrations_log")) {
    CHECK(ran.empty());
    return;
  }
  const auto recorded = database.rows(
      "SELECT action, version FROM schema_migrations_log WHERE NOT failed AND action IN ('up', 'down') ORDER BY id");
  CHECK(ran == recorded);
}

}  // namespace

TEST_CASE("R1, T1: sixteen runners, a third of them killed: transactional migrations happen once, survivors exit 0") {
  if (!database_or_skip()) return;
  run_rounds(Profile::transactional, "R1 transactional");
}

TEST_CASE("R1, T1: with no-transaction files survivors exit 3 exactly if a killed one left the database dirty") {
  if (!database_or_skip()) return;
  run_rounds(Profile::no_transaction, "R1 no-transaction");
}

TEST_CASE("R1, G1: up, down and force at once, some killed: bodies, history and tracker tell one order of events") {
  if (!database_or_skip()) return;
  std::mt19937_64 random(test_seed("R1 mixed"));
  Tally tally;
  const long versions = 8;
  const TestSet set = repeatable_set(versions);
  const long rounds = std::max(1L, rounds_wanted() / 2);
  ScratchDirectory scratch;
  write_set(scratch / "migrations", set);
  for (long round = 1; round <= rounds; ++round) {
    INFO("round " << round);
    const auto database = new_database();
    const Target target = database->target(scratch / "migrations");
    database->rows(events_table());
    std::vector<ProcessOptions> commands;
    for (int i = 0; i < 8; ++i) commands.push_back(migrate_options(target, random_command(random, versions)));
    Crowd crowd(*database, commands);
    crowd.kill_some(2, std::chrono::milliseconds(200), random, tally);
    check_survivors(crowd.wait(), false);
    CHECK(database->faults(set) == "");
    check_events(*database);
    const ProcessResult last = migrate(target, {"up", "--lock-timeout", "1s"});
    INFO(told(last));
    CHECK(last.status == 0);
    CHECK(database->faults(set) == "");
    check_events(*database);
    CHECK(database->tracker() == std::vector<std::string>{std::to_string(versions) + "|0"});
    ++tally.rounds;
  }
  tally.print("R1 mixed");
}

}  // namespace talos::test
