#include "common/child_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include "talos/error.hpp"

using talos::Error;
using talos::ErrorCode;
using talos::common::ChildProcess;
using talos::common::Command;
using talos::common::Ended;
using talos::common::MemoryFile;
using talos::common::run;

namespace {

void go_on() {}

Command shell(const std::string& script) { return {{"/bin/sh", "-c", script}}; }

struct Stop {};

}  // namespace

TEST_CASE("What a child prints and how it ends is told") {
  const Ended ended = run(shell("echo out; echo problem >&2; exit 3"), go_on);
  CHECK(ended.status == 3);
  CHECK(ended.signal == 0);
  CHECK(ended.out == "out\n");
  CHECK(ended.error == "problem\n");
  CHECK(run(shell("kill -9 $$"), go_on).signal == SIGKILL);
  CHECK(run(shell("exit 0"), go_on).well());
}

TEST_CASE("Arguments reach a child as they are: there is no shell") {
  const std::string odd = "a b'c\"d$HOME;exit 1\n*";
  CHECK(run({{"/usr/bin/printf", "%s", odd}}, go_on).out == odd);
}

TEST_CASE("Much output neither blocks a child nor fills the memory") {
  const Ended ended = run(shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"), go_on);
  CHECK(ended.well());
  CHECK(ended.out.size() == 64 * 1024);
  CHECK(ended.error.size() == 64 * 1024);
}

TEST_CASE("A child has no input, and of the environment only what is essential") {
  ::setenv("PGPASSWORD", "hunter2", 1);
  ::setenv("TALOS_DSN", "postgres://u:hunter2@h/d", 1);
  Command command = shell("cat; env");
  command.environment = {"ONE=1"};
  const Ended ended = run(command, go_on);
  ::unsetenv("PGPASSWORD");
  ::unsetenv("TALOS_DSN");
  CHECK(ended.well());
  CHECK(ended.out.find("hunter2") == std::string::npos);
  CHECK(ended.out.find("ONE=1\n") != std::string::npos);
  CHECK(ended.out.find("LC_ALL=C\n") != std::string::npos);
  CHECK(ended.out.find("PATH=") != std::string::npos);
}

TEST_CASE("A child has the signals that a new program expects, whatever its parent ignores or blocks") {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t block;
  sigset_t before;
  sigemptyset(&block);
  sigaddset(&block, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &block, &before);
  const Ended pipe = run(shell("kill -PIPE $$; exit 0"), go_on);
  const Ended term = run(shell("kill -TERM $$; exit 0"), go_on);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  CHECK(pipe.signal == SIGPIPE);
  CHECK(term.signal == SIGTERM);
}

TEST_CASE("A file in memory is there for a child that keeps it, readable by its owner alone, and for no other") {
  const MemoryFile file("secret", "hunter2\n");
  Command command{{"/bin/sh", "-c", "cat \"$1\"; stat -L -c %a \"$1\"", "sh", file.path()}};
  CHECK(run(command, go_on).out.find("hunter2") == std::string::npos);
  command.keep = {file.fd()};
  CHECK(run(command, go_on).out == "hunter2\n600\n");
}

TEST_CASE("Output goes where it is wanted") {
  const MemoryFile file("out", "");
  Command command = shell("echo kept");
  command.output = file.fd();
  CHECK(run(command, go_on).out.empty());
  CHECK(::lseek(file.fd(), 0, SEEK_END) == 5);
}

TEST_CASE("What a tick throws ends the child") {
  pid_t child = 0;
  int ticks = 0;
  {
    ChildProcess process(shell("tail -f /dev/null & wait"));
    child = process.pid();
    CHECK_THROWS_AS(process.wait([&] {
      if (++ticks == 3) throw Stop();
    }),
                    Stop);
  }
  CHECK(::kill(child, 0) == -1);
  CHECK(errno == ESRCH);
}

TEST_CASE("A child that does not heed the request to end is killed") {
  pid_t child = 0;
  {
    ChildProcess process(shell("trap '' TERM; echo ready; exec tail -f /dev/null"));
    child = process.pid();
    int ticks = 0;
    CHECK_THROWS_AS(process.wait([&] {
      if (++ticks == 20) throw Stop();
    }),
                    Stop);
  }
  CHECK(::kill(child, 0) == -1);
}

TEST_CASE("One that leaves a process behind with its output open is not waited for") {
  const Ended ended = run(shell("tail -f /dev/null & echo done"), go_on);
  CHECK(ended.well());
  CHECK(ended.out == "done\n");
}

TEST_CASE("A program that cannot be started is named") {
  try {
    run({{"/nowhere/pg_dump"}}, go_on);
    FAIL("it ran");
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::unsupported);
    CHECK(std::string(error.what()).find("/nowhere/pg_dump") != std::string::npos);
  }
  CHECK(talos::common::find_program("sh"));
  CHECK_FALSE(talos::common::find_program("no-such-program"));
}
