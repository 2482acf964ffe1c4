#include "cockroach_server.hpp"

#include <algorithm>

#include "cockroach_lease.hpp"
#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

std::string set(const std::string& name, const std::string& value) { return "SET " + name + " = " + value; }

// "CockroachDB CCL v23.2.5 (x86_64-pc-linux-gnu, …)" → "23.2.5"
std::string version_word(const std::string& text) {
  const auto begin = text.find_first_of("0123456789");
  if (begin == std::string::npos) return text;
  return text.substr(begin, text.find_first_of(" (", begin) - begin);
}

pg::Table answered(const pg::Reply& reply, const pg::PgDsn& dsn) {
  if (!reply.lost.empty())
    throw Error(ErrorCode::connection, "the connection to " + dsn.describe() + " was lost: " + reply.lost);
  if (reply.error) throw Error(pg::to_error(*reply.error, ErrorCode::connection));
  return reply.tables.at(0);
}

// A node of a new release works by the old one's rules until its cluster is finalised. Not every user may ask.
void mind_cluster_version(ServerInfo& server, const Inquiry& ask) {
  const pg::Reply reply = ask("SHOW CLUSTER SETTING version");
  if (reply.failed() || reply.tables.empty()) return;
  const auto cluster = find_version(reply.tables[0].value());
  if (!cluster || *cluster >= server.version) return;
  server.notes.push_back("the cluster is being upgraded: the node runs " + to_string(server.version) +
                         ", the cluster is at " + to_string(*cluster) +
                         "; an upgrade is not finished before all schema changes are");
  server.version = *cluster;
}

}  // namespace

std::vector<std::string> session_settings(const pg::PgDsn& dsn, Version version,
                                          std::chrono::milliseconds statement_timeout) {
  std::vector<std::string> statements;
  for (const auto& [name, value] : dsn.settings) statements.push_back(set(name, pg::literal(value)));
  statements.push_back(set("default_transaction_isolation", "'serializable'"));
  if (version >= has_autocommit_before_ddl) statements.push_back(set("autocommit_before_ddl", "off"));
  if (version >= has_strict_ddl_atomicity) statements.push_back(set("strict_ddl_atomicity", "on"));
  // Whether a schema change lifts that lock by itself our sources do not agree; without it the next migration of the
  // table goes through either way.
  if (version >= locks_new_tables) statements.push_back(set("create_table_with_schema_locked", "off"));
  statements.push_back(set("sql_safe_updates", "off"));
  for (const char* timeout : {"lock_timeout", "transaction_timeout"}) statements.push_back(set(timeout, "0"));
  // A runner that stands still for that long has lost its lease; its successor is not to wait for its rows.
  statements.push_back(
      set("idle_in_transaction_session_timeout", pg::setting(dsn.lease_ttl.value_or(default_lease_lifetime))));
  statements.push_back(set("statement_timeout", pg::setting(statement_timeout)));
  return statements;
}

std::string joined(const std::vector<std::string>& statements) {
  std::string message;
  for (const std::string& statement : statements) message += (message.empty() ? "" : "; ") + statement;
  return message;
}

ServerInfo describe_server(const pg::Connection& connection, const Inquiry& ask, const pg::PgDsn& dsn,
                           std::chrono::milliseconds statement_timeout) {
  // Both engines answer this.
  const pg::Table identity = answered(ask("SELECT version(), current_setting('crdb_version', true)"), dsn);
  const std::string version_text = identity.value();
  const bool is_cockroach = !connection.parameter_status("crdb_version").empty() || identity.rows.at(0).at(1) ||
                            version_text.starts_with("CockroachDB");
  if (!is_cockroach)
    throw Error(ErrorCode::connection, "the server is PostgreSQL, not CockroachDB")
        .with_hint("give the DSN the scheme postgres://");
  const auto version = find_version(version_text);
  if (!version) throw Error(ErrorCode::unsupported, "the version of the server cannot be read: " + version_text);
  ServerInfo server;
  // That is what it means there. Told at the login, as all of `connection`; a later question may be asked on another.
  server.is_admin = connection.parameter_status("is_superuser") == "on";
  server.name = "CockroachDB " + version_word(version_text);
  server.version = *version;
  mind_cluster_version(server, ask);
  if (server.version < oldest_supported)
    throw Error(ErrorCode::unsupported,
                server.name + " is too old: " + to_string(oldest_supported) + " is the oldest supported");
  answered(ask(joined(session_settings(dsn, server.version, statement_timeout))), dsn);
  const pg::Table place = answered(ask("SELECT current_database(), current_schema(), current_user"), dsn);
  server.database = place.rows.at(0).at(0).value_or("");
  server.schema = dsn.schema.empty() ? place.rows.at(0).at(1).value_or("") : dsn.schema;
  server.user = place.rows.at(0).at(2).value_or("");
  if (server.schema.empty())
    throw Error(ErrorCode::connection, "there is no schema to work in: current_schema() is NULL")
        .with_hint("create the schema, or name an existing one in the DSN: ?search_path=NAME");
  return server;
}

}  // namespace talos::cockroach
