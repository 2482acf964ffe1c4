#include "sqlite_token.hpp"

#include <algorithm>
#include <cctype>

#include <sqlite3.h>

#include "talos/error.hpp"

namespace talos::sqlite {

namespace {

constexpr std::string_view blank = " \t\r\n\f";

[[noreturn]] void unclosed(const char* what, std::size_t offset) {
  throw Error(ErrorCode::usage, std::string("this ") + what + " is never closed").at(offset);
}

std::string unquoted(std::string_view quoted) {
  const char close = quoted.back();
  std::string name;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    name += quoted[i];
    if (quoted[i] == close) ++i;
  }
  return name;
}

bool needs_quotes(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return true;
  if (!std::all_of(name.begin(), name.end(), is_word_character)) return true;
  return sqlite3_keyword_check(name.data(), static_cast<int>(name.size())) != 0;
}

// Names compare without regard to case.
Token name_token(std::string_view quoted) {
  std::string name = lower(unquoted(quoted));
  if (!needs_quotes(name)) return {Token::Kind::word, std::move(name)};
  return {Token::Kind::name, "\"" + name + "\""};
}

bool joins_left(const Token& token) { return token.is_symbol(')') || token.is_symbol(',') || token.is_symbol('.'); }
bool joins_right(const Token& token) { return token.is_symbol('(') || token.is_symbol('.'); }

bool has_blank_between(const Token& left, const Token& right) {
  if (joins_left(right) || joins_right(left)) return false;
  const bool operators = left.kind == Token::Kind::symbol && right.kind == Token::Kind::symbol;
  return !operators || left.is_symbol(',') || left.is_symbol(')') || right.is_symbol('(');
}

}  // namespace

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

// A doubled quote inside reads as two quoted texts in a row, which is the same to who looks for an end.
std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char close = text[at] == '[' ? ']' : text[at];
  const auto end = text.find(close, at + 1);
  if (end == std::string_view::npos) unclosed(text[at] == '\'' ? "string" : "quoted name", at);
  return end + 1;
}

bool starts_comment(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return false;
  return (text[at] == '-' && text[at + 1] == '-') || (text[at] == '/' && text[at + 1] == '*');
}

std::size_t end_of_comment(std::string_view text, std::size_t at) {
  if (text[at] == '-') return std::min(text.find('\n', at), text.size());
  const auto end = text.find("*/", at + 2);
  if (end == std::string_view::npos) unclosed("comment", at);
  return end + 2;
}

bool starts_quoted(char c) { return c == '\'' || c == '"' || c == '`' || c == '['; }

std::size_t skip_blank(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    if (blank.find(text[at]) != std::string_view::npos)
      ++at;
    else if (starts_comment(text, at))
      at = end_of_comment(text, at);
    else
      break;
  }
  return at;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = skip_blank(text, 0); at < text.size(); at = skip_blank(text, at)) {
    const std::size_t begin = at;
    if (starts_quoted(text[at])) {
      const char quote = text[at];
      at = end_of_quoted(text, at);
      while (quote != '[' && at < text.size() && text[at] == quote) at = end_of_quoted(text, at);
      const std::string_view quoted = text.substr(begin, at - begin);
      tokens.push_back(quote == '\'' ? Token{Token::Kind::string, std::string(quoted)} : name_token(quoted));
    } else if (is_word_character(text[at])) {
      while (at < text.size() && is_word_character(text[at])) ++at;
      tokens.push_back({Token::Kind::word, lower(text.substr(begin, at - begin))});
    } else {
      tokens.push_back({Token::Kind::symbol, std::string(1, text[at++])});
    }
  }
  return tokens;
}

std::string canonical(const Token* begin, const Token* end) {
  std::string text;
  for (const Token* token = begin; token != end; ++token) {
    if (token != begin && has_blank_between(token[-1], *token)) text += ' ';
    text += token->text;
  }
  return text;
}

std::string canonical(std::string_view text) {
  const auto tokens = tokens_of(text);
  return canonical(tokens.data(), tokens.data() + tokens.size());
}

}  // namespace talos::sqlite
