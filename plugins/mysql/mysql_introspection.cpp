#include "mysql_introspection.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "mysql_definition.hpp"
#include "mysql_text.hpp"
#include "mysql_token.hpp"
#include "mysql_types.hpp"

namespace talos::mysql {

namespace {

std::string text(const Row& row, std::size_t column) { return row.at(column).value_or(""); }

void say(std::string& text, const std::string& more) {
  if (!more.empty()) text += (text.empty() ? "" : " ") + more;
}

Error hidden(const std::string& what, const std::string& right) {
  return Error(ErrorCode::connection, "the definition of " + what + " is hidden from this user")
      .with_hint("grant it " + right);
}

// --- Views' columns: by view.

std::map<std::string, std::vector<SchemaColumn>> view_columns(const Table& answer) {
  std::map<std::string, std::vector<SchemaColumn>> columns;
  // Nullability and defaults are guesses of the server there.
  for (const Row& row : answer.rows) columns[text(row, 0)].push_back({text(row, 1), normal_type(text(row, 2))});
  return columns;
}

// --- Routines

struct Parameters {
  std::string list;
  std::string returns;
};

// The first of a function's, without a name, is what it returns.
std::map<std::pair<std::string, std::string>, Parameters> parameters_of(const Table& answer) {
  std::map<std::pair<std::string, std::string>, Parameters> all;
  for (const Row& row : answer.rows) {
    Parameters& of = all[{text(row, 0), text(row, 1)}];
    std::string type = normal_type(text(row, 5));
    if (const std::string charset = text(row, 6); !charset.empty()) type += " character set " + normal_charset(charset);
    if (text(row, 2) == "0") {
      of.returns = type;
      continue;
    }
    std::string one = text(row, 0) == "FUNCTION" ? "" : lower(text(row, 3)) + " ";
    one += text(row, 4) + " " + type;
    of.list += (of.list.empty() ? "" : ", ") + one;
  }
  return all;
}

void add_routines(const Table& list, const Table& parameters, std::vector<SchemaObject>& objects) {
  const auto all = parameters_of(parameters);
  std::vector<std::string> procedures;
  for (const Row& row : list.rows)
    if (text(row, 0) == "PROCEDURE") procedures.push_back(text(row, 1));
  for (const Row& row : list.rows) {
    SchemaObject routine{SchemaKind::routine, {}, text(row, 1), lower(text(row, 0))};
    if (!row.at(2)) throw hidden(routine.word + " " + routine.name, "SELECT on the system's tables, or SHOW_ROUTINE");
    const auto found = all.find({text(row, 0), text(row, 1)});
    const Parameters of = found == all.end() ? Parameters() : found->second;
    routine.definition = "(" + of.list + ")";
    if (!of.returns.empty()) routine.definition += " returns " + of.returns;
    if (text(row, 3) == "YES") routine.definition += " deterministic";
    if (const std::string access = text(row, 4); access != "CONTAINS SQL") say(routine.definition, lower(access));
    if (text(row, 5) == "INVOKER") routine.definition += " sql security invoker";
    if (const std::string comment = text(row, 6); !comment.empty())
      routine.definition += " comment " + literal(comment);
    routine.definition += "\n" + plain_text(*row[2], lexer_modes(text(row, 7)));
    // A procedure and a function may have the same name.
    if (routine.word == "function" && std::find(procedures.begin(), procedures.end(), routine.name) != procedures.end())
      routine.name += "()";
    objects.push_back(std::move(routine));
  }
}

// --- Events

// Without the moments at which it begins, ends or happens: they come of when it was made, also where nobody chose
// them, and a copy that is loaded elsewhere has them spelled out.
void add_events(const Table& list, std::vector<SchemaObject>& objects) {
  for (const Row& row : list.rows) {
    SchemaObject event{SchemaKind::other, {}, text(row, 0), "event"};
    event.definition =
        text(row, 1) == "RECURRING" ? "every " + text(row, 2) + " " + lower(text(row, 3)) : std::string("once");
    if (text(row, 4) == "PRESERVE") event.definition += " on completion preserve";
    if (text(row, 5) != "ENABLED") event.definition += " " + lower(text(row, 5));
    if (const std::string comment = text(row, 6); !comment.empty()) event.definition += " comment " + literal(comment);
    event.definition += "\n" + plain_text(text(row, 7), lexer_modes(text(row, 8)));
    objects.push_back(std::move(event));
  }
}

}  // namespace

std::vector<SchemaObject> MySqlIntrospection::do_read_schema() {
  const std::string in_database = stored(server_.database);
  const auto answers = ask_(
      "SET SESSION sql_quote_show_create = 1;"
      "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = " +
      in_database +
      ";SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT, ACTION_ORDER,"
      " SQL_MODE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = " +
      in_database +
      ";SELECT ROUTINE_TYPE, ROUTINE_NAME, ROUTINE_DEFINITION, IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE,"
      " ROUTINE_COMMENT, SQL_MODE FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = " +
      in_database +
      ";SELECT ROUTINE_TYPE, SPECIFIC_NAME, ORDINAL_POSITION, PARAMETER_MODE, PARAMETER_NAME, DTD_IDENTIFIER,"
      " CHARACTER_SET_NAME FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = " +
      in_database +
      " ORDER BY ROUTINE_TYPE, SPECIFIC_NAME, ORDINAL_POSITION"
      ";SELECT EVENT_NAME, EVENT_TYPE, INTERVAL_VALUE, INTERVAL_FIELD, ON_COMPLETION,"
      " STATUS, EVENT_COMMENT, EVENT_DEFINITION, SQL_MODE FROM information_schema.EVENTS WHERE EVENT_SCHEMA = " +
      in_database);
  std::vector<SchemaObject> objects;
  add_tables(answers.at(1), objects);
  add_triggers(answers.at(2), objects);
  add_routines(answers.at(3), answers.at(4), objects);
  add_events(answers.at(5), objects);
  return objects;
}

void MySqlIntrospection::add_tables(const Table& list, std::vector<SchemaObject>& objects) const {
  std::vector<std::pair<std::string, std::string>> there;
  std::string message;
  std::string views;
  for (const Row& row : list.rows) {
    const std::string name = text(row, 0);
    const std::string type = text(row, 1);
    if (own_->owns(name) || type == "TEMPORARY") continue;
    const char* kind = type == "VIEW" ? "VIEW" : type == "SEQUENCE" ? "SEQUENCE" : "TABLE";
    there.emplace_back(name, kind);
    message += "SHOW CREATE " + std::string(kind) + " " + quoted_name(server_.database) + "." + quoted_name(name) + ";";
    if (type == "VIEW") views += (views.empty() ? "" : ", ") + stored(name);
  }
  if (there.empty()) return;
  message += "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = " +
             stored(server_.database) + " AND TABLE_NAME IN (" + (views.empty() ? "NULL" : views) +
             ") ORDER BY TABLE_NAME, ORDINAL_POSITION";
  const auto answers = ask_(message);
  const auto columns = view_columns(answers.at(there.size()));
  for (std::size_t i = 0; i < there.size(); ++i) {
    const auto& [name, kind] = there[i];
    const std::string definition = text(answers[i].rows.at(0), 1);
    if (kind == "TABLE") {
      add_table(name, definition, objects);
    } else if (kind == "SEQUENCE") {
      objects.push_back(read_sequence(name, definition));
    } else {
      SchemaObject view = read_view(name, definition, server_.database);
      if (const auto found = columns.find(name); found != columns.end()) view.columns = found->second;
      objects.push_back(std::move(view));
    }
  }
}

void MySqlIntrospection::add_triggers(const Table& list, std::vector<SchemaObject>& objects) const {
  for (const Row& row : list.rows) {
    if (own_->owns(text(row, 1))) continue;
    SchemaObject trigger{SchemaKind::trigger, text(row, 1), text(row, 0), "trigger"};
    trigger.definition = lower(text(row, 2)) + " " + lower(text(row, 3));
    if (const std::string order = text(row, 5); std::atoi(order.c_str()) > 1) trigger.definition += " #" + order;
    trigger.definition += "\n" + plain_text(text(row, 4), lexer_modes(text(row, 6)));
    objects.push_back(std::move(trigger));
  }
}

// MySQL's texts are the same in a major release; MariaDB's differ with each series.
std::string MySqlIntrospection::do_flavour() const {
  const int major = server_.version_number / 10'000;
  const int minor = server_.version_number / 100 % 100;
  return server_.mariadb ? "mariadb-" + std::to_string(major) + "." + std::to_string(minor)
                         : "mysql-" + std::to_string(major);
}

TypeChange MySqlIntrospection::do_compare_types(std::string_view from, std::string_view to) const {
  return compare_column_types(from, to);
}

}  // namespace talos::mysql
