// The data directory that a server begins with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mysql_server.hpp"

namespace talos::test {

/// The installation, where the server's user reaches it: what to start it by, and an empty data directory to be copied,
/// which is made once in a build tree.
struct MysqlTemplate {
  std::vector<std::string> command;  ///< the server, and where its files are
  std::filesystem::path data;
};

const MysqlTemplate& mysql_template(const MysqlInstallation& installation);

/// Owners and all; shares the blocks where the file system can.
void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace talos::test
