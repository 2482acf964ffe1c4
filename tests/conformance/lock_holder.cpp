#include "lock_holder.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.hpp"

extern "C" char** environ;

namespace talos::conformance {

namespace {

constexpr std::string_view ready = "held\n";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  return ends;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = ::read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  return text;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// False after a minute, or if the child ended.
bool wait_until_ready(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  if (::poll(&waiting, 1, 60'000) != 1) return false;
  std::array<char, 16> buffer{};
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  return count > 0 && std::string_view(buffer.data(), static_cast<std::size_t>(count)) == ready;
}

}  // namespace

void hold_lock(const std::string& plugin, const std::string& table) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    set_target(load_target(plugin, read_all(STDIN_FILENO)));
    const auto session = connect(table, Access::write);
    if (!eventually([&] { return session->try_lock(); })) throw std::runtime_error("the lock is held by another");
    if (write_all(STDOUT_FILENO, ready))
      for (;;) ::pause();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the process that should hold the lock: %s\n", error.what());
  }
  ::_exit(1);
}

LockHolderProcess::LockHolderProcess(const std::string& table) {
  const auto input = make_pipe();
  const auto output = make_pipe();
  Descriptor input_read(input[0]), input_write(input[1]), output_read(output[0]), output_write(output[1]);
  std::vector<std::string> words{"talos-plugin-conformance", "--hold-lock", target().listing.file.string(), table};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input_read.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output_write.get(), STDOUT_FILENO);
  const int error = ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start a second process");
  running_ = true;
  input_read.close();
  output_write.close();
  const bool told = write_all(input_write.get(), target().dsn);
  input_write.close();
  if (told && wait_until_ready(output_read.get())) return;
  kill();
  throw std::runtime_error("a second process could not take the run lock");
}

void LockHolderProcess::kill() {
  if (!running_) return;
  running_ = false;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace talos::conformance
