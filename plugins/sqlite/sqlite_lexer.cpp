#include "sqlite_lexer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>

#include <sqlite3.h>

#include "sqlite_token.hpp"

namespace talos::sqlite {

namespace {

// Reads a statement word by word: upper-case words, single punctuation characters, quoted names without quotes.
class Words {
 public:
  explicit Words(std::string_view statement) : text_(statement) {}

  std::string next() {
    at_ = skip_blank(text_, at_);
    if (at_ >= text_.size()) return {};
    const std::size_t start = at_;
    if (starts_quoted(text_[at_])) {
      at_ = end_of_quoted(text_, at_);
      return std::string(text_.substr(start + 1, at_ - start - 2));
    }
    if (!is_word_character(text_[at_])) return std::string(1, text_[at_++]);
    while (at_ < text_.size() && is_word_character(text_[at_])) ++at_;
    return upper(std::string(text_.substr(start, at_ - start)));
  }

  bool has(std::string_view wanted) {
    for (std::string word = next(); !word.empty(); word = next())
      if (word == wanted) return true;
    return false;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

bool contains(std::initializer_list<std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

struct Pragma {
  std::string name;   ///< upper case
  std::string value;  ///< upper case; empty: a query
};

Pragma read_pragma(Words& words) {
  Pragma pragma{upper(words.next()), {}};
  std::string word = words.next();
  if (word == ".") {
    pragma.name = upper(words.next());
    word = words.next();
  }
  if (word != "=" && word != "(") return pragma;
  pragma.value = upper(words.next());
  if (pragma.value == "+") pragma.value = upper(words.next());
  // An empty string is a value all the same.
  if (pragma.value.empty()) pragma.value = "''";
  return pragma;
}

// As SQLite reads a boolean: a number by its value, and words that it does not know are off.
bool says_off(const Pragma& pragma) {
  if (contains({"ON", "TRUE", "YES"}, pragma.value)) return false;
  const std::string_view value = pragma.value;
  const bool hexadecimal = value.starts_with("0X");
  int number = 0;
  std::from_chars(value.data() + (hexadecimal ? 2 : 0), value.data() + value.size(), number, hexadecimal ? 16 : 10);
  return number == 0 || value.starts_with('-');
}

// SQLite takes the first mode that begins with the word.
bool loses_rollback(const Pragma& pragma) {
  return std::string_view("OFF").starts_with(pragma.value) || std::string_view("MEMORY").starts_with(pragma.value);
}

class Classifier {
 public:
  void classify(std::string_view text, Statement& statement) {
    if (text.starts_with('.')) return refuse(statement, "this is a command of the sqlite3 client, not SQL");
    Words words(text);
    const std::string first = words.next();
    if (first == "BEGIN") return begin(words, statement);
    if (first == "COMMIT" || first == "END") return as(statement, StatementClass::commit);
    if (first == "ROLLBACK") return rollback(words, statement);
    if (first == "SAVEPOINT" || first == "RELEASE") return savepoint(words, statement);
    if (first == "VACUUM") return as(statement, StatementClass::no_transaction);
    if (first == "ATTACH") return attach(statement, StatementClass::ddl);
    // Inside a transaction that touched it: "database is locked".
    if (first == "DETACH") return attach(statement, StatementClass::no_transaction);
    if (first == "PRAGMA") return pragma(words, statement);
    if (first == "CREATE") return create(words, statement);
    if (first == "DROP") return drop(words, statement);
    if (first == "ALTER") return alter(words, statement);
    const bool rows =
        contains({"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "EXPLAIN", "ANALYZE"}, first);
    as(statement, rows ? StatementClass::dml : StatementClass::ddl);
  }

  std::uint64_t traits() const {
    return traits_ | (drops_table_ && renames_table_ ? std::uint64_t{trait_foreign_keys_off} : 0U);
  }

 private:
  static void as(Statement& statement, StatementClass kind) { statement.kind = kind; }
  static void refuse(Statement& statement, std::string_view why) {
    statement.kind = StatementClass::refused;
    statement.why = why;
  }

  static void begin(Words& words, Statement& statement) {
    const std::string option = words.next();
    as(statement,
       option.empty() || option == "TRANSACTION" ? StatementClass::begin : StatementClass::begin_with_options);
  }

  static void rollback(Words& words, Statement& statement) {
    std::string word = words.next();
    if (word == "TRANSACTION") word = words.next();
    if (word == "TO") return savepoint(words, statement);
    as(statement, StatementClass::rollback);
  }

  static void savepoint(Words& words, Statement& statement) {
    std::string name = words.next();
    if (name == "SAVEPOINT") name = words.next();
    if (upper(name).starts_with("TALOS_"))
      return refuse(statement, "savepoint names that begin with talos_ belong to the program");
    as(statement, StatementClass::savepoint);
  }

  void attach(Statement& statement, StatementClass kind) {
    traits_ |= trait_session_state;
    statement.session_only = true;
    as(statement, kind);
  }

  void pragma(Words& words, Statement& statement) {
    const Pragma pragma = read_pragma(words);
    as(statement, StatementClass::ddl);
    if (pragma.name == "WAL_CHECKPOINT" || pragma.name == "INCREMENTAL_VACUUM")
      return as(statement, StatementClass::no_transaction);
    if (pragma.value.empty()) return as(statement, StatementClass::dml);
    if (contains({"USER_VERSION", "APPLICATION_ID", "FOREIGN_KEY_CHECK", "INTEGRITY_CHECK", "QUICK_CHECK", "OPTIMIZE",
                  "TABLE_INFO", "TABLE_XINFO", "INDEX_LIST", "INDEX_INFO", "INDEX_XINFO", "FOREIGN_KEY_LIST"},
                 pragma.name))
      return;
    traits_ |= trait_session_state;
    if (pragma.name == "JOURNAL_MODE") {
      if (loses_rollback(pragma))
        return refuse(statement,
                      "with this journal mode a crash would corrupt the database and no migration could roll back");
      return as(statement, StatementClass::no_transaction);
    }
    statement.session_only = true;
    if (pragma.name == "FOREIGN_KEYS" && says_off(pragma)) traits_ |= trait_foreign_keys_off;
    if (contains({"SYNCHRONOUS", "TEMP_STORE", "TEMP_STORE_DIRECTORY", "LOCKING_MODE"}, pragma.name))
      as(statement, StatementClass::no_transaction);
  }

  void create(Words& words, Statement& statement) {
    as(statement, StatementClass::ddl);
    if (!contains({"TEMP", "TEMPORARY"}, words.next())) return;
    traits_ |= trait_session_state;
    statement.session_only = true;
    statement.replayable = false;
  }

  void drop(Words& words, Statement& statement) {
    as(statement, StatementClass::ddl);
    if (words.next() == "TABLE") drops_table_ = true;
  }

  void alter(Words& words, Statement& statement) {
    as(statement, StatementClass::ddl);
    if (words.has("RENAME") && words.next() == "TO") renames_table_ = true;
  }

  std::uint64_t traits_ = 0;
  bool drops_table_ = false;
  bool renames_table_ = false;
};

// A trigger's body holds semicolons; SQLite itself says where it ends.
bool is_trigger(std::string_view statement) {
  Words words(statement);
  std::string word = words.next();
  if (word == "EXPLAIN") word = words.next();
  if (word == "QUERY") {
    words.next();  // PLAN
    word = words.next();
  }
  if (word != "CREATE") return false;
  word = words.next();
  if (word == "TEMP" || word == "TEMPORARY") word = words.next();
  return word == "TRIGGER";
}

// What may begin a quoted text or a comment, or end a statement: all else is passed over byte by byte, and a file of
// rows is hardly anything but.
constexpr auto tells = [] {
  std::array<bool, 256> table{};
  for (const char c : {'\'', '"', '`', '[', '-', '/', ';'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// The end of the statement that starts at `start`: its semicolon, or the end of the text.
std::size_t end_of_statement(std::string_view text, std::size_t start) {
  bool trigger = false;
  bool trigger_known = false;
  std::size_t at = start;
  while (at < text.size()) {
    if (starts_quoted(text[at])) {
      at = end_of_quoted(text, at);
    } else if (starts_comment(text, at)) {
      at = end_of_comment(text, at);
    } else if (text[at] == ';') {
      if (!trigger_known) trigger = is_trigger(text.substr(start, at - start));
      trigger_known = true;
      if (!trigger || sqlite3_complete(std::string(text.substr(start, at + 1 - start)).c_str()) != 0) return at;
      ++at;
    } else {
      ++at;
    }
    while (at < text.size() && !tells[static_cast<unsigned char>(text[at])]) ++at;
  }
  return at;
}

}  // namespace

std::uint64_t split_sql(std::string_view text, const StatementSink& sink) {
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    throw Error(ErrorCode::usage, "the file holds a NUL byte").at(nul);
  Classifier classifier;
  for (std::size_t at = skip_blank(text, 0); at < text.size(); at = skip_blank(text, at)) {
    if (text[at] == ';') {
      ++at;
      continue;
    }
    // A client's command ends with its line, and its quotes mean nothing.
    const bool client = text[at] == '.';
    const std::size_t end = client ? std::min(text.find('\n', at), text.size()) : end_of_statement(text, at);
    Statement statement;
    statement.offset = at;
    statement.length = end - at;
    classifier.classify(text.substr(at, statement.length), statement);
    sink(statement);
    at = end;
  }
  return classifier.traits();
}

bool is_foreign_keys_pragma(std::string_view statement) {
  Words words(statement);
  if (words.next() != "PRAGMA") return false;
  const Pragma pragma = read_pragma(words);
  return pragma.name == "FOREIGN_KEYS" && !pragma.value.empty();
}

bool is_maintenance(std::string_view statement) {
  Words words(statement);
  const std::string first = words.next();
  return first == "PRAGMA" || (first == "VACUUM" && !words.has("INTO"));
}

}  // namespace talos::sqlite
