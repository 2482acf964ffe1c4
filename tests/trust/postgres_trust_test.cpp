#include <doctest/doctest.h>

#include "fault_suite.hpp"
#include "pg_client.hpp"
#include "shared_server.hpp"

namespace talos::test {

namespace {

class PostgresTrustPlace : public TrustPlace {
 public:
  PostgresTrustPlace() : database_(server_.create_database()) {}
  ~PostgresTrustPlace() override { server_.drop_database(database_); }

  std::string dsn() const override { return server_.dsn(database_); }
  std::string scratch() const override { return server_.dsn(); }
  void run(const std::string& sql) override { PgClient(dsn()).run(sql); }

 private:
  PostgresServer& server_ = *shared_server();
  std::string database_;
};

}  // namespace

TEST_CASE("seeded faults on PostgreSQL: at least 95 % are found, and nothing is said of what is right") {
  if (shared_server() == nullptr) return;
  const auto tally =
      run_fault_suite("postgres", TALOS_TEST_COMMERCIAL, std::filesystem::path(TALOS_TEST_FAULTS) / "postgres.txt",
                      TALOS_TEST_SET, [] { return std::make_unique<PostgresTrustPlace>(); });
  CHECK(tally.faults >= 50);
  CHECK(tally.missed.size() * 20 <= tally.faults);
  CHECK(tally.false_alarms.empty());
}

}  // namespace talos::test
