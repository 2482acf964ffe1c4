// SDK. An optional ability of a session: to copy the whole database to a place from which it can be brought back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "talos/driver.hpp"

namespace talos {

class Backup : public Ability {
 public:
  static constexpr std::string_view id = "talos.backup.1";

  struct Report {
    std::string how;          ///< "pg_dump 15.18, custom format"
    std::int64_t bytes = -1;  ///< of the file; negative: it is none
    std::string reference;    ///< under which the server knows it: a job's number; else empty
    std::string restore;      ///< the command that brings it back, without any secret
  };

  /// True where the destination is a file on this machine; false where it is the server's (a storage URL).
  bool to_file() const {
    return detail::guarded("to_file", [&] { return do_to_file(); });
  }

  /// Consistent as of one moment; writers go on. A file is one that the caller has made, empty and readable by its
  /// owner alone; it is whole when this returns, and has been read back. The caller makes it durable, and removes it on
  /// failure. Throws ErrorCode::unsupported where a client program is missing, with the package's name as its hint.
  /// cancel() stops it.
  Report write(const std::string& destination, ExecuteObserver& observer) {
    return detail::guarded("backup", [&] { return do_write(destination, observer); });
  }

 private:
  virtual bool do_to_file() const = 0;
  virtual Report do_write(const std::string& destination, ExecuteObserver& observer) = 0;
};

}  // namespace talos
