#include "migrate.hpp"

#include <doctest/doctest.h>

#include "fake_session.hpp"
#include "fixtures.hpp"
#include "sha256.hpp"

using namespace talos;
using namespace talos::test;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;
using Versions = std::vector<Version>;
using Accesses = std::vector<Access>;

struct World {
  FakeDatabase database;
  FakeDriver driver{database};
  RecordingReporter reporter;
  CancelToken cancel;
  RunOptions options;
  MemorySet set{{"1_a.up.sql", "A;"},    {"1_a.down.sql", "-A;"}, {"2_b.up.sql", "B;"},
                {"2_b.down.sql", "-B;"}, {"3_c.up.sql", "C;"},    {"3_c.down.sql", "-C;"}};

  World() { options.connect.runner = {"talos 1", 4711, "db1", "ada", "2026-01-02T03:04:05Z"}; }

  RunResult up(Goal goal = {}) { return run(driver, *set, goal, options, reporter, cancel); }
  RunResult down(Goal goal = {}) {
    goal.direction = Direction::down;
    return run(driver, *set, goal, options, reporter, cancel);
  }
  RunResult force_to(Version version) { return force(driver, *set, version, options, reporter, cancel); }
  Inspection look(bool verify = false) {
    return inspect(driver, *set, options, LogDepth::all, verify, reporter, cancel);
  }

  LogRow applied(Version version) const {
    LogRow row;
    row.version = row.current = version;
    if (const Migration* migration = set->find(version)) {
      row.title = migration->title;
      row.size = migration->up->size();
      row.sha256 = migration->up->known_sha256;
    }
    return row;
  }
  void already(std::initializer_list<Version> versions) {
    for (const Version version : versions) {
      database.log.push_back(applied(version));
      database.tracker = {{version, false}};
    }
  }
};

Versions versions(const std::vector<StepResult>& steps) {
  Versions result;
  for (const StepResult& step : steps) result.push_back(step.version);
  return result;
}

ErrorCode code_of(const RunResult& result) {
  REQUIRE(result.error);
  return result.error->code;
}

}  // namespace

TEST_CASE("up applies what is pending and says from where to where") {
  World world;
  world.already({1});
  const RunResult result = world.up();
  CHECK_FALSE(result.error);
  CHECK(result.from == 1);
  CHECK(result.to == 3);
  CHECK_FALSE(result.dirty);
  CHECK_FALSE(result.already_done);
  CHECK(versions(result.steps) == Versions{2, 3});
  CHECK(result.info.server == "Fake 1.0");
  CHECK(world.database.connects == Accesses{Access::create});
  CHECK(world.reporter.planned_steps == std::vector<std::size_t>{2});
}

TEST_CASE("down undoes, and never creates a database") {
  World world;
  world.already({1, 2, 3});
  Goal goal;
  goal.steps = 2;
  const RunResult result = world.down(goal);
  CHECK_FALSE(result.error);
  CHECK(world.database.ran == Texts{"-C;", "-B;"});
  CHECK(result.from == 3);
  CHECK(result.to == 1);
  CHECK(world.database.connects == Accesses{Access::write});
}

TEST_CASE("the lock is held while a run works, and given up afterwards, also when it fails") {
  World world;
  world.database.on_unit = [&](std::size_t) { CHECK(world.database.locked); };
  SUBCASE("done") { CHECK_FALSE(world.up().error); }
  SUBCASE("failed") {
    world.database.failures[0] = {};
    CHECK(world.up().error);
  }
  CHECK(world.database.lock_attempts == 1);
  CHECK_FALSE(world.database.locked);
  CHECK(world.database.sessions == 0);
}

TEST_CASE("without a run lock the plugin is not asked for one") {
  World world;
  world.database.capabilities.run_lock = false;
  CHECK_FALSE(world.up().error);
  CHECK(world.database.lock_attempts == 0);
  CHECK(world.database.row() == TrackerRow{3, false});
}

TEST_CASE("G15: with nothing pending a run ends without the lock, though another process holds it") {
  World world;
  world.already({1, 2, 3});
  world.database.foreign_lock = LockHolder{};
  const RunResult result = world.up();
  CHECK_FALSE(result.error);
  CHECK(result.already_done);
  CHECK(result.to == 3);
  CHECK(world.database.lock_attempts == 0);
  CHECK(world.database.units == 0);
}

TEST_CASE(
    "G15, P7: a waiter whose work another runner does meanwhile succeeds without the lock, once that work is durable") {
  World world;
  world.database.foreign_lock = LockHolder{};
  world.options.connect.lock_timeout = 1h;
  world.reporter.on_wait = [&] {
    if (world.database.log.empty()) world.already({1, 2, 3});
  };
  const RunResult result = world.up();
  CHECK_FALSE(result.error);
  CHECK(result.already_done);
  CHECK(result.from == no_version);
  CHECK(result.to == 3);
  CHECK(world.database.units == 1);  // the one that only makes durable
  CHECK(world.database.ran.empty());
}

TEST_CASE(
    "P7: who waited for another runner and then finds nothing to do, under the lock, confirms that it is durable") {
  World world;
  SUBCASE("the lock came free with the last migration") {
    world.database.foreign_lock = LockHolder{};
    world.options.connect.lock_timeout = 1h;
    world.reporter.on_wait = [&] {
      world.already({1, 2, 3});
      world.database.foreign_lock.reset();
    };
    CHECK(world.up().already_done);
    CHECK(world.database.units == 1);
  }
  SUBCASE("its claim was lost to one who did it all") {
    world.database.on_unit = [&](std::size_t unit) {
      if (unit == 0) world.already({1, 2, 3});
    };
    CHECK(world.up().already_done);
    CHECK(world.database.units == 2);
  }
  SUBCASE("who waited for nobody confirms nothing") {
    world.already({1, 2, 3});
    CHECK(world.up().already_done);
    CHECK(world.database.units == 0);
  }
  CHECK(world.database.ran.empty());
}

TEST_CASE("P7: what the other runner did and nobody can make durable is no success") {
  World world;
  world.database.foreign_lock = LockHolder{};
  world.options.connect.lock_timeout = 1h;
  world.reporter.on_wait = [&] {
    world.already({1, 2, 3});
    world.database.foreign_lock.reset();
  };
  world.database.failures[0] = {.code = ErrorCode::connection, .message = "gone"};
  CHECK(code_of(world.up()) == ErrorCode::connection);
}

TEST_CASE("G4, P3: a claim lost to another runner's lease makes this one wait, and not refuse the dirty state") {
  World world;
  world.options.connect.lock_timeout = 1h;
  world.database.on_unit = [&](std::size_t unit) {
    if (unit != 0) return;
    world.database.foreign_lock = LockHolder{77, "db2", "", ""};
    world.database.tracker = {{1, true}};
  };
  world.reporter.on_wait = [&] {
    if (world.database.foreign_lock) world.already({1});
    world.database.foreign_lock.reset();
  };
  const RunResult result = world.up();
  CHECK_FALSE(result.error);
  CHECK(versions(result.steps) == Versions{2, 3});
}

TEST_CASE("P3: a dirty state whose holder is at work is waited for, and refused once nobody is") {
  World world;
  world.options.connect.lock_timeout = 1h;
  world.database.tracker = {{1, true}};
  world.database.foreign_lock = LockHolder{77, "db2", "", ""};
  world.reporter.on_wait = [&] { world.database.foreign_lock.reset(); };
  CHECK(code_of(world.up()) == ErrorCode::dirty);
}

TEST_CASE("R3: a run whose connection broke connects again and says what became of it") {
  World world;
  SUBCASE("what was under way was committed") {
    world.database.failures[1] = {.code = ErrorCode::connection, .outcome = Outcome::unknown, .message = "reset"};
    const RunResult result = world.up();
    CHECK(code_of(result) == ErrorCode::connection);
    CHECK(result.error->detail == "connected again: the database is at version 2, clean");
    CHECK(result.to == 2);
  }
  SUBCASE("it was not") {
    world.database.failures[1] = {.code = ErrorCode::connection, .message = "reset"};
    CHECK(world.up().error->detail == "connected again: the database is at version 1, clean");
  }
  SUBCASE("nobody can tell") {
    world.database.failures[1] = {.code = ErrorCode::connection, .outcome = Outcome::unknown, .message = "reset"};
    world.database.on_unit = [&](std::size_t) { world.database.refused_connections = 100; };
    CHECK(world.up().error->detail.starts_with("what became of it is not known: "));
  }
  CHECK(world.database.sessions == 0);
}

TEST_CASE("a lock that another runner keeps until the deadline ends the run, and names that runner") {
  World world;
  world.database.foreign_lock = LockHolder{77, "db2", "", ""};
  world.options.connect.lock_timeout = 1ms;
  const RunResult result = world.up();
  CHECK(code_of(result) == ErrorCode::lock_timeout);
  CHECK(contains(result.error->what(), "pid 77 on db2"));
  CHECK(world.database.units == 0);
}

TEST_CASE("a request to stop while waiting for the lock ends the run") {
  World world;
  world.database.foreign_lock = LockHolder{};
  world.options.connect.lock_timeout = 1h;
  world.reporter.on_wait = [&] { world.cancel.request(); };
  CHECK(code_of(world.up()) == ErrorCode::cancelled);
  CHECK(world.database.units == 0);
}

TEST_CASE("a request to stop before anything connects to nothing") {
  World world;
  world.cancel.request();
  CHECK(code_of(world.up()) == ErrorCode::cancelled);
  CHECK(world.database.connects.empty());
}

TEST_CASE("a request to stop in mid-run keeps what is done and records the rest") {
  World world;
  world.database.on_unit = [&](std::size_t unit) {
    if (unit == 1) world.cancel.request();
  };
  const RunResult result = world.up();
  CHECK(code_of(result) == ErrorCode::cancelled);
  CHECK(versions(result.steps) == Versions{1});
  CHECK(result.to == 1);
  CHECK(world.database.failed_attempts().size() == 1);
}

TEST_CASE("G4: a run that loses a claim plans anew and does what is left") {
  World world;
  bool moved = false;
  world.database.on_unit = [&](std::size_t unit) {
    if (unit != 1 || moved) return;
    moved = true;
    world.already({2});
  };
  const RunResult result = world.up();
  CHECK_FALSE(result.error);
  CHECK(world.database.ran == Texts{"A;", "C;"});
  CHECK(versions(result.steps) == Versions{1, 3});
  CHECK(world.database.row() == TrackerRow{3, false});
  CHECK(world.reporter.planned_steps == std::vector<std::size_t>{3, 1});
  CHECK(world.database.failed_attempts().empty());
}

TEST_CASE("G4: a run that loses a claim and finds nothing left succeeds") {
  World world;
  world.database.on_unit = [&](std::size_t unit) {
    if (unit == 0) world.already({1, 2, 3});
  };
  const RunResult result = world.up();
  CHECK_FALSE(result.error);
  CHECK(result.already_done);
  CHECK(result.to == 3);
  CHECK(world.database.ran.empty());
}

TEST_CASE("--steps counts what was done before a claim was lost") {
  World world;
  world.database.on_unit = [&](std::size_t unit) {
    if (unit == 1) world.already({2});
  };
  Goal goal;
  goal.steps = 2;
  const RunResult result = world.up(goal);
  CHECK_FALSE(result.error);
  CHECK(world.database.ran == Texts{"A;", "C;"});
}

TEST_CASE("a claim that is lost again and again, though nothing moves, ends the run at the lock's timeout") {
  World world;
  world.options.connect.lock_timeout = 60ms;
  for (std::size_t unit = 0; unit < 10'000; ++unit)
    world.database.failures[unit] = {.code = ErrorCode::claim_lost, .message = "taken"};
  SUBCASE("up") {
    CHECK(code_of(world.up()) == ErrorCode::claim_lost);
    CHECK(world.database.tracker.empty());
  }
  SUBCASE("force") {
    world.already({1});
    CHECK(code_of(world.force_to(2)) == ErrorCode::claim_lost);
    CHECK(world.database.row() == TrackerRow{1, false});
  }
  // More than once, and with a pause of 5 ms at least between.
  CHECK(world.database.units >= 2);
  CHECK(world.database.units < 30);
}

TEST_CASE("a claim that is lost because the tracker moves is tried again beyond the lock's timeout") {
  World world;
  world.options.connect.lock_timeout = 0ms;
  world.already({1});
  world.database.on_unit = [&](std::size_t unit) {
    if (unit < 3) world.already({unit % 2 == 0 ? 2 : 1});
  };
  SUBCASE("up") { CHECK_FALSE(world.up().error); }
  SUBCASE("force") { CHECK_FALSE(world.force_to(3).error); }
  CHECK(world.database.row() == TrackerRow{3, false});
}

TEST_CASE("a dirty state that another runner never ends is waited for until the lock's timeout") {
  World world;
  world.database.capabilities.run_lock = false;
  world.options.connect.lock_timeout = 20ms;
  world.database.tracker = {{1, true}};
  world.database.foreign_lock = LockHolder{77, "db2", "", ""};
  const RunResult result = world.up();
  CHECK(code_of(result) == ErrorCode::lock_timeout);
  CHECK(contains(result.error->what(), "pid 77 on db2"));
}

TEST_CASE("a database that is busy is tried again until the deadline, and then the run fails") {
  World world;
  world.database.failures[0] = {.code = ErrorCode::busy, .message = "locked"};
  SUBCASE("free again in time") {
    world.options.connect.lock_timeout = 1h;
    CHECK_FALSE(world.up().error);
    CHECK(world.database.row() == TrackerRow{3, false});
  }
  SUBCASE("not in time") {
    world.options.connect.lock_timeout = 0ms;
    CHECK(code_of(world.up()) == ErrorCode::busy);
    CHECK(world.database.tracker.empty());
  }
  CHECK(world.database.failed_attempts().empty());
}

TEST_CASE("G4: more than one tracker row is a policy error, and nothing is done") {
  World world;
  world.database.tracker = {{1, false}, {2, false}};
  SUBCASE("up") { CHECK(code_of(world.up()) == ErrorCode::policy); }
  SUBCASE("down") { CHECK(code_of(world.down()) == ErrorCode::policy); }
  SUBCASE("force") { CHECK(code_of(world.force_to(1)) == ErrorCode::policy); }
  SUBCASE("inspect") {
    CHECK(error_of([&] { world.look(); }).code == ErrorCode::policy);
  }
  CHECK(world.database.units == 0);
  CHECK(world.database.tracker.size() == 2);
}

TEST_CASE("a transactional failure is in the result, with a clean database and what was done before") {
  World world;
  world.database.failures[1] = {};
  const RunResult result = world.up();
  CHECK(code_of(result) == ErrorCode::statement);
  CHECK(result.error->file == "2_b.up.sql");
  CHECK_FALSE(result.dirty);
  CHECK(result.to == 1);
  CHECK(versions(result.steps) == Versions{1});
}

TEST_CASE("a no-transaction failure half-way is in the result as dirty, and the next run refuses") {
  World world;
  const MemorySet set{{"1_a.up.sql", "-- talos:no-transaction\nINSERT a;\nINSERT b;"}};
  world.database.failures[2] = {};
  const RunResult result = run(world.driver, *set, {}, world.options, world.reporter, world.cancel);
  CHECK(code_of(result) == ErrorCode::statement);
  CHECK(result.dirty);
  CHECK(result.to == 1);
  const RunResult next = run(world.driver, *set, {}, world.options, world.reporter, world.cancel);
  CHECK(code_of(next) == ErrorCode::dirty);
  CHECK(std::string(next.error->what()) == "Database is in dirty state at version 1");
  CHECK(next.dirty);
}

TEST_CASE("G1: a tracker taken over from another tool gets its baseline row before the first migration") {
  World world;
  world.database.tracker = {{1, false}};
  CHECK_FALSE(world.up().error);
  CHECK(world.database.history() == Texts{"baseline 1", "up 2", "up 3"});
  CHECK_FALSE(world.look().history.baseline_due);
}

TEST_CASE("G1: a takeover with nothing pending writes the baseline row alone") {
  World world;
  world.database.tracker = {{3, false}};
  CHECK_FALSE(world.up().error);
  CHECK(world.database.history() == Texts{"baseline 3"});
  const RunResult again = world.up();
  CHECK(again.already_done);
  CHECK(world.database.log.size() == 1);
}

TEST_CASE("G3: on a database ahead up succeeds with a warning, and writes nothing") {
  World world;
  world.already({1, 2, 3, 9});
  const RunResult result = world.up();
  CHECK_FALSE(result.error);
  CHECK(result.ahead);
  CHECK(world.reporter.warnings.size() == 1);
  CHECK(world.database.units == 0);
  CHECK(code_of(world.down()) == ErrorCode::policy);
}

TEST_CASE("G11: an edited file is a warning, and with --strict a refusal before anything runs") {
  World world;
  world.already({1});
  world.database.log[0].sha256 = sha256("other");
  SUBCASE("warning") {
    CHECK_FALSE(world.up().error);
    REQUIRE(world.reporter.warnings.size() == 1);
    CHECK(contains(world.reporter.warnings[0], "1_a.up.sql"));
  }
  SUBCASE("strict") {
    world.options.policies.strict = true;
    const RunResult result = world.up();
    CHECK(code_of(result) == ErrorCode::policy);
    CHECK(contains(result.error->what(), "1_a.up.sql"));
    CHECK(world.database.units == 0);
  }
}

TEST_CASE("a connection that fails is tried again only while --wait lasts") {
  World world;
  SUBCASE("without it the first failure counts") {
    world.database.refused_connections = 1;
    CHECK(code_of(world.up()) == ErrorCode::connection);
    CHECK(world.database.connects.size() == 1);
  }
  SUBCASE("with it the run goes on when the server answers") {
    world.options.wait = 1h;
    world.database.refused_connections = 2;
    CHECK_FALSE(world.up().error);
    CHECK(world.reporter.reconnects.size() == 2);
  }
}

TEST_CASE("a state that cannot be read ends the run; it is never taken for nothing applied") {
  World world;
  world.database.on_read = [] { throw Error(ErrorCode::connection, "disk I/O error"); };
  CHECK(code_of(world.up()) == ErrorCode::connection);
  CHECK(world.database.units == 0);
}

TEST_CASE("what was left half-way is named also where the state cannot be read again") {
  World world;
  const MemorySet partial{{"1_a.up.sql", "-- talos:no-transaction\nA;B;C;"}};
  // Announced, A, its end, and B, which fails.
  world.database.failures[3] = Failure{};
  world.database.on_unit = [&](std::size_t unit) {
    if (unit == 3) world.database.on_read = [] { throw Error(ErrorCode::busy, "database is locked"); };
  };
  const RunResult result = run(world.driver, *partial, {}, world.options, world.reporter, world.cancel);
  CHECK(code_of(result) == ErrorCode::statement);
  CHECK(result.left_dirty);
  CHECK(result.to == 1);
}

TEST_CASE("a dry run plans, checks the files, and writes and locks nothing") {
  World world;
  world.already({1});
  world.database.foreign_lock = LockHolder{};
  const RunResult result = dry_run(world.driver, *world.set, {}, world.options, world.reporter, world.cancel);
  CHECK_FALSE(result.error);
  REQUIRE(result.planned.size() == 2);
  CHECK(result.planned[0].migration->version == 2);
  CHECK(result.from == 1);
  CHECK_FALSE(result.already_done);
  CHECK(world.database.units == 0);
  CHECK(world.database.lock_attempts == 0);
  CHECK(world.database.connects == Accesses{Access::read});
  const MemorySet broken{{"1_a.up.sql", "A;"}, {"2_b.up.sql", "COMMIT;"}};
  CHECK(code_of(dry_run(world.driver, *broken, {}, world.options, world.reporter, world.cancel)) == ErrorCode::usage);
}

TEST_CASE("G1: force sets the tracker, clean, closes the journal and writes a history row") {
  World world;
  world.already({1});
  world.database.tracker = {{2, true}};
  world.database.journal.resize(2);
  const RunResult result = world.force_to(2);
  CHECK_FALSE(result.error);
  CHECK(result.from == 2);
  CHECK(result.to == 2);
  CHECK_FALSE(result.dirty);
  CHECK(world.database.row() == TrackerRow{2, false});
  CHECK(world.database.journal.empty());
  CHECK(world.database.history() == Texts{"up 1", "force 2"});
  CHECK(world.database.log.back().title == "b");
  CHECK(world.look().history.applied == std::set<Version>{1, 2});
  CHECK(world.database.connects.front() == Access::write);
}

TEST_CASE("G1: force -1 empties the tracker") {
  World world;
  world.already({1, 2});
  CHECK_FALSE(world.force_to(no_version).error);
  CHECK(world.database.tracker.empty());
  CHECK(world.look().history.applied.empty());
  CHECK_FALSE(world.look().history.baseline_due);
}

TEST_CASE("force refuses a version that no migration has, unless it is allowed, and any below -1") {
  World world;
  world.already({1});
  CHECK(code_of(world.force_to(7)) == ErrorCode::policy);
  CHECK(code_of(world.force_to(-2)) == ErrorCode::usage);
  CHECK(world.database.units == 0);
  CHECK(world.database.lock_attempts == 0);
  world.options.policies.allow_unknown_version = true;
  CHECK(code_of(world.force_to(-2)) == ErrorCode::usage);
  CHECK_FALSE(world.force_to(7).error);
  CHECK(world.database.row() == TrackerRow{7, false});
}

TEST_CASE("force takes the lock, and looks again if the tracker moved under it") {
  World world;
  world.already({1});
  world.database.on_unit = [&](std::size_t unit) {
    CHECK(world.database.locked);
    if (unit == 0) world.already({2});
  };
  CHECK_FALSE(world.force_to(1).error);
  CHECK(world.database.units == 2);
  CHECK(world.database.row() == TrackerRow{1, false});
  CHECK_FALSE(world.database.locked);
}

TEST_CASE("force waits for the lock no longer than its timeout") {
  World world;
  world.already({1});
  world.database.foreign_lock = LockHolder{77, "db2", "", ""};
  world.options.connect.lock_timeout = 1ms;
  CHECK(code_of(world.force_to(1)) == ErrorCode::lock_timeout);
  CHECK(world.database.units == 0);
}

TEST_CASE("a force that the database refuses is an error") {
  World world;
  world.already({1});
  world.database.failures[0] = {.code = ErrorCode::connection, .message = "read-only"};
  CHECK(code_of(world.force_to(2)) == ErrorCode::connection);
  CHECK(world.database.row() == TrackerRow{1, false});
}

TEST_CASE("an inspection shows state, pending, late ones, lock and edits, and takes no lock") {
  World world;
  world.already({2});
  world.database.log[0].sha256 = sha256("other");
  world.database.foreign_lock = LockHolder{77, "db2", "", ""};
  const Inspection inspection = world.look();
  CHECK(inspection.history.current() == 2);
  CHECK(inspection.pending.size() == 2);
  REQUIRE(inspection.out_of_order.size() == 1);
  CHECK(inspection.out_of_order[0]->version == 1);
  CHECK(inspection.lock.held);
  CHECK(inspection.lock.holder->pid == 77);
  CHECK(inspection.edited.size() == 1);
  CHECK_FALSE(inspection.ahead);
  CHECK(world.database.lock_attempts == 0);
  CHECK(world.database.units == 0);
  CHECK(world.database.connects == Accesses{Access::read});
}

TEST_CASE("an inspection shows the newest failed attempt until something succeeds after it") {
  World world;
  world.database.failures[1] = {};
  CHECK(world.up().error);
  REQUIRE(world.look().last_failure);
  CHECK(world.look().last_failure->version == 2);
  CHECK_FALSE(world.up().error);
  CHECK_FALSE(world.look().last_failure);
}

TEST_CASE("G11: an inspection reads bodies only to verify") {
  World world;
  const TemporaryDirectory directory;
  directory.write("1_a.up.sql", "X;");
  const MigrationSet set = read_directory(directory.path());
  world.already({1});
  auto edits = [&](bool verify) {
    return inspect(world.driver, set, world.options, LogDepth::all, verify, world.reporter, world.cancel).edited.size();
  };
  CHECK(edits(false) == 0);
  CHECK(edits(true) == 1);
}

TEST_CASE("G3: an inspection of another set's database says so and goes on") {
  World world;
  world.already({1, 9});
  world.database.log[0].title = "other";
  const Inspection inspection = world.look();
  REQUIRE_FALSE(inspection.state.notes.empty());
  CHECK(contains(inspection.state.notes.back(), "another set"));
  CHECK(code_of(world.up()) == ErrorCode::policy);
}
