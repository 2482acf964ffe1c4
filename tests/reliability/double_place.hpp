// What the tests of one database on CockroachDB's double and one set have in common.
#pragma once

#include "cockroach_database.hpp"
#include "database_place.hpp"

namespace talos::test {

/// The database is of the program's one double unless another is given.
struct DoublePlace : DatabasePlace<CockroachDatabase> {
  explicit DoublePlace(const TestSet& its_set, CrdbDouble& crdb = *shared_double_or_skip())
      : DatabasePlace(its_set, crdb) {
    // With the first connection the double makes functions of its own.
    pg_run(crdb.libpq_dsn(database.name()), "SELECT 1");
  }

  std::string state() const { return state_by(target().dsn); }

  /// A new user who is no admin; its DSN.
  std::string create_role(const std::string& name) const { return database.crdb().create_user(name, database.name()); }
};

}  // namespace talos::test
