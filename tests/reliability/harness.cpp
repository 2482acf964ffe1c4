#include "harness.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace talos::test {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string file_text(const std::vector<std::string>& statements, bool no_transaction) {
  std::string text = no_transaction ? "-- talos:no-transaction\n" : "";
  for (const std::string& statement : statements) text += statement + ";\n";
  return text;
}

const TestMigration& migration_of(const TestSet& set, long version) {
  const auto found = std::find_if(set.begin(), set.end(), [&](const auto& m) { return m.version == version; });
  if (found == set.end()) throw std::runtime_error("no migration " + std::to_string(version));
  return *found;
}

struct LogEntry {
  std::string action;
  long version;
  long tracker;
};

std::vector<LogEntry> history_of(SqliteFile& db) {
  std::vector<LogEntry> entries;
  for (const std::string& row : db.rows("SELECT action, version, tracker_version FROM schema_migrations_log "
                                        "WHERE failed = 0 ORDER BY id")) {
    std::istringstream fields(row);
    LogEntry entry;
    std::string version, tracker;
    std::getline(fields, entry.action, '|');
    std::getline(fields, version, '|');
    std::getline(fields, tracker, '|');
    entry.version = std::stol(version);
    entry.tracker = std::stol(tracker);
    entries.push_back(entry);
  }
  return entries;
}

bool has_table(SqliteFile& db, const std::string& name) {
  return !db.rows("SELECT 1 FROM sqlite_schema WHERE name = '" + name + "'").empty();
}

// The rows of history in their order, as G1 reads them.
class Replay {
 public:
  explicit Replay(const TestSet& set) {
    for (const TestMigration& migration : set) all_.insert(migration.version);
  }

  void add(const LogEntry& entry) {
    if (entry.action == "up") {
      const auto pending = std::find_if(all_.begin(), all_.end(), [&](long v) { return !applied_.contains(v); });
      if (pending == all_.end() || *pending != entry.version) fault("up", entry, "was not the next one");
      applied_.insert(entry.version);
    } else if (entry.action == "down") {
      if (highest() != entry.version) fault("down", entry, "was not the highest");
      applied_.erase(entry.version);
    } else {
      applied_.clear();
      for (const long version : all_)
        if (version <= entry.version) applied_.insert(version);
    }
    if (entry.tracker != highest())
      fault(entry.action, entry, "left the tracker at " + std::to_string(entry.tracker) + " by its own row");
  }

  long highest() const { return applied_.empty() ? -1 : *applied_.rbegin(); }
  std::string faults;

 private:
  void fault(const std::string& action, const LogEntry& entry, const std::string& what) {
    faults += "history: " + action + " " + std::to_string(entry.version) + " " + what + "\n";
  }

  std::set<long> all_;
  std::set<long> applied_;
};

}  // namespace

void write_set(const fs::path& directory, const TestSet& set) {
  for (const TestMigration& migration : set)
    write_migration(directory, migration.version, migration.name, file_text(migration.up, migration.no_transaction),
                    file_text(migration.down, migration.no_transaction));
}

ProcessOptions migrate_options(const Target& target, std::vector<std::string> words,
                               std::map<std::string, std::string> environment) {
  words.insert(words.begin(), "migrate");
  words.insert(words.end(), {"--database", "sqlite://" + target.database.string()});
  if (!target.migrations.empty()) words.insert(words.end(), {"--migrations", target.migrations.string()});
  ProcessOptions options;
  options.environment = std::move(environment);
  return talos_options(std::move(words), std::move(options));
}

ProcessResult migrate(const Target& target, std::vector<std::string> words,
                      std::map<std::string, std::string> environment) {
  return run(migrate_options(target, std::move(words), std::move(environment)));
}

json status_of(const Target& target) {
  const ProcessResult result = migrate(target, {"status", "--format", "json"});
  if (result.status != 0)
    throw std::runtime_error("status: exit " + std::to_string(result.status) + "\n" + result.out + result.err);
  return json::parse(result.out);
}

std::string picture_of(const fs::path& database) {
  SqliteFile db(database);
  return db.schema() + "user_version " + db.value("PRAGMA user_version") + '\n' + db.contents();
}

bool is_dirty(const fs::path& database) {
  SqliteFile db(database);
  return has_table(db, "schema_migrations") && db.value("SELECT dirty FROM schema_migrations") == "1";
}

std::string faults_of(const fs::path& database, const TestSet& set) {
  SqliteFile db(database);
  std::string faults;
  for (const std::string& row : db.rows("PRAGMA integrity_check"))
    if (row != "ok") faults += "integrity: " + row + "\n";
  if (!has_table(db, "schema_migrations")) return faults;
  Replay replay(set);
  for (const LogEntry& entry : history_of(db)) replay.add(entry);
  faults += replay.faults;
  const auto tracker = db.rows("SELECT version, dirty FROM schema_migrations");
  if (tracker.size() > 1) faults += "the tracker has " + std::to_string(tracker.size()) + " rows\n";
  const bool dirty = tracker.size() == 1 && tracker[0].ends_with("|1");
  const std::string version = tracker.empty() ? "-1" : tracker[0].substr(0, tracker[0].find('|'));
  if (!dirty && version != std::to_string(replay.highest()))
    faults += "the tracker is at " + version + ", history says " + std::to_string(replay.highest()) + "\n";
  if (!dirty && has_table(db, "schema_migrations_journal") &&
      db.value("SELECT count(*) FROM schema_migrations_journal WHERE closed = 0") != "0")
    faults += "clean, but the journal has open rows\n";
  return faults;
}

long count_history(const fs::path& database, std::string_view action, long version) {
  return std::stol(
      SqliteFile(database).value("SELECT count(*) FROM schema_migrations_log WHERE failed = 0 AND action = '" +
                                 std::string(action) + "' AND version = " + std::to_string(version)));
}

void repair(const Target& target, const TestSet& set) {
  const json status = status_of(target);
  if (status.at("status") != "dirty") throw std::runtime_error("not dirty: " + status.dump(2));
  const json& dirty = status.at("dirty");
  const TestMigration& migration = migration_of(set, dirty.at("version").get<long>());
  const auto& units = dirty.at("direction") == "up" ? migration.up : migration.down;
  std::size_t done = 0;
  for (const json& row : dirty.at("statements"))
    if (row.at("state") == "done") done = std::max(done, row.at("statement").get<std::size_t>());
  {
    SqliteFile db(target.database);
    for (std::size_t i = 0; i < units.size(); ++i) {
      // What only the session had is gone with it.
      if (i >= done || units[i].starts_with("PRAGMA foreign_keys")) db.run(units[i]);
    }
  }
  const auto version = dirty.at("force_if_finished");
  const ProcessResult forced =
      migrate(target, {"force", version.is_null() ? "-1" : std::to_string(version.get<long>())});
  if (forced.status != 0) throw std::runtime_error("force: exit " + std::to_string(forced.status) + "\n" + forced.err);
}

void up_with_repairs(const Target& target, const TestSet& set) {
  for (std::size_t i = 0; i <= set.size(); ++i) {
    const ProcessResult result = migrate(target, {"up"});
    if (result.status == 0) return;
    if (result.status != 3)
      throw std::runtime_error("up: exit " + std::to_string(result.status) + ", signal " +
                               std::to_string(result.signal) + "\n" + result.err);
    repair(target, set);
  }
  throw std::runtime_error("dirty more often than there are migrations");
}

long from_environment(const char* name, long otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::stol(value) : otherwise;
}

std::uint64_t test_seed(std::string_view test) {
  const char* given = std::getenv("TALOS_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr && *given != '\0' ? std::stoull(given) : std::uint64_t{std::random_device{}()};
  std::printf("%.*s: seed %llu (TALOS_TEST_SEED)\n", static_cast<int>(test.size()), test.data(),
              static_cast<unsigned long long>(seed));
  return seed;
}

std::map<std::string, std::string> fingerprint(const fs::path& directory) {
  std::map<std::string, std::string> result;
  auto add = [&](const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("lstat " + path.string());
    std::string facts = std::to_string(status.st_mode) + " " + std::to_string(status.st_uid);
    if (S_ISREG(status.st_mode)) facts += " " + hash_of(path);
    result[path.lexically_relative(directory).string()] = facts;
  };
  add(directory);
  for (const auto& entry : fs::recursive_directory_iterator(directory)) add(entry.path());
  return result;
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

double cpu_seconds(pid_t pid) {
  std::string text;
  try {
    text = read_file("/proc/" + std::to_string(pid) + "/stat");
  } catch (const std::runtime_error&) {
    return 0;
  }
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
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
