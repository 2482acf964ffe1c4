#include <cstdio>

#include <doctest/doctest.h>

#include "crdb_double.hpp"
#include "fault_suite.hpp"
#include "pg_client.hpp"
#include "shared_server.hpp"

namespace talos::test {

namespace {

/// The releases differ in nothing that these faults are about: one of them stands for all.
class Double {
 public:
  explicit Double(PostgresServer& server) : server_(server), crdb_(server, CrdbProfile::v26_1) {}

  std::string create_database() { return server_.create_database(); }
  void drop_database(const std::string& name) { server_.drop_database(name); }
  std::string dsn(const std::string& database) const { return crdb_.dsn(database); }
  std::string libpq_dsn(const std::string& database) const { return crdb_.libpq_dsn(database); }
  std::vector<std::string> not_modelled() const { return crdb_.not_modelled(); }

 private:
  PostgresServer& server_;
  CrdbDouble crdb_;
};

class CockroachTrustPlace : public TrustPlace {
 public:
  CockroachTrustPlace(Double& crdb, const std::string& host)
      : crdb_(crdb), host_(host), database_(crdb.create_database()) {}
  ~CockroachTrustPlace() override { crdb_.drop_database(database_); }

  std::string dsn() const override { return crdb_.dsn(database_); }
  std::string scratch() const override { return crdb_.dsn(host_); }
  void run(const std::string& sql) override { PgClient(crdb_.libpq_dsn(database_)).run(sql); }

 private:
  Double& crdb_;
  const std::string& host_;
  std::string database_;
};

}  // namespace

TEST_CASE("seeded faults on CockroachDB's double: at least 95 % are found, and nothing is said of what is right") {
  if (shared_server() == nullptr) return;
  std::printf("%s\n", std::string(crdb_double_limits()).c_str());
  Double crdb(*shared_server());
  const std::string host = crdb.create_database();
  const auto tally =
      run_fault_suite("cockroach", TALOS_TEST_COMMERCIAL, std::filesystem::path(TALOS_TEST_FAULTS) / "cockroach.txt",
                      TALOS_TEST_SET, [&] { return std::make_unique<CockroachTrustPlace>(crdb, host); });
  CHECK(tally.faults >= 40);
  CHECK(tally.missed.size() * 20 <= tally.faults);
  CHECK(tally.false_alarms.empty());
  for (const std::string& sql : crdb.not_modelled()) FAIL_CHECK("the double has not modelled: " << sql);
}

}  // namespace talos::test
