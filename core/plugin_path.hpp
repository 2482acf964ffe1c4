// Where plugins are looked for, in order.
#pragma once

#include <filesystem>
#include <vector>

namespace talos {

struct PluginSearch {
  std::vector<std::filesystem::path> directories;  ///< absolute, each once
};

/// `extra` (--plugin-dir; may be empty, may be relative), then TALOS_PLUGIN_PATH (secure_getenv, ':'-separated), then
/// the directory relative to the executable, then the compiled-in one. Throws ErrorCode::usage for a relative or empty
/// entry of TALOS_PLUGIN_PATH: this process holds DDL credentials.
PluginSearch plugin_search(const std::filesystem::path& extra);

}  // namespace talos
