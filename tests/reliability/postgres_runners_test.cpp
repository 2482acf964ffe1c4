// R1, P3: the same crowds behind pgbouncer in transaction mode.
#include <doctest/doctest.h>

#include "crowd.hpp"
#include "postgres_database.hpp"

namespace talos::test {

namespace {

void run_rounds_behind_a_pooler(Profile profile, const char* what) {
  if (!database_or_skip() || !pgbouncer_or_skip()) return;
  // Fewer connections than runners: they share them.
  const PgBouncer pooler(*shared_server(), PgBouncer::Pool::transaction, {"default_pool_size = 8"});
  run_rounds(profile, what, [&] {
    auto database = std::make_unique<PostgresDatabase>(*shared_server());
    database->show_program(pooler.dsn(database->name()) + "?x-lease-ttl=2s");
    return database;
  });
}

}  // namespace

TEST_CASE("R1, P3: behind pgbouncer in transaction mode transactional migrations happen once, and no lock is left") {
  run_rounds_behind_a_pooler(Profile::transactional, "R1 transactional, behind pgbouncer");
}

TEST_CASE("R1, P3: behind pgbouncer with CONCURRENTLY files a lease keeps the order, and no lock is left") {
  run_rounds_behind_a_pooler(Profile::no_transaction, "R1 no-transaction, behind pgbouncer");
}

}  // namespace talos::test
