#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "cockroach_place.hpp"

int main(int argc, char** argv) {
  if (talos::test::live_cockroach())
    std::printf("on the live cluster that TALOS_TEST_COCKROACH_DSN names\n");
  else
    std::printf("%s\n", std::string(talos::test::crdb_double_limits()).c_str());
  doctest::Context context;
  context.applyCommandLine(argc, argv);
  return context.run();
}
