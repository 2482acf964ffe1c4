// What a person sees on a terminal, and what a file gets instead.
#include <csignal>

#include <doctest/doctest.h>

#include "world.hpp"

namespace talos::test {

namespace {

constexpr std::string_view escape = "\x1b";
constexpr std::string_view colour = "\x1b[3";       // 31 red, 32 green, 33 yellow
constexpr std::string_view live_line = "\r\x1b[K";  // back to the first column, and the rest erased

ProcessOptions terminal(std::map<std::string, std::string> environment = {}) {
  ProcessOptions options;
  options.terminal_in = options.terminal_out = options.terminal_err = true;
  options.environment = std::move(environment);
  options.environment.try_emplace("TERM", "xterm-256color");
  return options;
}

struct Slow : World {
  Slow() {
    tables(1);
    migration(2, "slow", endless_statement);
  }
};

}  // namespace

TEST_CASE("on a terminal there is colour, and a live line with the running migration that is erased at the end") {
  Slow world;
  Process runner = world.start({"up"}, terminal());
  runner.wait_for_output("Applying 000002_slow (2 of 2)");
  CHECK(runner.err_so_far() == Part{live_line});
  runner.wait_for_output(" 1s");  // it counts
  runner.type("\x03");            // Ctrl-C
  const auto result = runner.wait();
  CHECK(result.status == 130);
  CHECK(result.err == Part{colour});
  CHECK(result.err.rfind(live_line) > result.err.rfind("Applying 000002_slow"));
}

TEST_CASE("on a terminal status shows its word in colour") {
  World world;
  world.tables(1);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.migrate({"status"}, terminal()).out == Part{"Database Status: \x1b[32mclean\x1b[0m"});
}

TEST_CASE("stdout has no escape byte where only stderr is a terminal, and the other way round") {
  World world;
  world.tables(1);
  ProcessOptions only_err;
  only_err.terminal_err = true;
  const auto first = world.migrate({"up"}, only_err);
  CHECK(first.err == Part{colour});
  CHECK(world.migrate({"status"}, only_err).out != Part{escape});
  CHECK(world.migrate({"down"}).status == 0);
  ProcessOptions only_out;
  only_out.terminal_out = true;
  CHECK(world.migrate({"up"}, only_out).err != Part{escape});
  CHECK(world.migrate({"status"}, only_out).out == Part{colour});
}

TEST_CASE("no colour with NO_COLOR, --color never or TERM=dumb; an empty NO_COLOR is none") {
  const auto run_up = [](std::vector<std::string> more, std::map<std::string, std::string> environment) {
    World world;
    world.tables(1);
    more.insert(more.begin(), "up");
    const auto up = world.migrate(more, terminal(environment));
    more[0] = "status";
    return up.err + world.migrate(more, terminal(environment)).out;
  };
  CHECK(run_up({}, {}) == Part{colour});
  CHECK(run_up({}, {{"NO_COLOR", ""}}) == Part{colour});
  CHECK(run_up({}, {{"NO_COLOR", "1"}}) != Part{colour});
  CHECK(run_up({"--color", "never"}, {}) != Part{colour});
  CHECK(run_up({}, {{"TERM", "dumb"}}) != Part{colour});
  CHECK(run_up({"--color", "always"}, {{"NO_COLOR", "1"}}) == Part{colour});
}

TEST_CASE("a dumb terminal gets no escape byte at all") {
  Slow world;
  Process runner = world.start({"up", "--log-level", "debug"}, terminal({{"TERM", "dumb"}}));
  runner.wait_for_output("migrations planned");
  runner.signal(SIGTERM);
  const auto result = runner.wait();
  CHECK(result.status == 143);
  CHECK(result.err != Part{escape});
}

TEST_CASE("without a terminal nothing printed holds an escape byte or a carriage return") {
  World world;
  world.tables(1);
  world.migration(2, "bad", "INSERT INTO missing VALUES (1);\n");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"up"}, {"status"}, {"history"}, {"up", "--dry-run"}, {"up", "--to", "9"}, {"down"}}) {
    const auto result = world.migrate(words);
    for (const std::string& text : {result.out, result.err}) {
      CHECK(text != Part{escape});
      CHECK(text != Part{"\r"});
    }
  }
}

TEST_CASE("--color always colours a file too") {
  World world;
  world.tables(1);
  const auto result = world.migrate({"up", "--color", "always"});
  CHECK(result.err == Part{colour});
  CHECK(world.migrate({"status", "--color", "always"}).out == Part{colour});
}

TEST_CASE("without a terminal a long migration gives a plain line every ten seconds") {
  Slow world;
  Process runner = world.start({"up"});
  runner.wait_for_output("Applying 000002_slow (2 of 2) … 10s\n");
  runner.signal(SIGINT);
  const auto result = runner.wait();
  CHECK(result.status == 130);
  CHECK(result.err != Part{escape});
}

TEST_CASE("--quiet leaves only warnings and errors, on a terminal and elsewhere") {
  for (const bool on_terminal : {false, true}) {
    World world;
    world.tables(2);
    const ProcessOptions options = on_terminal ? terminal() : ProcessOptions{};
    const auto up = world.migrate({"up", "--quiet"}, options);
    CHECK(up.status == 0);
    CHECK(up.err.empty());
    CHECK(up.out == Part{"Applied 2 migrations"});
    world.migration(3, "bad", "INSERT INTO missing VALUES (1);\n");
    const auto failed = world.migrate({"up", "--quiet"}, options);
    CHECK(failed.status == 1);
    CHECK(failed.err == Part{"no such table: missing"});
  }
}

TEST_CASE("what a migration's text or a file's name holds cannot steer the terminal") {
  World world;
  world.migration(1, "a\x1b[31mred", "INSERT INTO \"\x1b[2Jmissing\" VALUES (1);\n");
  const auto result = world.migrate({"up"});
  CHECK(result.status == 1);
  CHECK(result.err != Part{escape});
  for (const char* command : {"status", "history"}) CHECK(world.migrate({command}).out != Part{escape});
  CHECK(world.migrate({"up", "--dry-run"}).out != Part{escape});
}

TEST_CASE("a reader that goes away does not end a migration half-way") {
  World world;
  world.tables(3);
  ProcessOptions options;
  options.argv = {"bash",
                  "-c",
                  "set -o pipefail; \"$0\" migrate up --database \"$1\" --migrations \"$2\" 2>&1 >/dev/null | true",
                  talos_program().string(),
                  "sqlite://" + world.database.string(),
                  world.migrations.string()};
  run(options);
  CHECK(world.tracker() == "3,0");
}

TEST_CASE("a closed stdout or stdin is no reason to write into the database") {
  World world;
  world.tables(3);
  ProcessOptions options;
  options.close_input = options.close_output = true;
  world.migrate({"up", "--log-level", "trace"}, options);
  CHECK(world.tracker() == "3,0");
  CHECK(world.rows("PRAGMA integrity_check")[0] == "ok");
}

}  // namespace talos::test
