// SDK, for the kill-point tests: places where a test build dies as if by SIGKILL. Nothing in a normal build.
#pragma once

#include <csignal>
#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace talos {

#if defined(TALOS_FAIL_POINTS) && TALOS_FAIL_POINTS
inline constexpr bool fail_points_enabled = true;
#else
inline constexpr bool fail_points_enabled = false;
#endif

/// Dies here with SIGKILL if the environment says TALOS_FAIL_POINT=<name>:<n> and this is the n-th (from 1) passage of
/// `name` in this shared object; with name `*`, of any point.
inline void fail_point([[maybe_unused]] std::string_view name) {
  if constexpr (fail_points_enabled) {
    static const char* const setting = std::getenv("TALOS_FAIL_POINT");
    static int passages = 0;
    if (setting == nullptr) return;
    const std::string_view wanted(setting);
    const auto colon = wanted.rfind(':');
    if (colon == std::string_view::npos) return;
    if (const auto target = wanted.substr(0, colon); target != "*" && target != name) return;
    if (++passages == std::atoi(wanted.substr(colon + 1).data())) ::kill(::getpid(), SIGKILL);
  }
}

}  // namespace talos
