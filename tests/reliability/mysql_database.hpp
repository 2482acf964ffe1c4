// MariaDB and MySQL databases of the reliability tests, on the program's one server or on another. Which of the two:
// TALOS_TEST_MYSQL_FLAVOUR, else MariaDB.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mysql_server.hpp"
#include "test_database.hpp"

namespace talos::test {

inline std::filesystem::path commercial_program() { return TALOS_TEST_COMMERCIAL; }

/// T7: nothing, after saying why, where there is none and the test is to be skipped. Its data need not survive a crash
/// of the machine. First called in the main thread.
MysqlServer* shared_mysql_or_skip();

/// A directory of the shared server's for tables WITH DATA DIRECTORY, on which another file system can be mounted.
std::filesystem::path mysql_other_disk();

class MysqlDatabase : public TestDatabase {
 public:
  /// A new empty one.
  explicit MysqlDatabase(MysqlServer& server);
  /// With all that is in `other`, which nobody uses.
  MysqlDatabase(MysqlServer& server, const MysqlDatabase& other);
  ~MysqlDatabase() override;
  MysqlDatabase(const MysqlDatabase&) = delete;
  MysqlDatabase& operator=(const MysqlDatabase&) = delete;

  const std::string& name() const { return name_; }
  MysqlServer& server() const { return server_; }
  /// root's, straight to the server.
  MysqlLogin login() const { return server_.login(name_); }
  std::string dsn() const { return login().dsn(); }

  /// What the program is given from now on: a proxy's, another user's.
  void show_program(std::string dsn) { program_dsn_ = std::move(dsn); }

  Target target(const std::filesystem::path& migrations) const override;
  bool exists() const override { return true; }
  bool has_table(const std::string& name) const override;
  std::vector<std::string> rows(const std::string& sql) const override;
  std::string schema() const override;
  std::string picture() const override;
  void settle() const override;
  pid_t holder() const override;
  bool may_be_torn(const TestMigration& migration) const override;
  bool happened(const std::string& statement) const override;

  /// Connections of the program that run something, each as `id command state statement`.
  std::vector<std::string> at_work() const;
  /// The same, those that idle among them.
  std::vector<std::string> connections() const;
  /// Of the connection that holds the run lock, its own or golang-migrate's; empty for none.
  std::string lock_holder() const;

 private:
  std::string own_faults(bool dirty) const override;
  std::vector<std::string> tables() const;
  std::string rows_picture_of(const std::string& table) const;
  std::vector<std::string> observe(const std::string& sql) const;

  MysqlServer& server_;
  std::string name_;
  std::string program_dsn_;
  mutable std::unique_ptr<MysqlClient> observer_;
};

/// A query that gives 1 where this statement of the busy set has happened.
std::string evidence_of(const std::string& statement);

}  // namespace talos::test
