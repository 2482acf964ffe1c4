#include "process.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace talos::test {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

struct Channel {
  Fd ours;
  Fd theirs;
};

Channel make_pipe(bool child_reads) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
  Fd reading(ends[0]);
  Fd writing(ends[1]);
  if (child_reads) return {std::move(writing), std::move(reading)};
  return {std::move(reading), std::move(writing)};
}

Channel make_terminal() {
  int ours = -1;
  int theirs = -1;
  winsize size{};
  size.ws_row = 24;
  size.ws_col = 120;
  if (::openpty(&ours, &theirs, nullptr, nullptr, &size) != 0) fail("openpty");
  Channel channel{Fd(ours), Fd(theirs)};
  for (const int fd : {ours, theirs})
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) fail("fcntl");
  termios mode{};
  if (::tcgetattr(theirs, &mode) != 0) fail("tcgetattr");
  mode.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (::tcsetattr(theirs, TCSANOW, &mode) != 0) fail("tcsetattr");
  return channel;
}

std::vector<std::string> environment_of(const ProcessOptions& options) {
  auto variables = options.environment;
  for (const char* name : {"PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    const char* value = std::getenv(name);
    if (value != nullptr) variables.try_emplace(name, value);
  }
  std::vector<std::string> lines;
  for (const auto& [name, value] : variables) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& lines) {
  std::vector<char*> result;
  for (std::string& line : lines) result.push_back(line.data());
  result.push_back(nullptr);
  return result;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// What the child needs between fork and exec, where only async-signal-safe calls are allowed.
struct Launch {
  std::string program;
  std::string directory;
  std::vector<char*> argv;
  std::vector<char*> environment;
  int in = -1;
  int out = -1;
  int err = -1;
  int control = -1;  ///< becomes the controlling terminal
  int failure = -1;  ///< closed by a successful exec; else errno is written to it
  pid_t parent = 0;
};

[[noreturn]] void give_up(const Launch& launch) {
  const int error = errno;
  static_cast<void>(!::write(launch.failure, &error, sizeof error));
  ::_exit(127);
}

[[noreturn]] void become(const Launch& launch) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != launch.parent) give_up(launch);
  if (launch.control >= 0) {
    if (::setsid() < 0 || ::ioctl(launch.control, TIOCSCTTY, 0) != 0) give_up(launch);
  } else {
    ::setpgid(0, 0);
  }
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const std::array<int, 3> wanted{launch.in, launch.out, launch.err};
  for (int fd = 0; fd < 3; ++fd) {
    const int source = wanted.at(static_cast<std::size_t>(fd));
    if (source < 0)
      ::close(fd);
    else if (::dup2(source, fd) < 0)
      give_up(launch);
  }
  if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0) give_up(launch);
  ::execve(launch.program.c_str(), launch.argv.data(), launch.environment.data());
  give_up(launch);
}

// One writer at a time; O_APPEND keeps other test programs' records whole.
void append_transcript(const ProcessOptions& options, const ProcessResult& result) {
  const char* name = std::getenv("TALOS_TEST_TRANSCRIPT");
  if (name == nullptr || *name == '\0') return;
  const Fd file(::open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  const std::string record = "argv: " + joined(options.argv) + "\nstdout:\n" + result.out + "\nstderr:\n" + result.err +
                             "\nstatus: " + std::to_string(result.status) + "\n\n";
  if (!file || !write_all(file.get(), record)) fail("TALOS_TEST_TRANSCRIPT");
}

}  // namespace

struct Process::Child {
  ProcessOptions options;
  pid_t pid = -1;
  Fd in;
  Fd out;
  Fd err;
  Fd terminal;  ///< our side of the one that is the child's stdin, and its stderr if that is one
  Fd stop;
  std::thread reader;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::string out_text;
  std::string err_text;
  std::string input;  ///< not yet written
  std::atomic<bool> drained = false;

  std::optional<ProcessResult> result;

  ~Child() {
    if (pid <= 0 || result) return;
    try {
      finish(true);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }

  void read_all();
  bool read_some(Fd& fd, std::string& text);
  void write_some();
  bool has_ended() const;
  void finish(bool kill);
  std::string so_far() const;
};

bool Process::Child::read_some(Fd& fd, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count <= 0) return false;  // a terminal whose other side is closed says EIO
  const std::lock_guard lock(mutex);
  text.append(buffer.data(), static_cast<std::size_t>(count));
  changed.notify_all();
  return true;
}

void Process::Child::write_some() {
  const std::lock_guard lock(mutex);
  const ssize_t count = ::write(in.get(), input.data(), input.size());
  if (count > 0) input.erase(0, static_cast<std::size_t>(count));
  if (count < 0 && errno != EINTR && errno != EAGAIN) input.clear();
  if (input.empty()) in.reset();
}

void Process::Child::read_all() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // SIGPIPE above all
  while (out || err || in) {
    std::array<pollfd, 4> watched{pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0},
                                  pollfd{in.get(), POLLOUT, 0}, pollfd{stop.get(), POLLIN, 0}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
    if (watched[0].revents != 0 && !read_some(out, out_text)) out.reset();
    if (watched[1].revents != 0 && !read_some(err, err_text)) err.reset();
    if (watched[2].revents != 0) write_some();
    if (watched[3].revents != 0) break;
  }
  const std::lock_guard lock(mutex);
  drained = true;
  changed.notify_all();
}

// Looks without reaping: the pid, and so the group's id, stays ours until the group is killed.
bool Process::Child::has_ended() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

void Process::Child::finish(bool kill) {
  if (kill) ::kill(pid, SIGKILL);
  ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  {
    // Whoever left the group may still hold the pipe.
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(2), [&] { return drained.load(); });
  }
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop.get(), &one, sizeof one));
  reader.join();
  result.emplace();
  if (WIFEXITED(status)) result->status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result->signal = WTERMSIG(status);
  result->out = out_text;
  result->err = err_text;
  append_transcript(options, *result);
}

Process::Process(std::unique_ptr<Child> child) : child_(std::move(child)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

std::string Process::Child::so_far() const {
  const std::lock_guard lock(mutex);
  return joined(options.argv) + "\n--- stdout\n" + out_text + "\n--- stderr\n" + err_text;
}

namespace {

// The child's sides of its three standard descriptors; kept until it has started.
struct ChildEnds {
  Fd in;
  Fd out;
  Fd err;
  Fd terminal;
};

Fd copy_of(const Fd& fd) {
  Fd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) fail("fcntl");
  return copy;
}

std::string program_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return std::filesystem::absolute(name).string();
  const auto found = find_program(name);
  if (!found) throw std::runtime_error("no such program: " + name);
  return found->string();
}

}  // namespace

Process Process::start(ProcessOptions options) {
  auto child = std::make_unique<Child>();
  ChildEnds ends;
  if (options.terminal_in || options.terminal_err) {
    Channel channel = make_terminal();
    child->terminal = std::move(channel.ours);
    ends.terminal = std::move(channel.theirs);
  }
  if (options.terminal_in) {
    ends.in = copy_of(ends.terminal);
  } else if (options.input) {
    Channel channel = make_pipe(true);
    child->in = std::move(channel.ours);
    ends.in = std::move(channel.theirs);
    child->input = *options.input;
    if (::fcntl(child->in.get(), F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
  } else if (!options.close_input) {
    ends.in = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!ends.in) fail("/dev/null");
  }
  if (!options.close_output) {
    Channel channel = options.terminal_out ? make_terminal() : make_pipe(false);
    child->out = std::move(channel.ours);
    ends.out = std::move(channel.theirs);
  }
  if (options.terminal_err) {
    child->err = copy_of(child->terminal);
    ends.err = copy_of(ends.terminal);
  } else {
    Channel channel = make_pipe(false);
    child->err = std::move(channel.ours);
    ends.err = std::move(channel.theirs);
  }
  child->stop = Fd(::eventfd(0, EFD_CLOEXEC));
  if (!child->stop) fail("eventfd");

  std::vector<std::string> environment = environment_of(options);
  Launch launch;
  launch.program = program_path(options.argv.at(0));
  launch.directory = options.directory.string();
  launch.argv = pointers(options.argv);
  launch.environment = pointers(environment);
  launch.in = ends.in.get();
  launch.out = ends.out.get();
  launch.err = ends.err.get();
  launch.control = ends.terminal.get();
  launch.parent = ::getpid();
  Channel failure = make_pipe(false);
  launch.failure = failure.theirs.get();
  child->pid = ::fork();
  if (child->pid < 0) fail("fork");
  if (child->pid == 0) become(launch);
  failure.theirs.reset();
  // Also waits for the exec: from here on the child has its group, and its memory holds nothing of ours.
  int error = 0;
  const bool started = ::read(failure.ours.get(), &error, sizeof error) == 0;
  child->options = std::move(options);
  child->reader = std::thread([raw = child.get()] { raw->read_all(); });
  if (!started) throw std::system_error(error, std::generic_category(), joined(child->options.argv));
  return Process(std::move(child));
}

pid_t Process::pid() const { return child_->pid; }

void Process::signal(int signal) const {
  if (!child_->result && ::kill(child_->pid, signal) != 0) fail("kill");
}

void Process::signal_group(int signal) const {
  if (!child_->result && ::kill(-child_->pid, signal) != 0) fail("kill");
}

void Process::type(std::string_view text) {
  if (!child_->options.terminal_in) throw std::logic_error("the child's stdin is no terminal");
  if (!write_all(child_->terminal.get(), text)) fail("write to the terminal");
}

std::string Process::out_so_far() const {
  const std::lock_guard lock(child_->mutex);
  return child_->out_text;
}

std::string Process::err_so_far() const {
  const std::lock_guard lock(child_->mutex);
  return child_->err_text;
}

void Process::wait_for_output(std::string_view text, std::chrono::milliseconds deadline) {
  std::unique_lock lock(child_->mutex);
  const auto seen = [&] {
    return child_->out_text.find(text) != std::string::npos || child_->err_text.find(text) != std::string::npos;
  };
  child_->changed.wait_for(lock, deadline, [&] { return seen() || child_->drained.load(); });
  if (seen()) return;
  const bool ended = child_->drained;
  lock.unlock();
  throw std::runtime_error((ended ? "ended without printing \"" : "no output in time: \"") + std::string(text) +
                           "\": " + child_->so_far());
}

bool Process::running() { return !child_->result && !child_->has_ended(); }

ProcessResult Process::wait(std::chrono::milliseconds deadline) {
  const auto until = Clock::now() + deadline;
  while (running()) {
    if (Clock::now() >= until) {
      child_->finish(true);
      throw std::runtime_error("killed, it did not end in time: " + child_->so_far());
    }
    // Its last output usually comes just before its end.
    std::unique_lock lock(child_->mutex);
    if (!child_->drained) child_->changed.wait_for(lock, std::chrono::milliseconds(5));
    lock.unlock();
    if (child_->drained) short_pause();
  }
  if (!child_->result) child_->finish(false);
  return *child_->result;
}

ProcessResult run(ProcessOptions options, std::chrono::milliseconds deadline) {
  return Process::start(std::move(options)).wait(deadline);
}

std::optional<std::filesystem::path> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto end = rest.find(':');
    const std::filesystem::path candidate = std::filesystem::path(rest.substr(0, end)) / name;
    if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return std::nullopt;
}

void short_pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace talos::test
