// The databases of the programs that test PostgreSQL.
#include "postgres_database.hpp"

namespace talos::test {

bool database_or_skip() { return shared_server() != nullptr; }

std::unique_ptr<TestDatabase> new_database() { return std::make_unique<PostgresDatabase>(*shared_server()); }

std::unique_ptr<TestDatabase> copy_of(const TestDatabase& other) {
  const auto& original = dynamic_cast<const PostgresDatabase&>(other);
  return std::make_unique<PostgresDatabase>(original.server(), original);
}

}  // namespace talos::test
