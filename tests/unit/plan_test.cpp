#include "plan.hpp"

#include <doctest/doctest.h>

#include "fixtures.hpp"

using namespace talos;
using namespace talos::test;

namespace {

const MigrationSet& three() {
  static const MemorySet set{{"1_a.up.sql", ""},   {"1_a.down.sql", ""}, {"2_b.up.sql", ""},
                             {"2_b.down.sql", ""}, {"3_c.up.sql", ""},   {"3_c.down.sql", ""}};
  return *set;
}

AppliedFile record(std::string title) { return {std::move(title), {}, {}, {}}; }

History applied(std::set<Version> versions) {
  History history;
  if (!versions.empty()) history.tracker = TrackerRow{*versions.rbegin(), false};
  history.applied = std::move(versions);
  return history;
}

History at(Version version) {
  History history;
  history.tracker = TrackerRow{version, false};
  return history;
}

std::vector<Version> versions(const Plan& plan) {
  std::vector<Version> result;
  for (const Step& step : plan.steps) result.push_back(step.migration->version);
  return result;
}

using Versions = std::vector<Version>;
using Row = std::optional<TrackerRow>;

Plan up(const MigrationSet& set, const History& history, Goal goal = {}, const Policies& policies = {}) {
  goal.direction = Direction::up;
  return make_plan(set, history, goal, policies);
}

Plan down(const MigrationSet& set, const History& history, Goal goal = {}, const Policies& policies = {}) {
  goal.direction = Direction::down;
  return make_plan(set, history, goal, policies);
}

Goal steps(std::size_t count) {
  Goal goal;
  goal.steps = count;
  return goal;
}

Goal to(Version version) {
  Goal goal;
  goal.to = version;
  return goal;
}

}  // namespace

TEST_CASE("up takes all that is pending, in order, and each step starts where the one before ended") {
  const Plan plan = up(three(), applied({1}));
  REQUIRE(versions(plan) == Versions{2, 3});
  CHECK(plan.steps[0].before == Row(TrackerRow{1, false}));
  CHECK(plan.steps[0].dirty_version == 2);
  CHECK(plan.steps[0].after == Row(TrackerRow{2, false}));
  CHECK(plan.steps[1].before == plan.steps[0].after);
  CHECK(plan.steps[1].after == Row(TrackerRow{3, false}));
  CHECK(plan.steps[1].file()->name == "3_c.up.sql");
  CHECK(plan.warnings.empty());
}

TEST_CASE("the first up starts at the empty tracker, and the last down ends there") {
  CHECK(up(three(), History{}).steps.front().before == Row());
  const Plan plan = down(three(), applied({1}));
  REQUIRE(versions(plan) == Versions{1});
  CHECK(plan.steps[0].after == Row());
  CHECK(plan.steps[0].dirty_version == no_version);
}

TEST_CASE("with nothing pending up plans nothing, with nothing applied down plans nothing") {
  CHECK(up(three(), applied({1, 2, 3})).empty());
  CHECK(up(MigrationSet(), History{}).empty());
  CHECK(down(three(), History{}).empty());
}

TEST_CASE("--steps takes at most so many, from the right end") {
  CHECK(versions(up(three(), History{}, steps(2))) == Versions{1, 2});
  CHECK(versions(up(three(), applied({1, 2}), steps(9))) == Versions{3});
  CHECK(up(three(), History{}, steps(0)).empty());
  CHECK(versions(down(three(), applied({1, 2, 3}), steps(2))) == Versions{3, 2});
  CHECK(versions(down(three(), applied({1, 2}), steps(9))) == Versions{2, 1});
}

TEST_CASE("up --to V applies up to and with V") {
  CHECK(versions(up(three(), History{}, to(2))) == Versions{1, 2});
  CHECK(up(three(), applied({1, 2}), to(2)).empty());
}

TEST_CASE("up --to refuses a version that no migration has, and one below the current") {
  const Error unknown = error_of([] { up(three(), History{}, to(7)); });
  CHECK(unknown.code == ErrorCode::usage);
  CHECK(contains(unknown.what(), "--to 7"));
  const Error below = error_of([] { up(three(), applied({1, 2}), to(1)); });
  CHECK(below.code == ErrorCode::usage);
  CHECK(contains(below.hint, "migrate down --to 1"));
}

TEST_CASE("down --to V leaves V applied, and -1 leaves nothing") {
  CHECK(versions(down(three(), applied({1, 2, 3}), to(1))) == Versions{3, 2});
  CHECK(down(three(), applied({1, 2}), to(2)).empty());
  CHECK(versions(down(three(), applied({1, 2}), to(no_version))) == Versions{2, 1});
}

TEST_CASE("down --to refuses a version that is unknown, above the current, or not applied") {
  CHECK(error_of([] { down(three(), applied({1, 2}), to(7)); }).code == ErrorCode::usage);
  const Error above = error_of([] { down(three(), applied({1, 2}), to(3)); });
  CHECK(above.code == ErrorCode::usage);
  CHECK(contains(above.hint, "migrate up --to 3"));
  const Error unapplied = error_of([] { down(three(), applied({1, 3}), to(2)); });
  CHECK(unapplied.code == ErrorCode::policy);
  CHECK(contains(unapplied.what(), "not applied"));
}

TEST_CASE("a dirty database refuses up and down with golang-migrate's sentence") {
  History history = applied({1, 2});
  history.tracker->dirty = true;
  for (Direction direction : {Direction::up, Direction::down}) {
    const Error error = error_of([&] { make_plan(three(), history, {direction, {}, {}}, {}); });
    CHECK(error.code == ErrorCode::dirty);
    CHECK(std::string(error.what()) == "Database is in dirty state at version 2");
  }
}

TEST_CASE("G2: a migration below the current version that is not applied is refused by name") {
  const Error error = error_of([] { up(three(), applied({3})); });
  CHECK(error.code == ErrorCode::policy);
  CHECK(contains(error.what(), "1_a.up.sql, 2_b.up.sql"));
  CHECK(contains(error.hint, "--allow-out-of-order"));
}

TEST_CASE("G2: out of order, the tracker stays at the highest applied version, also while it is dirty") {
  Policies policies;
  policies.allow_out_of_order = true;
  const Plan plan = up(three(), applied({1, 3}), {}, policies);
  REQUIRE(versions(plan) == Versions{2});
  CHECK(plan.steps[0].before == Row(TrackerRow{3, false}));
  CHECK(plan.steps[0].dirty_version == 3);
  CHECK(plan.steps[0].after == Row(TrackerRow{3, false}));
}

TEST_CASE("G2: down undoes the highest applied version and goes to the next applied below it") {
  const Plan plan = down(three(), applied({1, 3}));
  REQUIRE(versions(plan) == Versions{3, 1});
  CHECK(plan.steps[0].before == Row(TrackerRow{3, false}));
  CHECK(plan.steps[0].dirty_version == 1);
  CHECK(plan.steps[0].after == Row(TrackerRow{1, false}));
}

TEST_CASE("G3: on a database that is ahead, up does nothing with a warning and down refuses") {
  History history = applied({1, 2, 3, 9});
  history.records = {{1, record("a")}, {3, record("c")}, {9, record("z")}};
  const Plan plan = up(three(), history);
  CHECK(plan.ahead);
  CHECK(plan.empty());
  REQUIRE(plan.warnings.size() == 1);
  CHECK(contains(plan.warnings[0], "version 9"));
  const Error error = error_of([&] { down(three(), history); });
  CHECK(error.code == ErrorCode::policy);
  CHECK(contains(error.what(), "version 9"));
}

TEST_CASE("G3: a database ahead is another set's if a version within the set's range is unknown or named otherwise") {
  History history = applied({1, 9});
  SUBCASE("another title") { history.records = {{1, record("other")}, {9, record("z")}}; }
  SUBCASE("a version the set lacks") { history.records = {{0, record("zero")}, {9, record("z")}}; }
  for (Direction direction : {Direction::up, Direction::down}) {
    const Error error = error_of([&] { make_plan(three(), history, {direction, {}, {}}, {}); });
    CHECK(error.code == ErrorCode::policy);
    CHECK(contains(error.what(), "migrated by another set"));
  }
}

TEST_CASE("G3: a current version within the set's range that the set lacks is refused both ways, by name") {
  const MemorySet gap{{"1_a.up.sql", ""}, {"9_z.up.sql", ""}};
  for (Direction direction : {Direction::up, Direction::down}) {
    const Error error = error_of([&] { make_plan(*gap, at(5), {direction, {}, {}}, {}); });
    CHECK(error.code == ErrorCode::policy);
    CHECK(contains(error.what(), "version 5"));
  }
}

TEST_CASE("G3: nothing is ahead of itself, and an empty set is behind every database") {
  CHECK_FALSE(is_ahead(three(), applied({1, 2, 3})));
  CHECK_FALSE(is_ahead(three(), History{}));
  CHECK(is_ahead(MigrationSet(), at(1)));
}

TEST_CASE("a step down without a down file is refused by name, or let pass with a warning and no file") {
  const MemorySet set{{"1_a.up.sql", ""}, {"1_a.down.sql", ""}, {"2_b.up.sql", ""}};
  const Error error = error_of([&] { down(*set, applied({1, 2})); });
  CHECK(error.code == ErrorCode::policy);
  CHECK(contains(error.what(), "2_b.up.sql"));
  Policies policies;
  policies.allow_missing_down = true;
  const Plan plan = down(*set, applied({1, 2}), {}, policies);
  REQUIRE(versions(plan) == Versions{2, 1});
  CHECK(plan.steps[0].file() == nullptr);
  CHECK(plan.steps[1].file() != nullptr);
  CHECK(plan.warnings.size() == 1);
}

TEST_CASE("a missing down file that the goal does not reach is nobody's concern") {
  const MemorySet set{{"1_a.up.sql", ""}, {"2_b.up.sql", ""}, {"2_b.down.sql", ""}};
  CHECK(versions(down(*set, applied({1, 2}), steps(1))) == Versions{2});
}

TEST_CASE("down refuses at an applied version that the set does not know") {
  const MemorySet set{{"1_a.up.sql", ""}, {"1_a.down.sql", ""}, {"3_c.up.sql", ""}, {"3_c.down.sql", ""}};
  const Error error = error_of([&] { down(*set, applied({1, 2, 3})); });
  CHECK(error.code == ErrorCode::policy);
  CHECK(contains(error.what(), "version 2"));
  CHECK(versions(down(*set, applied({1, 2, 3}), steps(1))) == Versions{3});
}

TEST_CASE("a pending migration without an up file is refused by name") {
  const MemorySet set{{"1_a.down.sql", ""}};
  const Error error = error_of([&] { up(*set, History{}); });
  CHECK(error.code == ErrorCode::usage);
  CHECK(contains(error.what(), "1_a.down.sql"));
}

TEST_CASE("G3: a history of which nothing is in the set is another set's, also within the set's range") {
  History history = applied({1, 2});
  history.records = {{1, record("shirts")}, {2, record("hats")}};
  for (const auto& error : {error_of([&] { up(three(), history); }), error_of([&] { down(three(), history); })}) {
    CHECK(error.code == ErrorCode::policy);
    CHECK(contains(error.what(), "another set"));
    CHECK(contains(error.hint, "force 2"));
  }
}

TEST_CASE("an applied migration that is gone or has another title is a warning, and with --strict a refusal") {
  History history = applied({1, 2});
  std::string word;
  SUBCASE("another title") {
    history.records = {{1, record("old")}, {2, record("b")}};
    word = "\"old\"";
  }
  SUBCASE("gone") {
    history.records = {{0, record("zero")}, {2, record("b")}};
    word = "zero";
  }
  const Plan plan = up(three(), history);
  CHECK(versions(plan) == Versions{3});
  REQUIRE(plan.warnings.size() == 1);
  CHECK(contains(plan.warnings[0], word));
  Policies policies;
  policies.strict = true;
  const Error error = error_of([&] { up(three(), history, {}, policies); });
  CHECK(error.code == ErrorCode::policy);
  CHECK(contains(error.what(), word));
}

TEST_CASE("G1: a baseline that is due makes an up of its own, and goes before a down that has work") {
  History history = applied({1, 2, 3});
  history.baseline_due = true;
  const Plan baseline_only = up(three(), history);
  CHECK(baseline_only.steps.empty());
  CHECK(baseline_only.baseline_due);
  CHECK_FALSE(baseline_only.empty());
  CHECK(down(three(), history, steps(1)).baseline_due);
  CHECK(down(three(), history, steps(0)).empty());
}

TEST_CASE("pending and out of order are told apart by the current version") {
  const auto late = out_of_order(three(), applied({2}));
  REQUIRE(late.size() == 1);
  CHECK(late[0]->version == 1);
  CHECK(pending(three(), applied({2})).size() == 2);
  CHECK(out_of_order(three(), History{}).empty());
}
