#include "schema.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "sha256.hpp"

namespace talos {

namespace {

// What stands alone comes by kind; what belongs to a table comes right after it.
using Place = std::tuple<bool, std::string_view, int, std::string_view>;

Place place_of(const SchemaObject& object) {
  const int kind = static_cast<int>(object.kind);
  if (object.kind == SchemaKind::table) return {false, object.name, -1, {}};
  if (!object.table.empty()) return {false, object.table, kind, object.name};
  return {true, {}, kind, object.name};
}

std::string without_line_ends(std::string_view text, std::string_view instead) {
  std::string result;
  for (const char c : text) {
    if (c == '\n')
      result += instead;
    else
      result += c;
  }
  return result;
}

std::string column_text(const SchemaColumn& column) {
  std::string text = column.name;
  if (!column.type.empty()) text += ": " + column.type;
  if (column.not_null) text += " not null";
  if (!column.default_value.empty()) text += " default " + column.default_value;
  if (column.supplied && column.default_value.empty()) text += " supplied by the engine";
  if (!column.attributes.empty()) text += " " + column.attributes;
  return without_line_ends(text, "\n      ");
}

std::string in_parentheses(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + (name.empty() ? "an expression" : name);
  return " (" + text + ")";
}

std::string heading(const SchemaObject& object) {
  std::string text = object.word + " " + object.name;
  if (!object.on.empty() && object.name != in_parentheses(object.on).substr(1)) text += in_parentheses(object.on);
  if (!object.definition.empty()) text += ": " + without_line_ends(object.definition, "\n    ");
  return text;
}

// On one line.
std::string what_it_is(const SchemaObject& object) {
  return without_line_ends(object.definition, " ") + (object.on.empty() ? "" : in_parentheses(object.on));
}

const SchemaColumn* find(const std::vector<SchemaColumn>& columns, std::string_view name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::string column_name(const SchemaObject& object, const SchemaColumn& column) {
  return (object.kind == SchemaKind::type ? "member " : "column ") + object.name + "." + column.name;
}

std::string what_follows(const std::string& name, std::string text) { return text.substr(name.size()); }

std::vector<std::string> names_in_both(const SchemaObject& of, const SchemaObject& other) {
  std::vector<std::string> names;
  for (const SchemaColumn& column : of.columns)
    if (find(other.columns, column.name) != nullptr) names.push_back(column.name);
  return names;
}

void describe_columns(const SchemaObject& before, const SchemaObject& after, std::vector<std::string>& lines) {
  for (const SchemaColumn& column : before.columns)
    if (find(after.columns, column.name) == nullptr) lines.push_back("- " + column_name(before, column));
  for (const SchemaColumn& column : after.columns) {
    const SchemaColumn* old = find(before.columns, column.name);
    const std::string now = column_name(after, column) + what_follows(column.name, column_text(column));
    if (old == nullptr)
      lines.push_back("+ " + now);
    else if (*old != column)
      lines.push_back("~ " + now + "; before" + what_follows(old->name, column_text(*old)));
  }
  if (names_in_both(before, after) != names_in_both(after, before))
    lines.push_back("~ " + display_name(after) + ": its columns are in another order");
}

}  // namespace

Schema::Schema(std::vector<SchemaObject> objects) : objects_(std::move(objects)) {
  std::sort(objects_.begin(), objects_.end(), [](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
}

const SchemaObject* Schema::find(SchemaKind kind, std::string_view table, std::string_view name) const {
  SchemaObject wanted;
  wanted.kind = kind;
  wanted.table = table;
  wanted.name = name;
  const auto found = std::lower_bound(objects_.begin(), objects_.end(), wanted,
                                      [](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
  return found != objects_.end() && place_of(*found) == place_of(wanted) ? &*found : nullptr;
}

std::string display_name(const SchemaObject& object) {
  return object.word + " " + object.name + (object.table.empty() ? "" : " on " + object.table);
}

std::string text_of(const SchemaObject& object) {
  std::string text = (object.table.empty() ? "" : "  ") + heading(object) + "\n";
  for (const SchemaColumn& column : object.columns) text += "  " + column_text(column) + "\n";
  return text;
}

std::string text_of(const Schema& schema) {
  std::string text;
  for (const SchemaObject& object : schema.objects()) text += text_of(object);
  return text;
}

std::string fingerprint(const SchemaObject& object) { return sha256(object.table + "\n" + text_of(object)); }
std::string fingerprint(const Schema& schema) { return sha256(text_of(schema)); }

std::vector<SchemaChange> compare(const Schema& before, const Schema& after) {
  std::vector<SchemaChange> changes;
  for (const SchemaObject& object : before.objects()) {
    const bool with_its_table = !object.table.empty() && after.find(SchemaKind::table, {}, object.table) == nullptr &&
                                before.find(SchemaKind::table, {}, object.table) != nullptr;
    if (!with_its_table && after.find_same(object) == nullptr) changes.push_back({&object, nullptr});
  }
  for (const SchemaObject& object : after.objects()) {
    const SchemaObject* old = before.find_same(object);
    const bool with_its_table = !object.table.empty() && before.find(SchemaKind::table, {}, object.table) == nullptr &&
                                after.find(SchemaKind::table, {}, object.table) != nullptr;
    if (old == nullptr && !with_its_table) changes.push_back({nullptr, &object});
    if (old != nullptr && *old != object) changes.push_back({old, &object});
  }
  return changes;
}

std::vector<std::string> describe(const SchemaChange& change) {
  if (change.before == nullptr) return {"+ " + display_name(*change.after)};
  if (change.after == nullptr) return {"- " + display_name(*change.before)};
  std::vector<std::string> lines;
  describe_columns(*change.before, *change.after, lines);
  if (heading(*change.before) != heading(*change.after))
    lines.push_back("~ " + display_name(*change.after) + ": " + what_it_is(*change.after) +
                    "; before: " + what_it_is(*change.before));
  return lines;
}

std::vector<std::string> describe(const std::vector<SchemaChange>& changes) {
  std::vector<std::string> lines;
  for (const SchemaChange& change : changes)
    for (std::string& line : describe(change)) lines.push_back(std::move(line));
  return lines;
}

}  // namespace talos
