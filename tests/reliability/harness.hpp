// What the reliability tests share: migration sets known to the test statement by statement, the program on one of
// them, and seeds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.hpp"
#include "sqlite_file.hpp"

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

/// One database and one set on disk, as the program is told of them.
struct Target {
  std::filesystem::path program;
  std::string dsn;
  std::filesystem::path migrations;
};

/// `migrate <words> --database … --migrations …`.
ProcessOptions migrate_options(const Target& target, std::vector<std::string> words,
                               std::map<std::string, std::string> environment = {});
ProcessResult migrate(const Target& target, std::vector<std::string> words,
                      std::map<std::string, std::string> environment = {});

/// What `status --format json` says. Throws if it does not exit 0.
nlohmann::json status_of(const Target& target);

/// TALOS_TEST_SEED, or a random one; said on stdout either way.
std::uint64_t test_seed(std::string_view test);

/// A number from the environment.
long from_environment(const char* name, long otherwise);

/// Regular files, links and directories of a tree with mode, owner and content's hash: to see that nothing changed.
std::map<std::string, std::string> fingerprint(const std::filesystem::path& directory);

/// CPU time a process has used, all threads.
double cpu_seconds(pid_t pid);

/// Whether it has been sent this signal and has not taken note of it.
bool is_pending(pid_t pid, int signal);

}  // namespace talos::test
