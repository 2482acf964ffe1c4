#include "cockroach_introspection.hpp"

#include <iterator>
#include <utility>

#include "cockroach_schema.hpp"
#include "pg_text.hpp"
#include "pg_types.hpp"

namespace talos::cockroach {

namespace {

// Whatever the role and the DSN say: constants are written as the session would have them.
std::string settings(const std::string& schema) {
  return "SET LOCAL search_path = " + pg::quoted_name(schema) +
         ";SET LOCAL DateStyle = 'ISO, MDY';SET LOCAL IntervalStyle = 'postgres';SET LOCAL TimeZone = 'UTC';"
         "SET LOCAL extra_float_digits = 1;SET LOCAL bytea_output = 'hex';";
}

}  // namespace

CockroachIntrospection::CockroachIntrospection(pg::Ask ask, const ServerInfo& server, const pg::Bookkeeping& own,
                                               const std::string& lock_table)
    : ask_(std::move(ask)),
      database_(server.database),
      schema_(server.schema),
      own_tables_(own.names()),
      version_(server.version) {
  own_tables_.push_back(lock_table);
}

// All of it by one message, as of one moment.
std::vector<SchemaObject> CockroachIntrospection::do_read_schema() {
  const SchemaReader reader(database_, schema_, own_tables_);
  std::string sql = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;" + settings(schema_);
  const std::vector<std::string> questions = reader.questions();
  for (const std::string& question : questions) sql += question + ";";
  std::vector<pg::Table> answers = ask_(sql + "COMMIT");
  const auto end = std::prev(answers.end());
  const auto begin = std::prev(end, static_cast<std::ptrdiff_t>(questions.size()));
  return pg::schema_objects(reader.read({std::make_move_iterator(begin), std::make_move_iterator(end)}));
}

std::string CockroachIntrospection::do_flavour() const { return "cockroach-" + to_string(version_); }

TypeChange CockroachIntrospection::do_compare_types(std::string_view from, std::string_view to) const {
  return pg::compare_types(from, to);
}

}  // namespace talos::cockroach
