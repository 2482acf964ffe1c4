#include "dsn.hpp"

#include <algorithm>

#include "talos/error.hpp"

namespace talos {

namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

void trim_line_end(std::string& text) { text.erase(text.find_last_not_of("\r\n") + 1); }

// A blank at an end, a second line or a comment of a secrets file would silently name another database.
bool has_stray_bytes(std::string_view text) {
  return text.starts_with(' ') || text.ends_with(' ') ||
         std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

// Narrow on purpose: `host=… password=x dbname=my.db` or `user:secret@tcp(db)/my.db` must never become a file name.
bool is_plain_file_name(std::string_view text) {
  if (text == ":memory:") return true;
  if (!text.ends_with(".db")) return false;
  const std::string_view name = text.starts_with("file:") ? text.substr(5) : text;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return c == '=' || c == '@' || c == '(' || c == '?' || c == ':' || static_cast<unsigned char>(c) <= ' ' ||
           c == 0x7f;
  });
}

[[noreturn]] void refuse(const std::string& what, std::string_view file_scheme) {
  const std::string scheme(file_scheme);
  throw Error(ErrorCode::usage, what)
      .with_hint("accepted: <scheme>://…, such as " + scheme + ":///absolute/path.db or " + scheme +
                 "://relative.db; keywords behind a scheme too, postgres://host=… dbname=…; "
                 "and without a scheme: :memory: or a file name that ends in .db");
}

}  // namespace

bool is_plugin_word(std::string_view text) {
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

Dsn Dsn::parse(std::string text, std::string_view file_scheme) {
  trim_line_end(text);
  if (text.empty()) refuse("the DSN is empty", file_scheme);
  if (text.find('\0') != std::string::npos) refuse("the DSN holds a NUL byte", file_scheme);
  if (has_stray_bytes(text)) refuse("the DSN begins or ends with a blank, or holds a tab or a line break", file_scheme);
  const auto end = text.find("://");
  if (end == std::string::npos || is_plain_file_name(text)) {
    if (!is_plain_file_name(text)) refuse("the DSN has no scheme", file_scheme);
    return Dsn(std::move(text), std::string(file_scheme));
  }
  std::string scheme = lower_case(std::string_view(text).substr(0, end));
  if (!is_plugin_word(scheme)) refuse("the DSN does not begin with a valid scheme", file_scheme);
  return Dsn(std::move(text), std::move(scheme));
}

}  // namespace talos
