// Running other programs, timed.
#pragma once

#include <cstddef>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace talos::bench {

struct Command {
  std::vector<std::string> arguments;  ///< the program first
  std::filesystem::path directory;     ///< where it runs
  std::filesystem::path input = "/dev/null";
  std::string secret = {};    ///< a password that stands among the arguments; never shown
  bool watch_memory = false;  ///< of one copy
};

/// What a command that ended with status 0 did.
struct Finished {
  double seconds = 0;              ///< from before the spawn until after the wait
  std::string output;              ///< stdout and stderr together
  std::size_t peak_anonymous = 0;  ///< bytes, where memory was watched: the most that was seen of memory without a file
};

/// Runs `command` with a small fixed environment. Throws std::runtime_error, with the end of the output, unless it
/// ends with status 0.
Finished run(const Command& command);

/// As a line, with the secret masked.
std::string shown(const Command& command);

/// Starts `copies` of it at once and waits for all; the time is from the first spawn to the last end.
Finished run_at_once(const Command& command, unsigned copies);

/// From now on SIGINT and SIGTERM make the run under way, and each after it, throw Interrupted.
void catch_interrupts();

class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// A program of that name in PATH, or an empty path.
std::filesystem::path in_path(const std::string& name);

}  // namespace talos::bench
