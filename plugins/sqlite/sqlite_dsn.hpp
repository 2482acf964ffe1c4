// SQLite DSNs: golang-migrate's and Go drivers' forms and parameters, made into what sqlite3_open_v2() takes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "talos/driver.hpp"

namespace talos::sqlite {

struct SqliteDsn {
  std::string path;  ///< as given, decoded; empty for an in-memory database
  bool memory = false;
  std::vector<std::pair<std::string, std::string>> uri_parameters;  ///< SQLite's own: cache, vfs, nolock …
  std::vector<std::pair<std::string, std::string>> pragmas;         ///< to run on every connection, in order
  std::optional<std::chrono::milliseconds> busy_timeout;
  std::string journal_mode;  ///< upper case; empty: leave the database's
  bool synchronous_extra = false;
  bool read_only = false;       ///< mode=ro or immutable
  std::string table;            ///< x-migrations-table
  bool no_transaction = false;  ///< x-no-tx-wrap

  /// For people; a path holds no secret.
  std::string describe() const { return memory ? ":memory:" : path; }
  /// The file: URI for sqlite3_open_v2() with SQLITE_OPEN_URI.
  std::string uri(bool immutable) const;
};

/// Accepts sqlite:// and sqlite3:// with a path (///abs, //./rel, //rel.db), :memory:, memory, file:…, and a bare path.
/// Throws ErrorCode::usage, quoting no parameter's value.
SqliteDsn parse_sqlite_dsn(std::string_view dsn);

}  // namespace talos::sqlite
