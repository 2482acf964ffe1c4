#include "mysql_definition.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "mysql_types.hpp"

namespace talos::mysql {

namespace {

using Kind = Token::Kind;

struct Word {
  Kind kind = Kind::end;
  std::string_view text;
  std::size_t begin = 0;
  bool gap = false;  ///< something stood between it and the one before

  bool is(std::string_view upper) const { return kind == Kind::word && equal_word(text, upper); }
  bool symbol(char c) const { return kind == Kind::symbol && text[0] == c; }
  bool is_name() const { return kind == Kind::word || kind == Kind::name; }
};
using Words = std::span<const Word>;

std::vector<Word> words_of(std::string_view sql, LexerModes modes) {
  std::vector<Word> words;
  Tokens tokens(sql, modes);
  std::size_t end = 0;
  for (Token token = tokens.next(); token.kind != Kind::end; token = tokens.next()) {
    words.push_back({token.kind, tokens.text(token), token.begin, token.begin != end});
    end = token.end;
  }
  return words;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_plain_name(std::string_view name) {
  const auto part = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), part);
}

std::string spelled(const Word& word) {
  if (word.kind != Kind::name) return std::string(word.text);
  std::string name = identifier(word.text);
  return is_plain_name(name) ? name : std::string(word.text);
}

// _utf8mb4'x'
bool is_introducer(Words words, std::size_t at) {
  return words[at].kind == Kind::word && words[at].text[0] == '_' && !words[at].is("_BINARY") &&
         at + 1 < words.size() && words[at + 1].kind == Kind::string && is_ascii(words[at + 1].text);
}

std::string spelled(Words words) {
  std::string text;
  bool gap = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    gap = gap || words[i].gap;
    if (is_introducer(words, i)) continue;
    if (gap && !text.empty()) text += ' ';
    text += spelled(words[i]);
    gap = false;
  }
  return text;
}

// Behind the parenthesis that closes the one at `open`.
std::size_t behind(Words words, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < words.size(); ++i) {
    if (words[i].symbol('(')) ++depth;
    if (words[i].symbol(')') && --depth == 0) return i + 1;
  }
  return words.size();
}

Words inside(Words words) {
  while (words.size() >= 2 && words[0].symbol('(') && behind(words, 0) == words.size())
    words = words.subspan(1, words.size() - 2);
  return words;
}

std::vector<Words> split_at_commas(Words words) {
  std::vector<Words> items;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < words.size();) {
    if (words[i].symbol('(')) {
      i = behind(words, i);
    } else if (words[i].symbol(',')) {
      items.push_back(words.subspan(begin, i - begin));
      begin = ++i;
    } else {
      ++i;
    }
  }
  if (begin < words.size()) items.push_back(words.subspan(begin));
  return items;
}

std::string in_parentheses(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return "(" + text + ")";
}

// Takes words off the front of what is left.
class Cursor {
 public:
  explicit Cursor(Words words) : words_(words) {}

  bool at_end() const { return words_.empty(); }
  const Word& peek() const { return words_.front(); }
  Word next() {
    if (at_end()) return {};
    const Word word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }
  Words take(std::size_t count) {
    const Words taken = words_.first(std::min(count, words_.size()));
    words_ = words_.subspan(taken.size());
    return taken;
  }
  template <class... Rest>
  bool take_words(std::string_view first, Rest... rest) {
    constexpr std::size_t count = 1 + sizeof...(rest);
    const std::array<std::string_view, count> wanted{first, rest...};
    if (words_.size() < count) return false;
    for (std::size_t i = 0; i < count; ++i)
      if (!words_[i].is(wanted[i])) return false;
    words_ = words_.subspan(count);
    return true;
  }
  bool take_symbol(char c) {
    if (at_end() || !words_.front().symbol(c)) return false;
    words_ = words_.subspan(1);
    return true;
  }
  /// A parenthesis with what is in it, or nothing.
  Words take_parentheses() { return at_end() || !peek().symbol('(') ? Words() : take(behind(words_, 0)); }
  Words left() const { return words_; }

 private:
  Words words_;
};

// One blank between things said about the same.
void say(std::string& text, const std::string& more) {
  if (!more.empty()) text += (text.empty() ? "" : " ") + more;
}

std::string without_empty_parentheses(std::string text) {
  if (text.ends_with("()")) text.resize(text.size() - 2);
  return text;
}

// CURRENT_TIMESTAMP(3), current_timestamp()
std::optional<std::string> moment(Words words) {
  if (words.empty() || !words[0].is("CURRENT_TIMESTAMP")) return std::nullopt;
  if (words.size() > 1 && behind(words, 1) != words.size()) return std::nullopt;
  return without_empty_parentheses(lower(spelled(words)));
}

class TableReader {
 public:
  TableReader(const std::string& name, std::string_view text, std::vector<SchemaObject>& objects)
      : words_(words_of(text, {})), objects_(objects) {
    table_.kind = SchemaKind::table;
    table_.name = name;
    table_.word = "table";
  }

  void run() {
    const auto open = std::find_if(words_.begin(), words_.end(), [](const Word& word) { return word.symbol('('); });
    if (open == words_.end()) return objects_.push_back(std::move(table_));
    const auto from = static_cast<std::size_t>(open - words_.begin());
    const Words all(words_);
    const std::size_t end = behind(all, from);
    // The collation of the table first: columns say nothing of one that is the same.
    options(Cursor(all.subspan(end)));
    for (const Words item : split_at_commas(all.subspan(from + 1, end - from - 2))) add(item);
    drop_indexes_of_keys();
    for (SchemaObject& object : parts_) objects_.push_back(std::move(object));
    objects_.push_back(std::move(table_));
  }

 private:
  void options(Cursor words) {
    std::string text;
    while (!words.at_end()) {
      if (words.take_words("COMMENT")) {
        words.take_symbol('=');
        comment("table", words.next());
      } else if (words.take_words("AUTO_INCREMENT")) {
        words.take_symbol('=');
        words.next();
      } else if (words.take_words("DEFAULT", "CHARSET")) {
        words.take_symbol('=');
        charset_ = normal_charset(words.next().text);
      } else if (words.take_words("COLLATE")) {
        words.take_symbol('=');
        collation_ = normal_charset(identifier(words.next().text));
      } else if (words.peek().is("PARTITION")) {
        say(text, partitions(words));
      } else {
        say(text, option(words));
      }
    }
    table_.definition = text;
    if (!collation_.empty() || !charset_.empty())
      say(table_.definition, collation_.empty() ? "character set " + charset_ : "collate " + collation_);
  }

  static std::string option(Cursor& words) {
    std::string text = lower(spelled(words.next()));
    if (words.take_symbol('=')) text += "=" + spelled(words.next());
    return text;
  }

  // Each partition names its engine, which is the table's.
  static std::string partitions(Cursor& words) {
    std::string text;
    while (!words.at_end()) {
      const bool gap = words.peek().gap;
      if (words.take_words("ENGINE")) {
        words.take_symbol('=');
        words.next();
        continue;
      }
      const std::string word = spelled(words.next());
      if (gap && !text.empty()) text += ' ';
      text += word;
    }
    return text;
  }

  void comment(const std::string& of, const Word& text) {
    SchemaObject object{SchemaKind::other, table_.name, of, "comment"};
    object.definition = string_value(text.text, {});
    if (!object.definition.empty()) parts_.push_back(std::move(object));
  }

  void add(Words item) {
    Cursor words(item);
    if (words.at_end()) return;
    if (words.peek().kind == Kind::name) return column(words);
    if (words.take_words("PRIMARY", "KEY")) return primary_key(words);
    if (words.take_words("UNIQUE", "KEY")) return key(words, SchemaKind::unique, "unique index");
    if (words.take_words("FULLTEXT", "KEY")) return key(words, SchemaKind::index, "fulltext index");
    if (words.take_words("SPATIAL", "KEY")) return key(words, SchemaKind::index, "spatial index");
    if (words.take_words("VECTOR", "KEY")) return key(words, SchemaKind::index, "vector index");
    if (words.take_words("KEY")) return key(words, SchemaKind::index, "index");
    if (words.take_words("CONSTRAINT")) return constraint(words);
    // PERIOD FOR SYSTEM_TIME (…)
    say(table_.definition, spelled(words.left()));
  }

  // --- Columns

  void column(Cursor& words) {
    SchemaColumn column;
    column.name = identifier(words.next().text);
    column.type = type_of(words);
    std::string collation;
    std::string charset;
    while (!words.at_end()) {
      if (words.take_words("CHARACTER", "SET"))
        charset = normal_charset(words.next().text);
      else if (words.take_words("COLLATE"))
        collation = normal_charset(identifier(words.next().text));
      else if (words.take_words("NOT", "NULL"))
        column.not_null = true;
      else if (words.take_words("AUTO_INCREMENT"))
        column.supplied = true;
      else if (words.take_words("DEFAULT"))
        column.default_value = default_of(words, column.type);
      else if (words.take_words("COMMENT"))
        comment("column " + column.name, words.next());
      else if (words.take_words("CHECK"))
        column_check(column, inside(words.take_parentheses()));
      else if (!words.take_words("NULL"))
        attribute(words, column);
    }
    if (column.type != "json") add_collation(column, charset, collation);
    table_.columns.push_back(std::move(column));
  }

  static std::string type_of(Cursor& words) {
    Words all = words.left();
    std::size_t count = 1;
    if (all.size() > 1 && all[1].symbol('(')) count = behind(all, 1);
    constexpr std::array<std::string_view, 5> more{"UNSIGNED", "ZEROFILL", "PRECISION", "VARYING", "COMPRESSED"};
    while (count < all.size() &&
           std::any_of(more.begin(), more.end(), [&](std::string_view word) { return all[count].is(word); }))
      ++count;
    return normal_type(spelled(words.take(count)));
  }

  // Up to the next thing that may be said of a column.
  static std::string default_of(Cursor& words, const std::string& type) {
    constexpr std::array<std::string_view, 11> others{"AUTO_INCREMENT", "ON",        "COMMENT",         "INVISIBLE",
                                                      "CHECK",          "STORAGE",   "WITHOUT",         "COLUMN_FORMAT",
                                                      "SRID",           "GENERATED", "ENGINE_ATTRIBUTE"};
    const Words all = words.left();
    std::size_t count = 0;
    while (count < all.size() &&
           std::none_of(others.begin(), others.end(), [&](std::string_view word) { return all[count].is(word); }))
      count = all[count].symbol('(') ? behind(all, count) : count + 1;
    const Words value = inside(words.take(count));
    if (value.size() == 1 && value[0].is("NULL")) return {};
    if (const auto now = moment(value)) return *now;
    if (value.size() == 1 && value[0].kind == Kind::string && is_numeric_type(type))
      return string_value(value[0].text, {});
    return spelled(value);
  }

  static void attribute(Cursor& words, SchemaColumn& column) {
    if (words.take_words("ON", "UPDATE")) {
      Words all = words.left();
      const std::size_t count = all.size() > 1 && all[1].symbol('(') ? behind(all, 1) : 1;
      const Words value = words.take(count);
      return say(column.attributes, "on update " + moment(value).value_or(spelled(value)));
    }
    if (words.take_words("GENERATED", "ALWAYS", "AS")) {
      column.supplied = true;
      const Words expression = words.take_parentheses();
      return say(column.attributes,
                 "generated always as " +
                     (expression.empty() ? lower(spelled(words.take(2))) : "(" + spelled(inside(expression)) + ")"));
    }
    say(column.attributes, words.peek().kind == Kind::word ? lower(words.peek().text) : spelled(words.peek()));
    words.next();
  }

  void add_collation(SchemaColumn& column, const std::string& charset, const std::string& collation) const {
    const bool says_more = !charset.empty() && collation.empty() && charset != charset_;
    if (!collation.empty() && collation != collation_) say(column.attributes, "collate " + collation);
    if (says_more) say(column.attributes, "character set " + charset);
  }

  // MariaDB has no type json: the word makes a longtext with a check.
  void column_check(SchemaColumn& column, Words expression) {
    if (column.type == "longtext" && spelled(expression) == "json_valid(" + column.name + ")") {
      column.type = "json";
      return;
    }
    SchemaObject check{SchemaKind::check, table_.name, "of column " + column.name, "check", spelled(expression)};
    check.on.push_back(column.name);
    parts_.push_back(std::move(check));
  }

  // --- Keys and constraints

  void parts_of(Cursor& words, SchemaObject& object) {
    bool plain = true;
    std::vector<std::string> texts;
    for (const Words part : split_at_commas(inside_once(words.take_parentheses()))) {
      const bool column = !part.empty() && part[0].is_name();
      object.on.push_back(column ? identifier(part[0].text) : std::string());
      plain = plain && part.size() == 1;
      texts.push_back(lower_but_first(part));
    }
    if (!plain) object.definition = in_parentheses(texts);
  }

  // An expression keeps its parentheses.
  static Words inside_once(Words words) { return words.size() < 2 ? Words() : words.subspan(1, words.size() - 2); }

  static std::string lower_but_first(Words part) {
    if (part.size() > 1 && part.back().is("ASC")) part = part.first(part.size() - 1);
    if (part.size() > 1 && part.back().is("DESC")) return spelled(part.first(part.size() - 1)) + " desc";
    return spelled(part);
  }

  static void rest_of(Cursor& words, SchemaObject& object) {
    while (!words.at_end()) {
      // A BTREE is what there is without a word.
      if (words.take_words("USING", "BTREE")) continue;
      say(object.definition, words.peek().kind == Kind::word ? lower(words.peek().text) : spelled(words.peek()));
      words.next();
    }
  }

  void primary_key(Cursor& words) {
    SchemaObject object{SchemaKind::primary_key, table_.name, {}, "primary key"};
    parts_of(words, object);
    rest_of(words, object);
    object.name = in_parentheses(object.on);
    parts_.push_back(std::move(object));
  }

  void key(Cursor& words, SchemaKind kind, const char* word) {
    SchemaObject object{kind, table_.name, identifier(words.next().text), word};
    parts_of(words, object);
    rest_of(words, object);
    parts_.push_back(std::move(object));
  }

  void constraint(Cursor& words) {
    const std::string name = identifier(words.next().text);
    if (words.take_words("FOREIGN", "KEY")) return foreign_key(words, name);
    words.take_words("CHECK");
    SchemaObject check{SchemaKind::check, table_.name, name, "check", spelled(inside(words.take_parentheses()))};
    rest_of(words, check);
    parts_.push_back(std::move(check));
  }

  void foreign_key(Cursor& words, const std::string& name) {
    SchemaObject object{SchemaKind::foreign_key, table_.name, name, "foreign key"};
    parts_of(words, object);
    words.take_words("REFERENCES");
    object.definition = "references " + spelled(words.next());
    if (words.take_symbol('.')) object.definition += "." + spelled(words.next());
    object.definition += " " + spelled(words.take_parentheses());
    while (!words.at_end()) {
      const std::string event = lower(spelled(words.take(2)));
      // RESTRICT and NO ACTION are the same, and what there is without a word.
      if (words.take_words("RESTRICT") || words.take_words("NO", "ACTION")) continue;
      const std::size_t count = words.take_words("SET") ? 1 : 0;
      object.definition += " " + event + (count == 1 ? " set " : " ") + lower(spelled(words.next()));
    }
    parts_.push_back(std::move(object));
  }

  // A foreign key makes an index of its name or its first column's where none serves it, and drops it as soon as
  // another one does.
  void drop_indexes_of_keys() {
    std::vector<SchemaObject> keys;
    for (const SchemaObject& object : parts_)
      if (object.kind == SchemaKind::foreign_key) keys.push_back(object);
    std::erase_if(parts_, [&](const SchemaObject& index) {
      return index.word == "index" && index.definition.empty() &&
             std::any_of(keys.begin(), keys.end(), [&](const SchemaObject& key) {
               return key.on == index.on && (index.name == key.name || is_made_of(index.name, key.on.front()));
             });
    });
  }

  // "nid", "nid_2"
  static bool is_made_of(std::string_view name, std::string_view column) {
    if (!name.starts_with(column)) return false;
    name.remove_prefix(column.size());
    return name.empty() || (name.size() > 1 && name[0] == '_' &&
                            name.substr(1).find_first_not_of("0123456789") == std::string_view::npos);
  }

  std::vector<Word> words_;
  std::vector<SchemaObject>& objects_;
  SchemaObject table_;
  std::vector<SchemaObject> parts_;
  std::string charset_;
  std::string collation_;
};

// `database`.`table`.`column`, and FROM `database`.`table`: as the server writes a view that reads more than one
// database. What may be a table's alias is left as it is.
std::vector<bool> qualifiers(Words words, std::string_view database) {
  const auto is_database = [&](std::size_t at) {
    return at < words.size() && words[at].is_name() && identifier(words[at].text) == database;
  };
  const auto point = [&](std::size_t at) { return at < words.size() && words[at].symbol('.'); };
  bool alias = false;
  for (std::size_t i = 1; i < words.size(); ++i)
    alias = alias || (is_database(i) && !words[i - 1].symbol('.') && !point(i + 1));
  std::vector<bool> found(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_database(i) || !point(i + 1) || (i > 0 && words[i - 1].symbol('.'))) continue;
    const bool three = point(i + 3);
    found[i] = found[i + 1] = three || !alias;
  }
  return found;
}

// DEFINER = name [@ host]
std::size_t end_of_definer(Words words, std::size_t at) {
  if (!words[at].is("DEFINER") || at + 2 >= words.size() || !words[at + 1].symbol('=')) return at;
  std::size_t end = at + 3;
  if (end < words.size() && words[end].symbol('(')) end = behind(words, end);
  if (end + 1 < words.size() && words[end].symbol('@')) end += 2;
  return end;
}

}  // namespace

std::string plain_text(std::string_view sql, LexerModes modes) {
  std::vector<Word> words = words_of(sql, modes);
  // MySQL keeps the one that ended the statement in a message of several.
  while (!words.empty() && words.back().kind == Kind::terminator) words.pop_back();
  return spelled(Words(words));
}

void add_table(const std::string& name, std::string_view show_create, std::vector<SchemaObject>& objects) {
  TableReader(name, show_create, objects).run();
}

SchemaObject read_view(const std::string& name, std::string_view show_create, std::string_view database) {
  SchemaObject view{SchemaKind::view, {}, name, "view"};
  const std::vector<Word> all = words_of(show_create, {});
  const auto word = [&](std::string_view upper) {
    return std::find_if(all.begin(), all.end(), [&](const Word& w) { return w.is(upper); });
  };
  const auto as = std::find_if(word("VIEW"), all.end(), [](const Word& w) { return w.is("AS"); });
  if (as == all.end()) return view;
  const Words head(all.begin(), as);
  for (std::size_t i = 0; i + 2 < head.size(); ++i) {
    if (head[i].is("ALGORITHM") && !head[i + 2].is("UNDEFINED"))
      view.definition = "algorithm " + lower(head[i + 2].text);
    if (head[i].is("SECURITY") && head[i + 1].is("INVOKER")) say(view.definition, "sql security invoker");
  }
  const Words body(as + 1, all.end());
  const std::vector<bool> left_out = qualifiers(body, database);
  std::vector<Word> kept;
  bool gap = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    gap = gap || body[i].gap;
    if (left_out[i]) continue;
    kept.push_back(body[i]);
    kept.back().gap = gap;
    gap = false;
  }
  say(view.definition, spelled(Words(kept)));
  return view;
}

SchemaObject read_sequence(const std::string& name, std::string_view show_create) {
  SchemaObject sequence{SchemaKind::sequence, {}, name, "sequence"};
  const std::vector<Word> all = words_of(show_create, {});
  // CREATE SEQUENCE name … ENGINE=InnoDB
  const auto engine = std::find_if(all.begin(), all.end(), [](const Word& w) { return w.is("ENGINE"); });
  const std::size_t end = static_cast<std::size_t>(engine - all.begin());
  if (end > 3) sequence.definition = spelled(Words(all).subspan(3, end - 3));
  return sequence;
}

std::string without_owner(std::string_view sql, std::string_view database, LexerModes modes) {
  const std::vector<Word> all = words_of(sql, modes);
  const Words words(all);
  const std::vector<bool> left_out = qualifiers(words, database);
  std::string result;
  std::size_t copied = 0;
  const auto leave_out = [&](std::size_t from, std::size_t to) {
    result += sql.substr(copied, from - copied);
    copied = to;
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t end = end_of_definer(words, i);
    if (end > i)
      leave_out(words[i].begin, words[end - 1].begin + words[end - 1].text.size());
    else if (left_out[i])
      leave_out(words[i].begin, words[i].begin + words[i].text.size());
  }
  std::size_t last = words.size();
  while (last > 0 && words[last - 1].kind == Kind::terminator) --last;
  for (std::size_t i = last; i < words.size(); ++i) leave_out(words[i].begin, words[i].begin + words[i].text.size());
  return result += sql.substr(copied);
}

}  // namespace talos::mysql
