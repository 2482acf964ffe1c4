#include "mysql_text.hpp"

namespace talos::mysql {

namespace {

std::string enclosed(std::string_view text, char quote, char escaped) {
  std::string result(1, quote);
  for (const char c : text) result.append(c == quote || c == escaped ? 2 : 1, c);
  return result += quote;
}

}  // namespace

std::string literal(std::string_view text) { return enclosed(text, '\'', '\\'); }

std::string literal_or_null(std::string_view text) { return text.empty() ? "NULL" : literal(text); }

std::string number_or_null(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "NULL";
}

std::string quoted_name(std::string_view name) { return enclosed(name, '`', '`'); }

}  // namespace talos::mysql
