// PostgreSQL DSNs as people have them, for Go tools or for libpq, made into what libpq takes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace talos::pg {

struct PgDsn {
  /// libpq's keywords and decoded values, for PQconnectStartParams() with expand_dbname = 0.
  std::vector<std::pair<std::string, std::string>> parameters;
  /// Other parameters: settings of the session (search_path, timezone …).
  std::vector<std::pair<std::string, std::string>> settings;
  std::string table;   ///< x-migrations-table
  std::string schema;  ///< of x-migrations-table-quoted; empty: current_schema()
  std::optional<std::chrono::milliseconds> statement_timeout;  ///< x-statement-timeout
  std::optional<std::chrono::milliseconds> lease_ttl;          ///< x-lease-ttl, our own: for poolers
  std::string path_database;  ///< the database as the DSN names it: golang-migrate's lock is made of it
  std::string scheme;         ///< to describe it by

  /// For people: scheme://user@host:port/database. No password, no other parameter.
  std::string describe() const;
};

/// Takes SCHEME://[user[:password]@][host[:port][,…]][/database][?key=value&…] and SCHEME:key=value key='value' …
/// (libpq's keywords). In a URI everything may be percent-encoded, `+` in a parameter means a blank as in Go, a lone %
/// means itself, and the last @ of the authority ends the password.
/// Throws ErrorCode::usage with a message that quotes no value.
PgDsn parse_pg_dsn(std::string_view text, std::string_view scheme, std::string_view default_port);

}  // namespace talos::pg
