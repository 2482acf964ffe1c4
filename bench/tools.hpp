// talos and its rivals: which are here, and how each is called.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace talos::bench {

struct Tool {
  std::string name;
  std::filesystem::path program;  ///< empty: not found
  std::string version;
  std::string durability;  ///< how it is made to commit to SQLite with synchronous=FULL; empty: not asked to
};

class Tools {
 public:
  /// Looks for dbmate's binary in DBMATE and below `source`, for golang-migrate and goose in GOLANG_MIGRATE and GOOSE,
  /// for talos and talos-commercial in TALOS and TALOS_COMMERCIAL and beside this program, for the others in PATH.
  /// Throws where talos is missing.
  explicit Tools(const std::filesystem::path& source);

  const std::vector<Tool>& all() const { return tools_; }
  /// Throws if there is no such tool.
  const std::filesystem::path& program(const std::string& name) const;
  bool has(const std::string& name) const;
  /// As if it were not here. False if there is no such tool.
  bool leave_out(const std::string& name);
  const std::filesystem::path& plugin_directory() const { return plugin_directory_; }

 private:
  void add(Tool tool, const std::vector<std::string>& version_arguments);

  std::vector<Tool> tools_;
  std::filesystem::path plugin_directory_;
};

}  // namespace talos::bench
