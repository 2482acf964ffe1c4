#include "trace.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

// The trace's lines, or nothing. `command` must succeed by itself: its failure under strace is taken for strace's.
std::optional<std::vector<std::string>> trace(const Command& command, const std::vector<std::string>& options) {
  const fs::path strace = in_path("strace");
  if (strace.empty()) return std::nullopt;
  const fs::path log = command.directory / "strace.log";
  Command traced = command;
  std::vector<std::string> front{strace.string(), "-f", "-o", log.string()};
  front.insert(front.end(), options.begin(), options.end());
  traced.arguments.insert(traced.arguments.begin(), front.begin(), front.end());
  try {
    run(traced);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
  std::vector<std::string> lines;
  std::ifstream stream(log);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::optional<unsigned long> count_syncs(const Command& command) {
  const auto lines = trace(command, {"-c", "-e", "trace=fsync,fdatasync"});
  if (!lines) return std::nullopt;
  unsigned long total = 0;
  for (const std::string& line : *lines) {
    // "% time, seconds, usecs/call, calls, [errors,] syscall"
    std::istringstream words(line);
    std::string percent, seconds, each, name;
    unsigned long calls = 0;
    if (!(words >> percent >> seconds >> each >> calls)) continue;
    while (words >> name) {
    }
    if (name == "fsync" || name == "fdatasync") total += calls;
  }
  return total;
}

std::optional<std::set<std::string>> opened_files(const Command& command, const fs::path& directory,
                                                  const std::string& ending) {
  const auto lines = trace(command, {"-y", "-e", "trace=open,openat,openat2"});
  if (!lines) return std::nullopt;
  std::set<std::string> files;
  for (const std::string& line : *lines) {
    // "12 openat(AT_FDCWD</>, "name", O_RDONLY) = 3</real/path>"; a failed one has no path behind the number.
    const std::size_t result = line.rfind(" = ");
    if (result == std::string::npos) continue;
    const std::size_t start = line.find('<', result);
    if (start == std::string::npos || line.back() != '>') continue;
    const std::string file = line.substr(start + 1, line.size() - start - 2);
    if (file.starts_with(directory.string() + "/") && file.ends_with(ending)) files.insert(file);
  }
  return files;
}

}  // namespace talos::bench
