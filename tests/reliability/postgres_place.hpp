// What the PostgreSQL tests of one database and one set have in common.
#pragma once

#include "database_place.hpp"
#include "postgres_database.hpp"

namespace talos::test {

/// The database is of the program's shared server unless another is given.
struct PostgresPlace : DatabasePlace<PostgresDatabase> {
  explicit PostgresPlace(const TestSet& its_set, PostgresServer& server = *shared_server())
      : DatabasePlace(its_set, server) {}

  /// A new role that may log in; its DSN.
  std::string create_role(const std::string& name) const {
    return database.server().create_role(name, database.name());
  }
};

}  // namespace talos::test
