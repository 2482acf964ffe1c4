#include "mysql_online.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace talos::mysql {

namespace {

using Kind = Token::Kind;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

class Reader {
 public:
  Reader(std::string_view statement, LexerModes modes) : words_(statement, modes) {}

  std::optional<OnlineStatement> run() {
    if (words_.take("ALTER"))
      read_.alter = true;
    else if (words_.take("CREATE"))
      read_.builds = true;
    else if (!words_.take("DROP"))
      return std::nullopt;
    if (!head()) return std::nullopt;
    body();
    return std::move(read_);
  }

 private:
  bool take_any(std::initializer_list<std::string_view> keywords) {
    return std::any_of(keywords.begin(), keywords.end(), [&](std::string_view word) { return words_.take(word); });
  }

  // Up to the table's name.
  bool head() {
    if (read_.alter) {
      while (take_any({"ONLINE", "OFFLINE", "IGNORE"})) continue;
      if (!words_.take("TABLE")) return false;
      if (words_.take("IF")) words_.take("EXISTS");
      if (!table()) return false;
      // MariaDB's WAIT n and NOWAIT belong to the name.
      if (words_.take("WAIT"))
        last_ = words_.next().end;
      else if (words_.take("NOWAIT"))
        last_ = words_.at();
      read_.clauses_at = last_;
      return true;
    }
    if (words_.take("OR")) words_.take("REPLACE");
    take_any({"UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"});
    if (!words_.take("INDEX")) return false;
    // The index's name, and its kind; then ON.
    for (Token token = words_.next(); token.kind != Kind::end; token = words_.next())
      if (words_.is(token, "ON")) return table();
    return false;
  }

  bool table() {
    Token token = words_.next();
    if (token.kind != Kind::word && token.kind != Kind::name) return false;
    read_.table = identifier(words_.text(token));
    last_ = token.end;
    if (!words_.take_symbol('.')) return true;
    token = words_.next();
    read_.schema = std::exchange(read_.table, identifier(words_.text(token)));
    last_ = token.end;
    return true;
  }

  void body() {
    constexpr std::array<std::string_view, 8> builders{"INDEX",   "KEY",        "UNIQUE",  "FULLTEXT",
                                                       "SPATIAL", "CONSTRAINT", "FOREIGN", "PRIMARY"};
    int depth = 0;
    Token before;
    for (Token token = words_.next(); token.kind != Kind::end && token.kind != Kind::terminator;
         token = words_.next()) {
      last_ = token.end;
      const char symbol = words_.symbol(token);
      if (symbol == '(') ++depth;
      if (symbol == ')') --depth;
      if (words_.is(token, "REFERENCES")) reference();
      if (depth == 0 && token.kind == Kind::word) {
        clause(token, before);
        if (words_.is(before, "ADD") &&
            (words_.is(token, "CHECK") || std::any_of(builders.begin(), builders.end(),
                                                      [&](std::string_view word) { return words_.is(token, word); })))
          read_.builds = true;
      }
      before = token;
    }
    if (!read_.alter) read_.clauses_at = last_;
  }

  void reference() {
    const Token token = words_.next();
    last_ = token.end;
    if (token.kind == Kind::word || token.kind == Kind::name)
      read_.references.push_back(identifier(words_.text(token)));
  }

  void clause(const Token& token, const Token& before) {
    if (words_.is(token, "ALGORITHM")) return value(read_.algorithm);
    if (words_.is(token, "LOCK")) return value(read_.lock);
    if (!read_.alter) return;
    if (words_.is(token, "RENAME")) {
      const Token next = words_.peek();
      read_.renames =
          read_.renames || (!words_.is(next, "COLUMN") && !words_.is(next, "INDEX") && !words_.is(next, "KEY"));
    }
    if (words_.is(token, "PARTITION")) {
      const bool all = words_.is(words_.peek(), "BY");
      (all ? read_.partitions : read_.one_partition) = true;
    }
    if (words_.is(token, "PARTITIONING") && words_.is(before, "REMOVE")) read_.partitions = true;
  }

  void value(std::optional<OnlineStatement::Value>& into) {
    words_.take_symbol('=');
    const Token token = words_.next();
    last_ = token.end;
    into = OnlineStatement::Value{upper(words_.text(token)), token.begin, token.end};
  }

  Tokens words_;
  OnlineStatement read_;
  std::size_t last_ = 0;  ///< where the last token ended
};

}  // namespace

std::optional<OnlineStatement> read_online(std::string_view statement, LexerModes modes) {
  return Reader(statement, modes).run();
}

std::string with_clauses(std::string_view statement, const OnlineStatement& read, std::string_view algorithm,
                         std::string_view lock) {
  struct Edit {
    std::size_t begin;
    std::size_t end;
    std::string text;
  };
  std::vector<Edit> edits;
  std::string more;
  const auto put = [&](const std::optional<OnlineStatement::Value>& stated, std::string_view name,
                       std::string_view value) {
    if (value.empty()) return;
    if (stated)
      edits.push_back({stated->begin, stated->end, std::string(value)});
    else
      more.append(" ").append(name).append("=").append(value).append(read.alter ? "," : "");
  };
  put(read.algorithm, "ALGORITHM", algorithm);
  put(read.lock, "LOCK", lock);
  if (!more.empty()) edits.push_back({read.clauses_at, read.clauses_at, more + (read.alter ? " " : "")});
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  std::string result;
  std::size_t copied = 0;
  for (const Edit& edit : edits) {
    result.append(statement.substr(copied, edit.begin - copied)).append(edit.text);
    copied = edit.end;
  }
  return result.append(statement.substr(copied));
}

}  // namespace talos::mysql
