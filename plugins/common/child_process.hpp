// Another program, run without a shell, and files that only it can read.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace talos::common {

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return fd_; }
  void close();

 private:
  int fd_;
};

/// A file in memory, for what a child must read and nobody else may: no directory has it, and a crash leaves nothing of
/// it. Its mode is 0600. Throws ErrorCode::internal.
class MemoryFile {
 public:
  /// `name` is only what the kernel calls it.
  MemoryFile(const char* name, std::string_view content);

  int fd() const { return fd_.get(); }
  /// Under which a child that keeps fd() finds it. It needs /proc.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  Descriptor fd_;
};

struct Command {
  /// The first is the program's path. Everybody on the machine can read these: no secret.
  std::vector<std::string> argv;
  /// NAME=value, beside those of essential_environment(). Readable by the same user and root.
  std::vector<std::string> environment = {};
  std::vector<int> keep = {};  ///< descriptors that it has under the same numbers; no others but 0, 1, 2
  int output = -1;             ///< where its standard output goes; negative: into Ended::out
};

struct Ended {
  int status = -1;    ///< its exit status; -1 where a signal ended it
  int signal = 0;     ///< that signal
  std::string out;    ///< the first 64 KiB of its standard output …
  std::string error;  ///< … and of its standard error
  bool well() const { return status == 0; }
};

/// PATH, HOME and the like, as they are, and LC_ALL=C. Nothing that names a database or holds a secret.
std::vector<std::string> essential_environment();

/// An executable file of this name in PATH; nothing if there is none.
std::optional<std::string> find_program(std::string_view name);

/// A child in a process group of its own, so that a key on the terminal reaches it only through us. Its standard input
/// is empty. One that still runs when this goes is ended: asked first, killed after two seconds.
class ChildProcess {
 public:
  /// Throws ErrorCode::unsupported where it cannot be started, naming the program.
  explicit ChildProcess(const Command& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  /// Until it has ended. `tick` is called about every 50 ms; what it throws ends the child.
  Ended wait(const std::function<void()>& tick);

 private:
  bool reap(int options);
  void end() noexcept;
  static bool read_some(Descriptor& from, std::string& to);

  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
  Descriptor out_;
  Descriptor error_;
};

/// Starts it and waits for its end.
Ended run(const Command& command, const std::function<void()>& tick);

}  // namespace talos::common
