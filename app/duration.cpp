#include "duration.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace talos::app {

namespace {

struct Unit {
  std::string_view name;
  double milliseconds;
};

// Longer names before their prefixes.
constexpr std::array units{Unit{"ns", 1e-6}, Unit{"us", 1e-3}, Unit{"µs", 1e-3}, Unit{"ms", 1.0},
                           Unit{"s", 1e3},   Unit{"m", 6e4},   Unit{"h", 3.6e6}};
constexpr double longest = 100.0 * 366 * 24 * 3.6e6;

const Unit* unit_at(std::string_view text) {
  for (const Unit& unit : units)
    if (text.starts_with(unit.name)) return &unit;
  return nullptr;
}

bool starts_with_number(std::string_view text) {
  return !text.empty() && ((text[0] >= '0' && text[0] <= '9') || text[0] == '.');
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    if (!starts_with_number(text)) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const Unit* unit = unit_at(text);
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    total += number * unit->milliseconds;
  }
  if (!(total <= longest)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(total)));
}

std::string format_duration(std::chrono::microseconds duration) {
  const double us = static_cast<double>(duration.count());
  if (us < 1000) return fmt::format("{}µs", duration.count());
  if (us < 999.5e3) return fmt::format("{:.3g}ms", us / 1e3);
  if (us < 60e6) return fmt::format("{:.3g}s", us / 1e6);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{}m", seconds / 3600, seconds / 60 % 60);
}

}  // namespace talos::app
