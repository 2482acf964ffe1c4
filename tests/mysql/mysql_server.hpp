// MariaDB and MySQL servers of the test's own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mysql_client.hpp"

namespace talos::test {

enum class MysqlFlavour { mariadb, mysql };

std::string_view name_of(MysqlFlavour flavour);
/// Throws std::invalid_argument for another word than `mariadb` and `mysql`.
MysqlFlavour mysql_flavour(std::string_view name);

struct MysqlInstallation {
  MysqlFlavour flavour;
  std::filesystem::path directory;  ///< /usr, or the folder that .ci/mysql-server makes
};

/// What tests run on; TALOS_TEST_MYSQL_FLAVOURS="mariadb mysql" restricts them.
std::vector<MysqlFlavour> mysql_flavours();

/// T7: Debian's MariaDB; the folder mysql-9 in TALOS_TEST_MYSQL_DIR or in the build tree. Nothing, after saying why,
/// where the test is to be skipped.
std::optional<MysqlInstallation> mysql_or_skip(MysqlFlavour flavour);

/// T7: those of `mysql_flavours` that are here, having said or failed for each that is missing.
std::vector<MysqlInstallation> all_mysql_or_skip();

/// A server with a data directory of its own, on a free port of 127.0.0.1 and on a Unix socket; root has a random
/// password, from anywhere. No binary log; performance_schema on; every commit synced to disk; MariaDB has ed25519 and
/// Debian's character set. It is killed when the object goes, when the thread that started it ends and when the test is
/// killed: keep a shared one in the main thread.
class MysqlServer {
 public:
  /// Each of `settings` is `name=value` or `name`, as on the server's command line, and wins over the above.
  explicit MysqlServer(const MysqlInstallation& installation, std::vector<std::string> settings = {});
  ~MysqlServer();
  MysqlServer(const MysqlServer&) = delete;
  MysqlServer& operator=(const MysqlServer&) = delete;

  /// root, by way of 127.0.0.1; with another port for a proxy in front.
  MysqlLogin login(std::string_view database = "") const;
  MysqlLogin login(std::string_view database, int port) const;
  MysqlLogin socket_login(std::string_view database = "") const;

  const MysqlInstallation& installation() const;
  MysqlFlavour flavour() const;
  int port() const;
  std::filesystem::path socket() const;
  std::filesystem::path data_directory() const;
  const std::string& password() const;

  /// A new empty one; its name, which may hold any character where it is given.
  std::string create_database();
  std::string create_database(const std::string& name);
  void drop_database(const std::string& name);

  enum class Rights { all, select_only, none };
  /// `standard` is the server's own choice: caching_sha2_password, or mysql_native_password on MariaDB. MySQL 9 knows
  /// that and nothing else here, MariaDB 10.11 does not know caching_sha2_password: std::invalid_argument.
  enum class Authentication { standard, native_password, caching_sha2_password, ed25519 };
  /// A new user from anywhere with a random password, and rights on that database alone; how it logs in.
  MysqlLogin create_user(const std::string& name, const std::string& database, Rights rights = Rights::all,
                         Authentication authentication = Authentication::standard);

  pid_t pid() const;

  /// SIGKILL, as if the machine had gone, but what was written is with the kernel.
  void kill_hard();
  /// SIGTERM: every session is ended and what is written is kept.
  void stop();
  /// Starts it again on the same port and data, after stopping it if it runs.
  void restart();

  /// What it has logged since it was last started.
  std::string log() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// For a server whose data need not survive a crash of the machine.
inline const std::vector<std::string> unsynced_mysql{"innodb_flush_log_at_trx_commit=0"};

/// As an identifier between backticks.
std::string mysql_quoted(std::string_view name);

}  // namespace talos::test
