#include "cockroach_catalogue.hpp"

#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

using Kind = NamedObject::Kind;

// Its columns, constraints and indexes, a line each, in an order that does not depend on when they were made. Without a
// row for an object that is not there.
std::string relation_sql(const std::string& schema, const std::string& name) {
  const std::string of_relation = " JOIN pg_catalog.pg_class c ON c.oid = ";
  const std::string where =
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = " + pg::literal(schema) +
      " AND c.relname = " + pg::literal(name);
  return "SELECT 'kind ' || c.relkind::text AS line FROM pg_catalog.pg_class c" + where +
         " UNION ALL SELECT 'column ' || a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod) ||"
         " CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' ||"
         " pg_get_expr(d.adbin, d.adrelid), '') FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d"
         " ON d.adrelid = a.attrelid AND d.adnum = a.attnum" +
         of_relation + "a.attrelid" + where +
         " AND a.attnum > 0 AND NOT a.attisdropped"
         " UNION ALL SELECT 'constraint ' || k.conname::text || ' ' || pg_get_constraintdef(k.oid) ||"
         " CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END FROM pg_catalog.pg_constraint k" +
         of_relation + "k.conrelid" + where +
         " UNION ALL SELECT 'index ' || i.indexname::text || ' ' || i.indexdef FROM pg_catalog.pg_indexes i"
         " WHERE i.schemaname = " +
         pg::literal(schema) + " AND i.tablename = " + pg::literal(name);
}

// Without a table: every index of that name.
std::string index_sql(const std::string& schema, const std::string& name) {
  return "SELECT i.tablename::text || ' ' || i.indexdef AS line FROM pg_catalog.pg_indexes i WHERE i.schemaname = " +
         pg::literal(schema) + " AND i.indexname = " + pg::literal(name);
}

std::string type_sql(const std::string& schema, const std::string& name) {
  const std::string where =
      " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = " + pg::literal(schema) +
      " AND t.typname = " + pg::literal(name);
  return "SELECT 'type ' || t.typtype::text AS line FROM pg_catalog.pg_type t" + where +
         " UNION ALL SELECT 'label ' || e.enumlabel::text FROM pg_catalog.pg_enum e"
         " JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid" +
         where;
}

std::string schema_sql(const std::string& name) {
  return "SELECT 'schema' AS line FROM pg_catalog.pg_namespace WHERE nspname = " + pg::literal(name);
}

common::Sight look_at_one(const pg::Ask& ask, const NamedObject& object, const std::string& default_schema) {
  const std::string schema = object.schema.empty() ? default_schema : object.schema;
  const auto full = [&](const std::string& name) { return pg::quoted_name(schema) + "." + pg::quoted_name(name); };
  common::Sight sight;
  std::string sql;
  if (object.kind == Kind::schema) {
    sight.title = "schema " + pg::quoted_name(object.name);
    sql = schema_sql(object.name);
  } else if (object.kind == Kind::type) {
    sight.title = "type " + full(object.name);
    sql = type_sql(schema, object.name);
  } else if (object.kind == Kind::index && object.table.empty()) {
    sight.title = "index " + full(object.name);
    sql = index_sql(schema, object.name);
  } else {
    const std::string& name = object.kind == Kind::index ? object.table : object.name;
    sight.title = "table " + full(name);
    sql = relation_sql(schema, name);
  }
  const auto answer = ask("SELECT line FROM (" + sql + ") AS lines ORDER BY line");
  std::string definition;
  for (const pg::Row& row : answer.at(0).rows) definition += (definition.empty() ? "" : "\n") + row.at(0).value_or("");
  sight.state = definition.empty() ? common::Sight::State::absent : common::Sight::State::present;
  sight.definition = common::shortened(std::move(definition));
  return sight;
}

}  // namespace

std::vector<common::Sight> look_at(const pg::Ask& ask, const std::vector<NamedObject>& objects,
                                   const std::string& schema) {
  std::vector<common::Sight> sights;
  for (const NamedObject& object : objects) sights.push_back(look_at_one(ask, object, schema));
  return sights;
}

}  // namespace talos::cockroach
