#include <doctest/doctest.h>

#include "fault_suite.hpp"
#include "sqlite_file.hpp"
#include "talos.hpp"

namespace talos::test {

namespace {

class SqlitePlace : public TrustPlace {
 public:
  std::string dsn() const override { return "sqlite://" + (scratch_ / "live.db").string(); }
  std::string scratch() const override { return "sqlite://:memory:"; }
  void run(const std::string& sql) override { run_sql(scratch_ / "live.db", sql); }

 private:
  ScratchDirectory scratch_;
};

}  // namespace

TEST_CASE("seeded faults on SQLite: at least 95 % are found, and nothing is said of what is right") {
  const auto tally = run_fault_suite("sqlite", talos_program(), std::filesystem::path(TALOS_TEST_FAULTS) / "sqlite.txt",
                                     TALOS_TEST_SET, [] { return std::make_unique<SqlitePlace>(); });
  CHECK(tally.faults >= 50);
  CHECK(tally.missed.size() * 20 <= tally.faults);
  CHECK(tally.false_alarms.empty());
}

}  // namespace talos::test
