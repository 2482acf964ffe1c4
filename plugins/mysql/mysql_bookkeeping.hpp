// The migrator's own rows in MySQL and MariaDB: names, SQL texts, and how they are read.
//
// The texts mean the same whatever a script set before them in its session: any sql_mode, character set, default
// database, sql_safe_updates, sql_select_limit.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql_connection.hpp"
#include "talos/bookkeeping.hpp"

namespace talos::mysql {

/// Runs one message and gives the rows of each of its statements; throws what went wrong.
using Ask = std::function<std::vector<Table>(const std::string& sql)>;

/// Which of the tables exist.
struct Existing {
  bool known = false;  ///< somebody has looked
  bool tracker = false;
  bool log = false;
  bool journal = false;
  bool lock = false;
  /// Engines without transactions, of which tables: "schema_migrations (MyISAM)"; else empty.
  std::string without_transactions;

  /// One of those that a state is read from.
  bool any() const { return tracker || log || journal; }
};

/// SQL expressions.
struct RowTimes {
  std::string now;
  std::string started_at;   ///< of a migration
  std::string duration_us;  ///< since then
};

class Bookkeeping {
 public:
  Bookkeeping(std::string database, std::string table);

  const std::string& table() const { return table_; }
  /// Quoted, with its database.
  const std::string& lock() const { return lock_; }
  /// Those that there may be, unquoted.
  std::vector<std::string> names() const;
  bool owns(std::string_view name) const;

  /// One SELECT: the name, engine and columns of each table that there is.
  std::string existing_sql() const;
  Existing existing(const Table& answer) const;

  /// Reads everything in one consistent, read-only transaction; `existing` becomes what is there. Of tables that it
  /// knows already in one message.
  State read(const Ask& ask, LogDepth depth, Existing& existing) const;

  // All of these are single statements without a semicolon at their end.

  /// CREATE TABLE for what is missing of tracker, log and, where wanted, journal and lock.
  std::vector<std::string> create_sql(const Existing& existing, bool journal, bool lock) const;

  /// The statements of a transaction that has only begun. Where the claim misses, or where the condition `also` does
  /// not hold, one fails with error 1242 (M1).
  std::vector<std::string> claim_sql(const Claim& claim, const std::string& also = {}) const;
  // Times that a row leaves open are the expressions of `times`.
  std::string log_sql(const LogRow& row, const RowTimes& times) const;
  std::string journal_sql(const JournalWrite& write, const RowTimes& times) const;
  /// One SELECT: 1 if the tracker has this row.
  std::string tracker_count_sql(const TrackerRow& row) const;
  /// One SELECT: how many of these rows are in the journal.
  std::string journal_count_sql(const std::vector<JournalRow>& rows) const;

 private:
  void check(const Table& columns, const Existing& there) const;
  std::string rows_sql(const Existing& there, LogDepth depth) const;
  State state_of(const Existing& there, const std::vector<Table>& answers) const;

  std::string database_;
  std::string table_;
  std::string tracker_;  ///< quoted, with its database, like the rest
  std::string log_;
  std::string journal_;
  std::string lock_;
};

/// A SELECT that fails with error 1242, and so ends its message, unless `condition` holds.
std::string require_sql(const std::string& condition);

/// UTC as RFC 3339 has it, as a literal that a DATETIME reads.
std::string time_literal(std::string_view time);

/// A text as a literal that means the same under any setting; NULL for an empty one.
std::string stored(std::string_view text);

}  // namespace talos::mysql
