// `migrate create`: the next migration's two files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace talos::app {

/// Makes DIR/NNNNNN_name.up.sql and .down.sql with the next number, both or neither, and returns their paths. The name
/// may be words: blanks and dashes become underscores. Throws Error(usage) for a name without letters or digits, or a
/// directory that cannot be read or written.
std::vector<std::filesystem::path> create_migration(const std::filesystem::path& directory, const std::string& name);

}  // namespace talos::app
