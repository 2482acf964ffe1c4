// The tracker and the side tables on SQLite: their layout, and every statement that reads or writes them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sqlite_db.hpp"
#include "talos/driver.hpp"

namespace talos::sqlite {

class Tables {
 public:
  /// `table` is a checked name. Always means the main database: a migration's temporary table of that name is not ours.
  explicit Tables(const std::string& table);

  const std::string& name() const { return name_; }
  /// It is the tracker or a side table, whatever the case of its letters.
  bool owns(std::string_view table) const;

  /// Inside a read transaction. Throws ErrorCode::policy for tables that are not ours.
  State read(Database& db, LogDepth depth) const;

  // All of these inside a transaction.
  void create(Database& db, bool journal) const;
  /// Throws ErrorCode::claim_lost.
  void claim(Database& db, const Claim& claim) const;
  void write_log(Database& db, const LogRow& row, const std::string& started_at, std::chrono::microseconds took) const;
  void write_journal(Database& db, const JournalWrite& write, const std::string& now) const;

 private:
  std::string name_;
  std::string tracker_;  ///< main."x"
  std::string log_;
  std::string journal_;
};

}  // namespace talos::sqlite
