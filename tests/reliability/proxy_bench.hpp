// R3: the connection cut, or stalled, at every message of a run, whatever the dialect. Never a false success, never a
// hang, and what the program says became of it is true.
//
// Every fault with TALOS_TEST_ALL_FAULTS=1; else some of each kind (proxy_faults.hpp), chosen by the seed.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "message_proxy.hpp"
#include "sets.hpp"
#include "test_database.hpp"

namespace talos::test {

struct ProxyScenario {
  std::string name;
  TestSet set;  ///< each migration is called `step`
  std::vector<std::string> words;
  /// Makes the database that each run begins with, of an empty one.
  void (*prepare)(const ProxyScenario&, const TestDatabase&) = nullptr;
  long goal = 0;       ///< the tracker's version after success
  bool blind = false;  ///< soon after the fault nobody can connect any more
};

/// Each program's own: a proxy in front of its server, and how the program gets to a database by way of it.
std::unique_ptr<MessageProxy> new_proxy();
std::string dsn_by(const MessageProxy& proxy, const TestDatabase& database);

/// About so many of either kind.
void try_scenario(const ProxyScenario& scenario, std::size_t cuts, std::size_t stalls);

/// For `prepare`: every migration of the set.
void all_up(const ProxyScenario& scenario, const TestDatabase& database);

}  // namespace talos::test
