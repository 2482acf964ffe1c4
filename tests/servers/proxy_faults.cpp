#include "proxy_faults.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace talos::test {

namespace {

using When = ProxyFault::When;
using What = ProxyFault::What;

// Of every message one, without what is done to it.
std::vector<ProxyFault> every_message(const std::vector<ProxyCounts>& counts) {
  std::vector<ProxyFault> messages;
  for (std::size_t i = 0; i < counts.size(); ++i)
    for (const From from : {From::client, From::server})
      for (int n = 1; n <= (from == From::client ? counts[i].client_messages : counts[i].server_messages); ++n)
        messages.push_back({static_cast<int>(i) + 1, from, n, When::before, What::cut});
  return messages;
}

std::size_t number_in_environment(const char* name, std::size_t otherwise) {
  const char* const given = std::getenv(name);
  return given == nullptr || *given == '\0' ? otherwise : std::stoul(given);
}

}  // namespace

std::string name_of(const ProxyFault& fault) {
  const char* const what = fault.what == What::cut            ? "cut"
                           : fault.what == What::stall_client ? "client stalled"
                           : fault.what == What::stall_server ? "server stalled"
                                                              : "both stalled";
  return std::string(what) + (fault.when == When::before ? " before" : " after") + " message " +
         std::to_string(fault.message) + " of the " + (fault.from == From::client ? "client" : "server") +
         " on connection " + std::to_string(fault.connection);
}

std::string name_of(const std::vector<ProxyCounts>& counts) {
  std::string messages;
  for (const ProxyCounts& one : counts)
    messages += (messages.empty() ? "" : ", ") + std::to_string(one.client_messages) + "+" +
                std::to_string(one.server_messages);
  return messages;
}

std::vector<ProxyFault> every_cut(const std::vector<ProxyCounts>& counts) {
  std::vector<ProxyFault> cuts;
  for (ProxyFault fault : every_message(counts)) {
    cuts.push_back(fault);
    fault.when = When::after;
    cuts.push_back(fault);
  }
  return cuts;
}

std::vector<ProxyFault> every_stall(const std::vector<ProxyCounts>& counts, std::uint64_t seed) {
  constexpr std::array kinds{What::stall_client, What::stall_server, What::stall};
  std::vector<ProxyFault> stalls = every_message(counts);
  std::size_t turn = seed % (2 * kinds.size());
  for (ProxyFault& fault : stalls) {
    fault.what = kinds.at(turn / 2);
    fault.when = turn % 2 == 0 ? When::before : When::after;
    turn = (turn + 1) % (2 * kinds.size());
  }
  return stalls;
}

std::vector<ProxyFault> some_of(const std::vector<ProxyFault>& all, std::size_t wanted, std::uint64_t seed) {
  if (wanted == 0) return {};
  wanted *= number_in_environment("TALOS_TEST_FAULTS_TIMES", 1);
  if (number_in_environment("TALOS_TEST_ALL_FAULTS", 0) != 0 || all.size() <= wanted) return all;
  std::vector<ProxyFault> chosen;
  const std::size_t stride = all.size() / wanted;
  for (std::size_t i = seed % stride; i < all.size(); i += stride) chosen.push_back(all[i]);
  return chosen;
}

std::vector<std::string> try_all(const std::vector<ProxyFault>& faults, std::size_t jobs,
                                 const std::function<std::string(const ProxyFault&)>& judge) {
  std::mutex mutex;
  std::vector<std::string> wrong;
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < number_in_environment("TALOS_TEST_JOBS", jobs); ++i) {
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < faults.size(); at = next++) {
        const std::string text = judge(faults[at]);
        const std::lock_guard lock(mutex);
        if (!text.empty()) wrong.push_back(text);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return wrong;
}

}  // namespace talos::test
