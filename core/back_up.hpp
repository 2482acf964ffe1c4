// Copies of a database, made before something is done to it.
#pragma once

#include <string>

#include "migrate.hpp"
#include "talos/backup.hpp"

namespace talos {

/// Into `destination`, which must not exist where it is a file: made for its owner alone, durable, and removed again if
/// the copy fails. Throws ErrorCode::policy for a file that is there, ErrorCode::unsupported without the ability.
Backup::Report back_up(Session& session, const std::string& destination, Reporter& reporter);

/// For people: a storage URL's parameters may hold its secrets.
std::string shown_destination(const std::string& destination);

struct BackupReport {
  SessionInfo info;
  std::string destination;  ///< as shown
  Backup::Report report;
};

/// On a session of its own, which reads only and takes no lock.
BackupReport back_up(Driver& driver, const std::string& destination, const RunOptions& options, Reporter& reporter,
                     CancelToken& cancel);

}  // namespace talos
