#include "pg_schema.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace talos::pg {

namespace {

using Objects = std::vector<SchemaObject>;
using Columns = std::map<std::string, std::vector<SchemaColumn>>;  ///< by relation

std::string text(const Row& row, std::size_t column) { return row.at(column).value_or(""); }
bool yes(const Row& row, std::size_t column) { return text(row, column) == "t"; }

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names(1);
  for (const char c : list) {
    if (c == '\1')
      names.emplace_back();
    else
      names.back() += c;
  }
  return list.empty() ? std::vector<std::string>{} : names;
}

std::string without(const std::string& beginning, std::string text) {
  return text.starts_with(beginning) ? text.substr(beginning.size()) : text;
}

std::string joined(std::string one, const std::string& other, const std::string& between) {
  return one.empty() ? other : other.empty() ? one : one + between + other;
}

void add(Objects& objects, SchemaKind kind, std::string table, std::string name, std::string word,
         std::string definition) {
  SchemaObject object{kind, std::move(table), std::move(name), std::move(word), std::move(definition)};
  objects.push_back(std::move(object));
}

// How rows are stored changes nothing for who reads and writes them: an object of its own, not a part of the table.
std::map<std::string, std::string> storage_of(const Table& relations, const Table& columns) {
  std::map<std::string, std::string> storage;
  for (const Row& row : relations.rows) storage[text(row, 0)] = text(row, 3);
  for (const Row& row : columns.rows) {
    const std::string of_column = text(row, 8).empty() ? "" : text(row, 1) + " " + text(row, 8);
    storage[text(row, 0)] = joined(storage[text(row, 0)], of_column, ", ");
  }
  return storage;
}

Columns columns_of(const Table& table) {
  Columns columns;
  for (const Row& row : table.rows) {
    SchemaColumn column{text(row, 1), text(row, 2), yes(row, 3), text(row, 4)};
    column.supplied = yes(row, 5) || yes(row, 6);
    column.attributes = text(row, 7);
    columns[text(row, 0)].push_back(std::move(column));
  }
  return columns;
}

void add_relations(const Table& table, const Columns& columns, Objects& objects) {
  static const std::map<std::string, std::string> words = {
      {"r", "table"}, {"p", "table"}, {"f", "foreign table"}, {"v", "view"}, {"m", "materialized view"}};
  for (const Row& row : table.rows) {
    const std::string kind = text(row, 1);
    const bool view = kind == "v" || kind == "m";
    add(objects, view ? SchemaKind::view : SchemaKind::table, "", text(row, 0), words.at(kind),
        joined(text(row, 2), text(row, 4), "\n"));
    if (const auto found = columns.find(text(row, 0)); found != columns.end()) objects.back().columns = found->second;
  }
}

// A constraint that is NOT VALID yet holds for every new row: to validate it changes nothing for a writer. So that is
// an object beside it.
void add_constraints(const Table& table, Objects& objects) {
  static const std::map<std::string, std::pair<SchemaKind, std::string>> kinds = {
      {"p", {SchemaKind::primary_key, "primary key"}},
      {"u", {SchemaKind::unique, "unique"}},
      {"c", {SchemaKind::check, "check"}},
      {"x", {SchemaKind::check, "exclusion constraint"}},
      {"f", {SchemaKind::foreign_key, "foreign key"}},
      {"n", {SchemaKind::other, "not null"}}};
  constexpr std::string_view mark = " NOT VALID";
  for (const Row& row : table.rows) {
    const auto& [kind, word] = kinds.at(text(row, 2));
    std::string definition = text(row, 3);
    const bool open = !yes(row, 4) && definition.ends_with(mark);
    if (open) {
      definition.erase(definition.size() - mark.size());
      add(objects, SchemaKind::other, text(row, 0), text(row, 1), word + " not validated", "");
    }
    if (kind == SchemaKind::other) continue;
    add(objects, kind, text(row, 0), text(row, 1), word, std::move(definition));
    objects.back().on = names_in(text(row, 5));
  }
}

void add_indexes(const Table& table, Objects& objects) {
  for (const Row& row : table.rows) {
    const bool unique = yes(row, 2);
    std::string definition = without(text(row, 4), text(row, 3));
    if (!yes(row, 5)) definition += " INVALID";
    add(objects, unique ? SchemaKind::unique : SchemaKind::index, text(row, 0), text(row, 1),
        unique ? "unique index" : "index", std::move(definition));
    // An index on one expression alone has the list "".
    objects.back().on = row.at(6) && row.at(6)->empty() ? std::vector<std::string>{""} : names_in(text(row, 6));
  }
}

void add_types(const Table& types, const Table& labels, const Columns& columns, Objects& objects) {
  static const std::map<std::string, std::string> words = {
      {"b", "base type"}, {"c", "composite type"}, {"d", "domain"}, {"e", "enum"}, {"r", "range type"}};
  Columns members;
  for (const Row& row : labels.rows) members[text(row, 0)].push_back({text(row, 1), ""});
  for (const Row& row : types.rows) {
    add(objects, SchemaKind::type, "", text(row, 0), words.at(text(row, 1)), text(row, 2));
    const Columns& from = text(row, 1) == "e" ? members : columns;
    if (const auto found = from.find(text(row, 0)); found != from.end()) objects.back().columns = found->second;
  }
}

// A policy and a rule of one table may have one name, and so may an extension and a collation.
void tell_apart(Objects& objects) {
  std::map<std::pair<std::string, std::string>, int> seen;
  for (const SchemaObject& object : objects)
    if (object.kind == SchemaKind::other) ++seen[{object.table, object.name}];
  for (SchemaObject& object : objects)
    if (object.kind == SchemaKind::other && seen[{object.table, object.name}] > 1)
      object.name += " (" + object.word + ")";
}

}  // namespace

std::vector<SchemaObject> schema_objects(const SchemaAnswers& answers) {
  const Columns columns = columns_of(answers.columns);
  Objects objects;
  add_relations(answers.relations, columns, objects);
  add_constraints(answers.constraints, objects);
  add_indexes(answers.indexes, objects);
  for (const Row& row : answers.triggers.rows)
    add(objects, SchemaKind::trigger, text(row, 0), text(row, 1), "trigger",
        joined(without(text(row, 3), text(row, 2)), text(row, 4), ", "));
  for (const Row& row : answers.routines.rows)
    add(objects, SchemaKind::routine, "", text(row, 0), text(row, 1), text(row, 2));
  add_types(answers.types, answers.labels, columns, objects);
  for (const Row& row : answers.sequences.rows)
    add(objects, SchemaKind::sequence, "", text(row, 0), "sequence", text(row, 1));
  for (const Row& row : answers.others.rows)
    add(objects, SchemaKind::other, text(row, 0), text(row, 2), text(row, 1), text(row, 3));
  for (const Row& row : answers.comments.rows)
    add(objects, SchemaKind::other, text(row, 0), text(row, 1), "comment", text(row, 2));
  for (const auto& [table, storage] : storage_of(answers.relations, answers.columns))
    if (!storage.empty()) add(objects, SchemaKind::other, table, "(how it is stored)", "storage", storage);
  tell_apart(objects);
  return objects;
}

}  // namespace talos::pg
