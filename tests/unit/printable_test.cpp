#include "printable.hpp"

#include <doctest/doctest.h>

using talos::app::printable;

TEST_CASE("text from a file or a database cannot steer the terminal") {
  CHECK(printable("plain ünïcode") == "plain ünïcode");
  CHECK(printable("two\nlines \xC2\x9B") == "two\\x0alines \\x9b");
  CHECK(printable("a\tb") == "a b");
  CHECK(printable("\033[31mred\a\r\x7f") == "\\x1b[31mred\\x07\\x0d\\x7f");
}
