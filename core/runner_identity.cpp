#include "runner_identity.hpp"

#include <array>
#include <cstdlib>

#include <unistd.h>

#include "talos/clock.hpp"

namespace talos {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

// From the environment: getpwuid() would load name-service libraries at every start. The history's reader wants a
// hint who it was, not a proof.
std::string user_name() {
  for (const char* variable : {"SUDO_USER", "USER", "LOGNAME"})
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  return "uid " + std::to_string(getuid());
}

}  // namespace

Runner current_runner(std::string_view program) {
  return Runner{std::string(program), getpid(), host_name(), user_name(), utc_now()};
}

std::string runner_name(const Runner& runner) { return std::to_string(runner.pid) + "@" + runner.host; }

}  // namespace talos
