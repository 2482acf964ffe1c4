#include "executor.hpp"

#include <doctest/doctest.h>

#include "fake_session.hpp"
#include "fixtures.hpp"
#include "sha256.hpp"

using namespace talos;
using namespace talos::test;

namespace {

using Texts = std::vector<std::string>;
using Versions = std::vector<Version>;
using Finished = std::vector<RecordingReporter::Finished>;
using Rows = std::vector<TrackerRow>;

/// Plans a set against the fake database and runs the plan.
class Bench {
 public:
  Bench(std::initializer_list<MemorySet::File> files) : set(files) {}

  void run(Direction direction = Direction::up, bool durable_each = false, const Policies& policies = {}) {
    State state;
    state.tracker = database.tracker;
    state.log = database.log;
    const Plan plan = make_plan(*set, interpret(state, *set), {direction, {}, {}}, policies);
    const auto scripts = prepare(plan.steps, session);
    Executor executor(session, runner, durable_each, reporter, cancel);
    try {
      executor.run(plan.steps, scripts);
    } catch (...) {
      keep(executor);
      throw;
    }
    keep(executor);
  }

  Error failure(Direction direction = Direction::up, const Policies& policies = {}) {
    return error_of([&] { run(direction, false, policies); });
  }

  MemorySet set;
  FakeDatabase database;
  FakeSession session{database};
  RecordingReporter reporter;
  CancelToken cancel;
  CancelToken::Attachment attachment{cancel, session};
  Runner runner{"talos 1", 4711, "db1", "ada", "2026-01-02T03:04:05Z"};
  std::vector<StepResult> done;
  bool left_dirty = false;

 private:
  void keep(const Executor& executor) {
    done = executor.done();
    left_dirty = executor.left_dirty();
  }
};

const std::string bare = "-- talos:no-transaction\n";

LogRow applied(Version version) {
  LogRow row;
  row.version = row.current = version;
  return row;
}

}  // namespace

TEST_CASE("transactional steps go from clean to clean, each with its history row") {
  Bench bench{{"1_a.up.sql", "CREATE a;"}, {"2_b.up.sql", "CREATE b;"}};
  bench.run();
  CHECK(bench.database.ran == Texts{"CREATE a;", "CREATE b;"});
  CHECK(bench.database.tracker_after_unit == Rows{{1, false}, {2, false}});
  CHECK(bench.database.history() == Texts{"up 1", "up 2"});
  CHECK(bench.reporter.started == Versions{1, 2});
  CHECK_FALSE(bench.left_dirty);
}

TEST_CASE("a history row says what ran, by whom, and where the tracker went") {
  Bench bench{{"1_a.up.sql", "CREATE a;"}};
  bench.run();
  REQUIRE(bench.database.log.size() == 1);
  const LogRow& row = bench.database.log[0];
  CHECK(row.version == 1);
  CHECK(row.current == 1);
  CHECK(row.title == "a");
  CHECK(row.file == "1_a.up.sql");
  CHECK(row.size == 9);
  CHECK(row.sha256 == sha256("CREATE a;"));
  CHECK(row.program == "talos 1");
  CHECK(row.runner == "4711@db1");
  CHECK(row.user == "ada");
}

TEST_CASE("G5: only a run's last commit is durable, and nothing is reported as finished before it") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.on_unit = [&](std::size_t) { CHECK(bench.reporter.finished.empty()); };
  bench.run();
  CHECK(bench.reporter.finished == Finished{{1, true}, {2, true}});
  REQUIRE(bench.done.size() == 2);
  CHECK(bench.done[0].durable);
}

TEST_CASE("G5: with every commit durable, each step is reported at once") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.on_unit = [&](std::size_t unit) { CHECK(bench.reporter.finished.size() == unit); };
  bench.run(Direction::up, true);
  CHECK(bench.reporter.finished == Finished{{1, true}, {2, true}});
}

TEST_CASE("a transaction that fails leaves the database clean before it, and the failure is recorded") {
  Bench bench{{"1_a.up.sql", "CREATE a;"}, {"2_b.up.sql", "CREATE b;\nINSERT c;"}, {"3_c.up.sql", "CREATE d;"}};
  bench.database.failures[1] = {.at = "c;"};
  const Error error = bench.failure();
  CHECK(error.code == ErrorCode::statement);
  CHECK(error.file == "2_b.up.sql");
  CHECK(error.line == 2);
  CHECK(error.column == 8);
  CHECK(error.statement == 2);
  CHECK(bench.database.row() == TrackerRow{1, false});
  CHECK(bench.database.ran == Texts{"CREATE a;"});
  CHECK(bench.database.history() == Texts{"up 1"});
  CHECK_FALSE(bench.left_dirty);
  const auto attempts = bench.database.failed_attempts();
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].version == 2);
  CHECK(attempts[0].current == 1);
  CHECK(attempts[0].error == "no such table: t");
  CHECK(attempts[0].error_code == "FAKE_1");
  CHECK(attempts[0].line == 2);
  CHECK(attempts[0].statement == 2);
}

TEST_CASE("G5: the row that records a failure makes durable what was done before it") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.failures[1] = {};
  bench.failure();
  CHECK(bench.reporter.finished == Finished{{1, true}});
  CHECK(bench.done.at(0).durable);
}

TEST_CASE("G5: where that row cannot be written either, the steps before are reported as not durable") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.failures[1] = {};
  bench.database.failures[2] = {.code = ErrorCode::connection, .message = "the connection is gone"};
  CHECK(std::string(bench.failure().what()) == "no such table: t");
  CHECK(bench.reporter.finished == Finished{{1, false}});
  CHECK_FALSE(bench.done.at(0).durable);
  REQUIRE(bench.reporter.warnings.size() == 1);
  CHECK(contains(bench.reporter.warnings[0], "the connection is gone"));
}

TEST_CASE("G4: a lost claim stops the run, runs no body, and is no failed attempt") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.on_unit = [&](std::size_t unit) {
    if (unit == 1) bench.database.tracker = {{7, false}};
  };
  CHECK(bench.failure().code == ErrorCode::claim_lost);
  CHECK(bench.database.ran == Texts{"A;"});
  CHECK(bench.database.failed_attempts().empty());
  CHECK(bench.database.row() == TrackerRow{7, false});
}

TEST_CASE("G5: a lost claim makes durable what was done before it, since no commit of this run may follow") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.on_unit = [&](std::size_t unit) {
    if (unit == 1) bench.database.tracker = {{7, false}};
  };
  bench.failure();
  CHECK(bench.reporter.finished == Finished{{1, true}});
}

TEST_CASE("a no-transaction file passes through dirty, with a journal, and ends clean without one") {
  Bench bench{{"1_a.up.sql", bare + "VACUUM;\nINSERT b;\nVACUUM;"}};
  std::vector<std::size_t> open_rows;
  bench.database.on_unit = [&](std::size_t) { open_rows.push_back(bench.database.journal.size()); };
  bench.run();
  CHECK(bench.database.ran == Texts{"VACUUM", "INSERT b", "VACUUM"});
  CHECK(bench.database.tracker_after_unit == Rows{{1, true}, {1, true}, {1, true}, {1, true}, {1, true}, {1, false}});
  CHECK(open_rows == std::vector<std::size_t>{0, 1, 1, 2, 3, 3});
  CHECK(bench.database.journal.empty());
  CHECK(bench.database.history() == Texts{"up 1"});
  CHECK(bench.reporter.statements == std::vector<std::size_t>{1, 2, 3});
  CHECK(bench.reporter.finished == Finished{{1, true}});
}

TEST_CASE("a run's first journalled migration settles what others left open, those after it only their own rows") {
  const std::string text = bare + "VACUUM;";
  Bench bench{{"1_a.up.sql", text}, {"2_b.up.sql", text}, {"3_c.up.sql", text}};
  bench.database.journal.emplace_back().run = "another run";
  bench.run();
  CHECK(bench.database.journal.empty());
  std::vector<JournalWriteKind> settling = bench.database.journal_writes;
  std::erase(settling, JournalWriteKind::add);
  using enum JournalWriteKind;
  CHECK(settling == std::vector<JournalWriteKind>{close, finish, finish});
}

TEST_CASE("the journal says of each statement what it is and where it stands") {
  Bench bench{{"1_a.up.sql", bare + "INSERT a;\nINSERT b,\n c;"}};
  bench.database.failures[2] = {.code = ErrorCode::connection, .outcome = Outcome::unknown};
  bench.failure();
  REQUIRE(bench.database.journal.size() == 2);
  const JournalRow& row = bench.database.journal[1];
  CHECK(row.version == 1);
  CHECK(row.direction == Direction::up);
  CHECK(row.statement == 2);
  CHECK(row.statements == 2);
  CHECK(row.file == "1_a.up.sql");
  CHECK(row.text == "INSERT b,");
  CHECK(row.sha256 == sha256("INSERT b,\n c"));
  CHECK(row.line == 3);
  CHECK(row.runner == "4711@db1");
  CHECK(row.run == bench.database.journal[0].run);
}

TEST_CASE("a no-transaction file whose first statement left nothing behind is set back to clean") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", bare + "VACUUM;\nINSERT b;"}};
  bench.database.failures[2] = {};
  const Error error = bench.failure();
  CHECK(error.code == ErrorCode::statement);
  CHECK(error.statement == 1);
  CHECK(error.statements == 2);
  CHECK(bench.database.tracker_after_unit[1] == TrackerRow{2, true});
  CHECK(bench.database.row() == TrackerRow{1, false});
  CHECK(bench.database.journal.empty());
  CHECK_FALSE(bench.left_dirty);
  REQUIRE(bench.database.failed_attempts().size() == 1);
  CHECK(bench.database.failed_attempts()[0].current == 1);
}

TEST_CASE("if the tracker cannot be set back it stays dirty, and that is said") {
  Bench bench{{"1_a.up.sql", bare + "VACUUM;"}};
  bench.database.failures[1] = {};
  bench.database.failures[2] = {.code = ErrorCode::connection, .message = "the connection is gone"};
  bench.failure();
  CHECK(bench.database.row() == TrackerRow{1, true});
  CHECK(bench.left_dirty);
  REQUIRE_FALSE(bench.reporter.warnings.empty());
  CHECK(contains(bench.reporter.warnings[0], "could not be set back"));
}

TEST_CASE("a first statement that may have left something is dirty, never set back") {
  Outcome outcome = Outcome::unknown;
  JournalState state = JournalState::unknown;
  bool atomic = true;
  std::string leftover;
  SUBCASE("no answer came") {}
  SUBCASE("nobody knows what it left") { outcome = Outcome::partial; }
  SUBCASE("part of it may be there") {
    outcome = Outcome::partial;
    atomic = false;
  }
  SUBCASE("the error names what it left") {
    outcome = Outcome::partial;
    leftover = "half of it";
    state = JournalState::failed;
  }
  Bench bench{{"1_a.up.sql", bare + "VACUUM;\nINSERT b;"}};
  bench.database.capabilities.atomic_statements = atomic;
  bench.database.failures[1] = {.outcome = outcome, .leftover = leftover};
  bench.failure();
  CHECK(bench.database.row() == TrackerRow{1, true});
  CHECK(bench.left_dirty);
  REQUIRE(bench.database.journal.size() == 1);
  CHECK(bench.database.journal[0].state == state);
}

TEST_CASE("a later statement that fails leaves the database dirty, and the journal says which are done") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", bare + "INSERT a;\nVACUUM;\nINSERT c;"}};
  bench.database.failures[3] = {.at = "VACUUM"};
  const Error error = bench.failure();
  CHECK(error.statement == 2);
  CHECK(error.statements == 3);
  CHECK(error.line == 3);
  CHECK(bench.database.row() == TrackerRow{2, true});
  CHECK(bench.left_dirty);
  REQUIRE(bench.database.journal.size() == 2);
  CHECK(bench.database.journal[0].state == JournalState::done);
  CHECK(bench.database.journal[1].state == JournalState::failed);
  CHECK(bench.database.journal[1].error == "no such table: t");
  CHECK(bench.database.journal[1].error_code == "FAKE_1");
  const auto attempts = bench.database.failed_attempts();
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].current == 2);
  CHECK(attempts[0].statement == 2);
  CHECK(bench.reporter.finished == Finished{{1, true}});
}

TEST_CASE("a statement that ran, and whose bookkeeping failed, is journalled as done") {
  Bench bench{{"1_a.up.sql", bare + "VACUUM;\nVACUUM;"}};
  bench.database.failures[2] = {.code = ErrorCode::connection};
  bench.failure();
  CHECK(bench.database.ran == Texts{"VACUUM"});
  CHECK(bench.left_dirty);
  REQUIRE(bench.database.journal.size() == 1);
  CHECK(bench.database.journal[0].state == JournalState::done);
}

TEST_CASE("G4: a no-transaction file whose claim is lost was never begun: nothing is dirty, nothing recorded") {
  Bench bench{{"1_a.up.sql", bare + "VACUUM;"}};
  bench.database.on_unit = [&](std::size_t unit) {
    if (unit == 0) bench.database.tracker = {{7, false}};
  };
  CHECK(bench.failure().code == ErrorCode::claim_lost);
  CHECK(bench.database.row() == TrackerRow{7, false});
  CHECK(bench.database.log.empty());
  CHECK(bench.database.ran.empty());
  CHECK_FALSE(bench.left_dirty);
}

TEST_CASE("a tracker that somebody changes under a running no-transaction file is a policy error, not a lost claim") {
  Bench bench{{"1_a.up.sql", bare + "VACUUM;"}};
  bench.database.on_unit = [&](std::size_t unit) {
    if (unit == 2) bench.database.tracker = {{7, false}};
  };
  const Error error = bench.failure();
  CHECK(error.code == ErrorCode::policy);
  CHECK(error.file == "1_a.up.sql");
  CHECK(bench.left_dirty);
  CHECK(bench.database.row() == TrackerRow{7, false});
}

TEST_CASE("G2: an out-of-order migration that fails dirty keeps the highest version, and the journal names the file") {
  Bench bench{{"1_a.up.sql", bare + "INSERT a;\nINSERT b;"}, {"3_c.up.sql", "C;"}};
  bench.database.tracker = {{3, false}};
  bench.database.log = {applied(3)};
  bench.database.failures[2] = {};
  Policies policies;
  policies.allow_out_of_order = true;
  bench.failure(Direction::up, policies);
  CHECK(bench.database.row() == TrackerRow{3, true});
  REQUIRE(bench.database.journal.size() == 2);
  CHECK(bench.database.journal[1].file == "1_a.up.sql");
  CHECK(bench.database.failed_attempts().at(0).current == 3);
}

TEST_CASE("a failed first down of a no-transaction file is dirty at -1, as with golang-migrate") {
  Bench bench{{"1_a.up.sql", ""}, {"1_a.down.sql", bare + "INSERT a;\nINSERT b;"}};
  bench.database.tracker = {{1, false}};
  bench.database.log = {applied(1)};
  bench.database.failures[2] = {};
  bench.failure(Direction::down);
  CHECK(bench.database.row() == TrackerRow{no_version, true});
  CHECK(bench.database.journal.at(1).direction == Direction::down);
}

TEST_CASE("down empties the tracker with the last migration") {
  Bench bench{{"1_a.up.sql", ""}, {"1_a.down.sql", "DROP a;"}};
  bench.database.tracker = {{1, false}};
  bench.database.log = {applied(1)};
  bench.run(Direction::down);
  CHECK(bench.database.tracker.empty());
  CHECK(bench.database.ran == Texts{"DROP a;"});
  CHECK(bench.database.history() == Texts{"up 1", "down 1"});
  CHECK(bench.database.log.back().current == no_version);
}

TEST_CASE("G8: the note of a lone statement is given when its step starts") {
  Bench bench{{"1_a.up.sql", "VACUUM;"}};
  bench.run();
  REQUIRE(bench.reporter.notes.size() == 1);
  CHECK(bench.database.row() == TrackerRow{1, false});
}

TEST_CASE("transactions and no-transaction files of one run keep their order, and the tracker follows") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", bare + "VACUUM;"}, {"3_c.up.sql", "C;"}, {"4_d.up.sql", "D;"}};
  bench.run();
  CHECK(bench.database.ran == Texts{"A;", "VACUUM", "C;", "D;"});
  CHECK(bench.database.history() == Texts{"up 1", "up 2", "up 3", "up 4"});
  CHECK(bench.reporter.finished == Finished{{1, true}, {2, true}, {3, true}, {4, true}});
  CHECK(bench.done.size() == 4);
}

TEST_CASE(
    "a run is one call of the session, whatever kinds of files it has, so that what belongs together may travel so") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", bare + "VACUUM;"}, {"3_c.up.sql", "C;"}};
  bench.run();
  CHECK(bench.database.calls == 1);
}

TEST_CASE("a request to stop between two steps is no failure of the next, and makes durable what is done") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.on_commit = [&](std::size_t unit) {
    if (unit == 0) bench.cancel.request();
  };
  CHECK(bench.failure().code == ErrorCode::cancelled);
  CHECK(bench.database.ran == Texts{"A;"});
  CHECK(bench.database.failed_attempts().empty());
  CHECK(bench.reporter.finished == Finished{{1, true}});
}

TEST_CASE("everything is prepared before anything runs: a file that is refused stops the run before the first") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;\nCOMMIT;"}};
  CHECK(bench.failure().code == ErrorCode::usage);
  CHECK(bench.database.units == 0);
}

TEST_CASE("a request to stop before a step starts runs nothing of it") {
  Bench bench{{"1_a.up.sql", "A;"}};
  bench.cancel.request();
  CHECK(bench.failure().code == ErrorCode::cancelled);
  CHECK(bench.database.units == 0);
  CHECK(bench.database.log.empty());
}

TEST_CASE("a request to stop while a transaction runs leaves it out, and is recorded") {
  Bench bench{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "B;"}};
  bench.database.on_unit = [&](std::size_t unit) {
    if (unit == 1) bench.cancel.request();
  };
  CHECK(bench.failure().code == ErrorCode::cancelled);
  CHECK(bench.database.row() == TrackerRow{1, false});
  CHECK(bench.database.failed_attempts().size() == 1);
  CHECK(bench.reporter.finished == Finished{{1, true}});
}

TEST_CASE("a request to stop at the first statement of a no-transaction file sets it back to clean") {
  Bench bench{{"1_a.up.sql", bare + "VACUUM;"}};
  bench.database.on_unit = [&](std::size_t unit) {
    if (unit == 1) bench.cancel.request();
  };
  CHECK(bench.failure().code == ErrorCode::cancelled);
  CHECK(bench.database.tracker.empty());
  CHECK(bench.database.journal.empty());
  CHECK_FALSE(bench.left_dirty);
}

TEST_CASE("G1: the baseline row asserts the tracker and changes nothing in it") {
  Bench bench{{"1_a.up.sql", ""}};
  Executor executor(bench.session, bench.runner, false, bench.reporter, bench.cancel);
  SUBCASE("at a version") {
    bench.database.tracker = {{5, false}};
    executor.baseline(TrackerRow{5, false}, MigrationSet());
    CHECK(bench.database.history() == Texts{"baseline 5"});
    CHECK(bench.database.row() == TrackerRow{5, false});
  }
  SUBCASE("at nothing") {
    executor.baseline(std::nullopt, MigrationSet());
    CHECK(bench.database.history() == Texts{"baseline -1"});
    CHECK(bench.database.tracker.empty());
  }
  SUBCASE("at a tracker that moved meanwhile") {
    bench.database.tracker = {{6, false}};
    CHECK(error_of([&] { executor.baseline(TrackerRow{5, false}, MigrationSet()); }).code == ErrorCode::claim_lost);
    CHECK(bench.database.log.empty());
  }
}

TEST_CASE("the first line of a long statement is cut to 200 bytes, not inside a character") {
  Bench bench{{"1_a.up.sql", bare + "INSERT " + std::string(192, 'x') + "\xC3\xA4\xC3\xA4;\nVACUUM;"}};
  bench.database.failures[1] = {.outcome = Outcome::unknown};
  bench.failure();
  CHECK(bench.database.journal.at(0).text == "INSERT " + std::string(192, 'x'));
}

TEST_CASE("a journal row keeps nothing of the literals of a statement with credentials, in any dialect's quotes") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"CREATE USER bob PASSWORD 'top''secret' VALID UNTIL 'x'", "CREATE USER bob PASSWORD ***"},
      {"create user bob\n  identified by 'topsecret'", "create user bob"},
      {"CREATE USER bob@'%' IDENTIFIED BY \"topsecret\"", "CREATE USER bob@***"},
      {"ALTER ROLE bob Password $$topsecret$$", "ALTER ROLE bob Password ***"},
      {"SELECT E'a\\'topsecret' AS password, E'\\''", "SELECT E***"},
      {"ALTER ROLE bob " + std::string(300, 'x') + " PASSWORD 'topsecret'",
       "ALTER ROLE bob " + std::string(185, 'x') + "***"},
      {"INSERT INTO notes VALUES ('kept')", "INSERT INTO notes VALUES ('kept')"}};
  for (const auto& [statement, kept] : cases) {
    CAPTURE(statement);
    Bench bench{{"1_a.up.sql", bare + "CREATE a;\n" + statement + ";"}};
    bench.database.failures[2] = {};
    bench.failure();
    CHECK(bench.database.journal.at(1).text == kept);
  }
}
