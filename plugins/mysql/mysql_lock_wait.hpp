// The ability LockWait of a session whose server wakes whoever waits for a lock by name.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "talos/lock_wait.hpp"

namespace talos::mysql {

class SessionLockWait : public LockWait {
 public:
  using LockWithin = std::function<bool(std::chrono::milliseconds at_most)>;
  explicit SessionLockWait(LockWithin lock_within) : lock_within_(std::move(lock_within)) {}

 private:
  bool do_await(std::chrono::milliseconds at_most) override { return lock_within_(at_most); }

  LockWithin lock_within_;
};

}  // namespace talos::mysql
