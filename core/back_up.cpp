#include "back_up.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "operation.hpp"

namespace talos {

namespace {

std::string words_of(int error) { return std::generic_category().message(error); }

// Ours from here on: who fails removes it.
class NewFile {
 public:
  explicit NewFile(const std::string& path) : path_(std::filesystem::absolute(path)) {
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0 && errno == EEXIST)
      throw Error(ErrorCode::policy, "the file " + path + " exists: a backup overwrites nothing")
          .with_hint("give another name, or remove it yourself");
    if (file < 0) throw Error(ErrorCode::connection, "cannot make the file " + path + ": " + words_of(errno));
    ::close(file);
  }
  ~NewFile() {
    if (!kept_) ::unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // Its name, too, outlives a crash of the machine.
  void keep() {
    for (const std::string& path : {path_.string(), path_.parent_path().string()}) {
      const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      const bool done = file >= 0 && ::fsync(file) == 0;
      const int error = errno;
      if (file >= 0) ::close(file);
      if (!done) throw Error(ErrorCode::connection, "cannot write " + path + " to the disk: " + words_of(error));
    }
    kept_ = true;
  }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

}  // namespace

Backup::Report back_up(Session& session, const std::string& destination, Reporter& reporter) {
  auto* backup = session.ability<Backup>();
  if (backup == nullptr)
    throw Error(ErrorCode::unsupported, "the plugin for " + session.info().server + " makes no backups");
  SilentObserver observer(reporter);
  if (!backup->to_file()) return backup->write(destination, observer);
  NewFile file(destination);
  Backup::Report report = backup->write(destination, observer);
  file.keep();
  return report;
}

std::string shown_destination(const std::string& destination) {
  if (destination.find("://") == std::string::npos) return destination;
  // scheme://user:password@host/path?secret=…
  std::string shown = destination.substr(0, destination.find('?'));
  const auto begin = shown.find("://") + 3;
  const auto at = shown.rfind('@');
  if (at != std::string::npos && at > begin) shown.replace(begin, at - begin, "***");
  return destination.find('?') == std::string::npos ? shown : shown + "?***";
}

BackupReport back_up(Driver& driver, const std::string& destination, const RunOptions& options, Reporter& reporter,
                     CancelToken& cancel) {
  const auto session = connect(driver, options, Access::read, reporter, cancel);
  const CancelToken::Attachment attachment(cancel, *session);
  BackupReport report{session->info(), shown_destination(destination), {}};
  report.report = back_up(*session, destination, reporter);
  return report;
}

}  // namespace talos
