#include "run_lock.hpp"

#include <algorithm>
#include <optional>
#include <random>

namespace talos {

namespace {

using Clock = std::chrono::steady_clock;

std::chrono::milliseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
}

[[noreturn]] void timed_out(Session& session, std::chrono::milliseconds waited) {
  const LockStatus lock = session.observe_lock();
  throw Error(ErrorCode::lock_timeout, "another runner held the lock for all of " + std::to_string(waited.count()) +
                                           " ms: " + describe_holder(lock))
      .with_hint("see what it does with: migrate status; wait longer with --lock-timeout");
}

}  // namespace

std::chrono::milliseconds PollDelay::next() {
  static thread_local std::minstd_rand random(std::random_device{}());
  const auto most = std::min(std::max(waited_ / divisor_, std::chrono::milliseconds(10)), longest_).count();
  const std::chrono::milliseconds wait(std::uniform_int_distribution<std::int64_t>(most / 2, most)(random));
  waited_ += wait;
  return wait;
}

std::string describe_holder(const LockStatus& lock) {
  if (!lock.holder || lock.holder->pid == 0)
    return lock.holder && !lock.holder->detail.empty() ? lock.holder->detail : "an unknown process";
  std::string text = "pid " + std::to_string(lock.holder->pid);
  if (!lock.holder->host.empty()) text += " on " + lock.holder->host;
  if (!lock.holder->since.empty()) text += " since " + lock.holder->since;
  if (!lock.holder->detail.empty()) text += " (" + lock.holder->detail + ")";
  return text;
}

RunLock::~RunLock() {
  try {
    session_.unlock();
  } catch (const Error&) {
    // The connection is gone, and the lock with it; whatever broke it has been reported.
  }
}

// True if the lock may be free now.
bool RunLock::pause(std::chrono::milliseconds at_most, CancelToken& cancel) const {
  const auto start = Clock::now();
  try {
    if (wait_ != nullptr && wait_->await(at_most)) return true;
  } catch (const Error& error) {
    // The token knows why.
    if (error.code == ErrorCode::cancelled) cancel.check();
    throw;
  }
  // It may come back at once, where it can hear of nothing.
  if (const auto left = at_most - since(start); left.count() > 0) cancel.wait_for(left);
  return false;
}

// The lock is tried for often, which costs little; what the others do is looked at more seldom, and when one has ended:
// most often it has done it all, and then nobody else need queue for the lock to see that.
bool RunLock::acquire(std::chrono::milliseconds timeout, Reporter& reporter, CancelToken& cancel,
                      const std::function<bool()>& finished) {
  constexpr std::chrono::milliseconds between_looks{250};
  const auto start = Clock::now();
  std::optional<std::chrono::milliseconds> looked;
  PollDelay delay = wait_ != nullptr ? PollDelay::doubling() : PollDelay();
  while (!session_.try_lock()) {
    const auto waited = since(start);
    const bool in_time = waited < timeout;
    if (!in_time || !looked || waited - *looked >= between_looks) {
      if (finished()) return false;
      if (!in_time) timed_out(session_, waited);
      reporter.waiting_for_lock(session_.observe_lock(), waited);
      looked = waited;
    }
    const bool ended = pause(std::clamp(timeout - waited, std::chrono::milliseconds(1), delay.next()), cancel);
    cancel.check();
    if (ended && finished()) return false;
  }
  return true;
}

}  // namespace talos
