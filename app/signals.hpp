// SIGINT, SIGTERM, SIGHUP: the first asks the run to stop, the second ends the process at once.
#pragma once

#include <atomic>
#include <thread>

#include <csignal>

#include "cancel.hpp"

namespace talos::app {

/// Make it before any other thread: it blocks the signals, which threads inherit, and waits for them on one of its own.
class SignalWatch {
 public:
  explicit SignalWatch(CancelToken& cancel);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// The signal that asked to stop; 0 = none.
  int received() const { return received_; }

 private:
  void watch(CancelToken& cancel);

  sigset_t set_{};
  std::atomic<int> received_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// Ends the process with 128 + `signal`. Never re-raises: as PID 1 of a container that would do nothing.
[[noreturn]] void exit_for_signal(int signal);

}  // namespace talos::app
