// R1: many runners at once, some of them killed, and what must hold afterwards. 20 rounds; TALOS_TEST_ROUNDS=200 is the
// full form. TALOS_TEST_SEED repeats a run as far as the machine's timing lets it.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <numeric>
#include <thread>

#include <doctest/doctest.h>

#include "harness.hpp"
#include "sets.hpp"

namespace talos::test {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::microseconds;

struct Tally {
  long rounds = 0;
  long killed = 0;
  long workers_killed = 0;  ///< of them, those that held the run lock
  long left_dirty = 0;

  void print(const char* what) const {
    std::printf("%s: %ld rounds, %ld runners killed, %ld of them at work, %ld rounds left dirty\n", what, rounds,
                killed, workers_killed, left_dirty);
  }
};

// Whom the lock file names; 0 for nobody.
pid_t holder_of(const fs::path& database) {
  try {
    return static_cast<pid_t>(std::stol(read_file(database.string() + ".talos.lock")));
  } catch (const std::exception&) {
    return 0;
  }
}

class Crowd {
 public:
  Crowd(fs::path database, std::vector<ProcessOptions> commands) : database_(std::move(database)) {
    for (ProcessOptions& command : commands) runners_.push_back(Process::start(std::move(command)));
  }

  // Kills `count` of them at random moments of `span`: every second time whoever works just then, else anybody.
  void kill_some(std::size_t count, Microseconds span, std::mt19937_64& random, Tally& tally) {
    const auto start = Clock::now();
    std::vector<Microseconds> moments(count);
    std::uniform_int_distribution<std::int64_t> any(0, span.count());
    for (Microseconds& moment : moments) moment = Microseconds(any(random));
    std::sort(moments.begin(), moments.end());
    for (std::size_t i = 0; i < count; ++i) {
      std::this_thread::sleep_until(start + moments[i]);
      strike(i % 2 == 0, random, tally);
    }
  }

  std::vector<ProcessResult> wait() {
    std::vector<ProcessResult> results;
    for (Process& runner : runners_) results.push_back(runner.wait());
    return results;
  }

 private:
  void strike(bool worker, std::mt19937_64& random, Tally& tally) {
    const pid_t holder = holder_of(database_);
    std::vector<Process*> alive;
    for (Process& runner : runners_)
      if (runner.running()) alive.push_back(&runner);
    if (alive.empty()) return;
    auto victim = std::find_if(alive.begin(), alive.end(), [&](const Process* p) { return p->pid() == holder; });
    if (!worker || victim == alive.end())
      victim = alive.begin() +
               static_cast<std::ptrdiff_t>(std::uniform_int_distribution<std::size_t>(0, alive.size() - 1)(random));
    (*victim)->signal(SIGKILL);
    ++tally.killed;
    tally.workers_killed += (*victim)->pid() == holder ? 1 : 0;
  }

  fs::path database_;
  std::vector<Process> runners_;
};

std::string told(const ProcessResult& result) {
  return "exit " + std::to_string(result.status) + ", signal " + std::to_string(result.signal) + "\n" + result.out +
         result.err;
}

// T1: survivors exit 0, or 3 if and only if the database is dirty now.
void check_survivors(const std::vector<ProcessResult>& results, bool dirty) {
  for (const ProcessResult& result : results) {
    if (result.signal == SIGKILL) continue;
    INFO(told(result));
    CHECK(result.status == (dirty ? 3 : 0));
  }
}

// Every version happened once: by a run of it, or, where that was killed half-way, by hand and force.
void check_once(const fs::path& database, const TestSet& set) {
  for (const TestMigration& migration : set) {
    INFO("migration " << migration.version);
    CHECK(count_history(database, "up", migration.version) + count_history(database, "force", migration.version) == 1);
  }
}

constexpr std::size_t crowd_size = 16;

class Scenario {
 public:
  Scenario(Profile profile, std::uint64_t seed) : random_(seed), profile_(profile), set_(busy_set(profile, 2000)) {
    whole_ = set_;
    whole_.push_back(one_more());
    const Target target{scratch_ / "undisturbed.db", scratch_ / "whole"};
    write_set(target.migrations, whole_);
    REQUIRE(migrate(target, {"up"}).status == 0);
    expected_ = picture_of(target.database);
    REQUIRE(faults_of(target.database, whole_) == "");
    measure();
  }

  void round(long number) {
    INFO("round " << number);
    const Target target = fresh("round" + std::to_string(number));
    Crowd crowd(target.database, std::vector<ProcessOptions>(crowd_size, migrate_options(target, {"up"})));
    crowd.kill_some(crowd_size / 3, span_, random_, tally);
    const auto results = crowd.wait();
    const bool dirty = is_dirty(target.database);
    if (profile_ == Profile::transactional) CHECK_FALSE(dirty);
    check_survivors(results, dirty);
    CHECK(faults_of(target.database, whole_) == "");
    if (dirty) {
      ++tally.left_dirty;
      up_with_repairs(target, set_);
    }
    // Something to do, so that it takes the lock.
    write_set(target.migrations, {one_more()});
    const ProcessResult last = migrate(target, {"up", "--lock-timeout", "1s"});
    INFO(told(last));
    CHECK(last.status == 0);
    CHECK(faults_of(target.database, whole_) == "");
    check_once(target.database, whole_);
    CHECK(picture_of(target.database) == expected_);
    ++tally.rounds;
    fs::remove_all(target.migrations.parent_path());
  }

  Tally tally;

 private:
  Target fresh(const std::string& name) {
    const Target target{scratch_ / name / "data.db", scratch_ / name / "migrations"};
    write_set(target.migrations, set_);
    return target;
  }

  // How long an undisturbed crowd works once all of it is started: the time to spread the kills over.
  void measure() {
    const Target target = fresh("measured");
    Crowd crowd(target.database, std::vector<ProcessOptions>(crowd_size, migrate_options(target, {"up"})));
    const auto start = Clock::now();
    const auto results = crowd.wait();
    span_ = std::chrono::duration_cast<Microseconds>(Clock::now() - start);
    check_survivors(results, false);
    check_once(target.database, set_);
  }

  ScratchDirectory scratch_;
  std::mt19937_64 random_;
  Profile profile_;
  TestSet set_;
  TestSet whole_;
  std::string expected_;
  Microseconds span_{0};
};

void run_rounds(Profile profile, const char* what) {
  Scenario scenario(profile, test_seed(what));
  const long rounds = from_environment("TALOS_TEST_ROUNDS", 20);
  for (long i = 1; i <= rounds; ++i) scenario.round(i);
  scenario.tally.print(what);
  CHECK(scenario.tally.killed > 0);
}

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
void check_events(const fs::path& database) {
  const auto ran = rows_of(database, "SELECT what, version FROM events ORDER BY id");
  // Where nothing was ever applied there is no history either.
  if (rows_of(database, "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations_log'").empty()) {
    CHECK(ran.empty());
    return;
  }
  const auto recorded = rows_of(database,
                                "SELECT action, version FROM schema_migrations_log WHERE failed = 0 AND action IN "
                                "('up', 'down') ORDER BY id");
  CHECK(ran == recorded);
}

}  // namespace

TEST_CASE("R1, T1: sixteen runners, a third of them killed: transactional migrations happen once, survivors exit 0") {
  run_rounds(Profile::transactional, "R1 transactional");
}

TEST_CASE("R1, T1: with no-transaction files survivors exit 3 exactly if a killed one left the database dirty") {
  run_rounds(Profile::no_transaction, "R1 no-transaction");
}

TEST_CASE("R1, G1: up, down and force at once, some killed: bodies, history and tracker tell one order of events") {
  std::mt19937_64 random(test_seed("R1 mixed"));
  Tally tally;
  const long versions = 8;
  const TestSet set = repeatable_set(versions);
  const long rounds = std::max(1L, from_environment("TALOS_TEST_ROUNDS", 20) / 2);
  ScratchDirectory scratch;
  for (long round = 1; round <= rounds; ++round) {
    INFO("round " << round);
    const fs::path place = scratch / std::to_string(round);
    const Target target{place / "data.db", place / "migrations"};
    write_set(target.migrations, set);
    run_sql(target.database, "CREATE TABLE events (id INTEGER PRIMARY KEY, version INTEGER, what TEXT)");
    std::vector<ProcessOptions> commands;
    for (int i = 0; i < 8; ++i) commands.push_back(migrate_options(target, random_command(random, versions)));
    Crowd crowd(target.database, commands);
    crowd.kill_some(2, std::chrono::milliseconds(200), random, tally);
    check_survivors(crowd.wait(), false);
    CHECK(faults_of(target.database, set) == "");
    check_events(target.database);
    const ProcessResult last = migrate(target, {"up", "--lock-timeout", "1s"});
    INFO(told(last));
    CHECK(last.status == 0);
    CHECK(faults_of(target.database, set) == "");
    check_events(target.database);
    CHECK(rows_of(target.database, "SELECT version, dirty FROM schema_migrations") ==
          std::vector<std::string>{std::to_string(versions) + "|0"});
    ++tally.rounds;
    fs::remove_all(place);
  }
  tally.print("R1 mixed");
}

}  // namespace talos::test
