// How long to wait before the same is tried again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace talos::common {

/// 0.1 s doubling to 5 s, with jitter (P9). `attempt` is the one that failed, from 1.
inline std::chrono::milliseconds retry_delay(int attempt) {
  static thread_local std::minstd_rand random(std::random_device{}());
  const std::int64_t most = std::min<std::int64_t>(5'000, std::int64_t{100} << std::min(attempt, 10));
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(std::max<std::int64_t>(most / 2, 100), most)(random));
}

}  // namespace talos::common
