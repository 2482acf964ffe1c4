#include "pg_token.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "talos/error.hpp"

namespace talos::pg {

namespace {

constexpr std::size_t npos = std::string_view::npos;

enum Letter : std::uint8_t { blank = 1, word_start = 2, digit = 4, word_part = 8, dull = 16 };

constexpr std::array<std::uint8_t, 256> letters = [] {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80) table[c] = word_start | word_part;
    if (c >= '0' && c <= '9') table[c] = digit | word_part;
  }
  for (const char c : {' ', '\t', '\n', '\r', '\f', '\v'}) table[static_cast<unsigned char>(c)] = blank;
  table['$'] = word_part;
  // Nothing that begins a comment, a string or a name, and nothing that groups or ends anything.
  for (const char c : {',', '=', '+', '*', '<', '>', ':', '[', ']', '%', '&', '|', '!', '?', '#', '@', '^', '~', '`'})
    table[static_cast<unsigned char>(c)] = dull;
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] |= dull;
  return table;
}();

bool is_a(char c, unsigned letter) { return (letters[static_cast<unsigned char>(c)] & letter) != 0; }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

[[noreturn]] void unclosed(const char* what, std::size_t offset) {
  throw Error(ErrorCode::usage, std::string("this ") + what + " is never closed").at(offset);
}

bool two_at(std::string_view text, std::size_t at, char first, char second) {
  return at + 1 < text.size() && text[at] == first && text[at + 1] == second;
}

// A carriage return ends a line too.
std::size_t end_of_line(std::string_view text, std::size_t at) {
  const std::size_t line = std::min(text.find('\n', at), text.size());
  const void* cr = std::memchr(text.data() + at, '\r', line - at);
  return cr != nullptr ? static_cast<std::size_t>(static_cast<const char*>(cr) - text.data()) : line;
}

// The quote that continues a string of which `at` is one past the closing quote, or npos: blanks and comments with a
// line break among them may stand between the two.
std::size_t continuation(std::string_view text, std::size_t at) {
  bool line_break = false;
  while (at < text.size()) {
    if (is_a(text[at], blank)) {
      line_break = line_break || text[at] == '\n' || text[at] == '\r';
      ++at;
    } else if (two_at(text, at, '-', '-')) {
      at = end_of_line(text, at);
    } else {
      return line_break && text[at] == '\'' ? at : npos;
    }
  }
  return npos;
}

// Short runs are the rule, where a search by memchr costs more than it saves.
std::size_t find_either(std::string_view text, std::size_t at, char one, char other) {
  while (at < text.size() && text[at] != one && text[at] != other) ++at;
  return at < text.size() ? at : npos;
}

}  // namespace

void Tokens::skip_blank() {
  while (at_ < text_.size()) {
    if (is_a(text_[at_], blank))
      ++at_;
    else if (two_at(text_, at_, '-', '-'))
      at_ = end_of_line(text_, at_);
    else if (two_at(text_, at_, '/', '*'))
      at_ = end_of_comment(at_);
    else
      return;
  }
}

bool Tokens::skip_dull() {
  unsigned skipped = 0;
  while (at_ < text_.size() && is_a(text_[at_], blank | dull))
    skipped |= letters[static_cast<unsigned char>(text_[at_++])];
  return (skipped & dull) != 0;
}

Token Tokens::next() {
  skip_blank();
  if (at_ >= text_.size()) return finish(Token::Kind::end, at_, at_);
  const char c = text_[at_];
  if (is_a(c, word_start)) return word();
  if (c == '\'') return finish(Token::Kind::string, at_, end_of_quoted(at_));
  if (c == '"') return finish(Token::Kind::name, at_, end_of_quoted(at_));
  if (c == '$') return dollar();
  if (c == '\\') return finish(Token::Kind::backslash, at_, at_ + 1);
  if (!is_a(c, digit)) return finish(Token::Kind::symbol, at_, at_ + 1);
  std::size_t end = at_;
  while (end < text_.size() && is_a(text_[end], digit)) ++end;
  return finish(Token::Kind::number, at_, end);
}

Token Tokens::finish(Token::Kind kind, std::size_t begin, std::size_t end) {
  at_ = end;
  return {kind, begin, end};
}

// A word, or a string or name with its prefix.
Token Tokens::word() {
  const std::size_t begin = at_;
  std::size_t end = begin;
  while (end < text_.size() && is_a(text_[end], word_part)) ++end;
  if (end - begin != 1 || end >= text_.size()) return finish(Token::Kind::word, begin, end);
  const char prefix = upper(text_[begin]);
  if (text_[end] == '\'') {
    if (prefix == 'E') return finish(Token::Kind::string, begin, end_of_escape_string(end));
    if (prefix == 'B' || prefix == 'X' || prefix == 'N') return finish(Token::Kind::string, begin, end_of_quoted(end));
  }
  if (prefix == 'U' && two_at(text_, end, '&', '\'')) return finish(Token::Kind::string, begin, end_of_quoted(end + 1));
  if (prefix == 'U' && two_at(text_, end, '&', '"')) return finish(Token::Kind::name, begin, end_of_quoted(end + 1));
  return finish(Token::Kind::word, begin, end);
}

// $tag$…$tag$, $1 or a lone dollar.
Token Tokens::dollar() {
  const std::size_t begin = at_;
  std::size_t end = begin + 1;
  if (end < text_.size() && is_a(text_[end], digit)) {
    while (end < text_.size() && is_a(text_[end], digit)) ++end;
    return finish(Token::Kind::number, begin, end);
  }
  while (end < text_.size() && text_[end] != '$' && is_a(text_[end], word_part)) ++end;
  if (end >= text_.size() || text_[end] != '$') return finish(Token::Kind::symbol, begin, begin + 1);
  const std::string_view tag = text_.substr(begin, end + 1 - begin);
  const std::size_t close = text_.find(tag, end + 1);
  if (close == npos) unclosed("dollar-quoted text", begin);
  return finish(Token::Kind::string, begin, close + tag.size());
}

// Comments nest.
std::size_t Tokens::end_of_comment(std::size_t at) const {
  const std::size_t begin = at;
  std::size_t depth = 0;
  do {
    if (two_at(text_, at, '/', '*')) {
      ++depth;
      at += 2;
    } else if (two_at(text_, at, '*', '/')) {
      --depth;
      at += 2;
    } else {
      at = find_either(text_, at + 1, '*', '/');
      if (at == npos) unclosed("comment", begin);
    }
  } while (depth > 0);
  return at;
}

std::size_t Tokens::end_of_quoted(std::size_t at) const {
  const char quote = text_[at];
  std::size_t end = text_.find(quote, at + 1);
  while (end != npos && end + 1 < text_.size() && text_[end + 1] == quote) end = text_.find(quote, end + 2);
  if (end == npos) unclosed(quote == '\'' ? "string" : "quoted name", at);
  return end + 1;
}

// With backslashes, also in the parts that continue it on further lines.
std::size_t Tokens::end_of_escape_string(std::size_t quote) const {
  std::size_t at = quote + 1;
  while (true) {
    at = find_either(text_, at, '\'', '\\');
    if (at == npos || at + 1 >= text_.size()) break;
    if (text_[at] == '\\' || text_[at + 1] == '\'') {
      at += 2;
      continue;
    }
    const std::size_t more = continuation(text_, at + 1);
    if (more == npos) return at + 1;
    at = more + 1;
  }
  if (at == npos || text_[at] == '\\') unclosed("string", quote);
  return at + 1;
}

bool Tokens::is(const Token& token, std::string_view keyword) const {
  return token.kind == Token::Kind::word && equal_word(text(token), keyword);
}

bool Tokens::take(std::string_view keyword) {
  const std::size_t before = at_;
  if (is(next(), keyword)) return true;
  at_ = before;
  return false;
}

bool Tokens::take_symbol(char wanted) {
  const std::size_t before = at_;
  if (symbol(next()) == wanted) return true;
  at_ = before;
  return false;
}

bool starts_with_word(std::string_view text, std::string_view upper_word) {
  return text.size() >= upper_word.size() &&
         std::equal(upper_word.begin(), upper_word.end(), text.begin(), [](char a, char b) { return a == upper(b); });
}

bool equal_word(std::string_view text, std::string_view upper_word) {
  return text.size() == upper_word.size() && starts_with_word(text, upper_word);
}

std::string identifier(std::string_view token) {
  constexpr std::size_t longest = 63;
  std::string name;
  if (token.starts_with('"')) {
    for (std::size_t i = 1; i + 1 < token.size(); ++i) {
      name += token[i];
      if (token[i] == '"') ++i;
    }
  } else if (token.ends_with('"')) {
    return {};
  } else {
    std::transform(token.begin(), token.end(), std::back_inserter(name), lower);
  }
  if (name.size() <= longest) return name;
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) --end;
  name.resize(end);
  return name;
}

}  // namespace talos::pg
