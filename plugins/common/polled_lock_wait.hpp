// The ability LockWait where nobody can be told: whether the lock is free is asked often, which takes and writes
// nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <utility>

#include "common/pause.hpp"
#include "talos/error.hpp"
#include "talos/lock_wait.hpp"

namespace talos::common {

class PolledLockWait : public LockWait {
 public:
  /// `shortest` is what the first pauses may take: the more, the more it costs to ask whether the lock is `free`.
  PolledLockWait(std::chrono::milliseconds shortest, std::function<bool()> free, std::function<bool()> stopped)
      : free_(std::move(free)), stopped_(std::move(stopped)), step_(shortest) {}

 private:
  using Step = std::chrono::duration<double, std::milli>;

  bool do_await(std::chrono::milliseconds at_most) override {
    const auto until = Clock::now() + at_most;
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
      if (left.count() <= 0) return false;
      if (!pause_for(std::min(left, next_pause()), stopped_)) throw Error(ErrorCode::cancelled, "stopped");
      if (free_()) return true;
    }
  }

  // About a twentieth of what was waited so far; with jitter, so that many waiters do not march in step. What seems
  // free and is not to be had, as by a lock file that somebody removed, is tried for ever more seldom, too.
  std::chrono::milliseconds next_pause() {
    static thread_local std::minstd_rand random(std::random_device{}());
    const Step pause(std::uniform_real_distribution<double>(step_.count() / 2, step_.count())(random));
    step_ = std::min(step_ * 1.05, Step(250));
    return std::chrono::ceil<std::chrono::milliseconds>(pause);
  }

  using Clock = std::chrono::steady_clock;

  std::function<bool()> free_;
  std::function<bool()> stopped_;
  Step step_;  ///< the longest that the next pause may take
};

}  // namespace talos::common
