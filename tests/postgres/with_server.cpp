// with-postgres MAJOR -- COMMAND …: runs the command beside a server of that major version with a fresh database, whose
// DSN stands in for {dsn} in the arguments; its exit status is the command's. The command has its own way of skipping:
// here a missing server is exit 77, or 1 where CI=true.
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "postgres_server.hpp"
#include "run_beside.hpp"

namespace talos::test {
namespace {

int with_server(int major, std::vector<std::string> command) {
  const auto installation = postgres_or_skip(major);
  if (!installation) return skip_status;
  PostgresServer server(*installation, {"fsync=off"});
  return run_beside(std::move(command), server.dsn(server.create_database()));
}

}  // namespace
}  // namespace talos::test

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() < 4 || words[2] != "--" || words[1].find_first_not_of("0123456789") != std::string::npos) {
    std::fprintf(stderr, "usage: with-postgres MAJOR -- COMMAND...\n");
    return 2;
  }
  try {
    return talos::test::with_server(std::stoi(words[1]), {words.begin() + 3, words.end()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "with-postgres: %s\n", error.what());
    return 1;
  }
}
