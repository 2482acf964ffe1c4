#include "did_you_mean.hpp"

#include <array>

#include <doctest/doctest.h>

using talos::app::nearest;

namespace {
constexpr std::array<std::string_view, 4> known{"database", "database-file", "status", "up"};
}

TEST_CASE("a slip of the finger is taken for the word meant") {
  CHECK(nearest("databse", known) == "database");
  CHECK(nearest("databaes", known) == "database");
  CHECK(nearest("stauts", known) == "status");
  CHECK(nearest("database-fiel", known) == "database-file");
}

TEST_CASE("a word that is near none suggests none") {
  CHECK_FALSE(nearest("", known));
  CHECK_FALSE(nearest("xyzzy", known));
  CHECK_FALSE(nearest(std::string(1000, 'd'), known));
}
