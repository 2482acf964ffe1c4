// PostgreSQL's own client programs: pg_dump and pg_restore.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pg_connection.hpp"

namespace talos::postgres {

class ClientPrograms {
 public:
  /// Those in PATH. Throws ErrorCode::unsupported, naming the package, where there are none, or where they are older
  /// than the server: they refuse it.
  explicit ClientPrograms(int server_major);

  const std::string& version() const { return version_; }  ///< "15.18"

  /// As pg_dump takes a database, without its password. What nobody needs to bring it back is left out.
  static std::string without_secrets(const pg::Parameters& parameters);

  /// Its password reaches pg_dump by a file that is in no directory. `tick` as in common::ChildProcess. Throws
  /// ErrorCode::connection with what it said, in which no secret is.
  void dump(const pg::Parameters& from, std::vector<std::string> arguments, const std::function<void()>& tick) const;
  /// From one database into another, by an archive in memory.
  void copy(const pg::Parameters& from, std::vector<std::string> dump_arguments, const pg::Parameters& to,
            std::vector<std::string> restore_arguments, const std::function<void()>& tick) const;
  /// Reads an archive from its beginning to its end.
  void check(const std::string& archive, const std::function<void()>& tick) const;

 private:
  std::string dump_;
  std::string restore_;
  std::string version_;
};

}  // namespace talos::postgres
