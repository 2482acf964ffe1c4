#include <doctest/doctest.h>

#include "pg_redact.hpp"

namespace talos::pg {

TEST_CASE("P9: a statement is shown on one line without its strings, numbers and comments") {
  CHECK(without_literals("UPDATE t SET a = 'x''y',\n\tb = 42 -- why\nWHERE c = $1") ==
        "UPDATE t SET a = '…', b = … WHERE c = $1");
  CHECK(without_literals("SELECT $a$secret$a$, $$secret$$") == "SELECT '…', '…'");
  CHECK(without_literals("SELECT E'a\\'secret' FROM \"t 1\"") == "SELECT '…' FROM \"t 1\"");
  CHECK(without_literals("SELECT U&'secret', B'1', x /* secret */ FROM t1") == "SELECT '…', '…', x FROM t1");
  CHECK(without_literals("").empty());
}

TEST_CASE("P9: what was cut in the middle of a string shows nothing of it") {
  for (const char* cut :
       {"SELECT 'secret", "SELECT $t$secret$", "SELECT E'secret\\", "SELECT /* secret", "SELECT \"secret"})
    CHECK(without_literals(cut) == "SELECT …");
  CHECK(without_literals("SELECT 'a\\'secret', 'b") == "SELECT '…' …");
}

}  // namespace talos::pg
