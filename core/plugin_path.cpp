#include "plugin_path.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "talos/error.hpp"

namespace talos {

namespace {

namespace fs = std::filesystem;

void add(PluginSearch& search, const fs::path& directory) {
  fs::path path = directory.lexically_normal();
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();  // a trailing slash
  if (std::find(search.directories.begin(), search.directories.end(), path) == search.directories.end())
    search.directories.push_back(path);
}

void add_variable(PluginSearch& search, std::string_view list) {
  while (true) {
    const auto colon = list.find(':');
    const fs::path entry(list.substr(0, colon));
    if (!entry.is_absolute())
      throw Error(ErrorCode::usage, entry.empty() ? std::string("TALOS_PLUGIN_PATH has an empty entry")
                                                  : "TALOS_PLUGIN_PATH has a relative entry: " + entry.string())
          .with_hint("list absolute directories, separated by ':'");
    add(search, entry);
    if (colon == std::string_view::npos) return;
    list.remove_prefix(colon + 1);
  }
}

}  // namespace

PluginSearch plugin_search(const fs::path& extra) {
  PluginSearch search;
  std::error_code error;
  if (!extra.empty()) {
    const fs::path absolute = fs::absolute(extra, error);
    if (error) throw Error(ErrorCode::usage, "--plugin-dir: the current directory cannot be read");
    add(search, absolute);
  }
  if (const char* list = ::secure_getenv("TALOS_PLUGIN_PATH"); list != nullptr) add_variable(search, list);
  // Without /proc (a bare chroot) only the compiled-in directory is left.
  const fs::path executable = fs::read_symlink("/proc/self/exe", error);
  if (!error) add(search, executable.parent_path() / TALOS_RELATIVE_PLUGIN_DIRECTORY);
  add(search, TALOS_PLUGIN_DIRECTORY);
  return search;
}

}  // namespace talos
