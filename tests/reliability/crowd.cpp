#include "crowd.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

#include <doctest/doctest.h>

namespace talos::test {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::microseconds;

// Every version happened once: by a run of it, or, where that was killed half-way, by hand and force.
void check_once(const TestDatabase& database, const TestSet& set) {
  for (const TestMigration& migration : set) {
    INFO("migration " << migration.version);
    CHECK(database.count_history("up", migration.version) + database.count_history("force", migration.version) == 1);
  }
}

constexpr std::size_t crowd_size = 16;

// However slow the machine: sixteen runners in a row take their time.
const std::vector<std::string> patient_up{"up", "--lock-timeout", "10m"};

class Scenario {
 public:
  Scenario(Profile profile, std::uint64_t seed, const std::function<std::unique_ptr<TestDatabase>()>& make)
      : random_(seed), profile_(profile), make_(make), set_(busy_set(profile, 2000)) {
    whole_ = set_;
    whole_.push_back(one_more());
    const auto undisturbed = make_();
    write_set(scratch_ / "whole", whole_);
    const auto result = migrate(undisturbed->target(scratch_ / "whole"), {"up"});
    INFO(told(result));
    REQUIRE(result.status == 0);
    expected_ = undisturbed->picture();
    REQUIRE(undisturbed->faults(whole_) == "");
    measure();
  }

  void round(long number) {
    INFO("round " << number);
    const auto database = make_();
    const Target target = fresh(*database, "round" + std::to_string(number));
    Crowd crowd(*database, std::vector<ProcessOptions>(crowd_size, migrate_options(target, patient_up)));
    crowd.kill_some(crowd_size / 3, span_, random_, tally);
    const auto results = crowd.wait();
    const bool dirty = database->is_dirty();
    if (dirty && profile_ == Profile::transactional) check_torn(*database);
    check_survivors(results, dirty);
    CHECK(database->faults(whole_) == "");
    if (dirty) {
      ++tally.left_dirty;
      up_with_resumes(*database, target.migrations, set_);
    }
    // Something to do, so that it takes the lock.
    write_set(target.migrations, {one_more()});
    const ProcessResult last = migrate(target, {"up", "--lock-timeout", "1s"});
    INFO(told(last));
    CHECK(last.status == 0);
    CHECK(database->faults(whole_) == "");
    check_once(*database, whole_);
    CHECK(database->picture() == expected_);
    ++tally.rounds;
    fs::remove_all(target.migrations);
  }

  Tally tally;

 private:
  Target fresh(const TestDatabase& database, const std::string& name) {
    write_set(scratch_ / name, set_);
    return database.target(scratch_ / name);
  }

  // Only what is not one transaction may have been left half-way.
  void check_torn(const TestDatabase& database) {
    const long version = std::stol(database.tracker().at(0));
    INFO("dirty at " << version);
    CHECK(std::any_of(set_.begin(), set_.end(), [&](const TestMigration& migration) {
      return migration.version == version && database.may_be_torn(migration);
    }));
  }

  // How long an undisturbed crowd works once all of it is started: the time to spread the kills over.
  void measure() {
    const auto database = make_();
    const Target target = fresh(*database, "measured");
    Crowd crowd(*database, std::vector<ProcessOptions>(crowd_size, migrate_options(target, patient_up)));
    const auto start = Clock::now();
    const auto results = crowd.wait();
    span_ = std::chrono::duration_cast<Microseconds>(Clock::now() - start);
    check_survivors(results, false);
    check_once(*database, set_);
  }

  ScratchDirectory scratch_;
  std::mt19937_64 random_;
  Profile profile_;
  std::function<std::unique_ptr<TestDatabase>()> make_;
  TestSet set_;
  TestSet whole_;
  std::string expected_;
  Microseconds span_{0};
};

}  // namespace

Crowd::Crowd(const TestDatabase& database, std::vector<ProcessOptions> commands) : database_(database) {
  for (ProcessOptions& command : commands) runners_.push_back(Process::start(std::move(command)));
}

void Crowd::kill_some(std::size_t count, Microseconds span, std::mt19937_64& random, Tally& tally) {
  const auto start = Clock::now();
  std::vector<Microseconds> moments(count);
  std::uniform_int_distribution<std::int64_t> any(0, span.count());
  for (Microseconds& moment : moments) moment = Microseconds(any(random));
  std::sort(moments.begin(), moments.end());
  for (std::size_t i = 0; i < count; ++i) {
    // At its moment, or as soon as there is nobody left to wait for.
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(start + moments[i] - Clock::now());
    eventually([&] { return nobody_runs(); }, left);
    strike(i % 2 == 0, random, tally);
  }
}

std::vector<ProcessResult> Crowd::wait() {
  std::vector<ProcessResult> results;
  for (Process& runner : runners_) results.push_back(runner.wait());
  database_.settle();
  return results;
}

bool Crowd::nobody_runs() {
  return std::none_of(runners_.begin(), runners_.end(), [](Process& runner) { return runner.running(); });
}

void Crowd::strike(bool worker, std::mt19937_64& random, Tally& tally) {
  const pid_t holder = database_.holder();
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

std::string told(const ProcessResult& result) {
  return "exit " + std::to_string(result.status) + ", signal " + std::to_string(result.signal) + "\n" + result.out +
         result.err;
}

void check_survivors(const std::vector<ProcessResult>& results, bool dirty) {
  std::string all;
  for (const ProcessResult& result : results) all += told(result) + "\n";
  INFO(all);
  for (const ProcessResult& result : results)
    if (result.signal != SIGKILL) CHECK(result.status == (dirty ? 3 : 0));
}

long rounds_wanted() { return from_environment("TALOS_TEST_ROUNDS", TALOS_CI_ROUNDS); }

void run_rounds(Profile profile, const char* what, const std::function<std::unique_ptr<TestDatabase>()>& make) {
  Scenario scenario(profile, test_seed(what), make);
  const long rounds = rounds_wanted();
  for (long i = 1; i <= rounds; ++i) scenario.round(i);
  scenario.tally.print(what);
  CHECK(scenario.tally.killed > 0);
}

}  // namespace talos::test
