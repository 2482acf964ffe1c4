// The server at the other end, as it describes itself in the first message of a connection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mysql_bookkeeping.hpp"
#include "mysql_token.hpp"

namespace talos::mysql {

struct ServerInfo {
  bool mariadb = false;
  std::string version;     ///< "10.11.19"
  int version_number = 0;  ///< 101119
  std::string database;
  std::string sql_mode;  ///< of a fresh session
  std::size_t max_allowed_packet = 0;
  bool read_only = false;
  bool galera = false;
  bool group_member = false;
  bool performance_schema = false;
  /// Others see what a connection says of itself (performance_schema.session_account_connect_attrs).
  bool shows_attributes = false;

  std::string name() const { return (mariadb ? "MariaDB " : "MySQL ") + version; }
};

/// Asks it, and sets the session by `settings`, statements separated by semicolons, in the same message. Throws:
/// another engine, no database to work in, a release too old.
ServerInfo describe_server(const Ask& ask, const std::string& settings, const std::string& description);

LexerModes lexer_modes(std::string_view sql_mode);

/// Under this sql_mode, a value of the variable as the server or a DSN gives it, SHOW CREATE reads as under any other
/// of which this holds.
bool shows_plainly(std::string_view sql_mode);

}  // namespace talos::mysql
