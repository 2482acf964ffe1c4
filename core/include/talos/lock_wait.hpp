// SDK. An optional ability of a session: to be woken when the run lock is given up, instead of trying for it often.
#pragma once

#include <chrono>
#include <string_view>

#include "talos/driver.hpp"

namespace talos {

/// Asked after try_lock() failed. Without it the program sleeps between its attempts.
class LockWait : public Ability {
 public:
  static constexpr std::string_view id = "talos.lock_wait.1";

  /// Waits for at most `at_most`, or until cancel(). True as soon as the holder has given the lock up, as far as that
  /// can be told; false does not mean that it is still held. The lock is not taken: the program looks and tries again.
  /// Nor does the session stand in the holder's way meanwhile: no blocking call for a lock, no snapshot.
  bool await(std::chrono::milliseconds at_most) {
    return detail::guarded("lock_wait", [&] { return do_await(at_most); });
  }

 private:
  virtual bool do_await(std::chrono::milliseconds at_most) = 0;
};

}  // namespace talos
