#include "postgres_introspection.hpp"

#include <utility>

#include "pg_schema.hpp"
#include "pg_text.hpp"
#include "pg_types.hpp"
#include "postgres_catalogue.hpp"

namespace talos::postgres {

namespace {

// Whatever the role and the database say: constants are written as the session would have them. Names of the own schema
// stand alone, those of others are qualified; a temporary table hides none.
std::string settings(const std::string& schema) {
  std::string sql;
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"search_path", ""},
                                    {"quote_all_identifiers", "off"},
                                    {"DateStyle", "ISO, YMD"},
                                    {"IntervalStyle", "postgres"},
                                    {"TimeZone", "UTC"},
                                    {"extra_float_digits", "1"},
                                    {"bytea_output", "hex"}}) {
    const std::string wanted = name == "search_path" ? pg::quoted_name(schema) + ", pg_temp" : value;
    sql += "SELECT pg_catalog.set_config('" + name + "', " + pg::literal(wanted) + ", true);";
  }
  return sql;
}

}  // namespace

PostgresIntrospection::PostgresIntrospection(pg::Ask ask, const ServerInfo& server, const pg::Bookkeeping& own)
    : ask_(std::move(ask)), schema_(server.current_schema), own_tables_("'{}'::text[]"), major_(server.major()) {
  if (own.schema() != schema_) return;
  own_tables_.clear();
  for (const std::string& name : own.names())
    own_tables_ += (own_tables_.empty() ? "ARRAY[" : ", ") + pg::literal(name);
  own_tables_ += "]::text[]";
}

// All of it by one message, as of one moment.
std::vector<SchemaObject> PostgresIntrospection::do_read_schema() {
  const Catalogue catalogue(schema_, own_tables_, major_);
  std::string sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" + settings(schema_);
  const std::vector<std::string> questions{catalogue.relations(), catalogue.columns(),  catalogue.constraints(),
                                           catalogue.indexes(),   catalogue.triggers(), catalogue.routines(),
                                           catalogue.types(),     catalogue.labels(),   catalogue.sequences(),
                                           catalogue.others(),    catalogue.comments()};
  for (const std::string& question : questions) sql += question + ";";
  std::vector<pg::Table> answers = ask_(sql + "COMMIT");
  const auto of = [&](std::size_t question) {
    return std::move(answers[answers.size() - 1 - questions.size() + question]);
  };
  return pg::schema_objects({of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8), of(9), of(10)});
}

std::string PostgresIntrospection::do_flavour() const { return "postgres-" + std::to_string(major_); }

TypeChange PostgresIntrospection::do_compare_types(std::string_view from, std::string_view to) const {
  return pg::compare_types(from, to);
}

}  // namespace talos::postgres
