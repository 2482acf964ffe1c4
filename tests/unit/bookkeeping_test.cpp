#include "talos/bookkeeping.hpp"

#include <string>

#include <doctest/doctest.h>

using talos::is_table_name;

TEST_CASE("G17: a tracker table's name is a plain identifier") {
  for (const char* name : {"schema_migrations", "_t", "T1$", "a"}) CHECK_MESSAGE(is_table_name(name), name);
  for (const char* name : {"", "1t", "$t", "a-b", "a b", "a.b", "a\"b", "a;b", "t\xC3\xA4"})
    CHECK_FALSE_MESSAGE(is_table_name(name), name);
}

TEST_CASE("G17: a tracker table's name has at most 55 bytes, so that side tables keep names of their own") {
  CHECK(is_table_name(std::string(55, 'a')));
  CHECK_FALSE(is_table_name(std::string(56, 'a')));
}
