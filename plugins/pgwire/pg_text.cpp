#include "pg_text.hpp"

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

std::string quoted_name(std::string_view name) { return enclosed(name, '"'); }

}  // namespace talos::pg
