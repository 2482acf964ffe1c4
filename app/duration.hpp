// Durations as Go writes them: 500ms, 30s, 1h30m, 1.5h, 0.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace talos::app {

/// Rounded up to a millisecond. Nothing for anything else, a negative one, or one above a hundred years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// For people, three digits at most: 96µs, 1.39ms, 12s, 1h2m.
std::string format_duration(std::chrono::microseconds duration);

}  // namespace talos::app
