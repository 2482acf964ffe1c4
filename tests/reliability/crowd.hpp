// Many runners on one database at once, some of them killed (R1). 20 rounds; TALOS_TEST_ROUNDS=200 is the full form.
// TALOS_TEST_SEED repeats a run as far as the machine's timing lets it.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sets.hpp"
#include "test_database.hpp"

namespace talos::test {

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

class Crowd {
 public:
  /// All of them start.
  Crowd(const TestDatabase& database, std::vector<ProcessOptions> commands);

  /// Kills `count` of them at random moments of `span`: every second time whoever works just then, else anybody.
  void kill_some(std::size_t count, std::chrono::microseconds span, std::mt19937_64& random, Tally& tally);

  /// Until all have ended, and nothing of the killed ones is at work.
  std::vector<ProcessResult> wait();

 private:
  bool nobody_runs();
  void strike(bool worker, std::mt19937_64& random, Tally& tally);

  const TestDatabase& database_;
  std::vector<Process> runners_;
};

std::string told(const ProcessResult& result);

/// T1: survivors exit 0, or 3 if and only if the database is dirty now.
void check_survivors(const std::vector<ProcessResult>& results, bool dirty);

/// Sixteen runners a round over the busy set of that profile, a third of them killed; what must hold after each round.
/// `make` makes the database of a round.
void run_rounds(Profile profile, const char* what,
                const std::function<std::unique_ptr<TestDatabase>()>& make = new_database);

/// TALOS_TEST_ROUNDS, or as many as that are enough for every commit.
long rounds_wanted();

}  // namespace talos::test
