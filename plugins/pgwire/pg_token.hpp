// PostgreSQL's lexical rules: one token after the other, as the server's scanner reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace talos::pg {

struct Token {
  enum class Kind : std::uint8_t {
    end,
    word,      ///< a keyword or a name without quotes
    name,      ///< "…" or U&"…"
    string,    ///< '…' with any prefix, $tag$…$tag$
    number,    ///< digits, or $1
    symbol,    ///< any other single byte
    backslash  ///< nothing of SQL: a meta-command of psql
  };
  Kind kind = Kind::end;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Reads tokens; knows nothing of statements. Throws ErrorCode::usage with the offset for what is never closed.
class Tokens {
 public:
  explicit Tokens(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  Token next();
  /// The token that next() will return.
  Token peek() const { return Tokens(text_, at_).next(); }
  void skip_blank();
  /// Skips blanks and tokens that matter to nobody who looks for the end of a statement; true if there was a token.
  bool skip_dull();

  std::size_t at() const { return at_; }
  void move(std::size_t at) { at_ = at; }
  std::string_view text() const { return text_; }
  std::string_view text(const Token& token) const { return text_.substr(token.begin, token.end - token.begin); }
  char symbol(const Token& token) const { return token.kind == Token::Kind::symbol ? text_[token.begin] : '\0'; }
  /// It is this keyword (upper case), without quotes.
  bool is(const Token& token, std::string_view keyword) const;
  /// Takes the next token if it is this keyword.
  bool take(std::string_view keyword);
  bool take_symbol(char symbol);

 private:
  Token finish(Token::Kind kind, std::size_t begin, std::size_t end);
  Token word();
  Token dollar();
  std::size_t end_of_comment(std::size_t at) const;
  std::size_t end_of_quoted(std::size_t at) const;
  std::size_t end_of_escape_string(std::size_t quote) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Without regard to the case of ASCII letters; `upper` is upper case.
bool equal_word(std::string_view text, std::string_view upper);
bool starts_with_word(std::string_view text, std::string_view upper);

/// The name that the server makes of a word or name token: folded or unquoted, cut to 63 bytes. Empty for U&"…".
std::string identifier(std::string_view token);

}  // namespace talos::pg
