// PostgreSQL DSNs: what libpq, Go's drivers and their tools take, made into what libpq 15 knows and run-time settings.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "talos/error.hpp"

namespace talos::pg {

struct PgDsn {
  /// libpq's keywords, lower case, and their decoded values, none of them empty: for PQconnectStartParams() with
  /// expand_dbname = 0. The environment's PG* fill in what is missing. fallback_application_name is the caller's.
  std::vector<std::pair<std::string, std::string>> parameters;
  /// Names that look like a run-time setting's ([a-z_][a-z0-9_.]*), for the session to set.
  std::vector<std::pair<std::string, std::string>> settings;
  std::string table;       ///< x-migrations-table, unquoted if x-migrations-table-quoted; not checked
  std::string lock_table;  ///< x-lock-table: of golang-migrate's lock on CockroachDB; not checked
  std::string schema;      ///< of a quoted "schema"."table"; empty: current_schema()
  std::optional<std::chrono::milliseconds> statement_timeout;  ///< x-statement-timeout
  std::optional<std::chrono::milliseconds> lease_ttl;          ///< x-lease-ttl=DURATION
  std::string path_database;  ///< the URL's path, decoded, with its slash, as golang-migrate hashes it; may be empty
  std::string scheme;         ///< for describe()

  /// Of a libpq keyword; empty if it is not given.
  std::string parameter(std::string_view keyword) const;
  /// The same for another database of the server, as keywords behind a scheme: parse_pg_dsn() reads it. With its
  /// password: never print it.
  std::string with_database(const std::string& database) const;
  /// For people: scheme, user, hosts, ports, database, service. Nothing else of the DSN.
  std::string describe() const;
};

/// Reads a URI (any scheme; hosts and ports in lists, [v6], sockets) and keywords behind their scheme (scheme:host=… or
/// scheme://host=…).
///
/// Raw characters are taken where only one reading makes sense. The last @ before the path ends the user and password;
/// a % that begins no escape is itself; + is a blank in the URI's parameters, as in Go, and itself elsewhere. A raw /
/// or ? in a password is taken if it leaves neither a host nor a second @; what is ambiguous is refused.
///
/// `default_port` replaces libpq's 5432 where neither the DSN, a service nor PGPORT gives one.
/// Throws ErrorCode::usage, quoting no value.
PgDsn parse_pg_dsn(std::string_view text, std::string_view scheme_for_display, std::string_view default_port);

}  // namespace talos::pg
