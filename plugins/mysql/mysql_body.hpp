// Stored programs: where a statement's body stands open, so that a semicolon ends a statement in it and not the whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "mysql_token.hpp"

namespace talos::mysql {

/// Follows one statement token by token, from its first: CREATE PROCEDURE, FUNCTION, TRIGGER, EVENT, and MariaDB's
/// compound statements outside of programs (BEGIN NOT ATOMIC, IF, LOOP …).
class Body {
 public:
  /// `token` was read from `tokens`, which stand behind it.
  void take(const Token& token, const Tokens& tokens);

  /// The statement is a stored program or a compound statement; where its body has blocks, semicolons may stand in it.
  bool is_program() const { return program_ != Program::none; }
  /// MariaDB's anonymous code: it may do anything.
  bool is_compound() const { return program_ == Program::compound; }
  /// Its body has declarations before its first BEGIN, in the way of Oracle: only a DELIMITER shows where it ends.
  bool needs_delimiter() const { return needs_delimiter_; }
  /// Code of another language may come next, as Tokens::take_dollar_text() takes it. Said once.
  bool expects_code() { return std::exchange(expects_code_, false); }
  /// A block is open.
  bool is_open() const { return !blocks_.empty(); }
  /// Of the outermost block.
  std::size_t opened_at() const { return blocks_.front().begin; }
  /// Nothing more can come of this statement's tokens.
  bool is_dull() const { return phase_ == Phase::plain; }

 private:
  enum class Program : std::uint8_t { none, routine, trigger, event, compound };
  enum class Phase : std::uint8_t { first, create, name, head, body, plain };
  enum class Kind : std::uint8_t { block, if_, case_statement, case_expression, loop, while_, repeat, for_ };
  enum class Handler : std::uint8_t { none, declared, condition, behind_condition };
  struct Block {
    Kind kind;
    std::size_t begin;
  };

  void first(const Token& token, const Tokens& tokens);
  void create(const Token& token, const Tokens& tokens);
  void name(const Token& token, const Tokens& tokens);
  void head(const Token& token, const Tokens& tokens);
  void routine_head(const Token& token, const Tokens& tokens);
  void trigger_head(const Token& token, const Tokens& tokens);
  void body(const Token& token, const Tokens& tokens);
  void statement(const Token& token, const Tokens& tokens);
  void inside(const Token& token, const Tokens& tokens);
  void handler(const Token& token, const Tokens& tokens);
  void end(const Tokens& tokens, bool begins_statement);
  void open(Kind kind, const Token& token) { blocks_.push_back({kind, token.begin}); }
  bool top_is(Kind kind) const { return !blocks_.empty() && blocks_.back().kind == kind; }

  Program program_ = Program::none;
  Phase phase_ = Phase::first;
  bool altered_ = false;
  bool needs_delimiter_ = false;
  bool expects_code_ = false;
  int skip_ = 0;                  ///< this many tokens mean nothing
  char symbol_ = '\0';            ///< the token before, if a symbol
  bool begins_statement_ = true;  ///< the next token of the body does
  bool each_ = false;             ///< FOR EACH
  bool ordered_ = false;          ///< FOR EACH ROW
  bool returns_ = false;          ///< RETURNS type
  int depth_ = 0;                 ///< of the head's parentheses
  Handler handler_ = Handler::none;
  std::vector<Block> blocks_;
};

}  // namespace talos::mysql
