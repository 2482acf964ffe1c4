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

}  // namespace

void write_set(const fs::path& directory, const TestSet& set) {
  for (const TestMigration& migration : set)
    write_migration(directory, migration.version, migration.name, file_text(migration.up, migration.no_transaction),
                    file_text(migration.down, migration.no_transaction));
}

ProcessOptions migrate_options(const Target& target, std::vector<std::string> words,
                               std::map<std::string, std::string> environment) {
  words.insert(words.begin(), {target.program.string(), "migrate"});
  words.insert(words.end(), {"--database", target.dsn});
  if (!target.migrations.empty()) words.insert(words.end(), {"--migrations", target.migrations.string()});
  ProcessOptions options;
  options.environment = std::move(environment);
  options.argv = std::move(words);
  return options;
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

bool is_pending(pid_t pid, int signal) {
  std::istringstream status(read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("ShdPnd:")) return ((std::stoull(line.substr(7), nullptr, 16) >> (signal - 1)) & 1U) != 0;
  throw std::runtime_error("no ShdPnd");
}

}  // namespace talos::test
