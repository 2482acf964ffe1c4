// The migrator's own rows on servers that speak PostgreSQL's protocol: names, SQL texts, and how they are read.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg_connection.hpp"
#include "talos/bookkeeping.hpp"

namespace talos::pg {

/// Runs one message and gives the rows of each of its statements; throws what went wrong.
using Ask = std::function<std::vector<Table>(const std::string& sql)>;

/// Which of the tables exist.
struct Existing {
  bool known = false;  ///< somebody has looked
  bool tracker = false;
  bool log = false;
  bool journal = false;
  bool lease = false;
  bool operator==(const Existing&) const = default;
};

class Bookkeeping {
 public:
  /// Names are qualified by the database too, if one is given.
  Bookkeeping(std::string schema, std::string table, const std::string& database = {});

  const std::string& schema() const { return schema_; }
  const std::string& table() const { return table_; }
  const std::string& tracker() const { return tracker_; }
  const std::string& lease() const { return lease_; }
  /// Of all of them, without quotes, in schema().
  std::vector<std::string> names() const;

  /// One SELECT whose only row existing() reads.
  std::string existing_sql() const;
  /// The same before there is a connection to ask for the schema's name: `schema` is an SQL expression.
  static std::string existing_sql(const std::string& schema, const std::string& table);
  static Existing existing(const Table& answer);

  /// Reads everything in one consistent, read-only transaction, which `begin` opens; `existing` becomes what is there.
  State read(const Ask& ask, LogDepth depth, Existing& existing, const std::string& begin = begin_reading) const;
  /// The same in one message where what `existing` says still holds, which it does but for moments.
  State read_at_once(const Ask& ask, LogDepth depth, Existing& existing) const;

  // All of these are single statements without a semicolon at their end.

  /// CREATE TABLE for what is missing of tracker, log and, where wanted, journal.
  std::vector<std::string> create_sql(const Existing& existing, bool journal, bool if_not_exists = false) const;
  std::string create_lease_sql() const;

  // A `condition`, if not empty, is one more that must hold, or nothing is written.

  /// The statements of a PL/pgSQL block, which leave FOUND = false if the claim misses.
  std::string claim_sql(const Claim& claim, std::string_view condition = {}) const;

  /// One statement, that touches (or, where it changes nothing, gives) one row, or none if the claim misses. Only under
  /// SERIALIZABLE do two of them on an empty tracker see each other.
  std::string plain_claim_sql(const Claim& claim, std::string_view condition) const;
  /// What the row leaves open is taken from the SQL expressions `started_at` and `duration_us`.
  std::string log_sql(const LogRow& row, std::string_view started_at, std::string_view duration_us,
                      const std::string& condition = {}) const;
  /// `before`: an SQL expression for an added row's, where that leaves it open; may be empty.
  std::string journal_sql(const JournalWrite& write, std::string_view before, const std::string& condition = {}) const;

  // Whether such a write has happened: one row with a number, 0 if not.
  std::string tracker_is_sql(const std::optional<TrackerRow>& row) const;
  std::string log_count_sql(const LogRow& row, std::string_view started_at) const;
  std::string journal_count_sql(const JournalRow& row) const;

 private:
  static constexpr const char* begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

  std::string reading_sql(const Existing& existing, LogDepth depth) const;
  State state_from(std::span<const Table> answers, const Existing& existing) const;
  std::string claim_where(const std::optional<TrackerRow>& from) const;
  static std::string journal_key(const JournalRow& row);

  std::string schema_;
  std::string table_;
  std::string tracker_;  ///< quoted, with its schema, like the rest
  std::string log_;
  std::string journal_;
  std::string lease_;
};

}  // namespace talos::pg
