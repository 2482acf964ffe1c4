// The run lock: polled, never waited for inside the database, given up when the run ends.
#pragma once

#include <chrono>
#include <functional>

#include "cancel.hpp"
#include "reporter.hpp"
#include "talos/driver.hpp"
#include "talos/lock_wait.hpp"

namespace talos {

class RunLock {
 public:
  explicit RunLock(Session& session) : session_(session), wait_(session.ability<LockWait>()) {}
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// Polls until the lock is held (true), or `finished` says that another runner did all there was to do (false).
  /// Throws ErrorCode::lock_timeout naming the holder, ErrorCode::cancelled. To be called again after a lost claim: a
  /// lease that came in between is then waited for.
  bool acquire(std::chrono::milliseconds timeout, Reporter& reporter, CancelToken& cancel,
               const std::function<bool()>& finished);

 private:
  bool pause(std::chrono::milliseconds at_most, CancelToken& cancel) const;

  Session& session_;
  LockWait* const wait_;
};

/// Waits between polls: a fifth of what was waited so far, at least 10 ms and at most `longest`, with jitter, so that
/// many waiters do not march in step. Doubling, the usual way, has a waiter notice an end after up to twice the time.
class PollDelay {
 public:
  explicit PollDelay(std::chrono::milliseconds longest = std::chrono::milliseconds(250)) : longest_(longest) {}
  /// Doubling, for waiters who are told of most ends: those of runners that were killed, and of other tools, they
  /// notice as late as that.
  static PollDelay doubling() {
    PollDelay delay;
    delay.divisor_ = 1;
    return delay;
  }
  std::chrono::milliseconds next();

 private:
  std::chrono::milliseconds longest_;
  int divisor_ = 5;
  std::chrono::milliseconds waited_{0};
};

/// "pid 4711 on db1 since 2026-…", or "an unknown process".
std::string describe_holder(const LockStatus& lock);

}  // namespace talos
