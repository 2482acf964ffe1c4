#include <doctest/doctest.h>

#include "fault_suite.hpp"
#include "postgres_place.hpp"

namespace talos::test {

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
