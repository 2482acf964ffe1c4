// One server of each flavour for the tests of a program that leave it as it was.
#pragma once

#include <memory>

#include "mysql_server.hpp"

namespace talos::test {

/// Not synced; started when first asked for. Those of `all_mysql_or_skip` (T7). First called in the main thread.
inline const std::vector<std::unique_ptr<MysqlServer>>& shared_mysql_servers() {
  static const auto servers = [] {
    std::vector<std::unique_ptr<MysqlServer>> started;
    for (const auto& installation : all_mysql_or_skip())
      started.push_back(std::make_unique<MysqlServer>(installation, unsynced_mysql));
    return started;
  }();
  return servers;
}

}  // namespace talos::test
