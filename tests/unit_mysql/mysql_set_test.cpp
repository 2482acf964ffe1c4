#include "mysql_set.hpp"

#include <doctest/doctest.h>

namespace talos::mysql {

namespace {

using Target = Assignment::Target;

/// "target name=value" of each item.
std::string read(std::string_view text) {
  std::string result;
  for (const Assignment& item : assignments(text, {})) {
    result += item.target == Target::user_variable ? "@" : item.target == Target::server ? "global " : "";
    result += item.name + "=" + std::string(item.value) + (item.next_transaction ? "?" : "") + ";";
  }
  return result;
}

}  // namespace

TEST_CASE("SET is read item by item, and a scope as a word holds for those behind it") {
  CHECK(read("SET a = 1, @B := 'x,y', @@c = f(1, 2) , @@session.d = 4") == "a=1;@b='x,y';c=f(1, 2)?;d=4;");
  CHECK(read("set GLOBAL a = 1, b = 2, @@c = 3, SESSION d = 4, e = 5") == "global a=1;global b=2;c=3?;d=4;e=5;");
  CHECK(read("SET @@global.a = 1, b = 2, PERSIST c = 3") == "global a=1;b=2;global c=3;");
  CHECK(read("SET `A` = 1, @`b c` = 2, x.y = 3 -- z") == "a=1;@b c=2;x.y=3;");
  CHECK(read("/*!40101 SET @a=@@b, c='d' */;") == "@a=@@b;c='d';");
  for (const char* text : {"SELECT 1", "SET", "SET a", "SET a =", "SET a = 1,", "SET a = 1, b", "SET = 1", "SET @ = 1"})
    CHECK_MESSAGE(read(text).empty(), text);
}

}  // namespace talos::mysql
