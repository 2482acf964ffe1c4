// A database for the proof of the Talos schema that speaks PostgreSQL's protocol and has its catalogue.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <libpq-fe.h>

#include "talos_schema.hpp"

namespace talos::test {

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// A session of a schema that is not `public`, in a time zone that is not UTC. `folder` holds the set.
class PostgresSchema : public schema::Database {
 public:
  PostgresSchema(const std::string& dsn, std::filesystem::path folder)
      : folder_(std::move(folder)), connection_(PQconnectdb(dsn.c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
    exec("CREATE SCHEMA IF NOT EXISTS tenants");
    exec("SET search_path = tenants");
    exec("SET TimeZone = 'Asia/Kathmandu'");
  }

  void exec(const std::string& sql) override { result(sql); }

  std::vector<schema::Strings> rows(const std::string& sql) override {
    const Result found = result(sql);
    std::vector<schema::Strings> all;
    for (int row = 0; row < PQntuples(found.get()); ++row) {
      schema::Strings values;
      for (int column = 0; column < PQnfields(found.get()); ++column)
        values.emplace_back(PQgetvalue(found.get(), row, column));
      all.push_back(std::move(values));
    }
    return all;
  }

  std::string value(const std::string& sql) { return rows(sql).at(0).at(0); }

  int changed(const std::string& sql) override { return std::stoi(PQcmdTuples(result(sql).get())); }

  // As the migrator runs it: one transaction, or bare where the file asks for it.
  void migrate(int version, schema::Direction direction) override {
    INFO(schema::file_name(version, direction));
    const std::string text = schema::read_file(folder_ / schema::file_name(version, direction));
    const bool bare = text.find("-- talos:no-transaction\n") != std::string::npos;
    if (!bare) exec("BEGIN");
    exec(text);
    if (!bare) exec("COMMIT");
  }

  std::string catalogue() override;

  std::string type(const std::string& type) const override {
    static const std::map<std::string, std::string> names = {
        {"JSON", "jsonb"}, {"TIMESTAMP", "timestamp with time zone"}, {"INTEGER", "integer"}, {"BIGINT", "bigint"}};
    if (type.starts_with("VARCHAR")) return "character varying" + type.substr(std::string_view("VARCHAR").size());
    return names.at(type);
  }

  std::string json(const std::string& text) const override { return schema::quoted(text); }

  std::string timestamp(const std::string& text) const override { return schema::quoted(text + "+00"); }

  std::string literal_of(const schema::Column& column) const override {
    if (column.type == "TIMESTAMP")
      return "quote_nullable(to_char(" + column.name + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00')";
    if (column.type == "INTEGER" || column.type == "BIGINT") return "coalesce(" + column.name + "::text, 'NULL')";
    return "quote_nullable(" + column.name + "::text)";
  }

  /// Sends a statement and does not wait for it; `finish` does.
  void start(const std::string& sql) {
    if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1)
      throw std::runtime_error(PQerrorMessage(connection_.get()));
  }

  void finish() {
    while (const Result one{PQgetResult(connection_.get())}) check(one);
  }

  int process() const { return PQbackendPID(connection_.get()); }

 private:
  // By the extended protocol, in which the server takes one statement and refuses a second.
  Result result(const std::string& sql) {
    Result got(PQexecParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
    check(got);
    return got;
  }

  static void check(const Result& got) {
    const ExecStatusType status = PQresultStatus(got.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      throw std::runtime_error(PQresultErrorMessage(got.get()));
  }

  std::filesystem::path folder_;
  std::unique_ptr<PGconn, CloseConnection> connection_;
};

// What is not as the design has it shows as a difference: constraints and indexes by their full definition, and
// everything else that a file could leave behind, in any schema.
inline std::string PostgresSchema::catalogue() {
  const std::string ours = " JOIN pg_class AS t ON t.oid = %s AND t.relnamespace = 'tenants'::regnamespace ";
  auto of = [&](const std::string& oid) { return std::string(ours).replace(ours.find("%s"), 2, oid); };
  std::set<std::string> lines;
  auto add = [&](const std::string& sql) {
    for (schema::Strings& row : rows(sql)) lines.insert(std::move(row.at(0)));
  };
  add("SELECT 'table ' || relname || CASE relpersistence WHEN 'p' THEN '' ELSE ' not permanent' END ||"
      " coalesce(' ' || array_to_string(reloptions, ', '), '') FROM pg_class"
      " WHERE relkind = 'r' AND relnamespace = 'tenants'::regnamespace");
  add("SELECT 'column ' || t.relname || '.' || lpad((row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum)"
      " - 1)::text, 2, '0') || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ||"
      " CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||"
      " coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') ||"
      " coalesce(' key ' || array_position(k.conkey, a.attnum), '') ||"
      " CASE WHEN a.attidentity <> '' OR a.attgenerated <> '' THEN ' generated' ELSE '' END ||"
      " CASE WHEN a.attcollation <> y.typcollation THEN ' collated' ELSE '' END"
      " FROM pg_attribute AS a" +
      of("a.attrelid AND t.relkind = 'r'") +
      "JOIN pg_type AS y ON y.oid = a.atttypid"
      " LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
      " LEFT JOIN pg_constraint AS k ON k.conrelid = a.attrelid AND k.contype = 'p'"
      " WHERE a.attnum > 0 AND NOT a.attisdropped");
  // The primary key stands with the columns; NOT NULL too, which is a constraint as well from 18 on.
  add("SELECT regexp_replace(t.relname || ' ' || pg_get_constraintdef(k.oid),"
      " '^(\\w+) FOREIGN KEY \\((.*)\\) REFERENCES (\\w+)\\((.*)\\) ON DELETE CASCADE$',"
      " 'foreign key \\1 (\\2) to \\3 (\\4) on delete CASCADE on update NO ACTION') FROM pg_constraint AS k" +
      of("k.conrelid") + "WHERE k.contype NOT IN ('p', 'n') OR k.condeferrable OR NOT k.convalidated");
  add("SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || regexp_replace(regexp_replace("
      "pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX (\\w+) ON tenants\\.(\\w+) USING btree ',"
      " 'index \\2 on \\3 '), ' WHERE \\((.*)\\)$', ' WHERE \\1') FROM pg_index AS i" +
      of("i.indrelid") + "WHERE NOT i.indisprimary");
  add("SELECT 'not usable: ' || indexrelid::regclass FROM pg_index AS i" + of("i.indrelid") +
      "WHERE NOT (i.indisvalid AND i.indisready AND i.indislive AND i.indimmediate)");
  add("SELECT 'unexpected: ' || t.relkind::text || ' ' || t.oid::regclass FROM pg_class AS t JOIN pg_namespace AS n"
      " ON n.oid = t.relnamespace WHERE n.nspname !~ '^(pg_|information_schema$)'"
      " AND (t.relkind NOT IN ('r', 'i') OR n.nspname <> 'tenants' OR t.relrowsecurity OR t.relhasrules)");
  add("SELECT 'trigger ' || g.tgname FROM pg_trigger AS g" + of("g.tgrelid") + "WHERE NOT g.tgisinternal");
  add("SELECT 'function ' || proname FROM pg_proc WHERE pronamespace IN ('tenants'::regnamespace,"
      " 'public'::regnamespace)");
  add("SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'tenants'::regnamespace AND typrelid = 0"
      " AND typelem = 0");
  return schema::joined(lines);
}

}  // namespace talos::test
