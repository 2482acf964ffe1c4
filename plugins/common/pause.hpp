// To wait, and to notice meanwhile that a stop is wanted.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

namespace talos::common {

/// Sleeps for so long; false as soon as `stopped` is true, which it is asked about every 50 ms.
inline bool pause_for(std::chrono::milliseconds duration, const std::function<bool()>& stopped) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + duration;
  while (Clock::now() < until) {
    if (stopped()) return false;
    std::this_thread::sleep_for(std::min<Clock::duration>(until - Clock::now(), std::chrono::milliseconds(50)));
  }
  return true;
}

}  // namespace talos::common
