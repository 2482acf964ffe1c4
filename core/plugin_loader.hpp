// From a plugin's name to a Driver: finds the file, judges it before anything of it runs, loads it for good.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "edition.hpp"
#include "plugin_path.hpp"
#include "talos/plugin.hpp"

namespace talos {

struct PluginRequest {
  std::string scheme;   ///< of the DSN, lower case
  std::string name;     ///< of the plugin, after the alias table: the file is <name>.so
  std::string package;  ///< to install when there is none, may be empty
};

/// A loaded plugin. Never unloaded, so that exceptions and objects from it stay valid; the Driver is destroyed with
/// the last copy of this.
class Plugin {
 public:
  Plugin(const talos_plugin_descriptor& descriptor, std::filesystem::path file);

  std::string_view name() const { return descriptor_->name; }
  std::string_view version() const { return descriptor_->version; }
  const std::filesystem::path& file() const { return file_; }
  std::span<const EmbeddedFile> migrations() const;
  Driver& driver() const { return *driver_; }

 private:
  const talos_plugin_descriptor* descriptor_;
  std::filesystem::path file_;
  std::shared_ptr<Driver> driver_;
};

/// Throws ErrorCode::plugin: not in this edition (before any disk access), not found (with every path tried and why it
/// failed), untrusted (with the rule), not a plugin, wrong ABI, wrong scheme, cannot be loaded (with the loader's
/// words).
Plugin load_plugin(const PluginRequest& request, const PluginSearch& search, const Edition& edition);

/// One line of `talos plugins`.
struct PluginListing {
  std::filesystem::path file;
  std::string name;
  std::string version;
  std::uint32_t abi_version = 0;
  std::string schemes;  ///< separated by one space
  bool usable = false;
  std::string reason;  ///< why not usable
};

/// Every *.so of the directories, by directory and name; nothing is loaded. A file behind one of the same name in an
/// earlier directory is listed as not usable ("hidden by …").
std::vector<PluginListing> list_plugins(const PluginSearch& search, const Edition& edition);

}  // namespace talos
