// R7, T4, G18 over PostgreSQL's protocol: logins with random passwords that succeed and that are refused, in every form
// of a DSN; every byte that was printed, stored, logged by the server or shown to its users is searched for them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "postgres_database.hpp"
#include "secrets.hpp"

namespace talos::test {

/// A way to write a DSN for the user `keeper`. `host` is 127.0.0.1:port, `rest` the database.
struct DsnForm {
  const char* what;
  std::string specials;
  std::function<std::string(const std::string& password, const std::string& host, const std::string& rest)> text;
};

/// A database, a set, and the superuser `keeper` of the shared PostgreSQL server.
class SecretPlace {
 public:
  /// `port` is where the program connects to.
  SecretPlace(std::unique_ptr<PostgresDatabase> its_database, int port);
  virtual ~SecretPlace() = default;
  SecretPlace(const SecretPlace&) = delete;
  SecretPlace& operator=(const SecretPlace&) = delete;

  void set_password(const std::string& password) const;
  const std::string& host() const { return host_; }
  ProcessOptions command(std::vector<std::string> words, bool in_arguments, const std::string& dsn) const;

  /// Where a piece of it is, and which; empty if nowhere.
  std::string leak(const Needles& needles, const ProcessResult& result) const;
  /// What the server shows of the others' sessions.
  virtual std::string activity() const;

  const std::unique_ptr<PostgresDatabase> database;
  const ScratchDirectory scratch;
  const std::filesystem::path migrations = scratch / "migrations";
  const std::filesystem::path work = scratch / "work";

 private:
  std::string host_;
};

/// Of the program.
extern const std::vector<std::vector<std::string>> secret_commands;

/// T4: the scan finds a canary wherever one is planted. `show(canary)` is to leave it in activity().
void check_canaries(const SecretPlace& place, const std::function<void(const std::string& canary)>& show);
void check_logins(const SecretPlace& place, const std::vector<DsnForm>& forms, const char* server);
/// Of a working and a waiting process.
void check_command_lines(const SecretPlace& place, const std::string& scheme);

}  // namespace talos::test
