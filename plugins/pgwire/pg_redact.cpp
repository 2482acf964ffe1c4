#include "pg_redact.hpp"

#include "pg_token.hpp"
#include "talos/error.hpp"

namespace talos::pg {

namespace {

// Under standard_conforming_strings = off, which cannot be seen from here, it does not end where it seems to.
bool may_go_on(std::string_view string) { return string.front() == '\'' && string.ends_with("\\'"); }

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
      else if (token.kind == Kind::number && word.front() != '$')
        text += "…";
      else
        text += word;
      if (token.kind == Kind::string && may_go_on(word)) return text + " …";
    }
  } catch (const Error&) {
    text += " …";
  }
  return text;
}

}  // namespace talos::pg
