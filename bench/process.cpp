#include "process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "memory_watch.hpp"

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) { interrupted = 1; }

void require(int error, const std::string& what) {
  if (error != 0) throw std::runtime_error(what + ": " + std::strerror(error));
}

class FileActions {
 public:
  FileActions(const Command& command, const fs::path& output) {
    require(posix_spawn_file_actions_init(&actions_), "posix_spawn");
    require(posix_spawn_file_actions_addchdir_np(&actions_, command.directory.c_str()), "posix_spawn");
    require(posix_spawn_file_actions_addopen(&actions_, 0, command.input.c_str(), O_RDONLY, 0), "posix_spawn");
    require(posix_spawn_file_actions_addopen(&actions_, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
            "posix_spawn");
    require(posix_spawn_file_actions_adddup2(&actions_, 1, 2), "posix_spawn");
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Nothing of the caller's configuration (~/.sqliterc, DB_DSN, .env) may reach one tool and not another.
std::vector<std::string> environment(const fs::path& directory) {
  const char* path = std::getenv("PATH");
  return {std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin"),
          "HOME=" + directory.string(),
          "LC_ALL=C.UTF-8",
          "SQITCH_FULLNAME=bench",
          "SQITCH_EMAIL=bench@example.org",
          "SQITCH_SYSTEM_CONFIG=/dev/null",
          "SQITCH_USER_CONFIG=/dev/null"};
}

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string end_of(const std::string& text) {
  constexpr std::size_t longest = 2000;
  return text.size() > longest ? text.substr(text.size() - longest) : text;
}

int wait_for(pid_t child) {
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0) {
    if (errno != EINTR) require(errno, "wait4");
  }
  return status;
}

// Overwritten by the next run in that directory.
fs::path log_file(const Command& command, unsigned number) {
  return command.directory / ("output-" + std::to_string(number) + ".log");
}

}  // namespace

std::string shown(const Command& command) {
  std::string text;
  for (const std::string& argument : command.arguments) text += (text.empty() ? "" : " ") + argument;
  if (command.input != "/dev/null") text += " < " + command.input.string();
  if (command.secret.empty()) return text;
  for (std::size_t at = 0; (at = text.find(command.secret, at)) != std::string::npos;)
    text.replace(at, command.secret.size(), "***");
  return text;
}

Finished run_at_once(const Command& command, unsigned copies) {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> variables = environment(command.directory);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  std::vector<pid_t> children;
  std::vector<int> statuses;
  int error = 0;

  const auto start = std::chrono::steady_clock::now();
  while (error == 0 && children.size() < copies) {
    const FileActions actions(command, log_file(command, static_cast<unsigned>(children.size())));
    pid_t child = 0;
    error = posix_spawnp(&child, argv[0], actions.get(), nullptr, argv.data(), envp.data());
    if (error == 0) children.push_back(child);
  }
  std::optional<MemoryWatch> watch;
  if (command.watch_memory && children.size() == 1) watch.emplace(children.front());
  for (const pid_t child : children) statuses.push_back(wait_for(child));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;

  if (interrupted != 0) throw Interrupted();
  require(error, command.arguments.front());
  Finished finished{elapsed.count(), {}, watch ? watch->peak() : 0};
  for (unsigned number = 0; number < copies; ++number) {
    const std::string output = read_file(log_file(command, number));
    if (statuses[number] != 0) {
      const bool ended = WIFEXITED(statuses[number]);
      throw std::runtime_error(shown(command) + (ended ? ": exit status " : ": signal ") +
                               std::to_string(ended ? WEXITSTATUS(statuses[number]) : WTERMSIG(statuses[number])) +
                               "\n" + end_of(output));
    }
    finished.output += output;
  }
  return finished;
}

void catch_interrupts() {
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
}

Finished run(const Command& command) { return run_at_once(command, 1); }

fs::path in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    const fs::path candidate = fs::path(directory) / name;
    if (!directory.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace talos::bench
