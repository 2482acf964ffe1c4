#include "pg_text.hpp"

#include <algorithm>

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

// Bytes of the well-formed character that the text begins with; 0 if none does.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) == 0 ? 0 : 1;
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  if ((byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) > 0x9F)) return 0;
  if ((byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    result += length == 0 ? "?" : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

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

std::string quoted_name(std::string_view name) { return enclosed(name, '"'); }

}  // namespace talos::pg
