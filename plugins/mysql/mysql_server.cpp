#include "mysql_server.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace talos::mysql {

namespace {

// The oldest releases that hold several locks by name and have what the claims are made of.
constexpr int oldest_mysql = 50700;
constexpr int oldest_mariadb = 100200;

constexpr std::string_view variables_sql =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'innodb_read_only', 'wsrep_on',"
    " 'group_replication_group_name', 'performance_schema', 'performance_schema_session_connect_attrs_size')";

// "10.11.19-MariaDB-0+deb12u1" → 101119; "5.5.5-" before it is a courtesy to old replicas.
int number_of(const std::string& version) {
  int parts[3] = {0, 0, 0};
  const char* at = version.c_str();
  for (int& part : parts) {
    char* end = nullptr;
    part = static_cast<int>(std::strtol(at, &end, 10));
    if (*end != '.') break;
    at = end + 1;
  }
  return parts[0] * 10'000 + parts[1] * 100 + parts[2];
}

bool is_on(const std::string& value) { return !value.empty() && value != "OFF" && value != "0"; }

}  // namespace

LexerModes lexer_modes(std::string_view sql_mode) {
  LexerModes modes;
  modes.no_backslash_escapes = sql_mode.find("NO_BACKSLASH_ESCAPES") != std::string_view::npos;
  modes.ansi_quotes = sql_mode.find("ANSI") != std::string_view::npos;
  // What these stand for the server spells out, ANSI_QUOTES among it; a DSN need not.
  for (const std::string_view combined : {"ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL"})
    if (sql_mode.find(combined) != std::string_view::npos) modes.ansi_quotes = true;
  return modes;
}

bool shows_plainly(std::string_view sql_mode) {
  constexpr std::string_view harmless[] = {"STRICT_TRANS_TABLES",
                                           "STRICT_ALL_TABLES",
                                           "ERROR_FOR_DIVISION_BY_ZERO",
                                           "NO_AUTO_CREATE_USER",
                                           "ONLY_FULL_GROUP_BY",
                                           "NO_ENGINE_SUBSTITUTION",
                                           "NO_ZERO_IN_DATE",
                                           "NO_ZERO_DATE",
                                           "TRADITIONAL",
                                           "NO_AUTO_VALUE_ON_ZERO",
                                           ""};
  if (sql_mode.size() >= 2 && sql_mode.front() == '\'' && sql_mode.back() == '\'')
    sql_mode = sql_mode.substr(1, sql_mode.size() - 2);
  while (true) {
    const std::size_t end = std::min(sql_mode.find(','), sql_mode.size());
    if (std::find(std::begin(harmless), std::end(harmless), sql_mode.substr(0, end)) == std::end(harmless))
      return false;
    if (end == sql_mode.size()) return true;
    sql_mode.remove_prefix(end + 1);
  }
}

ServerInfo describe_server(const Ask& ask, const std::string& settings, const std::string& description) {
  const auto answers =
      ask("SELECT VERSION(), IFNULL(DATABASE(), ''), @@max_allowed_packet, @@sql_mode, @@version_comment; " +
          std::string(variables_sql) + "; " + settings);
  const Row& row = answers.at(0).rows.at(0);
  const auto text = [&](std::size_t column) { return row.at(column).value_or(""); };
  std::map<std::string, std::string> variables;
  for (const Row& variable : answers.at(1).rows) variables[variable.at(0).value_or("")] = variable.at(1).value_or("");

  ServerInfo server;
  std::string version = text(0);
  for (const char* other : {"TiDB", "Vitess", "CockroachDB"})
    if ((version + text(4)).find(other) != std::string::npos)
      throw Error(ErrorCode::unsupported, "the server is " + std::string(other) + ", which this plugin does not know");
  server.mariadb = version.find("MariaDB") != std::string::npos;
  if (server.mariadb && version.starts_with("5.5.5-")) version.erase(0, 6);
  server.version = version.substr(0, version.find_first_not_of("0123456789."));
  server.version_number = number_of(server.version);
  server.database = text(1);
  server.max_allowed_packet = std::strtoull(text(2).c_str(), nullptr, 10);
  server.sql_mode = text(3);
  server.read_only =
      is_on(variables["read_only"]) || is_on(variables["super_read_only"]) || is_on(variables["innodb_read_only"]);
  server.galera = is_on(variables["wsrep_on"]);
  server.group_member = !variables["group_replication_group_name"].empty();
  server.performance_schema = is_on(variables["performance_schema"]);
  server.shows_attributes =
      server.performance_schema && is_on(variables["performance_schema_session_connect_attrs_size"]);
  if (server.version_number < (server.mariadb ? oldest_mariadb : oldest_mysql))
    throw Error(ErrorCode::unsupported, server.name() + " is too old");
  if (server.database.empty())
    throw Error(ErrorCode::usage, "the DSN names no database: " + description)
        .with_hint("put the database's name behind the server's address: …/NAME");
  return server;
}

}  // namespace talos::mysql
