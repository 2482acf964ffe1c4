#include "pg_lexer.hpp"

#include <algorithm>
#include <optional>

#include "common/utf8.hpp"
#include "pg_statement.hpp"
#include "pg_token.hpp"

namespace talos::pg {

namespace {

using Kind = Token::Kind;

// Only such a statement has a body BEGIN ATOMIC … END.
bool is_routine(std::string_view text, std::size_t at) {
  Tokens words(text, at);
  if (!words.take("CREATE")) return false;
  if (words.take("OR")) words.take("REPLACE");
  return words.take("FUNCTION") || words.take("PROCEDURE");
}

bool locks_for_session(std::string_view word) {
  return starts_with_word(word, "PG_ADVISORY_LOCK") || starts_with_word(word, "PG_TRY_ADVISORY_LOCK");
}

// Finds the end of one statement and notes what it meets on the way.
class StatementScan {
 public:
  StatementScan(Tokens& tokens, std::size_t start) : tokens_(tokens), start_(start) {}

  /// One past the last byte of the statement: its semicolon or the end of the text.
  std::size_t run() {
    while (true) {
      if (tokens_.skip_dull()) before_ = Before::other;
      const Token token = tokens_.next();
      if (token.kind == Kind::end) return tokens_.at();
      Before before = Before::other;
      if (token.kind == Kind::symbol) {
        const char c = tokens_.symbol(token);
        if (c == ';' && depth_ == 0 && body_ == 0) return token.begin;
        if (c == '(') ++depth_;
        if (c == ')' && depth_ > 0) --depth_;
        if (c == '.') before = Before::label;
      } else if (token.kind == Kind::word) {
        before = word(tokens_.text(token));
      } else if (token.kind == Kind::backslash) {
        seen_.backslash = true;
      }
      before_ = before;
    }
  }

  const Seen& seen() const { return seen_; }

 private:
  /// What stands before a word, as far as it changes what the word means.
  enum class Before { other, label, insert, into };

  Before word(std::string_view text) {
    if (text.size() > 6) return long_word(text);
    // Behind AS and a dot any keyword is but a name.
    if (before_ == Before::label) return Before::other;
    switch (text.size()) {
      case 2:
        return equal_word(text, "AS") ? Before::label : Before::other;
      case 3:
        if (body_ > 0 && equal_word(text, "END")) --body_;
        return Before::other;
      case 4:
        if (body_ > 0 && equal_word(text, "CASE")) ++body_;
        return equal_word(text, "INTO") ? into() : temporary(text);
      case 5:
        if (equal_word(text, "BEGIN")) begin();
        return equal_word(text, "MERGE") ? Before::insert : temporary(text);
      case 6:
        return equal_word(text, "INSERT") ? Before::insert : temporary(text);
      default:
        return Before::other;
    }
  }

  Before long_word(std::string_view text) {
    if (text.size() == 7 && equal_word(text, "PG_TEMP") && next_is('.')) seen_.temporary_schema = true;
    if (text.size() == 10 && equal_word(text, "SET_CONFIG")) seen_.set_config = true;
    if (text.size() >= 16 && locks_for_session(text)) seen_.session_lock = true;
    return temporary(text);
  }

  Before into() {
    if (before_ == Before::insert) return Before::other;
    seen_.into = true;
    return Before::into;
  }

  // INTO [GLOBAL|LOCAL] TEMP t
  Before temporary(std::string_view text) {
    if (before_ != Before::into) return Before::other;
    if (equal_word(text, "LOCAL") || equal_word(text, "GLOBAL")) return Before::into;
    if (equal_word(text, "TEMP") || equal_word(text, "TEMPORARY")) seen_.into_temporary = true;
    return Before::other;
  }

  void begin() {
    if (body_ == 0 && depth_ > 0) return;
    if (!routine_) routine_ = is_routine(tokens_.text(), start_);
    if (!*routine_) return;
    if (tokens_.is(tokens_.peek(), "ATOMIC")) ++body_;
  }

  bool next_is(char symbol) const { return tokens_.symbol(tokens_.peek()) == symbol; }

  Tokens& tokens_;
  std::size_t start_;
  std::optional<bool> routine_;  ///< it may have a body BEGIN ATOMIC … END; asked once
  std::size_t depth_ = 0;
  std::size_t body_ = 0;  ///< BEGIN ATOMIC and CASE that are open
  Before before_ = Before::other;
  Seen seen_;
};

class Cutter {
 public:
  Cutter(std::string_view text, const StatementSink& sink) : text_(text), tokens_(text), sink_(sink) {}

  std::uint64_t run() {
    for (tokens_.skip_blank(); tokens_.at() < text_.size(); tokens_.skip_blank()) {
      if (text_[tokens_.at()] == ';')
        tokens_.move(tokens_.at() + 1);
      else if (text_[tokens_.at()] == '\\')
        meta_command();
      else
        statement();
    }
    return traits_;
  }

 private:
  // It ends with its line, and its quotes mean nothing.
  void meta_command() {
    Statement statement;
    statement.offset = tokens_.at();
    statement.length = std::min(text_.find('\n', tokens_.at()), text_.size()) - tokens_.at();
    statement.kind = StatementClass::refused;
    statement.why = "this is a meta-command of psql, not SQL: take it out of the file, or write SQL that does the same";
    sink_(statement);
    tokens_.move(statement.offset + statement.length);
  }

  void statement() {
    Statement statement;
    statement.offset = tokens_.at();
    StatementScan scan(tokens_, statement.offset);
    statement.length = scan.run() - statement.offset;
    const std::string_view sql = text_.substr(statement.offset, statement.length);
    traits_ |= classify(sql, scan.seen(), statement);
    sink_(statement);
    if (statement.kind == StatementClass::refused && copies_from_client(sql)) skip_rows();
  }

  // The rows after COPY … FROM STDIN are no SQL: up to the line \. if there is one.
  void skip_rows() {
    constexpr std::string_view end = "\n\\.";
    if (no_more_rows_) return;
    const std::size_t found = text_.find(end, tokens_.at());
    no_more_rows_ = found == std::string_view::npos;
    if (!no_more_rows_) tokens_.move(found + end.size());
  }

  std::string_view text_;
  Tokens tokens_;
  const StatementSink& sink_;
  std::uint64_t traits_ = 0;
  bool no_more_rows_ = false;
};

}  // namespace

std::uint64_t split_sql(std::string_view text, const StatementSink& sink) {
  common::require_utf8(text);
  return Cutter(text, sink).run();
}

}  // namespace talos::pg
