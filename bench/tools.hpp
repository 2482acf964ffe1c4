// talos and its rivals: which are here, and how each is called.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "migration_set.hpp"
#include "process.hpp"

namespace talos::bench {

struct Tool {
  std::string name;
  std::filesystem::path program;  ///< empty: not found
  std::string version;
  std::string durability;  ///< how it is made to commit with synchronous=FULL
};

/// One way to apply a set with a tool. All of a way's files lie in one directory; its database is
/// `directory/database/bench.db`.
struct Way {
  std::string name;
  std::string tool;
  std::function<void(const std::filesystem::path& directory, const MigrationSet& set)> write;
  std::function<Command(const std::filesystem::path& directory)> up;
};

class Tools {
 public:
  /// Looks for dbmate's binary in DBMATE and below `source`, for golang-migrate and goose in GOLANG_MIGRATE and GOOSE,
  /// for talos in TALOS and beside this program, for the others in PATH. Throws where talos is missing.
  explicit Tools(const std::filesystem::path& source);

  const std::vector<Tool>& all() const { return tools_; }
  /// Throws if there is no such tool.
  const std::filesystem::path& program(const std::string& name) const;
  bool has(const std::string& name) const;
  const std::filesystem::path& plugin_directory() const { return plugin_directory_; }

  /// A way for each tool that is here; talos is the first.
  std::vector<Way> ways() const;
  Way talos() const;
  Way dbmate() const;

 private:
  void add(Tool tool, const std::vector<std::string>& version_arguments);

  std::vector<Tool> tools_;
  std::filesystem::path plugin_directory_;
};

std::filesystem::path database_of(const std::filesystem::path& directory);

/// `talos migrate up`, or another subcommand, on the directory's database and migrations.
Command talos_command(const Tools& tools, const std::filesystem::path& directory, const std::string& subcommand);

}  // namespace talos::bench
