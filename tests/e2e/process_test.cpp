// The tests' own instrument.
#include <csignal>
#include <cstdlib>

#include <doctest/doctest.h>

#include "process.hpp"
#include "sqlite_file.hpp"
#include "talos.hpp"

namespace talos::test {

namespace {

ProcessOptions shell(const std::string& script) {
  ProcessOptions options;
  options.argv = {"sh", "-c", script};
  return options;
}

}  // namespace

TEST_CASE("a child's output, errors and exit status come back apart") {
  const auto result = run(shell("echo out; echo err >&2; exit 7"));
  CHECK(result.out == "out\n");
  CHECK(result.err == "err\n");
  CHECK(result.status == 7);
  CHECK(result.signal == 0);
}

TEST_CASE("a child may print and read more than a pipe holds") {
  auto options = shell("cat; head -c 1000000 /dev/zero >&2");
  options.input = std::string(1'000'000, 'x');
  const auto result = run(options);
  CHECK(result.out == *options.input);
  CHECK(result.err.size() == 1'000'000);
}

TEST_CASE("a child inherits nothing but PATH, HOME and TMPDIR") {
  ::setenv("TALOS_TEST_STRAY", "1", 1);
  auto options = shell("env");
  options.environment["GIVEN"] = "yes";
  const auto result = run(options);
  CHECK(result.out.find("TALOS_TEST_STRAY") == std::string::npos);
  CHECK(result.out.find("GIVEN=yes\n") != std::string::npos);
  CHECK(result.out.find("PATH=") != std::string::npos);
}

TEST_CASE("a child that overruns its deadline is killed with its group, and that is a failure") {
  CHECK_THROWS_WITH_AS(run(shell("echo begun; tail -f /dev/null & wait"), std::chrono::milliseconds(200)),
                       doctest::Contains("begun"), std::runtime_error);
}

TEST_CASE("a running child can be waited for, signalled and seen ending by the signal") {
  Process child = Process::start(shell("echo ready; exec tail -f /dev/null"));
  child.wait_for_output("ready");
  CHECK(child.running());
  child.signal(SIGTERM);
  CHECK(child.wait().signal == SIGTERM);
}

TEST_CASE("what a child left in the background ends with it") {
  const auto result = run(shell("tail -f /dev/null & echo $!"));
  const auto pid = static_cast<pid_t>(std::stol(result.out));
  CHECK(eventually([&] { return ::kill(pid, 0) != 0; }));
}

TEST_CASE("a child has a terminal where it is given one, and only there") {
  auto options = shell("test -t 0 && echo in; test -t 1 && echo out; test -t 2 && echo err; read line; echo $line >&2");
  options.terminal_in = true;
  options.terminal_err = true;
  Process child = Process::start(options);
  child.type("typed\n");
  const auto result = child.wait();
  CHECK(result.out == "in\nerr\n");
  CHECK(result.err == "typed\n");
}

TEST_CASE("a transcript gets every argument and every byte printed") {
  const ScratchDirectory scratch;
  const auto file = scratch / "transcript";
  const char* given = std::getenv("TALOS_TEST_TRANSCRIPT");
  const std::string before = given == nullptr ? "" : given;
  ::setenv("TALOS_TEST_TRANSCRIPT", file.c_str(), 1);
  run(shell("echo visible; echo seen >&2"));
  ::setenv("TALOS_TEST_TRANSCRIPT", before.c_str(), 1);
  const std::string text = read_file(file);
  CHECK(text.find("echo visible; echo seen >&2") != std::string::npos);
  CHECK(text.find("\nvisible\n") != std::string::npos);
  CHECK(text.find("\nseen\n") != std::string::npos);
}

TEST_CASE("the built program runs") { CHECK(talos({"version"}).status == 0); }

}  // namespace talos::test
