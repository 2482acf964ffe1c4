// Copies of a live SQLite database by the online backup API.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "sqlite_db.hpp"
#include "sqlite_dsn.hpp"
#include "talos/backup.hpp"

namespace talos::sqlite {

/// Told now and then how much is done, in 0 … 1; throws to stop.
using CopyProgress = std::function<void(double)>;

/// The whole of `from` as of one moment. Writers go on meanwhile; where they change what is copied faster than it is
/// copied, they wait for the rest of it. One that lets nobody read is waited for that long: then ErrorCode::busy.
void copy_database(Database& from, Database& to, std::chrono::milliseconds patience, const CopyProgress& progress);

class SqliteBackup : public Backup {
 public:
  /// `check_stop` throws under cancel(). `patience` is with writers. All outlive this.
  SqliteBackup(const SqliteDsn& dsn, std::optional<Database>& db, const std::chrono::milliseconds& patience,
               std::function<void()> check_stop)
      : dsn_(dsn), db_(db), patience_(patience), check_stop_(std::move(check_stop)) {}

 private:
  bool do_to_file() const override { return true; }
  Report do_write(const std::string& destination, ExecuteObserver& observer) override;

  const SqliteDsn& dsn_;
  std::optional<Database>& db_;
  const std::chrono::milliseconds& patience_;
  std::function<void()> check_stop_;
};

}  // namespace talos::sqlite
