#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "cockroach_place.hpp"

int main(int argc, char** argv) {
  if (talos::test::live_cockroach())
    std::printf("on the live cluster that TALOS_TEST_COCKROACH_DSN names\n");
  else
    std::printf("%s\n", std::string(talos::test::crdb_double_limits()).c_str());
#ifdef TALOS_TEST_CRDB_FEW_PROFILES
  ::setenv("TALOS_TEST_CRDB_PROFILES", TALOS_TEST_CRDB_FEW_PROFILES, 0);
#endif
  doctest::Context context;
  context.applyCommandLine(argc, argv);
  return context.run();
}
