// A temporary directory, and what is looked up in the databases made there.
#pragma once

#include <filesystem>
#include <string>

namespace talos::bench {

/// Made below TMPDIR, or the system's choice; removed with all that is in it at the end.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Throws unless the query, which counts something, gives `wanted`.
void expect_count(const std::filesystem::path& database, const std::string& query, long long wanted);

/// An empty `directory/database`, and nothing left to be written back that the next turn would have to wait for.
void clear_database(const std::filesystem::path& directory);

}  // namespace talos::bench
