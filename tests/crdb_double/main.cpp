#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <string>

#include <doctest/doctest.h>

#include "crdb_double.hpp"

int main(int argc, char** argv) {
  std::printf("%s\n", std::string(talos::test::crdb_double_limits()).c_str());
  std::fflush(stdout);
  return doctest::Context(argc, argv).run();
}
