#include "pg_scratch.hpp"

#include <random>

#include <unistd.h>

namespace talos::pg {

std::string new_scratch_name() {
  std::random_device random;
  std::string digits;
  for (int i = 0; i < 8; ++i) digits += "0123456789abcdef"[random() % 16];
  return "talos_scratch_" + std::to_string(::getpid()) + "_" + digits;
}

Parameters in_database(Parameters parameters, const std::string& name) {
  std::erase_if(parameters, [](const auto& one) { return one.first == "dbname"; });
  parameters.emplace_back("dbname", name);
  return parameters;
}

}  // namespace talos::pg
