#include "cockroach_trial.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cockroach_lexer.hpp"
#include "cockroach_objects.hpp"
#include "cockroach_server.hpp"
#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

// Tables, and indexes with theirs: schema, name, table.
constexpr const char* tables_sql =
    "SELECT schemaname, tablename, tablename FROM pg_catalog.pg_tables"
    " UNION ALL SELECT schemaname, indexname, tablename FROM pg_catalog.pg_indexes";

using Name = std::pair<std::string, std::string>;  ///< with its schema

}  // namespace

pg::SideConnection& CockroachTrial::connection() {
  if (!connection_) {
    connection_ = std::make_unique<pg::SideConnection>(place_.parameters, place_.dsn, place_.stop);
    connection_->ask(joined(place_.settings));
  }
  return *connection_;
}

// Which tables that are there are changed is known; what others feel of it is not, and not guessed.
std::vector<Effect> CockroachTrial::do_effects(const ScriptPart& body) {
  std::map<Name, std::string> tables;
  const auto answers = connection().ask(tables_sql);
  for (const pg::Row& row : answers.at(0).rows)
    tables.emplace(Name{row.at(0).value_or(""), row.at(1).value_or("")}, row.at(2).value_or(""));
  std::set<Name> changed;
  split_sql(body.text(), [&](const Statement& statement) {
    if (statement.kind != StatementClass::ddl) return;
    for (const NamedObject& object : read_ddl(body.text().substr(statement.offset, statement.length)).objects) {
      const bool of_table = object.kind == NamedObject::Kind::relation || object.kind == NamedObject::Kind::index;
      const std::string schema = object.schema.empty() ? place_.schema : object.schema;
      const auto found = tables.find({schema, object.table.empty() ? object.name : object.table});
      if (of_table && found != tables.end()) changed.emplace(schema, found->second);
    }
  });
  std::vector<Effect> effects;
  for (const auto& [schema, table] : changed)
    effects.push_back({schema == place_.schema ? table : schema + "." + table, "locks that are not known"});
  return effects;
}

std::optional<Error> CockroachTrial::do_prepare(std::string_view statement) {
  return pg::refusal_of(connection(), "BEGIN", statement);
}

}  // namespace talos::cockroach
