#include "edited_files.hpp"

#include <doctest/doctest.h>

#include "fixtures.hpp"
#include "sha256.hpp"

using namespace talos;
using namespace talos::test;

namespace {

History applied_as(std::string_view body) {
  AppliedFile row;
  row.size = static_cast<std::int64_t>(body.size());
  row.sha256 = sha256(body);
  row.started_at = "2026-01-02T03:04:05.678Z";
  History history;
  history.tracker = TrackerRow{1, false};
  history.applied = {1};
  history.records[1] = row;
  return history;
}

}  // namespace

TEST_CASE("G11: of a directory, sizes alone are compared without reading a body") {
  const TemporaryDirectory directory;
  directory.write("1_a.up.sql", "SELECT 1;");
  const MigrationSet set = read_directory(directory.path());
  CHECK(edited_files(set, applied_as("SELECT 1;"), Thoroughness::sizes).empty());
  CHECK(edited_files(set, applied_as("SELECT 2;"), Thoroughness::sizes).empty());
  const auto edits = edited_files(set, applied_as("SELECT 10;"), Thoroughness::sizes);
  REQUIRE(edits.size() == 1);
  CHECK(contains(edits[0], "1_a.up.sql"));
  CHECK(contains(edits[0], "2026-01-02"));
}

TEST_CASE("G11: of a directory, an edit that keeps the size is found by reading the body") {
  const TemporaryDirectory directory;
  directory.write("1_a.up.sql", "SELECT 1;");
  const MigrationSet set = read_directory(directory.path());
  CHECK(edited_files(set, applied_as("SELECT 1;"), Thoroughness::bodies).empty());
  CHECK(edited_files(set, applied_as("SELECT 2;"), Thoroughness::bodies).size() == 1);
}

TEST_CASE("G11: of an embedded set, the hashes of the build are compared even where only sizes are asked for") {
  const MemorySet set{{"1_a.up.sql", "SELECT 1;"}};
  CHECK(edited_files(*set, applied_as("SELECT 1;"), Thoroughness::sizes).empty());
  CHECK(edited_files(*set, applied_as("SELECT 2;"), Thoroughness::sizes).size() == 1);
}

TEST_CASE("G11: a version whose size and checksum are unknown is passed over") {
  const MemorySet set{{"1_a.up.sql", "SELECT 1;"}};
  History history = applied_as("x");
  SUBCASE("the row has neither") {
    history.records[1].size.reset();
    history.records[1].sha256.clear();
  }
  SUBCASE("there is no row: a baseline") { history.records.clear(); }
  CHECK(edited_files(*set, history, Thoroughness::bodies).empty());
}

TEST_CASE("G11: an applied version that the set lacks, or of which it has the down file only, is no edited file") {
  const MemorySet other{{"2_b.up.sql", ""}};
  CHECK(edited_files(*other, applied_as("x"), Thoroughness::bodies).empty());
  const MemorySet down_only{{"1_a.down.sql", ""}};
  CHECK(edited_files(*down_only, applied_as("x"), Thoroughness::bodies).empty());
}
