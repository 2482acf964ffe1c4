// A second process that takes the run lock and keeps it until it is killed.
#pragma once

#include <string>

#include <sys/types.h>

namespace talos::conformance {

/// What the child does: reads the DSN from standard input (not from its arguments, which everybody can read), takes
/// the lock, says so on standard output, and waits for its end. Never returns.
[[noreturn]] void hold_lock(const std::string& plugin, const std::string& table);

/// Starts this program again as such a child, and waits until it holds the lock. Killed with the object at the latest.
class LockHolderProcess {
 public:
  explicit LockHolderProcess(const std::string& table);
  ~LockHolderProcess() { kill(); }
  LockHolderProcess(const LockHolderProcess&) = delete;
  LockHolderProcess& operator=(const LockHolderProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// SIGKILL, and waits for its end.
  void kill();

 private:
  pid_t pid_ = -1;
  bool running_ = false;
};

}  // namespace talos::conformance
