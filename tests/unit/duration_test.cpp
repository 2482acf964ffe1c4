#include "duration.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using talos::app::format_duration;
using talos::app::parse_duration;

TEST_CASE("durations are read as Go writes them") {
  CHECK(parse_duration("0") == 0ms);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("1.5h") == 90min);
  CHECK(parse_duration("2m0.5s") == 120500ms);
}

TEST_CASE("a duration below a millisecond is rounded up: a limit of 1us is not no limit") {
  CHECK(parse_duration("1us") == 1ms);
  CHECK(parse_duration("1µs") == 1ms);
  CHECK(parse_duration("1ns") == 1ms);
  CHECK(parse_duration("0s") == 0ms);
}

TEST_CASE("anything else is no duration") {
  for (const char* text : {"", "5", "s", "-5s", "+5s", "5 s", "5d", "1h-30m", "0x5s", "infs", "nans", "1e3s", "..5s",
                           "5ss", "99999999999999999999h"})
    CHECK_MESSAGE(!parse_duration(text), text);
}

TEST_CASE("durations are shown with three digits at most") {
  CHECK(format_duration(96us) == "96µs");
  CHECK(format_duration(1390us) == "1.39ms");
  CHECK(format_duration(123456us) == "123ms");
  CHECK(format_duration(1234567us) == "1.23s");
  CHECK(format_duration(75s) == "1m15s");
  CHECK(format_duration(2h + 3min) == "2h3m");
}
