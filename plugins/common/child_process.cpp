#include "child_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "talos/error.hpp"

namespace talos::common {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds tick_length{50};
constexpr std::chrono::milliseconds short_wait{2};
constexpr std::chrono::seconds grace{2};
constexpr int most_blocks = 64;  ///< more than a pipe holds
constexpr std::size_t most_kept = std::size_t{64} * 1024;

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const std::string& what, int error) {
  throw Error(ErrorCode::internal, what + ": " + reason(error));
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

// The child's end is passed on by number; nobody else inherits either. Reading never blocks.
Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("cannot make a pipe", errno);
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return pipe;
}

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  // Onto its own number: takes close-on-exec away in the child.
  void give(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  void open_null(int as) { ::posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", O_RDONLY, 0); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Every signal as a new program expects it, whatever this one handles, ignores or blocks.
class Attributes {
 public:
  Attributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Descriptor::~Descriptor() { close(); }
Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
void Descriptor::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

MemoryFile::MemoryFile(const char* name, std::string_view content) : fd_(::memfd_create(name, MFD_CLOEXEC)) {
  // Programs refuse to read a password from a file that others might read.
  if (fd_.get() < 0 || ::fchmod(fd_.get(), S_IRUSR | S_IWUSR) != 0) fail("cannot make a file in memory", errno);
  while (!content.empty()) {
    const ssize_t written = ::write(fd_.get(), content.data(), content.size());
    if (written < 0) fail("cannot write a file in memory", errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::vector<std::string> essential_environment() {
  std::vector<std::string> result{"LC_ALL=C"};
  for (const char* name : {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "KRB5CCNAME", "KRB5_CONFIG",
                           "KRB5_KTNAME", "OPENSSL_CONF", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH"})
    if (const char* value = std::getenv(name)) result.push_back(std::string(name) + "=" + value);
  return result;
}

std::optional<std::string> find_program(std::string_view name) {
  const char* value = std::getenv("PATH");
  std::string_view path = value == nullptr ? "/usr/local/bin:/usr/bin:/bin" : value;
  while (!path.empty()) {
    const auto end = path.find(':');
    std::string file = std::string(path.substr(0, end)) + "/" + std::string(name);
    struct stat status {};
    if (file.front() == '/' && ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(file.c_str(), X_OK) == 0)
      return file;
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  return std::nullopt;
}

ChildProcess::ChildProcess(const Command& command) {
  Pipe out = make_pipe();
  Pipe error = make_pipe();
  FileActions actions;
  actions.open_null(STDIN_FILENO);
  actions.give(command.output >= 0 ? command.output : out.write.get(), STDOUT_FILENO);
  actions.give(error.write.get(), STDERR_FILENO);
  for (const int fd : command.keep) actions.give(fd, fd);
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> environment = essential_environment();
  environment.insert(environment.end(), command.environment.begin(), command.environment.end());
  const Attributes attributes;
  const int failure = ::posix_spawn(&pid_, argv.at(0).c_str(), actions.get(), attributes.get(), pointers(argv).data(),
                                    pointers(environment).data());
  if (failure != 0) {
    ended_ = true;
    throw Error(ErrorCode::unsupported, "cannot run " + command.argv[0] + ": " + reason(failure));
  }
  out_ = std::move(out.read);
  error_ = std::move(error.read);
}

ChildProcess::~ChildProcess() { end(); }

// Its exit status, once; true when it is known.
bool ChildProcess::reap(int options) {
  if (ended_) return true;
  const pid_t answer = ::waitpid(pid_, &status_, options);
  if (answer == pid_) return ended_ = true;
  // Where this program was started with SIGCHLD ignored, the kernel keeps no status.
  if (answer < 0 && errno == ECHILD) {
    ended_ = true;
    throw Error(ErrorCode::internal, "the exit status of a child process is lost: SIGCHLD is ignored");
  }
  return false;
}

void ChildProcess::end() noexcept {
  try {
    if (reap(WNOHANG)) return;
    ::kill(-pid_, SIGTERM);
    const auto deadline = Clock::now() + grace;
    while (Clock::now() < deadline) {
      if (reap(WNOHANG)) return;
      ::poll(nullptr, 0, static_cast<int>(short_wait.count()));
    }
    ::kill(-pid_, SIGKILL);
    while (!reap(0)) continue;
  } catch (const Error&) {
    // It has ended, and nobody asks how.
    ended_ = true;
  }
}

// False at its end. One that never stops writing is left for the next round.
bool ChildProcess::read_some(Descriptor& from, std::string& to) {
  std::array<char, 8192> block{};
  for (int i = 0; i < most_blocks; ++i) {
    const ssize_t size = ::read(from.get(), block.data(), block.size());
    if (size == 0) return false;
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    to.append(block.data(), std::min(static_cast<std::size_t>(size), most_kept - std::min(most_kept, to.size())));
  }
  return true;
}

Ended ChildProcess::wait(const std::function<void()>& tick) {
  Ended result;
  auto next_tick = Clock::now();
  for (bool over = false; !over;) {
    // Before the last look at the pipes: what it wrote before its end is in them. Whoever else holds them is not
    // waited for.
    over = reap(WNOHANG);
    if (out_.get() >= 0 && !read_some(out_, result.out)) out_.close();
    if (error_.get() >= 0 && !read_some(error_, result.error)) error_.close();
    if (over) break;
    if (Clock::now() >= next_tick) {
      tick();
      next_tick = Clock::now() + tick_length;
    }
    std::array<pollfd, 2> pipes{pollfd{out_.get(), POLLIN, 0}, pollfd{error_.get(), POLLIN, 0}};
    const bool open = out_.get() >= 0 || error_.get() >= 0;
    ::poll(pipes.data(), pipes.size(), static_cast<int>((open ? tick_length : short_wait).count()));
  }
  if (WIFEXITED(status_)) result.status = WEXITSTATUS(status_);
  if (WIFSIGNALED(status_)) result.signal = WTERMSIG(status_);
  return result;
}

Ended run(const Command& command, const std::function<void()>& tick) { return ChildProcess(command).wait(tick); }

}  // namespace talos::common
