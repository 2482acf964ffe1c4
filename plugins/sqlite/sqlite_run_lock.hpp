// The run lock (Q1): an OFD write lock on <database>.talos.lock. The kernel drops it with the process, however it dies.
#pragma once

#include <filesystem>
#include <string>

#include "talos/driver.hpp"

namespace talos::sqlite {

class RunLockFile {
 public:
  /// `database` may not exist yet; symbolic links are followed, so that all its names share one lock.
  explicit RunLockFile(const std::filesystem::path& database);
  ~RunLockFile();
  RunLockFile(const RunLockFile&) = delete;
  RunLockFile& operator=(const RunLockFile&) = delete;

  /// Creates the file where it is missing. Throws ErrorCode::connection where it cannot be opened.
  bool try_lock(const Runner& runner);
  void unlock();
  /// Never creates the file.
  LockStatus observe() const;

 private:
  void open_file();
  void close_file();

  std::filesystem::path database_;
  std::filesystem::path file_;
  int fd_ = -1;
  bool held_ = false;
};

/// The database's own path, every symbolic link resolved, also where it does not exist yet.
std::filesystem::path resolve_links(const std::filesystem::path& path);

/// "owner 1000, mode 0640", for messages.
std::string owner_and_mode(const std::filesystem::path& path);

}  // namespace talos::sqlite
