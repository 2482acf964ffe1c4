#include <doctest/doctest.h>

#include "fault_suite.hpp"
#include "mysql_client.hpp"
#include "shared_mysql.hpp"

namespace talos::test {

namespace {

class MysqlTrustPlace : public TrustPlace {
 public:
  explicit MysqlTrustPlace(MysqlServer& server) : server_(server), database_(server.create_database()) {}
  ~MysqlTrustPlace() override { server_.drop_database(database_); }

  std::string dsn() const override { return server_.login(database_).dsn(); }
  std::string scratch() const override { return dsn(); }
  void run(const std::string& sql) override { MysqlClient(server_.login(database_)).run(sql); }

 private:
  MysqlServer& server_;
  std::string database_;
};

}  // namespace

TEST_CASE("seeded faults on MySQL and MariaDB: at least 95 % are found, and nothing is said of what is right") {
  for (const auto& server : shared_mysql_servers()) {
    const auto tally = run_fault_suite(std::string(name_of(server->flavour())), TALOS_TEST_COMMERCIAL,
                                       std::filesystem::path(TALOS_TEST_FAULTS) / "mysql.txt", TALOS_TEST_SET,
                                       [&] { return std::make_unique<MysqlTrustPlace>(*server); });
    CHECK(tally.faults >= 40);
    CHECK(tally.missed.size() * 20 <= tally.faults);
    CHECK(tally.false_alarms.empty());
  }
}

}  // namespace talos::test
