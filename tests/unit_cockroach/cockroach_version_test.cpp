#include "cockroach_version.hpp"

#include <doctest/doctest.h>

namespace talos::cockroach {

TEST_CASE("Versions are read from all that a server says of them") {
  CHECK(find_version("CockroachDB CCL v23.2.5 (x86_64-pc-linux-gnu, built 2024/05/01 10:00:00, go1.21.9)") ==
        Version{23, 2});
  CHECK(find_version("v25.1.0-rc.1") == Version{25, 1});
  CHECK(find_version("23.1-upgrading-to-23.2-step-004") == Version{23, 1});
  CHECK(find_version("26.3") == Version{26, 3});
  CHECK_FALSE(find_version("CockroachDB"));
  CHECK_FALSE(find_version("12"));
  CHECK_FALSE(find_version("v7."));
}

TEST_CASE("Versions are compared by numbers") {
  CHECK(Version{22, 2} < oldest_supported);
  CHECK(Version{23, 1} >= oldest_supported);
  CHECK(Version{24, 3} > has_autocommit_before_ddl);
  CHECK(to_string(Version{24, 3}) == "24.3");
}

}  // namespace talos::cockroach
