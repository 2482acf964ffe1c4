#include "mysql_data.hpp"

#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "mysql_user.hpp"

namespace talos::test {

namespace fs = std::filesystem;

namespace {

// Raised when what is made below changes.
constexpr const char* recipe = "1";

ProcessResult succeed(ProcessOptions options) {
  const std::string what = options.argv.back();
  ProcessResult result = run(std::move(options));
  if (result.status != 0) throw std::runtime_error(what + ": " + result.out + result.err);
  return result;
}

// Of whoever runs this test, for all who do so at the same time.
class FileLock {
 public:
  explicit FileLock(const fs::path& file) : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0) throw std::system_error(errno, std::generic_category(), file.string());
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

// The same for making the data and for starting on it: InnoDB would make its log anew.
std::vector<std::string> server_command(MysqlFlavour flavour, const fs::path& directory) {
  if (flavour == MysqlFlavour::mariadb)
    return {(directory / "sbin" / "mariadbd").string(), "--no-defaults", "--innodb-log-file-size=32M"};
  return {(directory / "bin" / "mysqld").string(),
          "--no-defaults",
          "--basedir=" + directory.string(),
          "--lc-messages-dir=" + (directory / "share").string(),
          "--character-sets-dir=" + (directory / "share" / "charsets").string(),
          "--plugin-dir=" + (directory / "plugin").string(),
          "--secure-file-priv=",
          "--loose-mysqlx=OFF",
          "--innodb-redo-log-capacity=32M"};
}

std::vector<std::string> making_command(const MysqlTemplate& made, MysqlFlavour flavour, const fs::path& data) {
  std::vector<std::string> argv{"mariadb-install-db",
                                "--no-defaults",
                                "--innodb-log-file-size=32M",
                                "--auth-root-authentication-method=normal",
                                "--skip-test-db",
                                "--cross-bootstrap"};
  if (flavour == MysqlFlavour::mysql) {
    argv = made.command;
    argv.emplace_back("--initialize-insecure");
  }
  argv.insert(argv.end(), {"--innodb-autoextend-increment=1", "--datadir=" + data.string()});
  return argv;
}

class Template : public MysqlTemplate {
 public:
  explicit Template(const MysqlInstallation& installation) {
    command = server_command(installation.flavour, reachable(installation));
    const fs::path servers = TALOS_TEST_SERVERS;
    std::error_code ignored;
    fs::create_directories(servers, ignored);
    const FileLock lock(servers / ".mysql-data-lock");
    data = servers / (".data-" + version() + "-" + recipe + "-" + std::to_string(::geteuid()));
    if (lock.held() && fs::exists(data)) return;
    const fs::path fresh = directory_ / "data";
    make(installation.flavour, fresh);
    if (lock.held())
      keep(fresh);
    else
      data = fresh;
  }

 private:
  // Copied where the server's user cannot reach it.
  fs::path reachable(const MysqlInstallation& installation) const {
    if (mysql_user().reaches(server_command(installation.flavour, installation.directory).front()))
      return installation.directory;
    copy_tree(installation.directory, directory_ / "installation");
    return directory_ / "installation";
  }

  std::string version() const {
    ProcessOptions options;
    options.argv = {command[0], command[1], "--version"};
    const std::string out = succeed(std::move(options)).out;
    const auto at = out.find("Ver ") + 4;
    return out.substr(at, out.find(' ', at) - at);
  }

  void make(MysqlFlavour flavour, const fs::path& fresh) const {
    const fs::path temporary = directory_ / "tmp";
    for (const fs::path& its_own : {fresh, temporary}) {
      fs::create_directory(its_own);
      mysql_user().give(its_own);
    }
    ProcessOptions options = mysql_user().options(making_command(*this, flavour, fresh), directory_.path());
    // MariaDB, when it starts, removes whatever another has in the same place.
    options.environment["TMPDIR"] = temporary.string();
    succeed(std::move(options));
  }

  void keep(const fs::path& fresh) const {
    const fs::path half = data.string() + ".half";
    fs::remove_all(half);
    copy_tree(fresh, half);
    fs::rename(half, data);
    fs::remove_all(fresh);
  }

  ServerDirectory directory_;
};

}  // namespace

void copy_tree(const fs::path& from, const fs::path& to) {
  ProcessOptions copy;
  copy.argv = {"cp", "-a", "--reflink=auto", from.string(), to.string()};
  succeed(std::move(copy));
}

const MysqlTemplate& mysql_template(const MysqlInstallation& installation) {
  static std::mutex mutex;
  static std::map<fs::path, std::unique_ptr<Template>> templates;
  const std::lock_guard lock(mutex);
  auto& found = templates[installation.directory];
  if (!found) found = std::make_unique<Template>(installation);
  return *found;
}

}  // namespace talos::test
