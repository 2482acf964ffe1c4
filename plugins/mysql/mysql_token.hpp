// MySQL's and MariaDB's lexical rules: one token after the other, as the servers' scanners read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace talos::mysql {

/// What of sql_mode changes how bytes are read.
struct LexerModes {
  bool no_backslash_escapes = false;
  bool ansi_quotes = false;
  bool operator==(const LexerModes&) const = default;
};

struct Token {
  enum class Kind : std::uint8_t {
    end,
    word,       ///< a keyword or a name without quotes, also \N
    name,       ///< `…`, or "…" under ANSI_QUOTES
    string,     ///< '…' with any prefix but a character set's, or "…"
    number,     ///< 12, 0x1F, 1e5; a point and a sign are symbols
    symbol,     ///< any other single byte
    backslash,  ///< nothing of SQL: a command of the mysql client
    terminator  ///< the delimiter in force
  };
  Kind kind = Kind::end;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Reads tokens; knows nothing of statements. The brackets of a version comment (/*!50001 … */, /*M! … */) are blank,
/// its contents code. Throws ErrorCode::usage with the offset for what is never closed.
class Tokens {
 public:
  explicit Tokens(std::string_view text, LexerModes modes = {}) : text_(text), modes_(modes) {}

  Token next();
  /// The token that next() will return.
  Token peek() const { return Tokens(*this).next(); }
  /// Blanks, comments, and with `all` the brackets of version comments.
  void skip_blank(bool all = true);
  /// Skips blanks and tokens that matter to nobody who looks for the end of a statement; true if there was a token.
  bool skip_dull();

  std::size_t at() const { return at_; }
  void move(std::size_t at) { at_ = at; }
  void set_modes(LexerModes modes) { modes_ = modes; }
  /// Not empty; `;` until then.
  void set_delimiter(std::string_view delimiter);
  std::string_view delimiter() const { return delimiter_; }
  bool in_version_comment() const { return version_comment_ != none; }

  std::string_view text() const { return text_; }
  std::string_view text(const Token& token) const { return text_.substr(token.begin, token.end - token.begin); }
  char symbol(const Token& token) const { return token.kind == Token::Kind::symbol ? text_[token.begin] : '\0'; }
  /// It is this keyword (upper case), without quotes.
  bool is(const Token& token, std::string_view keyword) const;
  /// Takes the next token if it is this keyword.
  bool take(std::string_view keyword);
  bool take_symbol(char symbol);
  /// Takes $$…$$ or $tag$…$tag$ if that comes next: MySQL has it where a program's code of another language stands,
  /// elsewhere a dollar is part of a name.
  bool take_dollar_text();

 private:
  static constexpr std::size_t none = std::string_view::npos;

  Token finish(Token::Kind kind, std::size_t begin, std::size_t end);
  Token word();
  bool at_delimiter(std::size_t at) const { return text_.substr(at, delimiter_.size()) == delimiter_; }
  void open_version_comment(std::size_t digits);
  std::size_t end_of_comment(std::size_t at) const;
  std::size_t end_of_never_run(std::size_t at) const;
  std::size_t end_of_quoted(std::size_t at) const;

  std::string_view text_;
  LexerModes modes_;
  std::string_view delimiter_ = ";";
  bool plain_delimiter_ = true;  ///< it is one symbol that skip_dull() stops at
  std::size_t at_ = 0;
  std::size_t version_comment_ = none;  ///< where the one that is open begins
};

/// Without regard to the case of ASCII letters; `upper` is upper case.
bool equal_word(std::string_view text, std::string_view upper);
bool starts_with_word(std::string_view text, std::string_view upper);
bool contains_word(std::string_view text, std::string_view upper);

/// ASCII only, as names of variables compare.
std::string lower(std::string_view text);

/// The name that the server makes of a word or name token, or of a string where one may stand for a name.
std::string identifier(std::string_view token);

/// What a '…' or "…" stands for; nothing else. Backslashes only as far as quotes and themselves.
std::string string_value(std::string_view token, LexerModes modes);

}  // namespace talos::mysql
