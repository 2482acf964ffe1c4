// Copies of a live PostgreSQL database by pg_dump.
#pragma once

#include <functional>
#include <string>

#include "pg_connection.hpp"
#include "pg_dsn.hpp"
#include "talos/backup.hpp"

namespace talos::postgres {

class PostgresBackup : public Backup {
 public:
  /// `in_force`: the parameters that lead to the database, with their secrets. `stop`: the user's wish.
  PostgresBackup(std::function<pg::Parameters()> in_force, const pg::PgDsn& dsn, int server_major,
                 std::function<bool()> stop)
      : in_force_(std::move(in_force)), dsn_(dsn), server_major_(server_major), stop_(std::move(stop)) {}

 private:
  bool do_to_file() const override { return true; }
  Report do_write(const std::string& destination, ExecuteObserver& observer) override;

  std::function<pg::Parameters()> in_force_;
  const pg::PgDsn& dsn_;
  int server_major_;
  std::function<bool()> stop_;
};

}  // namespace talos::postgres
