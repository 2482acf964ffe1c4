#include "mysql_redact.hpp"

#include "mysql_token.hpp"
#include "talos/error.hpp"

namespace talos::mysql {

namespace {

// Under NO_BACKSLASH_ESCAPES, or under ANSI_QUOTES, neither of which can be seen from here, it ends at another place.
bool may_end_elsewhere(std::string_view string) {
  return string.find("\\'") != std::string_view::npos || string.find("\\\"") != std::string_view::npos;
}

}  // namespace

std::string without_literals(std::string_view sql) {
  using Kind = Token::Kind;
  std::string text;
  Tokens tokens(sql);
  std::size_t end = 0;
  try {
    for (Token token = tokens.next(); token.kind != Kind::end; token = tokens.next()) {
      if (token.begin != end && !text.empty()) text += ' ';
      end = token.end;
      const std::string_view word = tokens.text(token);
      if (token.kind == Kind::string)
        text += "'…'";
      else if (token.kind == Kind::number)
        text += "…";
      else
        text += word;
      if (token.kind == Kind::string && may_end_elsewhere(word)) return text + " …";
    }
  } catch (const Error&) {
    text += " …";
  }
  return text;
}

}  // namespace talos::mysql
