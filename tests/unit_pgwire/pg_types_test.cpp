#include "pg_types.hpp"

#include <array>
#include <string_view>

#include <doctest/doctest.h>

namespace talos::pg {

namespace {

struct Case {
  std::string_view from;
  std::string_view to;
};

}  // namespace

TEST_CASE("A type is wider where every old value is one of the new and reads as before, and narrower the other way") {
  for (const auto& [from, to] : std::array{
           Case{"smallint", "integer"},
           Case{"integer", "bigint"},
           Case{"smallint", "bigint"},
           Case{"integer[]", "bigint[]"},
           Case{"character varying(10)", "character varying(20)"},
           Case{"character varying(10)", "character varying"},
           Case{"character varying(10)", "text"},
           Case{"character varying(10)[]", "text[]"},
           Case{"numeric(10,2)", "numeric(12,2)"},
           Case{"numeric(10,2)", "numeric(12,4)"},
           Case{"numeric(10,2)", "numeric"},
           Case{"timestamp(3) without time zone", "timestamp without time zone"},
           Case{"timestamp(3) with time zone", "timestamp(4) with time zone"},
           Case{"time(0) without time zone", "time(3) without time zone"},
           Case{"interval(2)", "interval"},
           Case{"bit varying(5)", "bit varying(6)"},
           Case{"bit varying(5)", "bit varying"},
       }) {
    CAPTURE(from);
    CAPTURE(to);
    CHECK(compare_types(from, to) == TypeChange::wider);
    CHECK(compare_types(to, from) == TypeChange::narrower);
  }
}

TEST_CASE("text and character varying without a limit are the same") {
  CHECK(compare_types("text", "character varying") == TypeChange::same);
  CHECK(compare_types("character varying", "text") == TypeChange::same);
}

TEST_CASE("A type that loses something is narrower") {
  CHECK(compare_types("numeric(10,2)", "numeric(10,4)") == TypeChange::narrower);
  CHECK(compare_types("double precision", "real") == TypeChange::narrower);
  CHECK(compare_types("character(10)", "character(5)") == TypeChange::narrower);
}

TEST_CASE("Of other pairs nothing is known") {
  for (const auto& [from, to] : std::array{
           Case{"integer", "text"},
           Case{"real", "double precision"},
           Case{"character(5)", "character(10)"},
           Case{"character(5)", "text"},
           Case{"json", "jsonb"},
           Case{"timestamp without time zone", "timestamp with time zone"},
           Case{"integer", "integer[]"},
           Case{"mood", "text"},
           Case{"bit(5)", "bit(6)"},
           Case{"interval day to second(3)", "interval"},
           Case{"geometry(Point,4326)", "geometry(Point,3857)"},
           Case{"\"odd(type\"", "text"},
       }) {
    CAPTURE(from);
    CAPTURE(to);
    CHECK(compare_types(from, to) == TypeChange::other);
  }
}

}  // namespace talos::pg
