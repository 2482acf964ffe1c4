// with-postgres MAJOR -- COMMAND …: runs the command beside a server of that major version with a fresh database, whose
// DSN stands in for {dsn} in the arguments; its exit status is the command's. The command has its own way of skipping:
// here a missing server is exit 77, or 1 where CI=true.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postgres_server.hpp"

namespace talos::test {
namespace {

constexpr int skipped = 77;

std::string replaced(std::string text, std::string_view what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

// With our own descriptors and environment, unlike a Process.
int run_here(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execvp(argv[0], argv.data());
    std::perror(argv[0]);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int with_server(int major, std::vector<std::string> command) {
  const auto installation = postgres_or_skip(major);
  if (!installation) return skipped;
  PostgresServer server(*installation, {"fsync=off"});
  const std::string dsn = server.dsn(server.create_database());
  for (std::string& word : command) word = replaced(word, "{dsn}", dsn);
  return run_here(command);
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
