#include "pg_statement.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "pg_lexer.hpp"

namespace talos::pg {

namespace {

using Kind = Token::Kind;

bool is_false(std::string_view value) {
  if (value.size() > 2 && value.starts_with('\'') && value.ends_with('\'')) value = value.substr(1, value.size() - 2);
  return equal_word(value, "FALSE") || equal_word(value, "OFF") || value == "0";
}

// The value of an option in the list in parentheses that comes next: its last mention counts. `words` ends behind the
// list, or where it was if there is none.
std::optional<bool> take_option(Tokens& words, std::string_view wanted) {
  std::optional<bool> result;
  if (!words.take_symbol('(')) return result;
  int depth = 1;
  bool item_begins = true;
  bool found = false;
  for (Token token = words.next(); token.kind != Kind::end; token = words.next()) {
    const char symbol = words.symbol(token);
    if (symbol == '(') ++depth;
    if (symbol == ')' && --depth == 0) break;
    if (symbol == ',') {
      item_begins = true;
      continue;
    }
    if (item_begins) {
      found = token.kind == Kind::word && equal_word(words.text(token), wanted);
      if (found) result = true;
    } else if (found && symbol != '=') {
      result = !is_false(words.text(token));
    }
    item_begins = false;
  }
  return result;
}

// The option in the list after the next WITH.
std::optional<bool> with_option(Tokens words, std::string_view wanted) {
  for (Token token = words.next(); token.kind != Kind::end; token = words.next())
    if (words.is(token, "WITH")) return take_option(words, wanted);
  return std::nullopt;
}

// The words stand somewhere ahead outside parentheses, one after the other.
bool has(Tokens words, std::string_view first, std::string_view second) {
  int depth = 0;
  for (Token token = words.next(); token.kind != Kind::end; token = words.next()) {
    if (words.symbol(token) == '(') ++depth;
    if (words.symbol(token) == ')') --depth;
    if (depth == 0 && words.is(token, first) && words.is(words.peek(), second)) return true;
  }
  return false;
}

bool has(Tokens words, std::string_view wanted) {
  for (Token token = words.next(); token.kind != Kind::end; token = words.next())
    if (words.is(token, wanted)) return true;
  return false;
}

bool contains(std::string_view text, std::string_view upper_word) {
  const std::size_t underscore = upper_word.find('_');
  for (std::size_t at = text.find('_'); at != std::string_view::npos; at = text.find('_', at + 1))
    if (at >= underscore && starts_with_word(text.substr(at - underscore), upper_word)) return true;
  return false;
}

bool speaks_of_lexing(std::string_view text) {
  return contains(text, "CLIENT_ENCODING") || contains(text, "STANDARD_CONFORMING_STRINGS");
}

// SELECT [pg_catalog.]set_config('…', '…', false|true) and nothing else: dumps begin so. The value of its last
// argument, or nothing if it is more than that.
std::optional<bool> plain_set_config(Tokens words) {
  if (words.take("PG_CATALOG") && !words.take_symbol('.')) return std::nullopt;
  if (!words.take("SET_CONFIG") || !words.take_symbol('(')) return std::nullopt;
  for (int argument = 0; argument < 2; ++argument)
    if (words.next().kind != Kind::string || !words.take_symbol(',')) return std::nullopt;
  const bool local = words.take("TRUE");
  if (!local && !words.take("FALSE")) return std::nullopt;
  if (!words.take_symbol(')') || words.next().kind != Kind::end) return std::nullopt;
  return local;
}

// Of CREATE TABLE, behind that: only columns and constraints, whose expressions are kept and not evaluated.
bool is_plain_table(Tokens words) {
  int depth = 0;
  for (Token token = words.next(); token.kind != Kind::end; token = words.next()) {
    if (words.symbol(token) == '(') ++depth;
    if (words.symbol(token) == ')') --depth;
    // A query, the bounds of a partition.
    if (depth == 0 && (words.is(token, "AS") || words.is(token, "OF"))) return false;
  }
  return true;
}

// Of CREATE INDEX, behind that: no expressions.
bool is_plain_index(Tokens words) {
  int depth = 0;
  for (Token token = words.next(); token.kind != Kind::end; token = words.next()) {
    if (words.symbol(token) == '(' && ++depth > 1) return false;
    if (words.symbol(token) == ')') --depth;
    if (words.is(token, "WHERE")) return false;
  }
  return true;
}

// Nobody else's code runs when it does.
bool runs_no_code(std::string_view text) {
  Tokens words(text);
  if (words.take("COMMENT")) return true;
  if (words.take("DROP"))
    return words.take("TABLE") || words.take("INDEX") || words.take("VIEW") || words.take("SEQUENCE") ||
           words.take("TYPE");
  if (!words.take("CREATE")) return false;
  words.take("UNLOGGED");
  if (words.take("TABLE")) return is_plain_table(words);
  words.take("UNIQUE");
  return words.take("INDEX") && is_plain_index(words);
}

class Classifier {
 public:
  Classifier(std::string_view text, const Seen& seen, Statement& statement)
      : text_(text), words_(text), seen_(seen), statement_(statement) {}

  std::uint64_t run() {
    judge();
    if (seen_.backslash) refuse("a backslash here is a meta-command of psql, not SQL: take it out of the file");
    if (statement_.kind == StatementClass::refused) return traits_;
    if (!runs_no_code(text_)) traits_ |= trait_foreign_code;
    if (seen_.set_config && !plain_) leaves(false);
    if (seen_.session_lock) leaves(false);
    // Rows may be many and speak of anything; a setting in them takes effect only by set_config().
    if ((!rows_ || seen_.set_config) && speaks_of_lexing(text_)) traits_ |= trait_lexing_settings;
    return traits_;
  }

 private:
  using Rule = void (Classifier::*)();
  struct Entry {
    std::string_view word;
    Rule rule;
  };
  static const std::array<Entry, 39> rules;

  void judge() {
    const Token first = words_.next();
    as(StatementClass::ddl);
    if (words_.symbol(first) == '(') return query();
    if (first.kind != Kind::word) return;
    const std::string_view word = words_.text(first);
    const auto* entry =
        std::find_if(rules.begin(), rules.end(), [&](const Entry& e) { return equal_word(word, e.word); });
    if (entry != rules.end()) (this->*entry->rule)();
  }

  void as(StatementClass kind) { statement_.kind = kind; }
  void refuse(std::string_view why) {
    statement_.kind = StatementClass::refused;
    statement_.why = why;
  }
  void leaves(bool replayable) {
    traits_ |= trait_session_state;
    statement_.session_only = true;
    statement_.replayable = statement_.replayable && replayable;
  }
  bool at_end() { return words_.peek().kind == Kind::end; }

  void no_transaction() { as(StatementClass::no_transaction); }
  void rows() {
    rows_ = true;
    as(StatementClass::dml);
  }
  void session() { leaves(true); }
  void session_object() { leaves(false); }
  void runs_code() { traits_ |= trait_session_state; }

  void query() {
    as(seen_.into ? StatementClass::ddl : StatementClass::dml);
    if (seen_.into_temporary) leaves(false);
    const std::optional<bool> local = plain_set_config(words_);
    plain_ = local.has_value();
    if (local && !*local) leaves(true);
  }

  void explain() {
    take_option(words_, {});
    while (words_.take("ANALYZE") || words_.take("ANALYSE") || words_.take("VERBOSE")) {
    }
    if (words_.take("CREATE")) return create();
    query();
  }

  void begin() {
    if (!words_.take("WORK")) words_.take("TRANSACTION");
    as(at_end() ? StatementClass::begin : StatementClass::begin_with_options);
  }
  void start() {
    if (words_.take("TRANSACTION")) begin();
  }

  void commit() { end(StatementClass::commit); }
  void rollback() { end(StatementClass::rollback); }
  void end(StatementClass kind) {
    if (words_.take("PREPARED")) return no_transaction();
    if (!words_.take("WORK")) words_.take("TRANSACTION");
    if (words_.take("TO")) return savepoint();
    as(kind);
    if (words_.take("AND") && words_.take("CHAIN"))
      refuse("AND CHAIN opens another transaction behind the program's back: write COMMIT or ROLLBACK, then BEGIN");
  }
  void savepoint() {
    words_.take("SAVEPOINT");
    const Token name = words_.next();
    if (name.kind == Kind::name && !words_.text(name).starts_with('"'))
      return refuse("a savepoint's name in U&\"…\" hides what it is: write it plainly");
    if (starts_with_word(identifier(words_.text(name)), "TALOS_"))
      return refuse("savepoint names that begin with talos_ belong to the program");
    as(StatementClass::savepoint);
  }

  void prepare() {
    if (words_.take("TRANSACTION"))
      return refuse("PREPARE TRANSACTION leaves a transaction that nobody may ever finish: no migrator can record it");
    leaves(false);
  }

  void set() {
    if (words_.take("LOCAL") || words_.take("TRANSACTION") || words_.take("CONSTRAINTS")) return;
    leaves(true);
    words_.take("SESSION");
    if (words_.take("NAMES")) traits_ |= trait_lexing_settings;
  }
  void discard() {
    if (words_.take("ALL")) no_transaction();
    leaves(true);
  }
  void declare() {
    for (Token token = words_.next(); token.kind != Kind::end && !words_.is(token, "FOR"); token = words_.next())
      if (words_.is(token, "WITH") && words_.take("HOLD")) leaves(false);
    as(StatementClass::dml);
  }

  void copy() {
    rows();
    const std::size_t behind = words_.at();
    if (copies_from_client(text_))
      return refuse(
          "only psql can send the rows of COPY … FROM STDIN: use INSERT, or COPY … FROM a file of the server");
    words_.move(behind);
    if (has(words_, "TO", "STDOUT") || has(words_, "TO", "STDIN"))
      refuse("only psql can receive the rows of COPY … TO STDOUT: copy to a file of the server, or take it out");
  }

  void create() {
    if (words_.take("OR")) words_.take("REPLACE");
    if (!words_.take("GLOBAL")) words_.take("LOCAL");
    if (words_.take("TEMP") || words_.take("TEMPORARY") || seen_.temporary_schema) leaves(false);
    if (words_.take("DATABASE") || words_.take("TABLESPACE")) return no_transaction();
    if (words_.take("SUBSCRIPTION")) {
      // The server makes a replication slot at the publisher, which does not roll back.
      if (with_option(words_, "CREATE_SLOT").value_or(true) && with_option(words_, "CONNECT").value_or(true))
        no_transaction();
      return;
    }
    words_.take("UNIQUE");
    if (words_.take("INDEX") && words_.take("CONCURRENTLY")) no_transaction();
  }

  void drop() {
    if (words_.take("DATABASE") || words_.take("TABLESPACE") || words_.take("SUBSCRIPTION") ||
        (words_.take("INDEX") && words_.take("CONCURRENTLY")))
      no_transaction();
  }

  void alter() {
    if (words_.take("SYSTEM")) return no_transaction();
    if (words_.take("DATABASE")) {
      words_.next();
      alter_database();
    } else if (words_.take("SUBSCRIPTION")) {
      words_.next();
      alter_subscription();
    } else if (words_.take("TABLE")) {
      if (has(words_, "DETACH", "PARTITION") && ends_with_concurrently()) no_transaction();
    }
  }
  // SET TABLESPACE, or TABLESPACE among the options that WITH may introduce.
  void alter_database() {
    const bool option = !words_.take("RENAME") && !words_.take("OWNER") && !words_.take("RESET");
    if (words_.take("SET") ? words_.take("TABLESPACE") : option && has(words_, "TABLESPACE")) no_transaction();
  }
  // What asks the publisher, or changes its slot, cannot roll back.
  void alter_subscription() {
    if (words_.take("REFRESH")) return no_transaction();
    const bool sets = words_.take("SET");
    if (!sets && !words_.take("ADD") && !words_.take("DROP")) return;
    if (words_.take("PUBLICATION")) {
      if (with_option(words_, "REFRESH").value_or(true)) no_transaction();
    } else if (sets) {
      Tokens again = words_;
      if (take_option(words_, "FAILOVER") || take_option(again, "TWO_PHASE")) no_transaction();
    }
  }
  bool ends_with_concurrently() {
    Token last;
    for (Token token = words_.next(); token.kind != Kind::end; token = words_.next()) last = token;
    return words_.is(last, "CONCURRENTLY");
  }

  void reindex() {
    if (take_reindex_options(words_) || words_.take("DATABASE") || words_.take("SYSTEM") || words_.take("SCHEMA"))
      no_transaction();
  }
  void cluster() {
    if (!words_.take("VERBOSE")) take_option(words_, {});
    if (at_end()) no_transaction();
  }

  std::string_view text_;
  Tokens words_;
  const Seen& seen_;
  Statement& statement_;
  std::uint64_t traits_ = 0;
  bool rows_ = false;
  bool plain_ = false;  ///< SELECT set_config() that is wholly understood
};

const std::array<Classifier::Entry, 39> Classifier::rules = {{
    {"INSERT", &Classifier::rows},
    {"UPDATE", &Classifier::rows},
    {"DELETE", &Classifier::rows},
    {"SELECT", &Classifier::query},
    {"CREATE", &Classifier::create},
    {"ALTER", &Classifier::alter},
    {"DROP", &Classifier::drop},
    {"MERGE", &Classifier::rows},
    {"WITH", &Classifier::query},
    {"VALUES", &Classifier::rows},
    {"TABLE", &Classifier::rows},
    {"SHOW", &Classifier::rows},
    {"FETCH", &Classifier::rows},
    {"MOVE", &Classifier::rows},
    {"COPY", &Classifier::copy},
    {"EXPLAIN", &Classifier::explain},
    {"BEGIN", &Classifier::begin},
    {"START", &Classifier::start},
    {"COMMIT", &Classifier::commit},
    {"END", &Classifier::commit},
    {"ROLLBACK", &Classifier::rollback},
    {"ABORT", &Classifier::rollback},
    {"SAVEPOINT", &Classifier::savepoint},
    {"RELEASE", &Classifier::savepoint},
    {"PREPARE", &Classifier::prepare},
    {"DEALLOCATE", &Classifier::session_object},
    {"SET", &Classifier::set},
    {"RESET", &Classifier::session},
    {"DISCARD", &Classifier::discard},
    {"LOAD", &Classifier::session},
    {"LISTEN", &Classifier::session_object},
    {"UNLISTEN", &Classifier::session},
    {"DECLARE", &Classifier::declare},
    {"DO", &Classifier::runs_code},
    {"CALL", &Classifier::runs_code},
    {"EXECUTE", &Classifier::runs_code},
    {"REINDEX", &Classifier::reindex},
    {"CLUSTER", &Classifier::cluster},
    {"VACUUM", &Classifier::no_transaction},
}};

}  // namespace

std::uint64_t classify(std::string_view text, const Seen& seen, Statement& statement) {
  return Classifier(text, seen, statement).run();
}

bool copies_from_client(std::string_view text) {
  Tokens words(text);
  return words.take("COPY") && (has(words, "FROM", "STDIN") || has(words, "FROM", "STDOUT"));
}

bool take_reindex_options(Tokens& words) {
  const bool option = take_option(words, "CONCURRENTLY").value_or(false);
  Tokens ahead = words;
  ahead.next();
  return ahead.take("CONCURRENTLY") || option;
}

}  // namespace talos::pg
