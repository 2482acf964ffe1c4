// The plugin itself, through the program's own loader.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugin_loader.hpp"
#include "talos/driver.hpp"

namespace talos::test {

struct Silent : ExecuteObserver {
  void unit_started(std::size_t) override {}
  void unit_committed(std::size_t, std::chrono::microseconds, bool) override {}
  void progress(double, std::string_view) override {}
  void warning(std::string_view) override {}
};

inline Plugin& mysql_plugin() {
  static Plugin loaded = [] {
    Edition edition;
    edition.program = "test";
    edition.title = "test";
    const std::filesystem::path file = TALOS_TEST_MYSQL_PLUGIN;
    return load_plugin({"mysql", "mysql", {}}, PluginSearch{{file.parent_path()}}, edition);
  }();
  return loaded;
}

inline std::unique_ptr<Session> mysql_session(const std::string& dsn, Access access = Access::write) {
  ConnectRequest request;
  request.dsn = dsn;
  request.access = access;
  request.runner.program = "test";
  return mysql_plugin().driver().connect(request);
}

}  // namespace talos::test
