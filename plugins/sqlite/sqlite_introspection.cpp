#include "sqlite_introspection.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "sqlite_token.hpp"

namespace talos::sqlite {

namespace {

std::string in_parentheses(const std::vector<std::string>& columns) {
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : ", ") + column;
  return "(" + text + ")";
}

// What follows a word of a statement, its beginning left out: CREATE INDEX [name] ON [table] …, CREATE VIEW … AS ….
std::string canonical_after(const std::string& sql, std::string_view word, std::size_t skip) {
  const auto tokens = tokens_of(sql);
  const auto found = std::find_if(tokens.begin(), tokens.end(), [&](const Token& t) { return t.is(word); });
  const auto from = static_cast<std::size_t>(found - tokens.begin()) + 1 + skip;
  if (from >= tokens.size()) return {};
  return canonical(tokens.data() + from, tokens.data() + tokens.size());
}

// ASC says nothing.
std::string index_text(const std::string& sql) {
  auto tokens = tokens_of(sql);
  std::erase_if(tokens, [](const Token& token) { return token.is("asc"); });
  const auto on = std::find_if(tokens.begin(), tokens.end(), [](const Token& t) { return t.is("on"); });
  const auto from = static_cast<std::size_t>(on - tokens.begin()) + 2;
  return from >= tokens.size() ? std::string() : canonical(tokens.data() + from, tokens.data() + tokens.size());
}

// "varchar(36)"
std::string type_text(const std::string& type) {
  std::string text = canonical(type);
  for (auto at = text.find(" ("); at != std::string::npos; at = text.find(" (")) text.erase(at, 1);
  return text;
}

std::string remark(const std::map<std::string, std::string>& remarks, const std::string& key) {
  const auto found = remarks.find(lower(key));
  return found == remarks.end() ? std::string() : found->second;
}

// https://sqlite.org/datatype3.html, 3.1: the rules by which a declared type is one of five.
std::string affinity(std::string_view type) {
  const auto has = [&](std::string_view word) { return type.find(word) != std::string_view::npos; };
  if (has("int")) return "integer";
  if (has("char") || has("clob") || has("text")) return "text";
  if (has("blob") || type.empty()) return "blob";
  if (has("real") || has("floa") || has("doub")) return "real";
  return "numeric";
}

}  // namespace

// Joined here: sqlite_schema has no index, and a set of thousands is read after each migration.
std::vector<SqliteIntrospection::Table> SqliteIntrospection::tables() const {
  std::map<std::string, std::string> texts;
  std::map<std::string, std::string> indexes;
  Query schema(*db_, "SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema");
  while (schema.step()) {
    const std::string type = schema.text(0);
    if (type == "index") indexes[schema.text(2)] += schema.text(1) + '\0' + schema.text(3) + '\0';
    if (type == "table" || type == "view") texts[schema.text(1)] = schema.text(3);
  }
  Query list(*db_,
             "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE"
             " 'sqlite\\_%' ESCAPE '\\'");
  std::vector<Table> tables;
  while (list.step())
    if (const std::string name = list.text(0); !own_.owns(name))
      tables.push_back({name, list.text(1), texts[name], indexes[name]});
  return tables;
}

std::vector<SchemaObject> SqliteIntrospection::do_read_schema() {
  std::vector<SchemaObject> objects;
  if (!db_) return objects;
  std::map<std::string, std::vector<SchemaObject>> read;
  for (const Table& table : tables()) {
    // What a table is follows from these texts alone. A view shows what other tables are.
    const std::string texts = table.name + '\0' + table.sql + '\0' + table.indexes;
    std::vector<SchemaObject>& own = read[texts];
    if (const auto known = read_.find(texts); known != read_.end() && table.type == "table")
      own = std::move(known->second);
    else
      add_table(table, own);
    objects.insert(objects.end(), own.begin(), own.end());
  }
  read_ = std::move(read);
  add_triggers(objects);
  return objects;
}

void SqliteIntrospection::add_table(const Table& table, std::vector<SchemaObject>& objects) const {
  SchemaObject object;
  object.name = table.name;
  object.kind = table.type == "view" ? SchemaKind::view : SchemaKind::table;
  object.word = table.type == "virtual" ? "virtual table" : table.type;
  if (table.type == "view") object.definition = canonical_after(table.sql, "as", 0);
  if (table.type == "virtual") object.definition = canonical_after(table.sql, "using", 0);
  const TableText text = table.type == "table" ? read_table_text(table.sql) : TableText{};
  if (table.type == "table") object.definition = text.options;
  object.columns = columns_of(table, text);
  if (table.type == "table") {
    add_primary_key(table, text, object, objects);
    add_foreign_keys(table, text, objects);
    add_indexes(table, text, objects);
    std::map<std::string, int> same;
    for (const TableText::Check& check : text.checks) {
      SchemaObject one{SchemaKind::check, table.name, check.name, "check", check.expression};
      if (one.name.empty()) one.name = check.expression;
      // The same check twice is legal.
      if (const int again = ++same[lower(one.name)]; again > 1) one.name += " #" + std::to_string(again);
      objects.push_back(std::move(one));
    }
  }
  objects.push_back(std::move(object));
}

std::vector<SchemaColumn> SqliteIntrospection::columns_of(const Table& table, const TableText& text) const {
  std::vector<SchemaColumn> columns;
  try {
    Query query(*db_, "SELECT name, type, \"notnull\", dflt_value, hidden FROM pragma_table_xinfo(?1, 'main')");
    query.bind(1, std::string_view(table.name));
    while (query.step()) {
      SchemaColumn column{query.text(0), type_text(query.text(1)), query.integer(2) != 0};
      if (const std::string value = query.text(3); !value.empty()) column.default_value = canonical(value);
      column.supplied = query.integer(4) >= 2;
      column.attributes = remark(text.attributes, column.name);
      columns.push_back(std::move(column));
    }
  } catch (const Error&) {
    // A view of what is no longer there has none to tell, and its definition says it all.
    if (table.type != "view") throw;
    columns.clear();
  }
  return columns;
}

void SqliteIntrospection::add_primary_key(const Table& table, const TableText& text, SchemaObject& object,
                                          std::vector<SchemaObject>& objects) const {
  Query query(*db_, "SELECT name FROM pragma_table_info(?1, 'main') WHERE pk > 0 ORDER BY pk");
  query.bind(1, std::string_view(table.name));
  SchemaObject key{SchemaKind::primary_key, table.name, {}, "primary key"};
  while (query.step()) key.on.push_back(query.text(0));
  if (key.on.empty()) return;
  key.name = in_parentheses(key.on);
  key.definition = remark(text.keys, key.name);
  if (key.on.size() == 1) {
    const auto column = std::find_if(object.columns.begin(), object.columns.end(),
                                     [&](const SchemaColumn& c) { return c.name == key.on[0]; });
    const bool without_rowid = text.options.find("without rowid") != std::string::npos;
    // The one that is the row's own number.
    if (column != object.columns.end() && column->type == "integer" && !without_rowid) column->supplied = true;
  }
  objects.push_back(std::move(key));
}

void SqliteIntrospection::add_foreign_keys(const Table& table, const TableText& text,
                                           std::vector<SchemaObject>& objects) const {
  Query query(*db_,
              "SELECT id, \"table\", \"from\", coalesce(\"to\", ''), on_update, on_delete FROM"
              " pragma_foreign_key_list(?1, 'main') ORDER BY id, seq");
  query.bind(1, std::string_view(table.name));
  std::map<std::int64_t, std::pair<SchemaObject, std::vector<std::string>>> keys;
  while (query.step()) {
    auto& [key, to] = keys[query.integer(0)];
    key.kind = SchemaKind::foreign_key;
    key.table = table.name;
    key.word = "foreign key";
    key.on.push_back(query.text(2));
    if (const std::string column = query.text(3); !column.empty()) to.push_back(column);
    key.definition = "references " + query.text(1);
    if (!to.empty()) key.definition += " " + in_parentheses(to);
    if (query.text(4) != "NO ACTION") key.definition += " on update " + lower(query.text(4));
    if (query.text(5) != "NO ACTION") key.definition += " on delete " + lower(query.text(5));
  }
  for (auto& [number, entry] : keys) {
    SchemaObject& key = entry.first;
    if (const std::string more = remark(text.keys, in_parentheses(key.on)); !more.empty()) key.definition += " " + more;
    key.name = in_parentheses(key.on) + " " + key.definition;
    objects.push_back(std::move(key));
  }
}

void SqliteIntrospection::add_indexes(const Table& table, const TableText& text,
                                      std::vector<SchemaObject>& objects) const {
  Query indexes(*db_, "SELECT name, \"unique\", origin FROM pragma_index_list(?1, 'main') WHERE origin <> 'pk'");
  indexes.bind(1, std::string_view(table.name));
  while (indexes.step()) {
    const bool unique = indexes.integer(1) != 0;
    const bool constraint = indexes.text(2) == "u";
    SchemaObject index{unique ? SchemaKind::unique : SchemaKind::index, table.name, indexes.text(0)};
    index.word = constraint ? "unique" : unique ? "unique index" : "index";
    Query columns(*db_, "SELECT coalesce(name, '') FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno");
    columns.bind(1, std::string_view(index.name));
    while (columns.step()) index.on.push_back(columns.text(0));
    if (constraint) {
      index.name = in_parentheses(index.on);
      index.definition = remark(text.keys, index.name);
    } else {
      index.definition = index_text(sql_of(index.name));
    }
    objects.push_back(std::move(index));
  }
}

std::string SqliteIntrospection::sql_of(const std::string& index) const {
  Query query(*db_, "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?1");
  query.bind(1, std::string_view(index));
  return query.step() ? query.text(0) : std::string();
}

void SqliteIntrospection::add_triggers(std::vector<SchemaObject>& objects) const {
  Query query(*db_, "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger'");
  while (query.step()) {
    if (own_.owns(query.text(1))) continue;
    SchemaObject trigger{SchemaKind::trigger, query.text(1), query.text(0), "trigger"};
    trigger.definition = canonical_after(query.text(2), "trigger", 1);
    objects.push_back(std::move(trigger));
  }
}

// Outside of STRICT tables a declared type is advice: only its affinity changes what is stored.
TypeChange SqliteIntrospection::do_compare_types(std::string_view from, std::string_view to) const {
  if (affinity(from) == affinity(to)) return TypeChange::wider;
  return affinity(to) == "blob" ? TypeChange::wider : TypeChange::other;
}

}  // namespace talos::sqlite
