// Migration sets of the reliability tests, of each dialect. Every migration leaves a unique row, so that a second run
// of one fails.
#pragma once

#include "harness.hpp"

namespace talos::test {

enum class Profile {
  transactional,   ///< every migration is one transaction; SQLite: a rebuild with foreign keys off is among them
  no_transaction,  ///< some run statement by statement: groups, VACUUM, PRAGMA foreign_keys, CREATE INDEX CONCURRENTLY
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

/// Migrations that may run any number of times, where each up and down adds a row to events.
TestSet repeatable_set(long count);

}  // namespace talos::test
