#include "cockroach_version.hpp"

#include <charconv>

namespace talos::cockroach {

std::string to_string(Version version) { return std::to_string(version.major) + "." + std::to_string(version.minor); }

std::optional<Version> find_version(std::string_view text) {
  const auto is_digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(at)) continue;
    Version version;
    const auto major = std::from_chars(text.data() + at, text.data() + text.size(), version.major);
    at = static_cast<std::size_t>(major.ptr - text.data());
    if (major.ec != std::errc() || at >= text.size() || text[at] != '.' || !is_digit(at + 1)) continue;
    if (std::from_chars(text.data() + at + 1, text.data() + text.size(), version.minor).ec == std::errc())
      return version;
  }
  return std::nullopt;
}

}  // namespace talos::cockroach
