// The YAML configuration file (--config).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace talos::app {

struct Config {
  std::optional<std::string> dsn;  ///< db.dsn
};

/// Keys that this program does not know are left alone: the file is Talos' own, and has more than the database in it.
/// Throws Error(usage) naming the file and line, and quoting nothing of it.
Config read_config(const std::filesystem::path& file);
/// The same from text; `name` for messages.
Config parse_config(const std::string& text, const std::string& name);

}  // namespace talos::app
