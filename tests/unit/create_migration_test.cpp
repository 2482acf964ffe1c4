#include "create_migration.hpp"

#include <fstream>

#include <doctest/doctest.h>

#include "fixtures.hpp"
#include "talos/error.hpp"

using talos::Error;
using talos::ErrorCode;
using talos::app::create_migration;
using talos::test::TemporaryDirectory;

TEST_CASE("create makes the next number's two files") {
  const TemporaryDirectory directory;
  directory.write("000007_a.up.sql", "SELECT 1;");
  const auto paths = create_migration(directory.path(), "Add shirts");
  REQUIRE(paths.size() == 2);
  CHECK(paths[0].filename() == "000008_add_shirts.up.sql");
  CHECK(paths[1].filename() == "000008_add_shirts.down.sql");
  for (const auto& path : paths) CHECK(std::filesystem::exists(path));
}

TEST_CASE("create begins with 1 in an empty directory") {
  const TemporaryDirectory directory;
  CHECK(create_migration(directory.path(), "x").at(0).filename() == "000001_x.up.sql");
}

TEST_CASE("create refuses names that make no file name") {
  const TemporaryDirectory directory;
  for (const char* name : {"", " ", "--", "a/b", "../x", "a.b", "a\nb"}) {
    CHECK_THROWS_AS_MESSAGE(create_migration(directory.path(), name), Error, name);
  }
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("create refuses a directory that is not there or whose files are not in order, and makes nothing") {
  const TemporaryDirectory directory;
  CHECK_THROWS_AS(create_migration(directory.path() / "none", "x"), Error);
  directory.write("1_a.up.sql", "");
  directory.write("001_b.up.sql", "");
  CHECK_THROWS_AS(create_migration(directory.path(), "x"), Error);
}
