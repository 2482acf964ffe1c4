#include "postgres_indexes.hpp"

#include "pg_text.hpp"

namespace talos::postgres {

namespace {

std::string qualified(const std::string& schema, const std::string& name) {
  return (schema.empty() ? "" : pg::quoted_name(schema) + ".") + pg::quoted_name(name);
}

}  // namespace

std::string invalid_indexes_sql(const pg::IndexTarget& target) {
  std::string sql =
      "SELECT i.indexrelid::pg_catalog.regclass::text AS name FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON "
      "c.oid = "
      "i.indexrelid WHERE NOT i.indisvalid AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p"
      " WHERE p.index_relid = i.indexrelid)";
  const bool reindex = target.action == pg::IndexTarget::Action::reindex;
  const std::string index = pg::literal(qualified(target.schema, target.name));
  if (!target.table.empty())
    sql +=
        " AND i.indrelid = pg_catalog.to_regclass(" + pg::literal(qualified(target.table_schema, target.table)) + ")";
  if (target.name.empty() && target.table.empty() && !target.schema.empty())
    sql += " AND c.relnamespace = pg_catalog.to_regnamespace(" + pg::literal(pg::quoted_name(target.schema)) + ")";
  else if (!target.name.empty() && reindex)
    // A rebuilt index stands beside the old one, under that one's name and a suffix, until it is done.
    sql += " AND i.indrelid = (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass(" +
           index + "))";
  else if (!target.name.empty() && target.table.empty())
    sql += " AND i.indexrelid = pg_catalog.to_regclass(" + index + ")";
  else if (!target.name.empty())
    sql += " AND c.relname = " + pg::literal(target.name);
  return sql;
}

std::vector<std::string> invalid_indexes(const pg::Ask& ask, const pg::IndexTarget& target) {
  std::vector<std::string> names;
  const auto answer = ask(invalid_indexes_sql(target) + " ORDER BY 1");
  for (const pg::Row& row : answer.at(0).rows) names.push_back(row.at(0).value_or(""));
  return names;
}

}  // namespace talos::postgres
