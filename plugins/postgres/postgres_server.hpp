// The server at the other end, as it describes itself in the first message of a connection.
#pragma once

#include <string>

#include "pg_bookkeeping.hpp"
#include "pg_dsn.hpp"

namespace talos::postgres {

struct ServerInfo {
  int backend_pid = 0;
  std::string version;     ///< "15.18"
  int version_number = 0;  ///< 150018
  std::string database;
  std::string schema;              ///< the tracker's: the DSN's, or else the one below
  std::string current_schema;      ///< the one that unqualified names go into
  std::string synchronous_commit;  ///< of a fresh session
  bool standby = false;
  bool event_triggers = false;  ///< there are some, whose functions run with whatever statement
  bool superuser = false;
  int major() const { return version_number / 10000; }
  bool pooled = false;  ///< a pooler stands between: whatever belongs to a session may be another's next time
};

/// What every session of ours is set to, as single statements: the DSN's settings and ours. `local`: for the current
/// transaction only.
std::vector<std::string> session_settings(const pg::PgDsn& dsn, const ServerInfo& server,
                                          std::chrono::milliseconds statement_timeout, bool local);

/// What takes everything back that a script may have left in its session, but not our locks. May run in a transaction.
std::vector<std::string> fresh_session();

struct FirstLook {
  ServerInfo server;
  pg::Existing existing;  ///< of the tables that belong to the tracker
};

/// Asks it. Throws: another engine (naming its scheme), a release too old, no schema to work in.
FirstLook describe_server(const pg::Ask& ask, const pg::PgDsn& dsn, const std::string& tracker, int announced_pid);

}  // namespace talos::postgres
