#include "sqlite_run_lock.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace talos::sqlite {

namespace {

// One record of fixed size, so that a shorter one covers a longer one: pid, host and start, one a line, then blanks.
constexpr std::size_t record_size = 512;

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string system_message(int error) { return std::generic_category().message(error); }

Error cannot_open(const std::filesystem::path& file, int error) {
  Error result(ErrorCode::connection, "cannot open the lock file " + file.string() + ": " + system_message(error));
  if (error == EACCES || error == EROFS) {
    std::error_code ignored;
    result.detail = std::filesystem::exists(file, ignored)
                        ? file.string() + ": " + owner_and_mode(file)
                        : file.parent_path().string() + ": " + owner_and_mode(file.parent_path());
    result.hint = "run as a user who may write there";
  } else if (error == ELOOP) {
    result.hint = "it is a symbolic link: remove it";
  }
  return result;
}

LockHolder parse_record(std::string_view record) {
  LockHolder holder;
  auto line = [&]() {
    const auto end = std::min(record.find('\n'), record.size());
    const std::string_view text = record.substr(0, end);
    record.remove_prefix(std::min(end + 1, record.size()));
    return text;
  };
  const std::string_view pid = line();
  std::from_chars(pid.data(), pid.data() + pid.size(), holder.pid);
  holder.host = line();
  holder.since = line();
  return holder;
}

bool same_file(int fd, const std::filesystem::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

}  // namespace

std::filesystem::path resolve_links(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path result = std::filesystem::absolute(path, error);
  for (int links = 0; links < 40 && std::filesystem::is_symlink(result, error); ++links) {
    const auto target = std::filesystem::read_symlink(result, error);
    if (error) break;
    result = target.is_absolute() ? target : result.parent_path() / target;
  }
  const auto directory = std::filesystem::weakly_canonical(result.parent_path(), error);
  return error ? result : directory / result.filename();
}

std::string owner_and_mode(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_message(errno);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "owner %u, group %u, mode %04o", status.st_uid, status.st_gid,
                status.st_mode & 07777);
  return text.data();
}

RunLockFile::RunLockFile(const std::filesystem::path& database) : database_(resolve_links(database)) {
  file_ = database_;
  file_ += ".talos.lock";
}

RunLockFile::~RunLockFile() { close_file(); }

void RunLockFile::close_file() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  held_ = false;
}

// With the database's mode and owner as far as permitted: whoever may write the one may lock the other.
void RunLockFile::open_file() {
  struct stat database {};
  const bool known = ::stat(database_.c_str(), &database) == 0;
  const mode_t mode = known ? database.st_mode & 0666 : 0666;
  fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd_ >= 0 && known) {
    if (::fchown(fd_, database.st_uid, database.st_gid) != 0 && errno != EPERM) throw cannot_open(file_, errno);
    if (::fchmod(fd_, mode) != 0 && errno != EPERM) throw cannot_open(file_, errno);
  }
  if (fd_ < 0 && errno == EEXIST) fd_ = ::open(file_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd_ < 0) throw cannot_open(file_, errno);
}

bool RunLockFile::try_lock(const Runner& runner) {
  if (held_) return true;
  if (fd_ < 0) open_file();
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(fd_, F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return false;
    throw Error(ErrorCode::connection, "cannot lock " + file_.string() + ": " + system_message(errno));
  }
  // Somebody removed the file while we waited: a newcomer would lock another one.
  if (!same_file(fd_, file_)) {
    close_file();
    return false;
  }
  held_ = true;
  std::string record = std::to_string(runner.pid) + "\n" + runner.host + "\n" + runner.started_at + "\n";
  record.resize(record_size, ' ');
  // For waiters to read; the lock holds without it.
  [[maybe_unused]] const ssize_t written = ::pwrite(fd_, record.data(), record.size(), 0);
  return true;
}

void RunLockFile::unlock() { close_file(); }

LockStatus RunLockFile::observe() const {
  const int fd = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return {};
  struct flock lock = whole_file(F_WRLCK);
  LockStatus status;
  status.ours = held_;
  status.held = ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  if (status.held) {
    std::array<char, record_size> record{};
    const ssize_t length = ::pread(fd, record.data(), record.size(), 0);
    if (length > 0) status.holder = parse_record(std::string_view(record.data(), static_cast<std::size_t>(length)));
  }
  ::close(fd);
  return status;
}

}  // namespace talos::sqlite
