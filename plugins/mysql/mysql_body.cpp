#include "mysql_body.hpp"

#include <algorithm>
#include <array>

namespace talos::mysql {

namespace {

template <class List>
bool is_one_of(std::string_view word, const List& list) {
  return std::any_of(list.begin(), list.end(), [&](std::string_view item) { return equal_word(word, item); });
}

// What may stand between a routine's parameters and its body, but for the names and texts that these ask for.
constexpr std::array<std::string_view, 30> characteristics{
    "COMMENT",   "LANGUAGE",  "SQL",      "NOT",     "DETERMINISTIC", "CONTAINS",    "NO",       "READS",
    "DATA",      "MODIFIES",  "SECURITY", "DEFINER", "INVOKER",       "RETURNS",     "UNSIGNED", "SIGNED",
    "ZEROFILL",  "CHARSET",   "COLLATE",  "ASCII",   "UNICODE",       "BINARY",      "BYTE",     "VARYING",
    "PRECISION", "CHARACTER", "CHAR",     "VARCHAR", "AGGREGATE",     "VARCHARACTER"};
// Of them those that the next word belongs to.
constexpr std::array<std::string_view, 5> with_argument{"COMMENT", "LANGUAGE", "RETURNS", "CHARSET", "COLLATE"};

bool is_symbol(const Token& token, const Tokens& tokens, char symbol) { return tokens.symbol(token) == symbol; }

// name: but not name:=
bool is_label(const Token& token, const Tokens& tokens) {
  if (token.kind != Token::Kind::word && token.kind != Token::Kind::name) return false;
  Tokens ahead = tokens;
  return ahead.take_symbol(':') && !ahead.take_symbol('=');
}

}  // namespace

void Body::take(const Token& token, const Tokens& tokens) {
  if (phase_ == Phase::plain) return;
  if (skip_ > 0) {
    --skip_;
  } else {
    switch (phase_) {
      case Phase::first:
        first(token, tokens);
        break;
      case Phase::create:
        create(token, tokens);
        break;
      case Phase::name:
        name(token, tokens);
        break;
      case Phase::head:
        head(token, tokens);
        break;
      case Phase::body:
        body(token, tokens);
        break;
      case Phase::plain:
        break;
    }
  }
  symbol_ = tokens.symbol(token);
}

void Body::first(const Token& token, const Tokens& tokens) {
  constexpr std::array<std::string_view, 6> compound{"IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"};
  phase_ = Phase::plain;
  altered_ = tokens.is(token, "ALTER");
  if (altered_ || tokens.is(token, "CREATE")) {
    phase_ = Phase::create;
  } else if ((token.kind == Token::Kind::word && is_one_of(tokens.text(token), compound)) || is_label(token, tokens) ||
             (tokens.is(token, "BEGIN") && tokens.is(tokens.peek(), "NOT"))) {
    program_ = Program::compound;
    phase_ = Phase::body;
    body(token, tokens);
  }
}

// Between CREATE and the kind of what is created. A user's name may be any word.
void Body::create(const Token& token, const Tokens& tokens) {
  if (token.kind != Token::Kind::word || symbol_ == '=' || symbol_ == '@') return;
  const std::string_view word = tokens.text(token);
  constexpr std::array<std::string_view, 6> before{"OR",      "REPLACE",      "AGGREGATE",
                                                   "DEFINER", "CURRENT_USER", "CURRENT_ROLE"};
  if (is_one_of(word, before)) return;
  phase_ = Phase::name;
  if (equal_word(word, "EVENT")) {
    program_ = Program::event;
  } else if (!altered_ && equal_word(word, "TRIGGER")) {
    program_ = Program::trigger;
  } else if (!altered_ && (equal_word(word, "PROCEDURE") || equal_word(word, "FUNCTION"))) {
    program_ = Program::routine;
  } else {
    needs_delimiter_ = !altered_ && equal_word(word, "PACKAGE");
    phase_ = Phase::plain;
  }
}

void Body::name(const Token& token, const Tokens& tokens) {
  constexpr std::array<std::string_view, 3> before{"IF", "NOT", "EXISTS"};
  if (token.kind == Token::Kind::word && is_one_of(tokens.text(token), before)) return;
  phase_ = Phase::head;
  if (is_symbol(tokens.peek(), tokens, '.')) skip_ = 2;
}

void Body::head(const Token& token, const Tokens& tokens) {
  if (is_symbol(token, tokens, '(')) ++depth_;
  if (is_symbol(token, tokens, ')') && depth_ > 0) --depth_;
  if (depth_ > 0) return;
  if (program_ == Program::event && tokens.is(token, "DO"))
    phase_ = Phase::body;
  else if (program_ == Program::trigger)
    trigger_head(token, tokens);
  else if (program_ == Program::routine)
    routine_head(token, tokens);
}

void Body::trigger_head(const Token& token, const Tokens& tokens) {
  if (ordered_) {
    if (tokens.is(token, "FOLLOWS") || tokens.is(token, "PRECEDES")) {
      skip_ = 1;
      return;
    }
    phase_ = Phase::body;
    body(token, tokens);
    return;
  }
  ordered_ = each_ && tokens.is(token, "ROW");
  each_ = tokens.is(token, "EACH");
}

// The first word that is no characteristic begins the body.
void Body::routine_head(const Token& token, const Tokens& tokens) {
  if (token.kind != Token::Kind::word && token.kind != Token::Kind::name) return;
  const std::string_view word = tokens.text(token);
  if (equal_word(word, "RETURN") && !returns_) {
    // In the way of Oracle: RETURN type IS …
    skip_ = 1;
  } else if (equal_word(word, "SONAME")) {
    program_ = Program::none;
    phase_ = Phase::plain;
  } else if (equal_word(word, "AS") || equal_word(word, "IS")) {
    // AS $$ … $$ or AS '…': another language's code. Anything else is the way of Oracle.
    Tokens ahead = tokens;
    expects_code_ = ahead.take_dollar_text();
    needs_delimiter_ = !expects_code_ && tokens.peek().kind != Token::Kind::string;
    phase_ = Phase::plain;
  } else if (is_one_of(word, characteristics)) {
    if (is_one_of(word, with_argument)) skip_ = 1;
    returns_ = returns_ || equal_word(word, "RETURNS");
    // CHARACTER SET name
    if ((equal_word(word, "CHARACTER") || equal_word(word, "CHAR")) && tokens.is(tokens.peek(), "SET")) skip_ = 2;
  } else {
    phase_ = Phase::body;
    body(token, tokens);
  }
}

void Body::body(const Token& token, const Tokens& tokens) {
  if (token.kind == Token::Kind::terminator || is_symbol(token, tokens, ';')) {
    begins_statement_ = true;
    handler_ = Handler::none;
    return;
  }
  if (handler_ == Handler::condition || handler_ == Handler::behind_condition) handler(token, tokens);
  if (std::exchange(begins_statement_, false))
    statement(token, tokens);
  else if (token.kind == Token::Kind::word && symbol_ != '.' && symbol_ != '@')
    inside(token, tokens);
}

// A token that a statement in the body begins with.
void Body::statement(const Token& token, const Tokens& tokens) {
  begins_statement_ = is_symbol(token, tokens, ':') || is_label(token, tokens);
  if (begins_statement_ || token.kind != Token::Kind::word) return;
  const std::string_view word = tokens.text(token);
  if (equal_word(word, "BEGIN")) {
    open(Kind::block, token);
    begins_statement_ = true;
    if (tokens.is(tokens.peek(), "NOT")) skip_ = 2;
  } else if (equal_word(word, "IF")) {
    open(Kind::if_, token);
  } else if (equal_word(word, "CASE")) {
    open(Kind::case_statement, token);
  } else if (equal_word(word, "WHILE")) {
    open(Kind::while_, token);
  } else if (equal_word(word, "FOR")) {
    open(Kind::for_, token);
  } else if (equal_word(word, "LOOP") || equal_word(word, "REPEAT")) {
    open(equal_word(word, "LOOP") ? Kind::loop : Kind::repeat, token);
    begins_statement_ = true;
  } else if (equal_word(word, "ELSE")) {
    begins_statement_ = true;
  } else if (equal_word(word, "DECLARE")) {
    handler_ = Handler::declared;
  } else if (equal_word(word, "END")) {
    end(tokens, true);
  }
}

// A word within a statement of the body.
void Body::inside(const Token& token, const Tokens& tokens) {
  const std::string_view word = tokens.text(token);
  if (equal_word(word, "CASE"))
    open(Kind::case_expression, token);
  else if (equal_word(word, "END"))
    end(tokens, false);
  else if (equal_word(word, "THEN") || equal_word(word, "ELSE"))
    begins_statement_ = top_is(Kind::if_) || top_is(Kind::case_statement);
  else if (equal_word(word, "DO"))
    begins_statement_ = top_is(Kind::while_) || top_is(Kind::for_);
  else if (handler_ == Handler::declared && equal_word(word, "HANDLER") && tokens.is(tokens.peek(), "FOR")) {
    handler_ = Handler::condition;
    skip_ = 1;
  }
}

// HANDLER FOR condition, condition … statement
void Body::handler(const Token& token, const Tokens& tokens) {
  constexpr std::array<std::string_view, 3> before{"SQLSTATE", "VALUE", "NOT"};
  if (handler_ == Handler::condition) {
    if (token.kind != Token::Kind::word || !is_one_of(tokens.text(token), before)) handler_ = Handler::behind_condition;
  } else if (is_symbol(token, tokens, ',')) {
    handler_ = Handler::condition;
  } else {
    handler_ = Handler::none;
    begins_statement_ = true;
  }
}

void Body::end(const Tokens& tokens, bool begins_statement) {
  struct Word {
    Kind kind;
    std::string_view word;
  };
  constexpr std::array<Word, 6> words{{{Kind::if_, "IF"},
                                       {Kind::case_statement, "CASE"},
                                       {Kind::loop, "LOOP"},
                                       {Kind::while_, "WHILE"},
                                       {Kind::repeat, "REPEAT"},
                                       {Kind::for_, "FOR"}}};
  if (blocks_.empty()) return;
  const Kind top = blocks_.back().kind;
  if (top == Kind::case_expression || (top == Kind::block && begins_statement)) return blocks_.pop_back();
  const auto* const word = std::find_if(words.begin(), words.end(), [&](const Word& w) { return w.kind == top; });
  if (word == words.end() || !tokens.is(tokens.peek(), word->word)) return;
  skip_ = 1;
  blocks_.pop_back();
}

}  // namespace talos::mysql
