#include "postgres_server.hpp"

#include <cstdlib>

#include "pg_text.hpp"

namespace talos::postgres {

namespace {

// The oldest release that is tested (and the oldest that has client_connection_check_interval).
constexpr int oldest_version = 140000;

std::string set(const std::string& name, const std::string& value, bool local) {
  return "SELECT pg_catalog.set_config(" + pg::literal(name) + ", " + pg::literal(value) + ", " +
         (local ? "true" : "false") + ")";
}

}  // namespace

std::vector<std::string> session_settings(const pg::PgDsn& dsn, const ServerInfo& server,
                                          std::chrono::milliseconds statement_timeout, bool local) {
  std::vector<std::string> statements;
  // A role's default must not cut CREATE INDEX CONCURRENTLY short (P8); transactions get their own.
  statements.push_back(set("lock_timeout", "0", local));
  // A runner that is gone is noticed while its statement still runs.
  if (server.version_number >= oldest_version && !server.pooled)
    statements.push_back(set("client_connection_check_interval", "1s", local));
  for (const auto& [name, value] : dsn.settings) statements.push_back(set(name, value, local));
  if (statement_timeout.count() > 0)
    statements.push_back(set("statement_timeout", pg::setting(statement_timeout), local));
  return statements;
}

std::vector<std::string> fresh_session() {
  return {"RESET SESSION AUTHORIZATION",
          "RESET ROLE",
          "RESET ALL",
          "CLOSE ALL",
          "UNLISTEN *",
          "DEALLOCATE ALL",
          "DISCARD TEMP",
          "DISCARD SEQUENCES"};
}

FirstLook describe_server(const pg::Ask& ask, const pg::PgDsn& dsn, const std::string& tracker, int announced_pid) {
  // In one message, and so in one transaction: local settings hold, and do not stay with a pooler's connection.
  std::string sql;
  for (const auto& [name, value] : dsn.settings) sql += set(name, value, true) + ";";
  sql +=
      "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version'),"
      " pg_catalog.current_setting('server_version_num'), pg_catalog.current_database(), pg_catalog.current_schema(),"
      " pg_catalog.current_setting('synchronous_commit'), pg_catalog.pg_is_in_recovery(),"
      " pg_catalog.current_setting('crdb_version', true),"
      " EXISTS (SELECT 1 FROM pg_catalog.pg_event_trigger), pg_catalog.current_setting('is_superuser');";
  const std::string schema = dsn.schema.empty() ? "pg_catalog.current_schema()" : pg::literal(dsn.schema);
  const auto answers = ask(sql + pg::Bookkeeping::existing_sql(schema, tracker));
  const pg::Row& row = answers.at(answers.size() - 2).rows.at(0);
  const auto text = [&](std::size_t column) { return row.at(column).value_or(""); };
  if (!text(7).empty())
    throw Error(ErrorCode::connection, "the server is CockroachDB, not PostgreSQL")
        .with_hint("give the DSN the scheme cockroach://");
  ServerInfo server;
  server.backend_pid = std::atoi(text(0).c_str());
  server.version = text(1).substr(0, text(1).find(' '));
  server.version_number = std::atoi(text(2).c_str());
  server.database = text(3);
  server.schema = dsn.schema.empty() ? text(4) : dsn.schema;
  server.current_schema = text(4).empty() ? server.schema : text(4);
  server.synchronous_commit = text(5);
  server.standby = text(6) == "t";
  server.event_triggers = text(8) == "t";
  server.superuser = text(9) == "on";
  server.pooled = server.backend_pid != announced_pid;
  if (server.version_number < oldest_version)
    throw Error(ErrorCode::unsupported, "PostgreSQL " + server.version + " is too old: 14 is the oldest supported");
  if (server.schema.empty())
    throw Error(ErrorCode::connection, "there is no schema to work in: current_schema() is NULL")
        .with_hint("create the schema, or name an existing one in the DSN: ?search_path=NAME");
  return {server, pg::Bookkeeping::existing(answers.back())};
}

}  // namespace talos::postgres
