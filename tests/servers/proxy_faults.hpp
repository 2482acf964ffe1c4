// All the places at which a connection can break, and what tries them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "message_proxy.hpp"

namespace talos::test {

std::string name_of(const ProxyFault& fault);
/// "14+101, 8+119": the messages of each connection, client's + server's.
std::string name_of(const std::vector<ProxyCounts>& counts);

/// A cut before and one after every message of a run with these counts.
std::vector<ProxyFault> every_cut(const std::vector<ProxyCounts>& counts);

/// A stall at every message. Which side stalls, and whether before or after the message, goes round, beginning by
/// `seed`.
std::vector<ProxyFault> every_stall(const std::vector<ProxyCounts>& counts, std::uint64_t seed);

/// About so many, or TALOS_TEST_FAULTS_TIMES as many, spread over the whole run. All of them with
/// TALOS_TEST_ALL_FAULTS=1, unless none is wanted.
std::vector<ProxyFault> some_of(const std::vector<ProxyFault>& all, std::size_t wanted, std::uint64_t seed);

/// Gives each fault to `judge`, TALOS_TEST_JOBS at a time (or `jobs`), each in a thread of its own. What it says, where
/// that is something.
std::vector<std::string> try_all(const std::vector<ProxyFault>& faults, std::size_t jobs,
                                 const std::function<std::string(const ProxyFault&)>& judge);

}  // namespace talos::test
