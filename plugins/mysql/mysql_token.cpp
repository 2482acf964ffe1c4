#include "mysql_token.hpp"

#include <algorithm>
#include <array>

#include "talos/error.hpp"

namespace talos::mysql {

namespace {

constexpr std::size_t npos = std::string_view::npos;

enum Letter : std::uint8_t { blank = 1, word_part = 2, digit = 4, dull = 8 };

constexpr std::array<std::uint8_t, 256> letters = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c >= 0x80) table[c] = word_part;
    if (c >= '0' && c <= '9') table[c] = digit | word_part | dull;
  }
  for (const char c : {' ', '\t', '\n', '\r', '\f', '\v'}) table[static_cast<unsigned char>(c)] = blank;
  // Nothing that begins a comment, a string or a name, a variable, or ends anything.
  for (const char c : {',', '=', '+', '<', '>', '[', ']', '%', '&', '|', '!', '?', '^', '~', '(', ')', '{', '}', '.'})
    table[static_cast<unsigned char>(c)] = dull;
  return table;
}();

bool is_a(char c, unsigned letter) { return (letters[static_cast<unsigned char>(c)] & letter) != 0; }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

[[noreturn]] void unclosed(const char* what, std::size_t offset) {
  throw Error(ErrorCode::usage, std::string("this ") + what + " is never closed").at(offset);
}

bool stands_at(std::string_view text, std::size_t at, std::string_view what) {
  return text.substr(at, what.size()) == what;
}

std::size_t end_of_line(std::string_view text, std::size_t at) { return std::min(text.find('\n', at), text.size()); }

// Two dashes begin a comment only before a blank, a control character or the end.
bool is_dash_comment(std::string_view text, std::size_t at) {
  if (!stands_at(text, at, "--")) return false;
  const auto next = at + 2 < text.size() ? static_cast<unsigned char>(text[at + 2]) : 0U;
  return next <= ' ' || next == 0x7f;
}

bool is_number(std::string_view word) {
  const auto all = [](std::string_view part, std::string_view allowed) {
    return !part.empty() && part.find_first_not_of(allowed) == npos;
  };
  constexpr std::string_view digits = "0123456789";
  const std::size_t run = std::min(word.find_first_not_of(digits), word.size());
  if (run == 0) return false;
  const std::string_view rest = word.substr(run);
  if (rest.empty()) return true;
  if (rest[0] == 'e' || rest[0] == 'E') return rest.size() == 1 || all(rest.substr(1), digits);
  if (word[0] != '0' || run != 1) return false;
  return rest[0] == 'x' ? all(rest.substr(1), "0123456789abcdefABCDEF") : rest[0] == 'b' && all(rest.substr(1), "01");
}

}  // namespace

void Tokens::set_delimiter(std::string_view delimiter) {
  delimiter_ = delimiter;
  plain_delimiter_ = !is_a(delimiter[0], dull);
}

void Tokens::skip_blank(bool all) {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (is_a(c, blank)) {
      ++at_;
      continue;
    }
    // Only these begin a comment or end one; and a delimiter may look like one.
    if ((c != '#' && c != '-' && c != '/' && c != '*') || at_delimiter(at_)) return;
    if (c == '#' || is_dash_comment(text_, at_)) {
      at_ = end_of_line(text_, at_);
    } else if (stands_at(text_, at_, "/*!999999") || stands_at(text_, at_, "/*M!999999")) {
      at_ = end_of_never_run(at_);
    } else if (stands_at(text_, at_, "/*!") || stands_at(text_, at_, "/*M!")) {
      if (!all) return;
      open_version_comment(at_ + (text_[at_ + 2] == 'M' ? 4 : 3));
    } else if (stands_at(text_, at_, "/*")) {
      at_ = end_of_comment(at_);
    } else if (in_version_comment() && stands_at(text_, at_, "*/")) {
      version_comment_ = none;
      at_ += 2;
    } else {
      return;
    }
  }
}

bool Tokens::skip_dull() {
  if (!plain_delimiter_) return false;
  unsigned skipped = 0;
  while (at_ < text_.size() && is_a(text_[at_], blank | dull))
    skipped |= letters[static_cast<unsigned char>(text_[at_++])];
  return (skipped & dull) != 0;
}

Token Tokens::next() {
  skip_blank();
  if (at_ >= text_.size()) {
    if (in_version_comment()) unclosed("version comment", version_comment_);
    return finish(Token::Kind::end, at_, at_);
  }
  if (at_delimiter(at_)) return finish(Token::Kind::terminator, at_, at_ + delimiter_.size());
  const char c = text_[at_];
  if (is_a(c, word_part)) return word();
  if (c == '\'') return finish(Token::Kind::string, at_, end_of_quoted(at_));
  if (c == '"') return finish(modes_.ansi_quotes ? Token::Kind::name : Token::Kind::string, at_, end_of_quoted(at_));
  if (c == '`') return finish(Token::Kind::name, at_, end_of_quoted(at_));
  if (c != '\\') return finish(Token::Kind::symbol, at_, at_ + 1);
  if (stands_at(text_, at_, "\\N")) return finish(Token::Kind::word, at_, at_ + 2);
  return finish(Token::Kind::backslash, at_, at_ + 1);
}

Token Tokens::finish(Token::Kind kind, std::size_t begin, std::size_t end) {
  at_ = end;
  return {kind, begin, end};
}

// A word, a number, or a string with its prefix. The client looks for its delimiter also within words: END$$.
Token Tokens::word() {
  const std::size_t begin = at_;
  std::size_t end = begin + 1;
  const char first = delimiter_[0];
  while (end < text_.size() && is_a(text_[end], word_part) && (text_[end] != first || !at_delimiter(end))) ++end;
  const std::string_view word = text_.substr(begin, end - begin);
  if (word.size() == 1 && end < text_.size() && text_[end] == '\'') {
    const char prefix = upper(word[0]);
    if (prefix == 'N' || prefix == 'X' || prefix == 'B') return finish(Token::Kind::string, begin, end_of_quoted(end));
  }
  return finish(is_number(word) ? Token::Kind::number : Token::Kind::word, begin, end);
}

// Behind the bang stand five or six digits of a version, or none.
void Tokens::open_version_comment(std::size_t digits) {
  version_comment_ = at_;
  std::size_t end = digits;
  while (end < text_.size() && end < digits + 6 && is_a(text_[end], digit)) ++end;
  at_ = end >= digits + 5 ? end : digits;
}

// Comments do not nest.
std::size_t Tokens::end_of_comment(std::size_t at) const {
  const std::size_t end = text_.find("*/", at + 2);
  if (end == npos) unclosed("comment", at);
  return end + 2;
}

// What only a version that no server has would run: mariadb-dump hides a command of its client there. A server skips
// it together with the comments inside.
std::size_t Tokens::end_of_never_run(std::size_t at) const {
  for (std::size_t i = at + 3; i < text_.size(); ++i) {
    if (stands_at(text_, i, "*/")) return i + 2;
    if (stands_at(text_, i, "/*")) i = end_of_comment(i) - 1;
  }
  unclosed("comment", at);
}

std::size_t Tokens::end_of_quoted(std::size_t at) const {
  const char quote = text_[at];
  const bool is_name = quote == '`' || (quote == '"' && modes_.ansi_quotes);
  const char escape = is_name || modes_.no_backslash_escapes ? quote : '\\';
  for (std::size_t i = at + 1; i < text_.size(); ++i) {
    if (text_[i] == quote) {
      if (i + 1 >= text_.size() || text_[i + 1] != quote) return i + 1;
      ++i;
    } else if (text_[i] == escape) {
      ++i;
    }
  }
  unclosed(is_name ? "quoted name" : "string", at);
}

bool Tokens::is(const Token& token, std::string_view keyword) const {
  return token.kind == Token::Kind::word && equal_word(text(token), keyword);
}

bool Tokens::take(std::string_view keyword) {
  const Tokens before = *this;
  if (is(next(), keyword)) return true;
  *this = before;
  return false;
}

bool Tokens::take_symbol(char wanted) {
  const Tokens before = *this;
  if (symbol(next()) == wanted) return true;
  *this = before;
  return false;
}

bool Tokens::take_dollar_text() {
  skip_blank();
  if (!stands_at(text_, at_, "$") || at_delimiter(at_)) return false;
  std::size_t end = at_ + 1;
  while (end < text_.size() && text_[end] != '$' && is_a(text_[end], word_part)) ++end;
  if (!stands_at(text_, end, "$")) return false;
  const std::string_view tag = text_.substr(at_, end + 1 - at_);
  const std::size_t close = text_.find(tag, end + 1);
  if (close == npos) unclosed("dollar-quoted text", at_);
  at_ = close + tag.size();
  return true;
}

bool starts_with_word(std::string_view text, std::string_view upper_word) {
  return text.size() >= upper_word.size() &&
         std::equal(upper_word.begin(), upper_word.end(), text.begin(), [](char a, char b) { return a == upper(b); });
}

bool equal_word(std::string_view text, std::string_view upper_word) {
  return text.size() == upper_word.size() && starts_with_word(text, upper_word);
}

bool contains_word(std::string_view text, std::string_view upper_word) {
  return std::search(text.begin(), text.end(), upper_word.begin(), upper_word.end(),
                     [](char a, char b) { return upper(a) == b; }) != text.end();
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string identifier(std::string_view token) {
  if (token.empty() || std::string_view("`\"'").find(token[0]) == npos) return std::string(token);
  std::string name;
  for (std::size_t i = 1; i + 1 < token.size(); ++i) {
    name += token[i];
    if (token[i] == token[0]) ++i;
  }
  return name;
}

std::string string_value(std::string_view token, LexerModes modes) {
  std::string value;
  for (std::size_t i = 1; i + 1 < token.size(); ++i) {
    const bool escaped = token[i] == token[0] || (token[i] == '\\' && !modes.no_backslash_escapes);
    if (escaped && i + 2 < token.size()) ++i;
    value += token[i];
  }
  return value;
}

}  // namespace talos::mysql
