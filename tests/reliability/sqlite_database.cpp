#include "sqlite_database.hpp"

#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace talos::test {

namespace fs = std::filesystem;

namespace {

class ScratchDatabase : public SqliteDatabase {
 public:
  ScratchDatabase() : ScratchDatabase(std::make_unique<ScratchDirectory>()) {}

 private:
  explicit ScratchDatabase(std::unique_ptr<ScratchDirectory> directory)
      : SqliteDatabase(*directory / "data.db"), directory_(std::move(directory)) {}

  std::unique_ptr<ScratchDirectory> directory_;
};

}  // namespace

bool database_or_skip() { return true; }

std::unique_ptr<TestDatabase> new_database() { return std::make_unique<ScratchDatabase>(); }

std::unique_ptr<TestDatabase> copy_of(const TestDatabase& other) {
  auto copy = std::make_unique<ScratchDatabase>();
  fs::copy_file(dynamic_cast<const SqliteDatabase&>(other).file(), copy->file());
  return copy;
}

Target SqliteDatabase::target(const fs::path& migrations) const { return SqliteTarget{file_, migrations}; }

bool SqliteDatabase::exists() const { return fs::exists(file_); }

bool SqliteDatabase::has_table(const std::string& name) const {
  return !rows("SELECT 1 FROM sqlite_schema WHERE name = '" + name + "'").empty();
}

std::vector<std::string> SqliteDatabase::rows(const std::string& sql) const { return rows_of(file_, sql); }

std::string SqliteDatabase::schema() const { return SqliteFile(file_).schema(); }

std::string SqliteDatabase::picture() const {
  SqliteFile db(file_);
  return db.schema() + "user_version " + db.value("PRAGMA user_version") + '\n' + db.contents();
}

// Whom the lock file names.
pid_t SqliteDatabase::holder() const {
  try {
    return static_cast<pid_t>(std::stol(read_file(file_.string() + ".talos.lock")));
  } catch (const std::exception&) {
    return 0;
  }
}

std::string SqliteDatabase::own_faults(bool) const {
  std::string faults;
  for (const std::string& row : rows("PRAGMA integrity_check"))
    if (row != "ok") faults += "integrity: " + row + "\n";
  return faults;
}

fs::path plugin_file() {
  const fs::path build = fs::canonical(talos_program()).parent_path().parent_path();
  for (const auto& entry : fs::recursive_directory_iterator(build / "lib"))
    if (entry.path().filename() == "sqlite.so") return entry.path();
  throw std::runtime_error("no sqlite.so under " + build.string());
}

// A build tree may lie where an ordinary user cannot go.
OrdinaryUser::OrdinaryUser(const fs::path& scratch)
    : root_(::geteuid() == 0), program_(scratch / "program" / "talos"), plugins_(scratch / "program" / "plugins") {
  if (!root_) return;
  fs::permissions(scratch, fs::perms(0755));
  fs::create_directories(plugins_);
  fs::permissions(scratch / "program", fs::perms(0755));
  fs::permissions(plugins_, fs::perms(0755));
  fs::copy_file(talos_program(), program_);
  fs::copy_file(plugin_file(), plugins_ / "sqlite.so");
  fs::permissions(program_, fs::perms(0755));
  fs::permissions(plugins_ / "sqlite.so", fs::perms(0644));
}

void OrdinaryUser::give(const fs::path& path) const {
  if (root_ && ::lchown(path.c_str(), uid, uid) != 0) throw std::runtime_error("lchown " + path.string());
}

ProcessOptions OrdinaryUser::as_user(ProcessOptions options) const {
  if (!root_) return options;
  const std::string id = std::to_string(uid);
  options.argv[0] = program_.string();
  options.argv.insert(options.argv.begin(), {"setpriv", "--reuid", id, "--regid", id, "--clear-groups"});
  options.environment["TALOS_PLUGIN_PATH"] = plugins_.string();
  return options;
}

HeldLock::HeldLock(const fs::path& database)
    : fd_(::open((database.string() + ".talos.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fd_ < 0 || ::fcntl(fd_, F_OFD_SETLK, &whole) != 0) throw std::runtime_error("cannot hold the lock");
}

HeldLock::~HeldLock() { ::close(fd_); }

}  // namespace talos::test
