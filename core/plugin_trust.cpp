#include "plugin_trust.hpp"

#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <fstream>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace talos {

namespace {

namespace fs = std::filesystem;

// The uid that stands for "nobody you know" in user namespaces and on file systems that cannot say: never an owner.
uid_t overflow_uid() {
  std::ifstream file("/proc/sys/kernel/overflowuid");
  uid_t uid = 65534;
  if (!(file >> uid)) return 65534;
  return uid;
}

std::string octal(mode_t mode) {
  std::string digits;
  for (mode_t rest = mode & 07777; rest != 0; rest /= 8)
    digits.insert(digits.begin(), static_cast<char>('0' + rest % 8));
  return "0" + digits;
}

class Judge {
 public:
  explicit Judge(uid_t user) : user_(user), overflow_(overflow_uid()) {}

  std::optional<std::string> owner(const fs::path& path, const struct stat& status) const {
    if ((status.st_uid == 0 || status.st_uid == user_) && status.st_uid != overflow_) return std::nullopt;
    return path.string() + " is owned by uid " + std::to_string(status.st_uid) +
           "; only root and the user who runs this program (uid " + std::to_string(user_) + ") are trusted";
  }

  std::optional<std::string> owner_and_mode(const fs::path& path, const struct stat& status) const {
    if (auto wrong = owner(path, status)) return wrong;
    const bool sticky_directory = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0 || sticky_directory) return std::nullopt;
    const bool world = (status.st_mode & S_IWOTH) != 0;
    return path.string() + " is writable by " + (world ? "everybody" : "its group") + " (mode " +
           octal(status.st_mode) + ")";
  }

 private:
  uid_t user_;
  uid_t overflow_;
};

// Follows the path component by component, links included, as the kernel does, and judges each.
class Walk {
 public:
  Walk(const Judge& judge, const fs::path& file) : judge_(judge) { push_front(file); }

  std::optional<std::string> run() {
    fs::path at = "/";
    if (auto wrong = check(at)) return wrong;
    while (!rest_.empty()) {
      const fs::path part = rest_.front();
      rest_.pop_front();
      if (part.empty() || part == "." || part == "/") continue;
      if (part == "..") {
        at = at.parent_path();
        continue;
      }
      const fs::path next = at / part;
      if (auto wrong = check(next)) return wrong;
      if (!S_ISLNK(last_.st_mode)) {
        at = next;
        continue;
      }
      std::error_code error;
      const fs::path target = fs::read_symlink(next, error);
      if (error || ++links_ > 40) return next.string() + ": too many links, or a link that cannot be read";
      if (target.is_absolute()) at = "/";
      push_front(target);
    }
    return std::nullopt;
  }

  const struct stat& last() const { return last_; }

 private:
  void push_front(const fs::path& path) { rest_.insert(rest_.begin(), path.begin(), path.end()); }

  std::optional<std::string> check(const fs::path& path) {
    if (::lstat(path.c_str(), &last_) != 0) return path.string() + ": " + std::generic_category().message(errno);
    // Anybody's rights on a link itself mean nothing; who may replace it is its directory's matter.
    return S_ISLNK(last_.st_mode) ? judge_.owner(path, last_) : judge_.owner_and_mode(path, last_);
  }

  const Judge& judge_;
  std::deque<fs::path> rest_;
  struct stat last_ {};
  int links_ = 0;
};

}  // namespace

std::optional<std::string> distrust(int fd, const fs::path& file, uid_t user) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return file.string() + ": " + std::generic_category().message(errno);
  if (!S_ISREG(status.st_mode)) return file.string() + " is not a regular file";
  const Judge judge(user);
  if (auto wrong = judge.owner_and_mode(file, status)) return wrong;
  Walk walk(judge, file);
  if (auto wrong = walk.run()) return wrong;
  if (walk.last().st_dev != status.st_dev || walk.last().st_ino != status.st_ino)
    return file.string() + " was replaced while it was checked";
  return std::nullopt;
}

}  // namespace talos
