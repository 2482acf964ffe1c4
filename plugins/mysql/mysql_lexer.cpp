#include "mysql_lexer.hpp"

#include <algorithm>

#include "common/utf8.hpp"
#include "mysql_body.hpp"
#include "mysql_set.hpp"
#include "mysql_statement.hpp"

namespace talos::mysql {

namespace {

using Kind = Token::Kind;

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool locks_for_session(std::string_view word) {
  return equal_word(word, "GET_LOCK") || equal_word(word, "RELEASE_LOCK") || equal_word(word, "RELEASE_ALL_LOCKS");
}

// Finds the end of one statement and notes what it meets on the way.
class StatementScan {
 public:
  explicit StatementScan(Tokens& tokens) : tokens_(tokens), own_delimiter_(tokens.delimiter() != ";") {}

  /// One past the last byte of the statement. `tokens` then stands behind what ended it.
  std::size_t run() {
    while (true) {
      if (body_.is_dull() && before_ == Before::other && tokens_.skip_dull()) trailing_ = none;
      const Token token = tokens_.next();
      if (token.kind == Kind::end || ends(token)) return finish(token);
      take(token);
    }
  }

  bool is_empty() const { return tokens_seen_ == 0; }
  Seen seen() const {
    Seen seen = seen_;
    seen.compound = body_.is_compound();
    seen.needs_delimiter = body_.needs_delimiter() && !own_delimiter_;
    return seen;
  }

 private:
  static constexpr std::size_t none = std::string_view::npos;
  /// What stands before a token, as far as it changes what the token means.
  enum class Before : std::uint8_t { other, into, at, variable, colon };

  // With a delimiter of its own, a program ends only there.
  bool ends(const Token& token) const {
    if (token.kind == Kind::terminator) return own_delimiter_ || !body_.is_open();
    return own_delimiter_ && tokens_.symbol(token) == ';' && !body_.is_program() && !body_.needs_delimiter();
  }

  // Semicolons between a program and its delimiter are no part of it.
  std::size_t finish(const Token& token) const {
    if (token.kind == Kind::end && body_.is_open())
      throw Error(ErrorCode::usage, "the body that begins here is never closed")
          .at(body_.opened_at())
          .with_hint(
              "each BEGIN, IF, CASE, LOOP, WHILE and REPEAT needs its END; DELIMITER lines around a program show "
              "where it ends");
    if (tokens_.in_version_comment())
      throw Error(ErrorCode::usage, "a statement ends inside a version comment: end it behind the comment")
          .at(token.begin);
    return trailing_ == none ? token.begin : trailing_;
  }

  void take(const Token& token) {
    ++tokens_seen_;
    // Within a version comment it is not at the end, where nothing may be cut off.
    const bool semicolon = own_delimiter_ && tokens_.symbol(token) == ';' && !tokens_.in_version_comment();
    if (semicolon && !body_.is_open()) {
      if (trailing_ == none) trailing_ = token.begin;
    } else {
      trailing_ = none;
    }
    body_.take(token, tokens_);
    if (body_.expects_code()) tokens_.take_dollar_text();
    note(token);
  }

  void note(const Token& token) {
    const Before before = before_;
    before_ = Before::other;
    if (token.kind == Kind::backslash) {
      seen_.backslash = true;
    } else if (token.kind == Kind::symbol) {
      const char c = tokens_.symbol(token);
      if (c == '@') {
        seen_.into_variable = seen_.into_variable || before == Before::into;
        before_ = Before::at;
      } else if (c == ':' && before == Before::variable && tokens_.symbol(tokens_.peek()) == '=') {
        seen_.assigns = true;
      } else if (c == '.' && before == Before::variable) {
        before_ = Before::at;
      }
    } else if (before == Before::at) {
      before_ = Before::variable;
    } else if (token.kind == Kind::word) {
      word(tokens_.text(token), before);
    }
  }

  void word(std::string_view text, Before before) {
    if (text.size() == 4 && equal_word(text, "INTO")) before_ = Before::into;
    if (before == Before::into && (equal_word(text, "OUTFILE") || equal_word(text, "DUMPFILE"))) seen_.into_file = true;
    if (text.size() >= 8 && locks_for_session(text) && !body_.is_program() && tokens_.symbol(tokens_.peek()) == '(')
      seen_.session_lock = true;
  }

  Tokens& tokens_;
  bool own_delimiter_;
  Body body_;
  Seen seen_;
  Before before_ = Before::other;
  std::size_t tokens_seen_ = 0;
  std::size_t trailing_ = none;  ///< the first of the semicolons behind a program
};

class Cutter {
 public:
  Cutter(std::string_view text, LexerModes modes, const StatementSink& sink)
      : text_(text), tokens_(text, modes), modes_(modes), sink_(sink) {}

  std::uint64_t run() {
    for (tokens_.skip_blank(false); tokens_.at() < text_.size(); tokens_.skip_blank(false))
      if (!client()) statement();
    return traits_;
  }

 private:
  // What the mysql client takes for itself where a statement may begin; true if there was such a thing.
  bool client() {
    if (text_[tokens_.at()] == '/') return false;
    const Token first = tokens_.peek();
    if (tokens_.is(first, "DELIMITER")) return delimiter(first), true;
    if (first.kind != Kind::word && first.kind != Kind::backslash) return false;
    const std::string_view why = client_command(tokens_.text(first));
    if (why.empty()) return false;
    // It ends with its line, and its quotes mean nothing.
    Statement statement;
    statement.offset = first.begin;
    statement.length = std::min(text_.find('\n', first.begin), text_.size()) - first.begin;
    statement.kind = StatementClass::refused;
    statement.why = why;
    sink_(statement);
    tokens_.move(statement.offset + statement.length);
    return true;
  }

  void delimiter(const Token& word) {
    const std::size_t end = std::min(text_.find('\n', word.end), text_.size());
    std::string_view rest = text_.substr(word.end, end - word.end);
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    while (!rest.empty() && is_blank(rest.back())) rest.remove_suffix(1);
    std::string_view wanted = rest.substr(0, rest.find_first_of(" \t"));
    rest.remove_prefix(wanted.size());
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    if (wanted.size() > 2 && wanted.front() == wanted.back() && std::string_view("'\"`").find(wanted[0]) != none)
      wanted = wanted.substr(1, wanted.size() - 2);
    if (wanted.empty() || wanted.find('\\') != none || text_[word.end] == '\n')
      throw Error(ErrorCode::usage, "DELIMITER needs the text that is to end statements, without a backslash")
          .at(word.begin);
    // The client drops the rest of the line without a word.
    if (!rest.empty() && !rest.starts_with("--") && !rest.starts_with('#') && !rest.starts_with("/*"))
      throw Error(ErrorCode::usage, "a DELIMITER line holds nothing but the delimiter").at(word.begin);
    tokens_.set_delimiter(wanted);
    tokens_.move(end);
    traits_ |= trait_delimiter;
  }

  void statement() {
    Statement statement;
    statement.offset = tokens_.at();
    StatementScan scan(tokens_);
    statement.length = scan.run() - statement.offset;
    if (scan.is_empty()) return;
    const std::string_view sql = text_.substr(statement.offset, statement.length);
    traits_ |= classify(sql, scan.seen(), modes_.now(), statement);
    if (statement.kind != StatementClass::refused && !modes_.follow(sql)) {
      statement.kind = StatementClass::refused;
      statement.why =
          "this changes how the rest of the file is read in a way that cannot be told without the server: write "
          "sql_mode as one literal";
    }
    tokens_.set_modes(modes_.now());
    sink_(statement);
  }

  static constexpr std::size_t none = std::string_view::npos;

  std::string_view text_;
  Tokens tokens_;
  FollowedModes modes_;
  const StatementSink& sink_;
  std::uint64_t traits_ = 0;
};

}  // namespace

std::uint64_t split_sql(std::string_view text, LexerModes modes, const StatementSink& sink) {
  common::require_utf8(text);
  return Cutter(text, modes, sink).run();
}

bool may_be_empty(std::string_view statement) {
  Tokens tokens(statement);
  while (true) {
    tokens.skip_blank();
    if (tokens.at() >= statement.size()) return true;
    if (!tokens.in_version_comment()) return false;
    tokens.next();
  }
}

}  // namespace talos::mysql
