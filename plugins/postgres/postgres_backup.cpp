#include "postgres_backup.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "common/child_process.hpp"
#include "postgres_client.hpp"

namespace talos::postgres {

namespace {

constexpr std::chrono::seconds tell_every{1};

std::int64_t size_of(const std::string& file) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file, ignored);
  return ignored ? 0 : static_cast<std::int64_t>(size);
}

// For a shell.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + "'";
}

std::string absolute(const std::string& file) { return std::filesystem::absolute(file).string(); }

// The database is made anew, under its own name: what came later is gone. Where somebody is still in it, it cannot be
// dropped, and nothing is to be mixed with what is there. Nobody can drop the database that he is in himself.
std::string restore_command(pg::Parameters parameters, const std::string& file) {
  constexpr std::array<std::string_view, 8> told = {"host",    "port",        "user",    "dbname",
                                                    "sslmode", "sslrootcert", "sslcert", "sslkey"};
  std::erase_if(parameters, [&](const auto& one) {
    return std::find(told.begin(), told.end(), one.first) == told.end() ||
           (one.first == "sslmode" && one.second == "prefer");
  });
  const bool itself = std::any_of(parameters.begin(), parameters.end(),
                                  [](const auto& one) { return one.first == "dbname" && one.second == "postgres"; });
  for (auto& [key, value] : parameters)
    if (key == "dbname") value = itself ? "template1" : "postgres";
  return "pg_restore --clean --if-exists --create --exit-on-error --dbname=" +
         quoted(ClientPrograms::without_secrets(parameters)) + " " + quoted(file);
}

}  // namespace

Backup::Report PostgresBackup::do_write(const std::string& destination, ExecuteObserver& observer) {
  const ClientPrograms programs(server_major_);
  const pg::Parameters parameters = in_force_();
  const std::string file = absolute(destination);
  auto told = std::chrono::steady_clock::now();
  const auto tick = [&](const std::string& what) {
    if (stop_()) throw Error(ErrorCode::cancelled, "stopped");
    if (std::chrono::steady_clock::now() - told < tell_every) return;
    told = std::chrono::steady_clock::now();
    observer.progress(-1, what + ", " + std::to_string(size_of(file) / 1'000'000) + " MB");
  };
  std::vector<std::string> arguments{"--format=custom", "--file=" + file};
  for (const auto& [name, value] : dsn_.settings)
    if (name == "role") arguments.push_back("--role=" + value);
  observer.progress(-1, "copying");
  programs.dump(parameters, arguments, [&] { tick("copying"); });
  observer.progress(-1, "reading it back");
  programs.check(file, [&] { tick("reading it back"); });
  Report report;
  report.how = "pg_dump " + programs.version() + ", custom format";
  report.bytes = size_of(file);
  report.restore = restore_command(parameters, file);
  return report;
}

}  // namespace talos::postgres
