// The server at the other end, as it describes itself.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "cockroach_version.hpp"
#include "pg_bookkeeping.hpp"
#include "pg_connection.hpp"
#include "pg_dsn.hpp"

namespace talos::cockroach {

struct ServerInfo {
  std::string name;  ///< "CockroachDB 23.2.5"
  Version version;   ///< of the node or of its cluster, whichever is lower: what may be relied on
  std::string database;
  std::string schema;  ///< the one new tables go into
  std::string user;
  bool is_admin = false;  ///< sees everybody's sessions and jobs, and may end them
  std::vector<std::string> notes;
};

/// Runs one message, and gives also what the server refuses.
using Inquiry = std::function<pg::Reply(const std::string& sql)>;

/// What every session of ours is set to, whatever the role's defaults are, as single statements: the DSN's settings,
/// then ours. A timeout of 0 is none.
std::vector<std::string> session_settings(const pg::PgDsn& dsn, Version version,
                                          std::chrono::milliseconds statement_timeout);

/// As one message.
std::string joined(const std::vector<std::string>& statements);

/// Sets the session up on the way. Throws: another engine (naming its scheme), a release too old, no schema to work in.
ServerInfo describe_server(const pg::Connection& connection, const Inquiry& ask, const pg::PgDsn& dsn,
                           std::chrono::milliseconds statement_timeout);

}  // namespace talos::cockroach
