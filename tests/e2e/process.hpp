// Child processes for tests: what goes in, what came out, and a deadline for everything.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace talos::test {

/// Long enough for a busy machine and a sanitizer build; reaching it is a failure, never a way to be in time.
constexpr std::chrono::milliseconds default_deadline{60'000};

struct ProcessOptions {
  std::vector<std::string> argv;  ///< argv[0] is the program: a path, or a name found in PATH

  /// Added to PATH, HOME, TMPDIR and the sanitizers' options; nothing else is inherited.
  std::map<std::string, std::string> environment;

  std::filesystem::path directory;   ///< working directory; empty: the test's own
  std::optional<std::string> input;  ///< written to stdin, then closed; without it stdin is /dev/null
  bool close_input = false;          ///< the child has no stdin at all
  bool close_output = false;         ///< nor stdout

  /// Pseudo-terminals in place of pipes. stdin and stderr share one, stdout has its own, so that both stay apart.
  /// Neither translates newlines nor echoes.
  bool terminal_in = false;
  bool terminal_out = false;
  bool terminal_err = false;
};

struct ProcessResult {
  int status = -1;  ///< exit status; -1 when a signal ended it
  int signal = 0;   ///< the signal that ended it, else 0
  std::string out;
  std::string err;
};

/// A child in a process group of its own. A thread reads what it prints, so it never blocks on a full pipe. It is
/// killed, with its group, when the object goes or the starting thread ends. If TALOS_TEST_TRANSCRIPT names a file,
/// the arguments, the output and the errors of every child are appended to it.
class Process {
 public:
  static Process start(ProcessOptions options);

  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  pid_t pid() const;

  /// To the child alone, or to its whole group.
  void signal(int signal) const;
  void signal_group(int signal) const;

  /// Types on the terminal that is the child's stdin.
  void type(std::string_view text);

  std::string out_so_far() const;
  std::string err_so_far() const;

  /// Until stdout or stderr holds `text`; throws, with what there is, if the child ends or time runs out before.
  void wait_for_output(std::string_view text, std::chrono::milliseconds deadline = default_deadline);

  bool running();

  /// Until it ends; kills it and throws when time runs out. Called again it gives the same result.
  ProcessResult wait(std::chrono::milliseconds deadline = default_deadline);

 private:
  struct Child;
  explicit Process(std::unique_ptr<Child> child);
  std::unique_ptr<Child> child_;
};

/// Starts it and waits for its end.
ProcessResult run(ProcessOptions options, std::chrono::milliseconds deadline = default_deadline);

/// Where a program is in PATH; nothing if it is not.
std::optional<std::filesystem::path> find_program(std::string_view name);

/// Until `condition` holds; false when time runs out.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds deadline = default_deadline);

/// Between two looks at a condition.
void short_pause();

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    short_pause();
  }
  return true;
}

}  // namespace talos::test
