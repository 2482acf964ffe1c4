#include "pg_text.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace talos::pg;

TEST_CASE("a time that an integer setting cannot hold becomes the longest that it can") {
  CHECK(setting(0ms) == "0");
  CHECK(setting(2h) == "7200000");
  CHECK(setting(2'147'483'647ms) == "2147483647");
  CHECK(setting(2'147'483'648ms) == "2147483647");
  CHECK(setting(std::chrono::milliseconds(std::chrono::hours(876'000))) == "2147483647");
}
