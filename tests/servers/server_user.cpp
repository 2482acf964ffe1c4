#include "server_user.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

namespace talos::test {

namespace fs = std::filesystem;

namespace {

bool is_root() { return ::geteuid() == 0; }

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

constexpr const char* owner_file = "server-owner";

// Its owner holds a lock on a file in it for as long as it lives; whoever gets the lock may remove the directory.
bool is_abandoned(const fs::path& directory) {
  const int fd = ::open((directory / owner_file).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool free = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  ::close(fd);
  return free;
}

void remove_abandoned() {
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::temp_directory_path(), ignored))
    if (entry.path().filename().string().starts_with("talos-test-") && is_abandoned(entry.path()))
      found.push_back(entry.path());
  for (const fs::path& directory : found) fs::remove_all(directory, ignored);
}

}  // namespace

ServerUser::ServerUser(std::string name, std::string death_signal)
    : name_(std::move(name)), death_signal_(std::move(death_signal)) {}

ProcessOptions ServerUser::options(std::vector<std::string> argv, const fs::path& directory) const {
  ProcessOptions options;
  options.argv = {"setpriv"};
  if (is_root()) options.argv.insert(options.argv.end(), {"--reuid=" + name_, "--regid=" + name_, "--init-groups"});
  // A change of user takes the parent's death signal away; setpriv sets it again, and the shell sees whether the parent
  // died in between.
  options.argv.insert(options.argv.end(), {"--pdeathsig=" + death_signal_, "sh", "-c",
                                           R"([ "$PPID" = "$0" ] && exec "$@")", std::to_string(::getpid())});
  options.argv.insert(options.argv.end(), argv.begin(), argv.end());
  options.environment["LC_ALL"] = "C";
  options.directory = directory;
  return options;
}

void ServerUser::give(const fs::path& path) const {
  if (!is_root()) return;
  const passwd* user = ::getpwnam(name_.c_str());
  if (user == nullptr) throw std::runtime_error("no Unix user " + name_);
  if (::lchown(path.c_str(), user->pw_uid, user->pw_gid) != 0) fail("lchown " + path.string());
}

bool ServerUser::reaches(const fs::path& program) const {
  return run(options({program.string(), "--version"}, "/")).status == 0;
}

void ServerUser::write(const fs::path& file, std::string_view text) const {
  write_file(file, text);
  fs::permissions(file, fs::perms(0600));
  give(file);
}

ServerDirectory::ServerDirectory() : owner_(-1) {
  remove_abandoned();
  fs::permissions(scratch_.path(), fs::perms(0711));
  const fs::path fresh = scratch_ / "owner";
  owner_ = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (owner_ < 0 || ::flock(owner_, LOCK_EX | LOCK_NB) != 0) fail(fresh.string());
  fs::rename(fresh, scratch_ / owner_file);  // seen by others only when locked
}

ServerDirectory::~ServerDirectory() { ::close(owner_); }

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  void* raw = &address;
  const bool bound =
      ::bind(fd, static_cast<sockaddr*>(raw), size) == 0 && ::getsockname(fd, static_cast<sockaddr*>(raw), &size) == 0;
  ::close(fd);
  if (!bound) fail("bind");
  return ntohs(address.sin_port);
}

std::string random_password() {
  constexpr std::string_view letters = "ghijkmnopqrstuvwxyzGHJKLMNPQRSTUVWXYZ";
  std::random_device random;
  std::string password;
  while (password.size() < 24) password += letters[random() % letters.size()];
  return password;
}

void skip_or_fail(std::string_view reason) {
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string_view(ci) == "true") throw std::runtime_error("T7: " + std::string(reason));
  std::printf("skipped: %.*s\n", static_cast<int>(reason.size()), reason.data());
  std::fflush(stdout);
}

}  // namespace talos::test
