// Migration sets of the reliability tests. Every migration leaves a unique row, so that a second run of one fails.
#pragma once

#include "harness.hpp"

namespace talos::test {

enum class Profile {
  transactional,   ///< every migration is one transaction; a rebuild with foreign keys off is among them
  no_transaction,  ///< some run statement by statement: groups, PRAGMA foreign_keys, VACUUM
};

/// Twelve migrations with their downs; `rows` says how much work they do.
TestSet busy_set(Profile profile, long rows);

/// The one after those, to see that the lock can still be taken.
TestMigration one_more();

/// Migrations that may run any number of times, for a table events(id, version, what) made beforehand, where each
/// up and down adds a row.
TestSet repeatable_set(long count);

}  // namespace talos::test
