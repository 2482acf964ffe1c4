#include "history.hpp"

#include <doctest/doctest.h>

#include "fixtures.hpp"

using namespace talos;
using namespace talos::test;

namespace {

const MigrationSet& five() {
  static const MemorySet set{
      {"1_a.up.sql", ""}, {"2_b.up.sql", ""}, {"3_c.up.sql", ""}, {"4_d.up.sql", ""}, {"5_e.up.sql", ""}};
  return *set;
}

LogRow row(LogAction action, Version version, Version current) {
  LogRow result;
  result.action = action;
  result.version = version;
  result.current = current;
  result.title = "t" + std::to_string(version);
  return result;
}

LogRow failed(LogRow attempt) {
  attempt.failed = true;
  return attempt;
}

State state(std::vector<TrackerRow> tracker, std::vector<LogRow> log) {
  State result;
  result.tracker = std::move(tracker);
  result.log = std::move(log);
  return result;
}

using Versions = std::set<Version>;

}  // namespace

TEST_CASE("G1: nothing in the database means nothing applied, and no baseline is due") {
  const History history = interpret(State{}, five());
  CHECK(history.applied.empty());
  CHECK(history.current() == no_version);
  CHECK_FALSE(history.dirty());
  CHECK_FALSE(history.baseline_due);
}

TEST_CASE("G1: a tracker without history is another tool's: the set up to it counts, and a baseline is due") {
  const History history = interpret(state({{3, false}}, {}), five());
  CHECK(history.applied == Versions{1, 2, 3});
  CHECK(history.records.empty());
  CHECK(history.baseline_due);
}

TEST_CASE("G1: applied is the last baseline or force, plus ups, minus downs after it") {
  SUBCASE("ups alone") {
    const History history =
        interpret(state({{3, false}}, {row(LogAction::up, 1, 1), row(LogAction::up, 3, 3)}), five());
    CHECK(history.applied == Versions{1, 3});
    CHECK(history.records.at(3).title == "t3");
    CHECK_FALSE(history.baseline_due);
  }
  SUBCASE("a down takes its up away") {
    const History history = interpret(
        state({{1, false}}, {row(LogAction::up, 1, 1), row(LogAction::up, 2, 2), row(LogAction::down, 2, 1)}), five());
    CHECK(history.applied == Versions{1});
    CHECK(history.records.size() == 1);
  }
  SUBCASE("a migration that was undone and applied again counts by its last up") {
    LogRow again = row(LogAction::up, 1, 1);
    again.sha256 = "second";
    const History history =
        interpret(state({{1, false}}, {row(LogAction::up, 1, 1), row(LogAction::down, 1, -1), again}), five());
    CHECK(history.applied == Versions{1});
    CHECK(history.records.at(1).sha256 == "second");
  }
  SUBCASE("a baseline takes the set up to it, with checksums unknown") {
    const History history = interpret(
        state({{4, false}}, {row(LogAction::up, 5, 5), row(LogAction::baseline, 2, 2), row(LogAction::up, 4, 4)}),
        five());
    CHECK(history.applied == Versions{1, 2, 4});
    CHECK(history.records.size() == 1);
    CHECK(history.records.contains(4));
  }
}

TEST_CASE("G1: force V says that all of the set up to V is applied and the rest is not; -1 says none is") {
  const std::vector<LogRow> ups{row(LogAction::up, 1, 1), row(LogAction::up, 2, 2), row(LogAction::up, 5, 5)};
  auto log = ups;
  SUBCASE("V") {
    log.push_back(row(LogAction::force, 4, 4));
    CHECK(interpret(state({{4, false}}, log), five()).applied == Versions{1, 2, 3, 4});
  }
  SUBCASE("-1") {
    log.push_back(row(LogAction::force, -1, -1));
    const History history = interpret(state({}, log), five());
    CHECK(history.applied.empty());
    CHECK(history.records.empty());
    CHECK_FALSE(history.baseline_due);
  }
}

TEST_CASE("G1: a failed attempt changes nothing in what counts as applied") {
  const History history = interpret(state({{1, false}}, {row(LogAction::up, 1, 1), failed(row(LogAction::up, 2, 2)),
                                                         failed(row(LogAction::down, 1, -1))}),
                                    five());
  CHECK(history.applied == Versions{1});
  CHECK_FALSE(history.baseline_due);
}

TEST_CASE("G1: where another tool moved the tracker since the last row, the tracker decides and a baseline is due") {
  const std::vector<LogRow> log{row(LogAction::up, 1, 1), row(LogAction::up, 2, 2)};
  SUBCASE("up") {
    const History history = interpret(state({{4, false}}, log), five());
    CHECK(history.applied == Versions{1, 2, 3, 4});
    CHECK(history.records.empty());
    CHECK(history.baseline_due);
  }
  SUBCASE("down") {
    const History history = interpret(state({{1, false}}, log), five());
    CHECK(history.applied == Versions{1});
    CHECK(history.baseline_due);
  }
  SUBCASE("down to nothing") {
    const History history = interpret(state({}, log), five());
    CHECK(history.applied.empty());
    CHECK(history.baseline_due);
  }
}

TEST_CASE("G1: a baseline is not due twice") {
  CHECK_FALSE(interpret(state({{3, false}}, {row(LogAction::baseline, 3, 3)}), five()).baseline_due);
}

TEST_CASE("a dirty tracker keeps what the log says, and no baseline is due") {
  const History history = interpret(state({{2, true}}, {row(LogAction::up, 1, 1)}), five());
  CHECK(history.dirty());
  CHECK(history.current() == 2);
  CHECK(history.applied == Versions{1});
  CHECK_FALSE(history.baseline_due);
}

TEST_CASE("of a tracker that another tool left dirty, the version it names does not count as applied") {
  CHECK(interpret(state({{3, true}}, {}), five()).applied == Versions{1, 2});
}

TEST_CASE("G1: a version added below a baseline or force row later is not taken as applied") {
  const MemorySet set{{"1_a.up.sql", ""}, {"2_late.up.sql", ""}, {"3_c.up.sql", ""}};
  for (const LogAction action : {LogAction::baseline, LogAction::force}) {
    State state;
    state.tracker = {{3, false}};
    LogRow row;
    row.action = action;
    row.version = row.current = 3;
    row.versions = "1,3";
    state.log = {row};
    CHECK(interpret(state, *set).applied == std::set<Version>{1, 3});
  }
  CHECK(versions_up_to(*set, 2) == "1,2");
  CHECK(versions_up_to(*set, no_version).empty());
}

TEST_CASE("G4: more than one tracker row is refused") {
  const Error error = error_of([] { interpret(state({{1, false}, {2, false}}, {}), five()); });
  CHECK(error.code == ErrorCode::policy);
  CHECK(contains(error.what(), "more than one row"));
}
