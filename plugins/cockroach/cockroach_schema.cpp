#include "cockroach_schema.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cockroach_spelling.hpp"
#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

using pg::Row;
using pg::Table;

std::string text(const Row& row, std::size_t column) { return row.at(column).value_or(""); }
bool yes(const Row& row, std::size_t column) { return text(row, column) == "t"; }

using Name = std::pair<std::string, std::string>;  ///< within its table
Name name_of(const Row& row) { return {text(row, 0), text(row, 1)}; }

std::string list(const std::vector<std::string>& names) {
  std::string result;
  for (std::size_t i = 0; i < names.size(); ++i) result += (i == 0 ? "" : "\1") + names[i];
  return result;
}

// An empty text is a list of one expression: without any column it is no list.
std::optional<std::string> list_or_null(const std::vector<std::string>& names) {
  return names.empty() ? std::nullopt : std::optional(list(names));
}

std::string trimmed(std::string text) {
  constexpr std::string_view dull = " \n;";
  const auto begin = std::min(text.find_first_not_of(dull), text.size());
  const auto end = text.find_last_not_of(dull);
  return end == std::string::npos ? "" : text.substr(begin, end + 1 - begin);
}

// Whether a table is locked against schema changes depends on the session that made it, and tools lift and set it.
std::string without_schema_lock(const std::string& parameters) {
  std::string kept;
  for (std::size_t at = 0; at < parameters.size();) {
    const auto end = std::min(parameters.find(", ", at), parameters.size());
    const std::string one = parameters.substr(at, end - at);
    if (!one.starts_with("schema_locked")) kept += (kept.empty() ? "" : ", ") + one;
    at = end + 2;
  }
  return kept;
}

constexpr const char* routines_of =
    "SELECT p.proname || '(' || coalesce(pg_get_function_identity_arguments(p.oid), '') || ')',"
    " CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,"
    " concat_ws(' ', 'returns ' || pg_get_function_result(p.oid), 'language ' || l.lanname,"
    " CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END,"
    " CASE WHEN p.proisstrict THEN 'strict' END, CASE WHEN p.proleakproof THEN 'leakproof' END,"
    " CASE WHEN p.prosecdef THEN 'security definer' END), p.prosrc"
    " FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
    " LEFT JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE n.nspname = ";

// Of CockroachDB's own making: the regions of a multi-region database.
constexpr const char* types_where =
    " AND (t.typtype = 'e' OR (t.typtype = 'c' AND c.relkind = 'c')) AND t.typname <> 'crdb_internal_region'";

}  // namespace

std::string SchemaReader::here(const std::string& relation) const {
  std::string names;
  for (const std::string& name : left_out_) names += (names.empty() ? "" : ", ") + pg::literal(name);
  return " JOIN pg_catalog.pg_namespace n ON n.oid = " + relation +
         ".relnamespace WHERE n.nspname = " + pg::literal(schema_) + " AND " + relation + ".relname NOT IN (" + names +
         ")";
}

// In the order of SchemaAnswers, and then what the columns' hidden traits are.
std::vector<std::string> SchemaReader::questions() const {
  const std::string schema = pg::literal(schema_);
  return {
      "SELECT c.relname, c.relkind, concat_ws(', ', CASE WHEN c.relrowsecurity THEN 'row level security' END,"
      " CASE WHEN c.relforcerowsecurity THEN 'forced row level security' END), array_to_string(c.reloptions, ', '),"
      " CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END FROM pg_catalog.pg_class c" +
          here("c") + " AND c.relkind IN ('r', 'v', 'm')",
      "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
      " pg_get_expr(d.adbin, d.adrelid), a.attidentity <> '', a.attgenerated <> '', a.attidentity, a.attgenerated"
      " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
      " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum" +
          here("c") +
          " AND c.relkind IN ('r', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum",
      "SELECT c.relname, k.conname, k.contype, pg_get_constraintdef(k.oid), k.convalidated"
      " FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid" +
          here("c") + " AND k.contype IN ('p', 'u', 'c', 'f', 'x')",
      "SELECT c.relname, x.relname, i.indisunique, pg_get_indexdef(i.indexrelid), i.indisvalid"
      " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid"
      " JOIN pg_catalog.pg_class c ON c.oid = i.indrelid" +
          here("c") + " AND NOT i.indisprimary",
      "SELECT event_object_table, trigger_name, action_timing, event_manipulation, action_orientation,"
      " action_condition, action_statement FROM information_schema.triggers WHERE event_object_schema = " +
          schema + " ORDER BY event_object_table, trigger_name, event_manipulation",
      routines_of + schema,
      "SELECT t.typname, t.typtype, '' FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n"
      " ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid WHERE n.nspname = " +
          schema + types_where,
      "SELECT t.typname, l.enumlabel FROM pg_catalog.pg_enum l JOIN pg_catalog.pg_type t ON t.oid = l.enumtypid"
      " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = " +
          schema + " ORDER BY t.oid, l.enumsortorder",
      "SELECT c.relname, concat_ws(' ', 'increment ' || s.seqincrement::text, 'minimum ' || s.seqmin::text,"
      " 'maximum ' || s.seqmax::text, 'start ' || s.seqstart::text, 'cache ' || s.seqcache::text,"
      " CASE WHEN s.seqcycle THEN 'cycle' END)"
      " FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid" +
          here("c") +
          // One that a column owns comes and goes with it.
          " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend o WHERE o.objid = c.oid AND o.refobjsubid > 0"
          " AND o.classid = 'pg_catalog.pg_class'::regclass AND o.deptype IN ('a', 'i'))",
      "SELECT p.tablename, 'policy', p.policyname, concat_ws(' ', lower(p.permissive), 'for ' || lower(p.cmd),"
      " 'to ' || array_to_string(p.roles, ', '), 'using (' || p.qual || ')', 'with check (' || p.with_check || ')')"
      " FROM pg_catalog.pg_policies p WHERE p.schemaname = " +
          schema,
      "SELECT table_name, column_name, is_hidden, collation_name FROM information_schema.columns"
      " WHERE table_schema = " +
          schema + " AND (is_hidden = 'YES' OR collation_name IS NOT NULL)"};
}

std::string SchemaReader::spelled(const std::optional<std::string>& text) const {
  return text ? without_qualifiers(*text, database_, schema_) : std::string();
}

void SchemaReader::read_relations(Table& relations) const {
  for (Row& row : relations.rows) {
    row.at(3) = without_schema_lock(text(row, 3));
    row.at(4) = trimmed(spelled(row.at(4)));
  }
}

// A table without a primary key has a column rowid, and a key on it, that nobody asked for.
void SchemaReader::read_columns(Table& columns, const Table& traits) const {
  std::map<Name, Row> traits_of;
  for (const Row& row : traits.rows) traits_of[name_of(row)] = row;
  const auto is_made_by_itself = [&](const Row& row) {
    const auto found = traits_of.find(name_of(row));
    return found != traits_of.end() && text(found->second, 2) == "YES" && text(row, 1).starts_with("rowid") &&
           text(row, 4) == "unique_rowid()";
  };
  std::erase_if(columns.rows, is_made_by_itself);
  for (Row& row : columns.rows) {
    std::string attributes;
    const auto add = [&](const std::string& more) { attributes += (attributes.empty() ? "" : " ") + more; };
    row.at(4) = spelled(row.at(4));
    if (const auto found = traits_of.find(name_of(row)); found != traits_of.end()) {
      const Row& traits_row = found->second;
      if (traits_row.at(3)) add("collate " + *traits_row.at(3));
      if (text(traits_row, 2) == "YES") add("not visible");
    }
    if (text(row, 7) == "a") add("generated always as identity");
    if (text(row, 7) == "d") add("generated by default as identity");
    if (yes(row, 6)) {
      add("generated always as (" + text(row, 4) + ") " + (text(row, 8) == "v" ? "virtual" : "stored"));
      row.at(4) = "";
    }
    row.at(7) = attributes;
    row.at(8) = "";
  }
}

// Every unique index is a constraint, too, there: told once, and as its index is written, which says more.
void SchemaReader::read_keys(Table& constraints, Table& indexes, const Table& columns) const {
  std::set<Name> known_columns;
  for (const Row& row : columns.rows) known_columns.insert(name_of(row));
  std::set<Name> unique_indexes;
  std::vector<Row> keys;
  std::vector<Row> others;
  for (const Row& row : indexes.rows) {
    const std::string definition = spelled(row.at(3));
    const KeyText key = read_key(behind_using(definition));
    if (!yes(row, 2)) {
      others.push_back({row.at(0), row.at(1), "f", key.text, "", row.at(4), list_or_null(key.columns)});
      continue;
    }
    constexpr std::string_view usual_method = "btree ";
    unique_indexes.insert(name_of(row));
    std::string said = key.text.starts_with(usual_method) ? key.text.substr(usual_method.size()) : "USING " + key.text;
    if (!yes(row, 4)) said += " INVALID";
    keys.push_back({row.at(0), row.at(1), "u", "UNIQUE " + said, "t", list_or_null(key.columns)});
  }
  indexes.rows = std::move(others);
  for (Row& row : constraints.rows) {
    const KeyText key = read_key(spelled(row.at(3)));
    const std::string kind = text(row, 2);
    const auto is_known = [&](const std::string& column) { return known_columns.count({text(row, 0), column}) > 0; };
    const bool of_rowid = kind == "p" && std::none_of(key.columns.begin(), key.columns.end(), is_known);
    if (of_rowid || (kind == "u" && unique_indexes.count(name_of(row)) > 0)) continue;
    row.at(3) = key.text;
    // The columns of a check are found in its text.
    row.push_back(kind == "c" ? std::nullopt : list_or_null(key.columns));
    keys.push_back(std::move(row));
  }
  constraints.rows = std::move(keys);
}

void SchemaReader::read_routines(Table& routines) const {
  for (Row& row : routines.rows) row.at(2) = text(row, 2) + "\n" + spelled(row.at(3));
}

namespace {

// One row for each event that fires it.
Table read_triggers(const Table& events) {
  Table triggers;
  for (const Row& row : events.rows) {
    const std::string event = text(row, 3);
    if (!triggers.rows.empty() && name_of(triggers.rows.back()) == name_of(row)) {
      std::string& definition = *triggers.rows.back().at(2);
      definition.insert(definition.find(" FOR EACH "), " OR " + event);
      continue;
    }
    const std::string condition = row.at(5) ? " WHEN (" + *row.at(5) + ")" : "";
    triggers.rows.push_back({row.at(0), row.at(1),
                             text(row, 2) + " " + event + " FOR EACH " + text(row, 4) + condition + " " + text(row, 6),
                             "", ""});
  }
  return triggers;
}

}  // namespace

pg::SchemaAnswers SchemaReader::read(std::vector<Table> answers) const {
  pg::SchemaAnswers read{std::move(answers.at(0)), std::move(answers.at(1)),     std::move(answers.at(2)),
                         std::move(answers.at(3)), read_triggers(answers.at(4)), std::move(answers.at(5)),
                         std::move(answers.at(6)), std::move(answers.at(7)),     std::move(answers.at(8)),
                         std::move(answers.at(9))};
  read_relations(read.relations);
  read_columns(read.columns, answers.at(10));
  read_keys(read.constraints, read.indexes, read.columns);
  read_routines(read.routines);
  for (Row& row : read.others.rows) row.at(3) = spelled(row.at(3));
  return read;
}

}  // namespace talos::cockroach
