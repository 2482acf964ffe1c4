// mysqldump and mariadb-dump.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/child_process.hpp"
#include "mysql_connection.hpp"

namespace talos::mysql {

/// A database to be dumped, and how its session reached it.
struct DumpSource {
  Endpoint endpoint;
  bool mariadb = false;                 ///< the server
  std::vector<std::string> own_tables;  ///< the program's own that are there
};

struct DumpTool {
  std::string program;  ///< its path
  bool mariadb = false;
  std::string version;  ///< as it says it

  /// "mariadb-dump 10.19 Distrib 10.11.19-MariaDB"
  std::string name() const;
};

/// The one for that kind of server. MySQL's own does not know MariaDB's sequences and logins, so that only MariaDB's
/// will do there; for MySQL its own is looked for first. Throws ErrorCode::unsupported with the package's name.
DumpTool find_dump_tool(bool for_mariadb);

/// An options file for the client programs of either maker, password and all.
std::string client_options(const Endpoint& endpoint, bool mariadb_program);

/// What the tool writes of `source` to the descriptor `output`: `words` are its options, `tables` empty for all.
/// `tick` is called about every 50 ms, and what it throws ends the tool. Throws ErrorCode::connection with the tool's
/// own words where it fails.
void dump(const DumpTool& tool, const DumpSource& source, std::vector<std::string> words,
          const std::vector<std::string>& tables, int output, const std::function<void()>& tick);

/// Makes an empty database, to which `to` is connected, like `source`: everything but the rows, and the rows of the
/// program's own tables. Definers and the source's name are left out, so that nothing in it reaches back; events are
/// switched off, so that nothing in it moves by itself.
void copy_schema(const DumpSource& source, Connection& to, const Connection::WhileWaiting& waiting,
                 const std::function<void()>& tick);

}  // namespace talos::mysql
