// Directories with plugins in them, and other users.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <doctest/doctest.h>
#include <sys/types.h>

#include "edition.hpp"
#include "plugin_loader.hpp"
#include "talos/plugin.hpp"

namespace talos::test {

namespace fs = std::filesystem;

/// A directory that only this user can change, below directories that are trusted; gone with the object.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }
  /// A directory in it, mode 0755.
  fs::path directory(const fs::path& name) const;

 private:
  fs::path path_;
};

/// The file that a test plugin writes when it is loaded.
class Mark {
 public:
  explicit Mark(const Scratch& scratch);
  ~Mark();
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  bool exists() const { return fs::exists(file_); }

 private:
  fs::path file_;
};

/// An environment variable, set (or unset: null) while the object lives.
class Variable {
 public:
  Variable(std::string name, const char* value);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
  std::optional<std::string> before_;
};

/// Copies a built test plugin (its name without .so) to `file`, mode 0755.
fs::path install(const std::string& plugin, const fs::path& file);
/// The same, with its note changed; its descriptor stays as it was.
fs::path install(const std::string& plugin, const fs::path& file, const std::function<void(PluginNote&)>& change);

std::string bytes_of(const fs::path& file);
void write_file(const fs::path& file, std::string_view bytes);

inline constexpr Edition any_edition{"talos-any", "Any", {}, "", ""};
extern const Edition sqlite_edition;  ///< like the open source program's

inline PluginSearch in(const fs::path& directory) { return {{directory}}; }
inline PluginRequest request(const std::string& name) { return {name, name, {}}; }

/// The Error that `call` throws; a test that gets none fails.
Error refusal(const std::function<void()>& call);

/// What `work` returns in a child process that has the given user's rights. The test fails if the child crashes.
std::string as_user(uid_t user, const std::function<std::string()>& work);
/// Loads in a child, as that user: "loaded", or what the error says.
std::string load_as(uid_t user, const PluginRequest& request, const PluginSearch& search);

/// False, with a printed reason, where a test cannot run for that; fails it where CI=true.
bool can_test(bool possible, const std::string& needed);
bool is_root();

}  // namespace talos::test
