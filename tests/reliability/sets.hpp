// Migration sets of the reliability tests, of each dialect. Every migration leaves a unique row, so that a second run
// of one fails.
#pragma once

#include "harness.hpp"

namespace talos::test {

enum class Profile {
  /// Every migration is one transaction, or on MySQL a lone schema change; SQLite: a rebuild with foreign keys off is
  /// among them.
  transactional,
  /// Some run statement by statement: groups, VACUUM, PRAGMA foreign_keys, CREATE INDEX CONCURRENTLY, on MySQL several
  /// schema changes among rows.
  no_transaction,
};

/// Twelve migrations with their downs; `rows` says how much work they do.
TestSet busy_set(Profile profile, long rows);

/// The row of a migration, and its end.
std::string ledger(long version);
std::string unledger(long version);

/// BEGIN … COMMIT around them.
std::string group(const std::vector<std::string>& statements);

/// The one after those, to see that the lock can still be taken.
TestMigration one_more();

/// Makes the table events(id, version, what).
std::string events_table();

/// Statements of a transaction that may run any number of times.
std::string repeatable_up(long version);
std::string repeatable_down(long version);

/// Migrations of those, where each up and down adds a row to events.
TestSet repeatable_set(long count);

}  // namespace talos::test
