// SQLite's lexical rules: where quoted texts, comments and words end, and statements in one spelling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace talos::sqlite {

bool is_word_character(char c);
bool starts_comment(std::string_view text, std::size_t at);
bool starts_quoted(char c);
// These throw ErrorCode::usage with the offset for what is never closed.
std::size_t end_of_quoted(std::string_view text, std::size_t at);
std::size_t end_of_comment(std::string_view text, std::size_t at);
std::size_t skip_blank(std::string_view text, std::size_t at);

std::string lower(std::string_view text);
std::string upper(std::string text);

/// One token in one spelling: words in lower case, names without the quotes that they can do without.
struct Token {
  enum class Kind : std::uint8_t { word, name, string, symbol };
  Kind kind = Kind::word;
  std::string text;
  bool is(std::string_view word) const { return kind == Kind::word && text == word; }
  bool is_symbol(char c) const { return kind == Kind::symbol && text[0] == c; }
};

std::vector<Token> tokens_of(std::string_view text);
/// The same text for whatever differs in nothing but case, blanks, comments and needless quotes.
std::string canonical(const Token* begin, const Token* end);
std::string canonical(std::string_view text);

}  // namespace talos::sqlite
