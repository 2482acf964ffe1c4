// PostgreSQL databases of the reliability tests, on the program's one server or on another.
#pragma once

#include <chrono>

#include "pgbouncer.hpp"
#include "shared_server.hpp"
#include "test_database.hpp"

namespace talos::test {

inline std::filesystem::path commercial_program() { return TALOS_TEST_COMMERCIAL; }

class PostgresDatabase : public TestDatabase {
 public:
  /// A new empty one.
  explicit PostgresDatabase(PostgresServer& server);
  /// With all that is in `other`, to which nobody may be connected.
  PostgresDatabase(PostgresServer& server, const PostgresDatabase& other);
  ~PostgresDatabase() override;
  PostgresDatabase(const PostgresDatabase&) = delete;
  PostgresDatabase& operator=(const PostgresDatabase&) = delete;

  const std::string& name() const { return name_; }
  PostgresServer& server() const { return server_; }
  /// The superuser's, straight to the server.
  std::string dsn() const { return server_.dsn(name_); }

  /// What the program is given from now on: a pooler's, another role's.
  void show_program(std::string dsn) { program_dsn_ = std::move(dsn); }

  Target target(const std::filesystem::path& migrations) const override;
  bool exists() const override { return true; }
  bool has_table(const std::string& name) const override;
  std::vector<std::string> rows(const std::string& sql) const override;
  std::string schema() const override;
  std::string picture() const override;
  void settle() const override;
  pid_t holder() const override;

  /// Sessions of the program that run something or hold a transaction open, each as `pid state query`.
  std::vector<std::string> at_work() const;

 protected:
  std::string own_faults(bool dirty) const override;
  /// What of `own_faults` is about a lease that is left.
  virtual std::string lease_faults() const;

 private:
  PostgresServer& server_;
  std::string name_;
  std::string program_dsn_;
  mutable std::unique_ptr<PgClient> observer_;
};

}  // namespace talos::test
