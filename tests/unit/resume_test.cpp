#include "resume.hpp"

#include <doctest/doctest.h>

#include "fake_session.hpp"
#include "fixtures.hpp"

using namespace talos;
using namespace talos::test;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;
using Verdict = Settlement::Verdict;

const std::string bare = "-- talos:no-transaction\n";
// As units: claim, then each VACUUM and its bookkeeping.
const std::string three = bare + "VACUUM a;\nVACUUM b;\nVACUUM c;\n";
constexpr std::size_t second_statement = 3;
constexpr std::size_t last_bookkeeping = 6;

struct World {
  FakeDatabase database;
  FakeDriver driver{database};
  RecordingReporter reporter;
  CancelToken cancel;
  RunOptions options;
  MemorySet set;

  explicit World(const std::string& up, const std::string& down = bare + "VACUUM x;\nVACUUM y;\n")
      : set{{"1_a.up.sql", up}, {"1_a.down.sql", down}, {"2_b.up.sql", "B;"}, {"2_b.down.sql", "-B;"}} {
    options.connect.runner = {"talos 1", 4711, "db1", "ada", "2026-01-02T03:04:05Z"};
  }

  RunResult up() { return run(driver, *set, {}, options, reporter, cancel); }
  RunResult resumed(std::optional<Assumption> assumption = {}) { return resumed_with(set, assumption); }
  RunResult resumed_with(const MemorySet& files, std::optional<Assumption> assumption = {}) {
    return resume(driver, *files, assumption, options, reporter, cancel);
  }
  Inspection look() { return inspect(driver, *set, options, LogDepth::all, false, reporter, cancel); }

  /// `up` that fails at unit number `unit`; afterwards nothing fails, and what ran is forgotten.
  void interrupt(std::size_t unit, Failure failure) {
    database.failures[unit] = std::move(failure);
    REQUIRE(up().error);
    REQUIRE(database.row().has_value());
    REQUIRE(database.row()->dirty);
    database.failures.clear();
    database.ran.clear();
  }
  void lose_connection_at(std::size_t unit) {
    interrupt(unit, {.code = ErrorCode::connection, .outcome = Outcome::unknown});
  }
};

Error failure_of(const RunResult& result) {
  REQUIRE(result.error);
  return *result.error;
}

}  // namespace

TEST_CASE("G12: resume goes on with the statement that failed, finishes the migration and stops") {
  World world(three);
  world.interrupt(second_statement, {});
  const RunResult result = world.resumed();
  CHECK_FALSE(result.error);
  CHECK(world.database.ran == Texts{"VACUUM b", "VACUUM c"});
  CHECK(world.database.row() == TrackerRow{1, false});
  CHECK(world.database.history() == Texts{"up 1"});
  CHECK(world.database.journal.empty());
  CHECK(result.to == 1);
  CHECK_FALSE(result.dirty);
}

TEST_CASE("G12: the statement that failed, and those after it, may be edited") {
  World world(three);
  world.interrupt(second_statement, {});
  const MemorySet mended{{"1_a.up.sql", bare + "VACUUM a;\nVACUUM mended;\n"}, {"1_a.down.sql", "A;"}};
  CHECK_FALSE(world.resumed_with(mended).error);
  CHECK(world.database.ran == Texts{"VACUUM mended"});
  CHECK(world.database.row() == TrackerRow{1, false});
}

TEST_CASE("G12: resume refuses when a statement that ran was changed, and names it") {
  World world(three);
  world.interrupt(second_statement, {});
  const MemorySet changed{{"1_a.up.sql", bare + "VACUUM z;\nVACUUM b;\nVACUUM c;\n"}, {"1_a.down.sql", "A;"}};
  const Error error = failure_of(world.resumed_with(changed));
  CHECK(error.code == ErrorCode::dirty);
  CHECK(contains(error.what(), "statement 1 of 3 in 1_a.up.sql is not what ran"));
  CHECK(contains(error.detail, "VACUUM a"));
  CHECK(world.database.ran.empty());
  CHECK(world.database.row() == TrackerRow{1, true});
}

TEST_CASE("up never resumes by itself") {
  World world(three);
  world.interrupt(second_statement, {});
  CHECK(failure_of(world.up()).code == ErrorCode::dirty);
  CHECK(world.database.ran.empty());
}

TEST_CASE("G13: a statement of unknown outcome that the catalogue shows as applied is not run again") {
  World world(three);
  world.lose_connection_at(second_statement);
  world.database.finding = {{Verdict::applied, "the table b is there", ""}};
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.ran == Texts{"VACUUM c"});
  CHECK(world.database.history() == Texts{"up 1"});
  CHECK(world.database.asked == Texts{"VACUUM b before: before VACUUM b"});
}

TEST_CASE("G13: one that the catalogue shows as not applied is run, after what it left was removed") {
  World world(three);
  world.lose_connection_at(second_statement);
  world.database.finding = {{Verdict::not_applied, "it is as before", "the INVALID index b"}};
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.cleared == Texts{"VACUUM b"});
  CHECK(world.database.ran == Texts{"VACUUM b", "VACUUM c"});
}

TEST_CASE("G13: one that does no harm when it is repeated is run again") {
  World world(three);
  world.lose_connection_at(second_statement);
  world.database.finding = {{Verdict::repeatable, "", ""}};
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.ran == Texts{"VACUUM b", "VACUUM c"});
  CHECK(world.database.cleared.empty());
}

TEST_CASE("G13: an unknown outcome that nothing settles is named and never guessed") {
  World world(three);
  world.lose_connection_at(second_statement);
  for (const bool able : {false, true}) {
    CAPTURE(able);
    if (able) world.database.finding = {{Verdict::unknown, "it changes rows", ""}};
    const Error error = failure_of(world.resumed());
    CHECK(error.code == ErrorCode::dirty);
    CHECK(contains(error.what(), "it is not known whether statement 2 of 3 in 1_a.up.sql happened"));
    CHECK(contains(error.hint, "--assume not-applied"));
    CHECK(world.database.ran.empty());
    CHECK(world.database.row() == TrackerRow{1, true});
  }
}

TEST_CASE("G13: a statement that is one transaction with its record has not happened where no record says so") {
  World world(bare + "VACUUM a;\nINSERT r;\nVACUUM c;\n");
  world.interrupt(3, {});
  world.database.journal.back().state = JournalState::intent;  // killed before it could record anything
  CHECK(world.look().resumes_at == 2);
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.ran == Texts{"INSERT r", "VACUUM c"});
}

TEST_CASE("--assume decides for the one statement whose outcome is unknown") {
  for (const Assumption assumption : {Assumption::applied, Assumption::not_applied}) {
    World world(three);
    world.lose_connection_at(second_statement);
    CHECK_FALSE(world.resumed(assumption).error);
    CHECK(world.database.ran ==
          (assumption == Assumption::applied ? Texts{"VACUUM c"} : Texts{"VACUUM b", "VACUUM c"}));
    CHECK(world.database.history() == Texts{"up 1"});
  }
}

TEST_CASE("--assume is refused where the outcome is known") {
  World world(three);
  world.interrupt(second_statement, {});
  const Error error = failure_of(world.resumed(Assumption::applied));
  CHECK(error.code == ErrorCode::usage);
  CHECK(world.database.ran.empty());
}

TEST_CASE("--assume applied is refused for a statement whose text was changed since") {
  World world(three);
  world.lose_connection_at(second_statement);
  const MemorySet changed{{"1_a.up.sql", bare + "VACUUM a;\nVACUUM other;\nVACUUM c;\n"}, {"1_a.down.sql", "A;"}};
  CHECK(failure_of(world.resumed_with(changed)).code == ErrorCode::dirty);
  CHECK(failure_of(world.resumed_with(changed, Assumption::applied)).code == ErrorCode::dirty);
  CHECK_FALSE(world.resumed_with(changed, Assumption::not_applied).error);
  CHECK(world.database.ran == Texts{"VACUUM other", "VACUUM c"});
}

TEST_CASE("G12: what the statements before did to their session is said again, and journalled nowhere") {
  World world(bare + "SET x;\nVACUUM a;\nBEGIN;\nSET y;\nINSERT r;\nCOMMIT;\nVACUUM b;\n");
  // Units: claim; SET x; VACUUM a, its bookkeeping; the group; VACUUM b, its bookkeeping.
  world.interrupt(5, {});
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.ran == Texts{"SET x", "SET y", "VACUUM b"});
  CHECK(world.database.history() == Texts{"up 1"});
}

TEST_CASE("G12: what cannot be said again is refused with its name") {
  World world(bare + "PREPARE p;\nVACUUM a;\nVACUUM b;\n");
  world.interrupt(4, {});
  const Error error = failure_of(world.resumed());
  CHECK(error.code == ErrorCode::dirty);
  CHECK(error.line == 2);
  CHECK(error.statement == 1);
  CHECK(world.database.ran.empty());
}

TEST_CASE("Where all statements ran, resume only records it") {
  World world(three);
  world.interrupt(last_bookkeeping, {.code = ErrorCode::connection});
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.ran.empty());
  CHECK(world.database.row() == TrackerRow{1, false});
  CHECK(world.database.history() == Texts{"up 1"});
}

TEST_CASE("resume continues in the journal's direction") {
  World world("A;");
  REQUIRE_FALSE(world.up().error);
  world.database.ran.clear();
  const std::size_t first = world.database.units;
  world.database.failures[first + 4] = {};  // 2 down; 1 down: claim, x, its bookkeeping, y
  Goal goal;
  goal.direction = Direction::down;
  REQUIRE(run(world.driver, *world.set, goal, world.options, world.reporter, world.cancel).error);
  world.database.failures.clear();
  world.database.ran.clear();
  REQUIRE(world.database.row() == TrackerRow{no_version, true});
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.ran == Texts{"VACUUM y"});
  CHECK_FALSE(world.database.row().has_value());
  CHECK(world.database.history().back() == "down 1");
}

TEST_CASE("A resumed migration that fails again can be resumed again") {
  World world(three);
  world.interrupt(second_statement, {});
  world.database.failures[world.database.units + 3] = {};  // opening, b, its bookkeeping, c
  CHECK(failure_of(world.resumed()).code == ErrorCode::statement);
  CHECK(world.database.row() == TrackerRow{1, true});
  REQUIRE(world.database.journal.size() == 3);
  CHECK(world.database.journal[1].state == JournalState::done);
  CHECK(world.database.journal[2].state == JournalState::failed);
  world.database.failures.clear();
  world.database.ran.clear();
  CHECK_FALSE(world.resumed().error);
  CHECK(world.database.ran == Texts{"VACUUM c"});
  CHECK(world.database.history() == Texts{"up 1"});
}

TEST_CASE("A first statement that was not applied and fails again leaves the database clean") {
  World world(three);
  world.lose_connection_at(1);
  world.database.finding = {{Verdict::not_applied, "it is as before", ""}};
  world.database.failures[world.database.units + 1] = {};
  const RunResult result = world.resumed();
  CHECK(failure_of(result).code == ErrorCode::statement);
  CHECK_FALSE(result.dirty);
  CHECK_FALSE(result.left_dirty);
  CHECK_FALSE(world.database.row().has_value());
  CHECK(world.database.journal.empty());
}

TEST_CASE("On a clean database there is nothing to resume") {
  World world(three);
  const RunResult result = world.resumed();
  CHECK_FALSE(result.error);
  CHECK(result.already_done);
  CHECK(world.database.ran.empty());
}

TEST_CASE("A database that another tool left dirty cannot be resumed") {
  World world(three);
  world.database.tracker = {{1, true}};
  const Error error = failure_of(world.resumed());
  CHECK(error.code == ErrorCode::dirty);
  CHECK(contains(error.what(), "no journal"));
}

TEST_CASE("A tracker that was moved since cannot be resumed") {
  World world(three);
  world.interrupt(second_statement, {});
  world.database.tracker = {{2, true}};
  CHECK(failure_of(world.resumed()).code == ErrorCode::dirty);
  CHECK(world.database.ran.empty());
}

TEST_CASE("A set without the interrupted file cannot resume it") {
  World world(three);
  world.interrupt(second_statement, {});
  const MemorySet other{{"2_b.up.sql", "B;"}, {"2_b.down.sql", "-B;"}};
  const Error error = failure_of(world.resumed_with(other));
  CHECK(error.code == ErrorCode::dirty);
  CHECK(contains(error.what(), "1_a.up.sql"));
}

TEST_CASE("resume waits for the run lock, and where the holder finished it there is nothing to do") {
  World world(three);
  world.interrupt(second_statement, {});
  world.database.foreign_lock = LockHolder{1, "other", "", ""};
  world.reporter.on_wait = [&] {
    world.database.tracker = {{1, false}};
    world.database.journal.clear();
  };
  const RunResult result = world.resumed();
  CHECK_FALSE(result.error);
  CHECK(result.already_done);
  CHECK(world.database.ran.empty());
}

TEST_CASE("status says what the catalogue knows of the interrupted statement, and where resume goes on") {
  World world(three);
  world.lose_connection_at(second_statement);
  Inspection inspection = world.look();
  CHECK_FALSE(inspection.resumes_at);
  REQUIRE(inspection.not_resumable);
  CHECK(contains(inspection.not_resumable->what(), "statement 2"));
  world.database.finding = {{Verdict::applied, "the table b is there", ""}};
  inspection = world.look();
  CHECK(inspection.resumes_at == 3);
  CHECK(inspection.finding->verdict == Verdict::applied);
  CHECK(world.database.ran.empty());
}

TEST_CASE("M2: a transaction that could not be rolled back whole leaves the database dirty, with all of it unknown") {
  World world("INSERT r;\nINSERT s;");
  world.interrupt(0, {.outcome = Outcome::partial, .message = "rows of a table without transactions stay"});
  REQUIRE(world.database.journal.size() == 1);
  CHECK(world.database.journal[0].state == JournalState::unknown);
  CHECK(world.database.journal[0].statements == 1);
  CHECK(world.database.failed_attempts().size() == 1);
  CHECK(world.database.failed_attempts()[0].current == 1);

  CHECK(failure_of(world.resumed()).code == ErrorCode::dirty);
  CHECK_FALSE(world.resumed(Assumption::not_applied).error);
  CHECK(world.database.ran == Texts{"INSERT r;\nINSERT s;"});
  CHECK(world.database.history() == Texts{"up 1"});
}
