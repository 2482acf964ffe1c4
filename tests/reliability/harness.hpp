// What the reliability tests share: migration sets known to the test statement by statement, the program on one of
// them, the state of a database compared with its history, repair by the journal, and seeds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.hpp"
#include "sqlite_file.hpp"
#include "talos.hpp"

namespace talos::test {

/// A migration as lists of journal units: single statements, or whole BEGIN … COMMIT groups.
struct TestMigration {
  long version = 0;
  std::string name;
  std::vector<std::string> up;
  std::vector<std::string> down;
  bool no_transaction = false;
};

using TestSet = std::vector<TestMigration>;

void write_set(const std::filesystem::path& directory, const TestSet& set);

/// One database and one set on disk.
struct Target {
  std::filesystem::path database;
  std::filesystem::path migrations;
};

/// `migrate <words> --database … --migrations …`.
ProcessOptions migrate_options(const Target& target, std::vector<std::string> words,
                               std::map<std::string, std::string> environment = {});
ProcessResult migrate(const Target& target, std::vector<std::string> words,
                      std::map<std::string, std::string> environment = {});

/// What `status --format json` says. Throws if it does not exit 0.
nlohmann::json status_of(const Target& target);

/// Schema and rows, without the bookkeeping.
std::string picture_of(const std::filesystem::path& database);

/// What of this is wrong, one line each: integrity; tracker against history (G1); no migration twice, each in its
/// order; no open journal row on a clean database.
std::string faults_of(const std::filesystem::path& database, const TestSet& set);

bool is_dirty(const std::filesystem::path& database);

/// Of successful history rows of this action and version.
long count_history(const std::filesystem::path& database, std::string_view action, long version);

/// Does by hand what the journal says is left of the dirty migration, then forces the version that status names.
void repair(const Target& target, const TestSet& set);

/// `up` until it succeeds, with a repair after each refusal (exit 3). Throws on any other end.
void up_with_repairs(const Target& target, const TestSet& set);

/// TALOS_TEST_SEED, or a random one; said on stdout either way.
std::uint64_t test_seed(std::string_view test);

/// A number from the environment.
long from_environment(const char* name, long otherwise);

/// Regular files, links and directories of a tree with mode, owner and content's hash: to see that nothing changed.
std::map<std::string, std::string> fingerprint(const std::filesystem::path& directory);

/// Runs as an ordinary user (uid 1000), which needs a copy of the program that user can reach; as whoever runs the
/// test, where that is not root.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(const std::filesystem::path& scratch);
  /// Owner of what the user may write.
  void give(const std::filesystem::path& path) const;
  ProcessOptions as_user(ProcessOptions options) const;

  static constexpr unsigned int uid = 1000;

 private:
  bool root_;
  std::filesystem::path program_;
  std::filesystem::path plugins_;
};

/// The directory the built program finds its SQLite plugin in.
std::filesystem::path plugin_file();

/// CPU time a process has used, all threads.
double cpu_seconds(pid_t pid);

/// Our own hold on a database's run lock, as another runner's would be.
class HeldLock {
 public:
  explicit HeldLock(const std::filesystem::path& database);
  ~HeldLock();
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;

 private:
  int fd_;
};

}  // namespace talos::test
