#include "pg_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace talos::pg {

namespace {

std::string enclosed(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result += quote;
}

}  // namespace

std::string literal(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return enclosed(text, '\'');
  std::string escaped;
  for (const char c : text) escaped.append(c == '\\' ? 2 : 1, c);
  // The blank keeps the E from becoming part of a word before it.
  return " E" + enclosed(escaped, '\'');
}

std::string literal_or_null(std::string_view text) { return text.empty() ? "NULL" : literal(text); }

std::string number_or_null(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "NULL";
}

std::string setting(std::chrono::milliseconds time) {
  constexpr std::int64_t longest = 2'147'483'647;
  return std::to_string(std::min<std::int64_t>(time.count(), longest));
}

std::string milliseconds_of(std::string_view time) {
  return "(extract(epoch FROM " + std::string(time) + ") * 1000)::bigint";
}

std::string time_of(std::string_view milliseconds) {
  std::int64_t number = 0;
  const char* const end = milliseconds.data() + milliseconds.size();
  if (milliseconds.empty() || std::from_chars(milliseconds.data(), end, number).ptr != end) return {};
  const std::int64_t part = ((number % 1000) + 1000) % 1000;
  const std::time_t seconds = (number - part) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(part));
  return text.data();
}

std::string quoted_name(std::string_view name) { return enclosed(name, '"'); }

}  // namespace talos::pg
