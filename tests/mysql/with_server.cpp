// with-mysql FLAVOUR -- COMMAND …: runs the command beside a server, mariadb or mysql, with a fresh database, whose DSN
// stands in for {dsn} in the arguments; its exit status is the command's. The command has its own way of skipping: here
// a missing server is exit 77, or 1 where CI=true.
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "mysql_server.hpp"
#include "run_beside.hpp"

namespace talos::test {
namespace {

int with_server(MysqlFlavour flavour, std::vector<std::string> command) {
  const auto installation = mysql_or_skip(flavour);
  if (!installation) return skip_status;
  MysqlServer server(*installation, unsynced_mysql);
  return run_beside(std::move(command), server.login(server.create_database()).dsn());
}

}  // namespace
}  // namespace talos::test

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() < 4 || words[2] != "--") {
    std::fprintf(stderr, "usage: with-mysql mariadb|mysql -- COMMAND...\n");
    return 2;
  }
  try {
    return talos::test::with_server(talos::test::mysql_flavour(words[1]), {words.begin() + 3, words.end()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "with-mysql: %s\n", error.what());
    return 1;
  }
}
