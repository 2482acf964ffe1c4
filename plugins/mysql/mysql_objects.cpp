#include "mysql_objects.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace talos::mysql {

namespace {

using Kind = NamedObject::Kind;

struct Name {
  std::string schema;
  std::string name;
};

class Reader {
 public:
  Reader(std::string_view statement, LexerModes modes) : words_(statement, modes) {}

  Ddl run() {
    if (words_.take("CREATE"))
      create();
    else if (words_.take("ALTER"))
      alter();
    else if (words_.take("DROP"))
      drop();
    else if (words_.take("RENAME"))
      rename();
    else if (words_.take("TRUNCATE"))
      truncate();
    if (failed_ || ddl_.objects.empty()) {
      ddl_.objects.clear();
      ddl_.single = false;
    }
    return std::move(ddl_);
  }

 private:
  // --- Words.

  template <class... Words>
  bool take_any(Words... words) {
    return (words_.take(words) || ...);
  }
  bool at_end() const {
    const Token token = words_.peek();
    return token.kind == Token::Kind::end || token.kind == Token::Kind::terminator;
  }
  void if_exists() {
    if (!words_.take("IF")) return;
    words_.take("NOT");
    words_.take("EXISTS");
  }

  std::string part() {
    const Token token = words_.next();
    const bool is_name = token.kind == Token::Kind::word || token.kind == Token::Kind::name;
    if (!is_name) failed_ = true;
    return is_name ? identifier(words_.text(token)) : std::string();
  }
  Name name() {
    Name result{.schema = {}, .name = part()};
    if (!words_.take_symbol('.')) return result;
    result.schema = std::move(result.name);
    result.name = part();
    return result;
  }
  // 'name'@'host', name@host, name
  std::string user() {
    std::string result = user_part();
    if (words_.take_symbol('@')) result += "@" + user_part();
    return result;
  }
  std::string user_part() {
    const Token token = words_.next();
    const bool is_name =
        token.kind == Token::Kind::word || token.kind == Token::Kind::name || token.kind == Token::Kind::string;
    if (!is_name) failed_ = true;
    return is_name ? identifier(words_.text(token)) : std::string();
  }

  void add(Kind kind, Name name, std::string table = {}) {
    ddl_.objects.push_back({kind, std::move(name.schema), std::move(name.name), std::move(table)});
  }

  // The words between the verb and the kind of the object. A definer's name may be any word.
  std::optional<Kind> take_kind() {
    constexpr std::array<std::pair<std::string_view, Kind>, 15> kinds{{{"TABLE", Kind::table},
                                                                       {"TABLES", Kind::table},
                                                                       {"VIEW", Kind::view},
                                                                       {"VIEWS", Kind::view},
                                                                       {"INDEX", Kind::index},
                                                                       {"TRIGGER", Kind::trigger},
                                                                       {"PROCEDURE", Kind::procedure},
                                                                       {"FUNCTION", Kind::function},
                                                                       {"EVENT", Kind::event},
                                                                       {"SEQUENCE", Kind::sequence},
                                                                       {"DATABASE", Kind::database},
                                                                       {"SCHEMA", Kind::database},
                                                                       {"USER", Kind::user},
                                                                       {"ROLE", Kind::user},
                                                                       {"KEY", Kind::index}}};
    constexpr std::array<std::string_view, 15> before{
        "AGGREGATE", "UNIQUE",  "FULLTEXT", "SPATIAL",   "ONLINE",    "OFFLINE",      "IGNORE",      "SQL",
        "SECURITY",  "INVOKER", "MERGE",    "TEMPTABLE", "UNDEFINED", "CURRENT_USER", "CURRENT_ROLE"};
    const auto is_word = [&](const Token& token, std::string_view word) { return words_.is(token, word); };
    for (Token token = words_.next();; token = words_.next()) {
      if (token.kind == Token::Kind::symbol && words_.symbol(token) != '.') continue;
      if (words_.is(token, "DEFINER")) {
        if (words_.take_symbol('=')) user();
        continue;
      }
      if (words_.is(token, "ALGORITHM")) {
        words_.take_symbol('=');
        words_.next();
        continue;
      }
      if (std::any_of(before.begin(), before.end(), [&](std::string_view word) { return is_word(token, word); }))
        continue;
      const auto* const kind =
          std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return is_word(token, k.first); });
      return kind == kinds.end() ? std::nullopt : std::optional<Kind>(kind->second);
    }
  }

  void users() {
    do add(Kind::user, {.schema = {}, .name = user()});
    while (take_comma());
  }
  // The comma of a list may stand behind a user's password and other clauses.
  bool take_comma() {
    for (; !at_end(); words_.next())
      if (words_.take_symbol(',')) return true;
    return false;
  }

  // --- Statements.

  void create() {
    ddl_.act = Act::create;
    const bool replaces = words_.take("OR") && words_.take("REPLACE");
    // No catalogue shows it.
    if (words_.take("TEMPORARY")) return;
    const std::optional<Kind> kind = take_kind();
    if (!kind) return;
    if_exists();
    ddl_.single = !(replaces && (*kind == Kind::table || *kind == Kind::sequence || *kind == Kind::database));
    if (*kind == Kind::user) {
      users();
      ddl_.single = ddl_.objects.size() == 1;
    } else if (*kind == Kind::index || *kind == Kind::trigger) {
      on_table(*kind);
    } else {
      add(*kind, name());
      // Of a library (CREATE FUNCTION f RETURNS … SONAME): it is no routine of a schema.
      if (*kind == Kind::function && !words_.take_symbol('(')) failed_ = true;
    }
  }
  // CREATE INDEX i ON t, CREATE TRIGGER n … ON t, DROP INDEX i ON t
  void on_table(Kind kind) {
    Name own = name();
    while (!at_end())
      if (words_.is(words_.next(), "ON")) break;
    const Name table = name();
    if (kind == Kind::index || own.schema.empty()) own.schema = table.schema;
    add(kind, std::move(own), table.name);
  }

  void alter() {
    ddl_.act = Act::alter;
    const std::optional<Kind> kind = take_kind();
    if (!kind || *kind == Kind::index || *kind == Kind::trigger) return;
    if_exists();
    ddl_.single = true;
    if (*kind == Kind::user) {
      users();
      ddl_.single = ddl_.objects.size() == 1;
      return;
    }
    if (*kind == Kind::database && is_database_option()) return;
    add(*kind, name());
    if (*kind == Kind::table || *kind == Kind::event || *kind == Kind::sequence) changes(*kind);
  }
  // ALTER DATABASE CHARACTER SET …: of the default database.
  bool is_database_option() const {
    constexpr std::array<std::string_view, 7> options{"DEFAULT",    "CHARACTER", "CHARSET", "COLLATE",
                                                      "ENCRYPTION", "READ",      "COMMENT"};
    const Token next = words_.peek();
    return std::any_of(options.begin(), options.end(), [&](std::string_view word) { return words_.is(next, word); });
  }
  // Looks for other objects, and for changes of rows that no definition shows.
  void changes(Kind kind) {
    bool first = true;
    int depth = 0;
    while (!at_end()) {
      const Token token = words_.next();
      const char symbol = words_.symbol(token);
      if (symbol == '(') ++depth;
      if (symbol == ')') --depth;
      if (depth == 0 && token.kind == Token::Kind::word) change(kind, token, first);
      // An event's name is changed at its head; its body is none of ours.
      if (kind == Kind::event && words_.is(token, "DO")) return;
      first = symbol == ',' && depth == 0;
    }
  }
  void change(Kind kind, const Token& token, bool first) {
    if (words_.is(token, "RENAME") && (kind == Kind::event || first || after_wait_)) {
      const bool part = take_any("COLUMN", "INDEX", "KEY", "CONSTRAINT", "PARTITION");
      if (part) return;
      if (!take_any("TO", "AS")) words_.take_symbol('=');
      add(kind, name());
    } else if (first && (words_.is(token, "EXCHANGE") || words_.is(token, "CONVERT"))) {
      other_table(kind);
    } else if (first && (words_.is(token, "TRUNCATE") || words_.is(token, "DISCARD") || words_.is(token, "IMPORT"))) {
      ddl_.single = false;
    }
    // ALTER TABLE t WAIT 5 RENAME …
    after_wait_ = first && (words_.is(token, "WAIT") || words_.is(token, "NOWAIT"));
    if (after_wait_ && words_.is(token, "WAIT")) words_.next();
  }
  // EXCHANGE PARTITION p WITH TABLE t, CONVERT PARTITION p TO TABLE t, CONVERT TABLE t TO PARTITION p
  void other_table(Kind kind) {
    for (Tokens before = words_; !at_end() && words_.symbol(words_.peek()) != ','; before = words_) {
      if (!words_.is(words_.next(), "TABLE")) continue;
      add(kind, name());
      return;
    }
  }

  void drop() {
    ddl_.act = Act::drop;
    if (words_.take("TEMPORARY")) return;
    const std::optional<Kind> kind = take_kind();
    if (!kind) return;
    if_exists();
    if (*kind == Kind::index)
      on_table(*kind);
    else if (*kind == Kind::user)
      users();
    else
      do add(*kind, name());
      while (words_.take_symbol(','));
    ddl_.single = ddl_.objects.size() == 1 && *kind != Kind::database;
  }

  void rename() {
    ddl_.act = Act::rename;
    const bool of_users = words_.take("USER");
    if (!of_users && !take_any("TABLE", "TABLES")) return;
    if_exists();
    do {
      rename_one(of_users);
    } while (!failed_ && words_.take_symbol(','));
    ddl_.single = ddl_.objects.size() == 2;
  }
  void rename_one(bool of_user) {
    const Kind kind = of_user ? Kind::user : Kind::table;
    const auto next = [&] { return of_user ? Name{.schema = {}, .name = user()} : name(); };
    add(kind, next());
    if (words_.take("WAIT")) words_.next();
    words_.take("NOWAIT");
    if (!words_.take("TO")) failed_ = true;
    if (!failed_) add(kind, next());
  }

  // The definition stays what it was.
  void truncate() {
    ddl_.act = Act::truncate;
    words_.take("TABLE");
    add(Kind::table, name());
  }

  Tokens words_;
  Ddl ddl_;
  bool failed_ = false;
  bool after_wait_ = false;
};

}  // namespace

bool is_program(const NamedObject& object) {
  constexpr std::array kinds{Kind::trigger, Kind::procedure, Kind::function, Kind::event};
  return std::find(kinds.begin(), kinds.end(), object.kind) != kinds.end();
}

Ddl read_ddl(std::string_view statement, LexerModes modes) { return Reader(statement, modes).run(); }

std::vector<NamedObject> named_objects(std::string_view statement, LexerModes modes) {
  return read_ddl(statement, modes).objects;
}

bool single_object(std::string_view statement, LexerModes modes) { return read_ddl(statement, modes).single; }

}  // namespace talos::mysql
