// The built program, as a child process. Without options it runs in a scratch directory of its own, without terminal.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "process.hpp"

namespace talos::test {

inline std::filesystem::path talos_program() { return TALOS_TEST_PROGRAM; }

/// `options` with the program and `arguments` as argv.
inline ProcessOptions talos_options(std::vector<std::string> arguments, ProcessOptions options = {}) {
  arguments.insert(arguments.begin(), talos_program().string());
  options.argv = std::move(arguments);
  return options;
}

inline ProcessResult talos(std::vector<std::string> arguments, ProcessOptions options = {}) {
  return run(talos_options(std::move(arguments), std::move(options)));
}

inline Process start_talos(std::vector<std::string> arguments, ProcessOptions options = {}) {
  return Process::start(talos_options(std::move(arguments), std::move(options)));
}

}  // namespace talos::test
