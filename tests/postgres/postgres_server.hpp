// PostgreSQL servers of the test's own.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "pg_client.hpp"
#include "process.hpp"

namespace talos::test {

struct PostgresInstallation {
  int major;
  std::filesystem::path bin;
};

/// The majors that tests run on; TALOS_TEST_POSTGRES_MAJORS="15 18" restricts them.
std::vector<int> postgres_majors();

/// Those of `postgres_majors` that are here: Debian's, and the folders postgres-<major> that .ci/postgres-versions
/// makes in TALOS_TEST_POSTGRES_DIR or in the build tree.
std::vector<PostgresInstallation> postgres_installations();

/// T7: of that major, or of any (Debian's 15 if it is there); nothing, after saying why, where the test is to be
/// skipped.
std::optional<PostgresInstallation> postgres_or_skip(int major = 0);

/// T7: `postgres_installations`, having said or failed for each major that is missing.
std::vector<PostgresInstallation> all_postgres_or_skip();

/// A server with a data directory of its own, on a free port of 127.0.0.1 and on a Unix socket; superuser postgres with
/// a random password, SCRAM on every way in. It is ended by SIGQUIT when the object goes, when the thread that started
/// it ends and when the test is killed: keep a shared one in the main thread.
class PostgresServer {
 public:
  /// Each of `settings` is `name=value`, as in postgresql.conf. Writes are synced to disk unless `fsync=off` is given.
  explicit PostgresServer(const PostgresInstallation& installation, std::vector<std::string> settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// A URI by way of 127.0.0.1; with another port for a proxy or a pooler in front.
  std::string dsn(std::string_view database = "postgres") const;
  std::string dsn(std::string_view database, int port) const;

  const PostgresInstallation& installation() const;
  int port() const;
  std::filesystem::path socket_directory() const;
  std::filesystem::path data_directory() const;
  const std::string& password() const;

  /// A new empty one; its name.
  std::string create_database();
  void drop_database(const std::string& name);
  /// A new role that may log in, with a random password; its DSN in `database`.
  std::string create_role(const std::string& name, std::string_view database);

  pid_t pid() const;

  /// SIGKILL for the server and every process of it, as if the machine had gone.
  void kill_hard();
  /// SIGINT: every session is ended and what is written is kept.
  void stop();
  /// Starts it again on the same port and data, after stopping it if it runs.
  void restart();

  /// What it has logged since it was last started.
  std::string log() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace talos::test
