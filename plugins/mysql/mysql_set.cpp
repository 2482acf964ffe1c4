#include "mysql_set.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace talos::mysql {

namespace {

using Kind = Token::Kind;
using Target = Assignment::Target;

bool is_end(const Token& token) { return token.kind == Kind::end || token.kind == Kind::terminator; }

// A name and its parts: a.b
std::string take_name(Tokens& words) {
  std::string name;
  do {
    const Token part = words.next();
    if (part.kind == Kind::end) return {};
    name += (name.empty() ? "" : ".") + identifier(words.text(part));
  } while (words.take_symbol('.'));
  return lower(name);
}

std::optional<Target> take_scope(Tokens& words) {
  constexpr std::array<std::pair<std::string_view, Target>, 5> scopes{{{"GLOBAL", Target::server},
                                                                       {"PERSIST", Target::server},
                                                                       {"PERSIST_ONLY", Target::server},
                                                                       {"SESSION", Target::session},
                                                                       {"LOCAL", Target::session}}};
  for (const auto& [word, target] : scopes)
    if (words.take(word)) return target;
  return std::nullopt;
}

// Up to the comma that ends the item, or the end.
std::string_view take_value(Tokens& words) {
  const std::size_t begin = words.peek().begin;
  std::size_t end = begin;
  int depth = 0;
  for (Tokens ahead = words;; words = ahead) {
    const Token token = ahead.next();
    const char symbol = ahead.symbol(token);
    if (is_end(token) || (symbol == ',' && depth == 0)) return words.text().substr(begin, end - begin);
    if (symbol == '(') ++depth;
    if (symbol == ')') --depth;
    end = token.end;
  }
}

class Reader {
 public:
  Reader(std::string_view statement, LexerModes modes) : words_(statement, modes) {}

  std::vector<Assignment> run() {
    if (!words_.take("SET")) return {};
    std::vector<Assignment> result;
    do {
      std::optional<Assignment> item = take();
      if (!item) return {};
      result.push_back(std::move(*item));
    } while (words_.take_symbol(','));
    return result;
  }

 private:
  std::optional<Assignment> take() {
    Assignment item;
    if (words_.take_symbol('@')) {
      item.target = Target::user_variable;
      if (words_.take_symbol('@')) at_variable(item);
    } else if (const std::optional<Target> scope = take_scope(words_)) {
      sticky_ = item.target = *scope;
    } else {
      item.target = sticky_;
    }
    item.name = take_name(words_);
    words_.take_symbol(':');
    if (item.name.empty() || !words_.take_symbol('=')) return std::nullopt;
    item.value = take_value(words_);
    if (item.value.empty()) return std::nullopt;
    return item;
  }

  // @@[scope.]name
  void at_variable(Assignment& item) {
    const std::optional<Target> scope = take_scope(words_);
    item.target = scope.value_or(Target::session);
    item.next_transaction = !scope;
    if (scope) words_.take_symbol('.');
  }

  Tokens words_;
  Target sticky_ = Target::session;  ///< a scope as a word holds for the items behind it as well
};

// What a mode's name does to the reading of bytes; the combinations are MariaDB's, but for ANSI.
void add_mode(LexerModes& modes, std::string_view name) {
  constexpr std::array<std::string_view, 7> quotes{"ANSI_QUOTES", "ANSI",  "ORACLE",    "MSSQL",
                                                   "DB2",         "MAXDB", "POSTGRESQL"};
  if (std::any_of(quotes.begin(), quotes.end(), [&](std::string_view mode) { return equal_word(name, mode); }))
    modes.ansi_quotes = true;
  if (equal_word(name, "NO_BACKSLASH_ESCAPES")) modes.no_backslash_escapes = true;
}

LexerModes modes_of_list(std::string_view list) {
  LexerModes modes;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, end);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    add_mode(modes, name);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return modes;
}

LexerModes modes_of_number(std::string_view digits) {
  std::uint64_t bits = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  return {.no_backslash_escapes = (bits & (std::uint64_t{1} << 20U)) != 0, .ansi_quotes = (bits & 4U) != 0};
}

bool speaks_of_modes(std::string_view value) {
  constexpr std::array<std::string_view, 6> words{"ANSI", "NO_BACKSLASH", "ORACLE", "MSSQL", "DB2", "POSTGRESQL"};
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return contains_word(value, word); });
}

// A table's rows, and the functions that need no parentheses.
bool changes(std::string_view word) {
  return equal_word(word, "FROM") || equal_word(word, "TABLE") || starts_with_word(word, "CURRENT_") ||
         starts_with_word(word, "UTC_") || starts_with_word(word, "LOCALTIME");
}

}  // namespace

std::vector<Assignment> assignments(std::string_view statement, LexerModes modes) {
  return Reader(statement, modes).run();
}

bool is_repeatable(std::string_view value, LexerModes modes) {
  // Variables that nothing changes but SET.
  constexpr std::array<std::string_view, 19> settings{"sql_mode",
                                                      "foreign_key_checks",
                                                      "unique_checks",
                                                      "time_zone",
                                                      "sql_notes",
                                                      "sql_warnings",
                                                      "autocommit",
                                                      "sql_log_bin",
                                                      "sql_safe_updates",
                                                      "sql_quote_show_create",
                                                      "character_set_client",
                                                      "character_set_results",
                                                      "character_set_connection",
                                                      "collation_connection",
                                                      "group_concat_max_len",
                                                      "default_storage_engine",
                                                      "lc_time_names",
                                                      "lock_wait_timeout",
                                                      "innodb_lock_wait_timeout"};
  // SET sql_mode = (SELECT REPLACE(@@sql_mode, 'x', '')) is all over the field.
  constexpr std::array<std::string_view, 3> pure{"CONCAT", "REPLACE", "SELECT"};
  const auto has = [](const auto& list, std::string_view word) {
    return std::find_if(list.begin(), list.end(), [&](std::string_view item) { return lower(item) == word; }) !=
           list.end();
  };
  Tokens words(value, modes);
  for (Token token = words.next(); !is_end(token); token = words.next()) {
    if (words.symbol(token) == ':' || token.kind == Kind::backslash) return false;
    if (words.symbol(token) == '@') {
      if (!words.take_symbol('@')) {
        take_name(words);
        continue;
      }
      if (words.take("SESSION") || words.take("LOCAL")) words.take_symbol('.');
      if (!has(settings, take_name(words))) return false;
    } else if (token.kind == Kind::word) {
      if (changes(words.text(token))) return false;
      const bool function = words.symbol(words.peek()) == '(';
      if (function && !has(pure, lower(words.text(token)))) return false;
    }
  }
  return true;
}

FollowedModes::Value FollowedModes::value_of(std::string_view text) const {
  Tokens words(text, now_);
  const Token first = words.next();
  const std::string_view word = words.text(first);
  if (words.symbol(first) == '@') {
    Value value;
    value.harmless = true;
    if (words.take_symbol('@')) {
      const std::optional<Target> scope = take_scope(words);
      if (scope) words.take_symbol('.');
      value.known = take_name(words) == "sql_mode";
      value.modes = scope == Target::server ? first_ : now_;
    } else if (const auto saved = saved_.find(take_name(words)); saved != saved_.end()) {
      value.known = true;
      value.modes = saved->second;
    }
    if (words.next().kind == Kind::end) return value;
  } else if (words.next().kind == Kind::end) {
    if (first.kind == Kind::string)
      return {.known = true, .harmless = true, .modes = modes_of_list(string_value(word, now_))};
    if (first.kind == Kind::number) return {.known = true, .harmless = true, .modes = modes_of_number(word)};
    if (words.is(first, "DEFAULT")) return {.known = true, .harmless = true, .modes = first_};
    if (first.kind == Kind::word || first.kind == Kind::name)
      return {.known = true, .harmless = true, .modes = modes_of_list(identifier(word))};
  }
  return {.known = false, .harmless = !speaks_of_modes(text), .modes = {}};
}

bool FollowedModes::follow(std::string_view set_statement) {
  for (const Assignment& item : assignments(set_statement, now_)) {
    const bool is_mode = item.target == Target::session && item.name == "sql_mode";
    if (!is_mode && item.target != Target::user_variable) continue;
    const Value value = value_of(item.value);
    if (is_mode) {
      if (!value.known && !value.harmless) return false;
      if (value.known) now_ = value.modes;
    } else if (value.known) {
      saved_[item.name] = value.modes;
    }
  }
  return true;
}

}  // namespace talos::mysql
