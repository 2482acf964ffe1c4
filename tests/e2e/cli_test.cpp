// The command line: commands, options, help, completion, create.
#include <csignal>

#include <doctest/doctest.h>

#include "world.hpp"

namespace talos::test {

namespace {

const std::vector<std::vector<std::string>> every_command{{"migrate", "up"},
                                                          {"migrate", "down"},
                                                          {"migrate", "status"},
                                                          {"migrate", "force"},
                                                          {"migrate", "history"},
                                                          {"migrate", "create"},
                                                          {"plugins"},
                                                          {"version"},
                                                          {"help"},
                                                          {"completion"}};

std::vector<std::string> with(std::vector<std::string> words, std::vector<std::string> more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Refused as a usage error that says `why`, with nothing on stdout and nothing made.
void refused(const std::vector<std::string>& arguments, std::string_view why) {
  CAPTURE(joined(arguments));
  const ScratchDirectory scratch;
  ProcessOptions options;
  options.directory = scratch.path();
  const auto result = talos(arguments, options);
  CHECK(result.status == 2);
  CHECK(result.out.empty());
  CHECK(result.err == Part{"Error: "});
  CHECK(result.err == Part{why});
  CHECK(names_in(scratch.path()).empty());
}

}  // namespace

TEST_CASE("every command explains itself by --help, -h and help COMMAND, alike and on stdout") {
  for (const auto& command : every_command) {
    CAPTURE(joined(command));
    const auto help = talos(with(command, {"--help"}));
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    CHECK(help.out == Part{"Usage: talos " + joined(command)});
    CHECK(talos(with(command, {"-h"})).out == help.out);
    CHECK(talos(with({"help"}, command)).out == help.out);
  }
}

TEST_CASE("the help of every migrate command names every option that all of them take") {
  for (const auto& command : every_command) {
    if (command[0] != "migrate") continue;
    CAPTURE(joined(command));
    const std::string help = talos(with(command, {"--help"})).out;
    for (const char* option : {"--database DSN",
                               "--database-file FILE",
                               "--config FILE",
                               "--migrations DIR",
                               "--table NAME",
                               "--lock-timeout D",
                               "--ddl-lock-timeout D",
                               "--ddl-lock-retries N",
                               "--statement-timeout D",
                               "--connect-timeout D",
                               "--stall-timeout D",
                               "--wait D",
                               "--durable each|run",
                               "--allow-out-of-order",
                               "--allow-missing-down",
                               "--allow-unknown-version",
                               "--strict",
                               "--format text|json",
                               "--log-level LEVEL",
                               "--log-format text|json",
                               "--quiet",
                               "--color auto|always|never",
                               "--plugin-dir DIR"})
      CHECK(help == Part{option});
  }
}

TEST_CASE("the help holds the table of exit statuses and the sources of the DSN") {
  const auto help = talos({"--help"});
  CHECK(help.status == 0);
  for (const char* status :
       {"\n  0 ", "\n  1 ", "\n  2 ", "\n  3 ", "\n  4 ", "\n  5 ", "\n  6 ", "\n  7 ", "\n  128+n "})
    CHECK(help.out == Part{status});
  for (const char* source :
       {"--database", "--database-file", "DB_DSN", "DB_DSN_FILE", "DSN", "TALOS_DB_DSN", "--config"})
    CHECK(help.out == Part{source});
}

TEST_CASE("without arguments the program shows its help on stderr and exits 2") {
  const auto result = talos({});
  CHECK(result.status == 2);
  CHECK(result.out.empty());
  CHECK(result.err == talos({"--help"}).out);
}

TEST_CASE("the version is shown by version and by --version") {
  const auto result = talos({"version"});
  CHECK(result.status == 0);
  CHECK(result.out.starts_with("talos "));
  CHECK(talos({"--version"}).out == result.out);
}

TEST_CASE("a misspelt option is refused with the one that was meant") {
  refused({"migrate", "up", "--databse", "x.db"}, "did you mean --database?");
  refused({"migrate", "up", "--databse=x.db"}, "did you mean --database?");
  refused({"migrate", "status", "--exitcode"}, "did you mean --exit-code?");
}

TEST_CASE("option names are never abbreviated") {
  refused({"migrate", "up", "--data", "x.db"}, "unknown option");
  refused({"migrate", "up", "--database", "x.db", "--dry"}, "unknown option");
  refused({"migrate", "up", "--databas=x.db"}, "unknown option");
}

TEST_CASE("a misspelt command is refused with the one that was meant") {
  refused({"migrate", "stauts"}, "did you mean: migrate status");
  refused({"pluginz"}, "did you mean: plugins");
  refused({"up"}, "did you mean: migrate up");
  refused({"migrate", "upp", "--database", "x.db"}, "did you mean: migrate up");
}

TEST_CASE("migrate alone names its commands") {
  refused({"migrate"}, "up, down, status, resume, force, history, schema, verify, diagnose, backup or create");
  CHECK(talos({"migrate", "--help"}).status == 0);
}

TEST_CASE("a number that cannot be one is refused") {
  refused({"migrate", "up", "--database", "x.db", "--steps", "0"}, "--steps must be a number");
  refused({"migrate", "up", "--database", "x.db", "--steps", "-1"}, "--steps");
  refused({"migrate", "up", "--database", "x.db", "--steps", "two"}, "--steps must be a number");
  refused({"migrate", "up", "--database", "x.db", "--steps", "1x"}, "--steps must be a number");
  refused({"migrate", "up", "--database", "x.db", "--steps", "99999999999999999999"}, "--steps must be a number");
  refused({"migrate", "up", "--database", "x.db", "--to", "-1"}, "--to");
  refused({"migrate", "down", "--database", "x.db", "--to", "1.5"}, "--to must be a number");
  refused({"migrate", "up", "--database", "x.db", "--ddl-lock-retries", "-3"}, "--ddl-lock-retries");
  refused({"migrate", "force", "--database", "x.db", "-2"}, "the version");
  refused({"migrate", "force", "--database", "x.db", "9223372036854775808"}, "the version");
  refused({"migrate", "force", "--database", "x.db", "seven"}, "the version");
}

TEST_CASE("a duration that cannot be one is refused") {
  for (const char* option : {"--lock-timeout", "--ddl-lock-timeout", "--statement-timeout", "--connect-timeout",
                             "--stall-timeout", "--wait"})
    for (const char* value : {"5", "-5s", "5 s", "5x", "", "s", "1h30", "99999999999999h"})
      refused({"migrate", "up", "--database", "x.db", option, value}, option);
  refused({"migrate", "status", "--database", "x.db", "--block", "--timeout", "soon"}, "--timeout must be a duration");
}

TEST_CASE("durations are written as in Go") {
  World world;
  world.tables(1);
  for (const char* value : {"500ms", "30s", "1h30m", "1.5s", "0"}) {
    CAPTURE(value);
    CHECK(world.migrate({"up", "--lock-timeout", value}).status == 0);
  }
}

TEST_CASE("options that exclude each other are refused") {
  refused({"migrate", "up", "--database", "x.db", "--steps", "1", "--to", "2"}, "--steps and --to");
  refused({"migrate", "down", "--database", "x.db", "--steps", "1", "--to", "2"}, "--steps and --to");
  refused({"migrate", "down", "--database", "x.db", "--all", "--yes", "--to", "2"}, "--all");
  refused({"migrate", "down", "--database", "x.db", "--all", "--yes", "--steps", "2"}, "--all");
  refused({"migrate", "down", "--database", "x.db", "--yes"}, "--yes");
  refused({"migrate", "status", "--database", "x.db", "--timeout", "1s"}, "--timeout belongs to --block");
  refused({"migrate", "up", "--database", "x.db", "--database-file", "f"}, "--database-file");
}

TEST_CASE("an option given twice is refused") {
  refused({"migrate", "up", "--database", "x.db", "--database", "y.db"}, "--database is given twice");
  refused({"migrate", "up", "--database", "x.db", "--quiet", "--quiet"}, "--quiet is given twice");
  refused({"migrate", "up", "--database", "x.db", "--steps", "1", "--steps=1"}, "--steps is given twice");
}

TEST_CASE("an option of another command is refused") {
  refused({"migrate", "status", "--database", "x.db", "--steps", "1"}, "migrate status takes no --steps");
  refused({"migrate", "up", "--database", "x.db", "--all"}, "migrate up takes no --all");
  refused({"migrate", "up", "--database", "x.db", "--verify"}, "migrate up takes no --verify");
  refused({"migrate", "history", "--database", "x.db", "--dry-run"}, "migrate history takes no --dry-run");
  refused({"plugins", "--database", "x.db"}, "plugins takes no --database");
  refused({"version", "--migrations", "m"}, "version takes no --migrations");
}

TEST_CASE("an option without its value, or a switch with one, is refused") {
  refused({"migrate", "up", "--database"}, "--database needs a value");
  refused({"migrate", "up", "--database", "x.db", "--quiet=yes"}, "--quiet takes no value");
}

TEST_CASE("an argument too many or too few is refused") {
  refused({"migrate", "up", "--database", "x.db", "now"}, "unexpected argument");
  refused({"migrate", "force", "--database", "x.db"}, "migrate force needs V");
  refused({"migrate", "force", "--database", "x.db", "1", "2"}, "unexpected argument");
  refused({"migrate", "create", "--migrations", "."}, "migrate create needs NAME");
  refused({"completion"}, "completion needs");
  refused({"completion", "tcsh"}, "bash, zsh and fish");
  refused({"help", "nonsense"}, "no such command");
}

TEST_CASE("a value outside an option's list is refused with the list") {
  refused({"migrate", "up", "--database", "x.db", "--format", "xml"}, "text, json");
  refused({"migrate", "up", "--database", "x.db", "--log-format", "xml"}, "text, json");
  refused({"migrate", "up", "--database", "x.db", "--color", "blue"}, "auto, always, never");
  refused({"migrate", "up", "--database", "x.db", "--durable", "no"}, "each, run");
  refused({"migrate", "up", "--database", "x.db", "--log-level", "loud"}, "debug, info, warn");
}

TEST_CASE("G17: a tracker's name that is no plain name, or longer than 55 bytes, is refused") {
  const std::string longest(55, 'a');
  for (const std::string& name : {std::string("1a"), std::string("a-b"), std::string("a b"), std::string("a;b"),
                                  std::string("a.b"), std::string("\"a\""), std::string(""), longest + "a"})
    refused({"migrate", "up", "--database", "x.db", "--table", name}, "--table");
  World world;
  world.tables(1);
  CHECK(world.migrate({"up", "--table", longest}).status == 0);
  CHECK(world.rows("SELECT version FROM " + longest) == std::vector<std::string>{"1"});
}

TEST_CASE("G17: a keyword serves as the tracker's name") {
  World world;
  world.tables(2);
  CHECK(world.migrate({"up", "--table", "order"}).status == 0);
  CHECK(world.migrate({"down", "--table", "order"}).status == 0);
  CHECK(world.rows("SELECT version FROM \"order\"") == std::vector<std::string>{"1"});
}

TEST_CASE("a negative number is force's version and not an option") {
  World world;
  world.tables(1);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.migrate({"force", "-1"}).status == 0);
  CHECK(world.tracker() == "none");
}

TEST_CASE("a secret typed in the wrong place is not said again (G18)") {
  const std::string secret = "pa55w0rdX";
  const std::string dsn = "postgres://user:" + secret + "@host/db";
  const std::vector<std::vector<std::string>> slips{
      {dsn},
      {"migrate", dsn},
      {"migrate", "up", dsn},
      {"migrate", "up", "--databse", dsn},
      {"migrate", "up", "--databse=" + dsn},
      {"migrate", "up", "--" + dsn},
      {"migrate", "up", "--steps", dsn},
      {"migrate", "up", "--lock-timeout", dsn},
      {"migrate", "up", "--format", dsn},
      {"migrate", "up", "--table", dsn},
      {"migrate", "up", "--quiet=" + dsn},
      {"migrate", "force", dsn},
      {"migrate", "create", dsn, "--migrations", "."},
      {"help", dsn},
      {"completion", dsn},
      {"migrate", "up", "--database", "user:" + secret + "@tcp(host)/db"},
      {"migrate", "up", "--database", "://user:" + secret + "@host/db"},
      {"migrate", "up", "--database", dsn, "--database", dsn},
  };
  for (const auto& arguments : slips) {
    CAPTURE(joined(arguments));
    const ScratchDirectory scratch;
    ProcessOptions options;
    options.directory = scratch.path();
    const auto result = talos(arguments, options);
    CHECK(result.status != 0);
    CHECK(result.out != Part{secret});
    CHECK(result.err != Part{secret});
    CHECK(names_in(scratch.path()).empty());
  }
}

TEST_CASE("plugins lists the SQLite plugin as usable") {
  const auto result = talos({"plugins"});
  CHECK(result.status == 0);
  CHECK(result.out == Part{"sqlite sqlite3"});
  CHECK(result.out == Part{"usable"});
}

TEST_CASE("the completion script for bash is valid, and completes in a real bash") {
  const ScratchDirectory scratch;
  const auto script = talos({"completion", "bash"});
  CHECK(script.status == 0);
  write_file(scratch / "talos.bash", script.out);
  ProcessOptions check;
  check.argv = {"bash", "-n", (scratch / "talos.bash").string()};
  const auto parsed = run(check);
  CHECK(parsed.status == 0);
  CHECK(parsed.err.empty());

  const auto complete = [&](const std::string& words, int at) {
    ProcessOptions options;
    options.argv = {"bash", "--norc", "-c",
                    "source '" + (scratch / "talos.bash").string() + "'; COMP_WORDS=(" + words +
                        "); COMP_CWORD=" + std::to_string(at) +
                        "; $(complete -p talos | sed 's/.*-F \\([^ ]*\\).*/\\1/'); echo \"${COMPREPLY[*]}\""};
    return run(options).out;
  };
  CHECK(complete("talos migrate ''", 2) == "up down status resume force history create schema diagnose backup verify\n");
  CHECK(complete("talos migrate st", 2) == "status\n");
  CHECK(complete("talos comp", 1) == "completion\n");
  CHECK(complete("talos migrate status --exit", 3) == "--exit-code\n");
  CHECK(complete("talos migrate up --format ''", 4) == "text json\n");
}

TEST_CASE("the tab key completes a command of talos migrate") {
  const ScratchDirectory scratch;
  write_file(scratch / "talos.bash", talos({"completion", "bash"}).out);
  ProcessOptions options;
  options.argv = {"bash", "--norc", "--noprofile", "-i"};
  options.environment["TERM"] = "dumb";
  options.terminal_in = options.terminal_out = options.terminal_err = true;
  Process shell = Process::start(options);
  shell.type("source '" + (scratch / "talos.bash").string() + "'; talos() { echo \"run: $*\"; }\n");
  shell.type("talos migrate hi\t\n");
  shell.wait_for_output("run: migrate history\n");
  shell.signal(SIGKILL);
  shell.wait();
}

TEST_CASE("completion scripts for zsh and fish are there, with every command") {
  for (const char* shell : {"zsh", "fish"}) {
    CAPTURE(shell);
    const auto script = talos({"completion", shell});
    CHECK(script.status == 0);
    for (const char* word : {"up", "down", "status", "force", "history", "create", "plugins", "version", "completion",
                             "database-file", "allow-out-of-order"})
      CHECK(script.out == Part{word});
    if (!find_program(shell)) continue;
    const ScratchDirectory scratch;
    write_file(scratch / "script", script.out);
    ProcessOptions options;
    options.argv = {shell, "-n", (scratch / "script").string()};
    CHECK(run(options).status == 0);
  }
}

TEST_CASE("fish completes commands, options and the words an option can be") {
  if (!find_program("fish")) {
    MESSAGE("skipped: no fish here");
    return;
  }
  const ScratchDirectory scratch;
  write_file(scratch / "talos.fish", talos({"completion", "fish"}).out);
  const auto complete = [&](const std::string& line) {
    ProcessOptions options;
    options.argv = {"fish", "--no-config", "-c",
                    "source '" + (scratch / "talos.fish").string() + "'; complete -C '" + line + "'"};
    options.environment["HOME"] = scratch.path().string();
    return run(options).out;
  };
  CHECK(complete("talos migrate hi") == Part{"history\t"});
  CHECK(complete("talos migrate status --exit") == Part{"--exit-code\t"});
  CHECK(complete("talos migrate up --format ") == Part{"json\t"});
  CHECK(complete("talos completion ") == "bash\nfish\nzsh\n");
}

TEST_CASE("the tab key completes in zsh, from the first time on, where the script is a file of $fpath") {
  if (!find_program("zsh")) {
    MESSAGE("skipped: no zsh here");
    return;
  }
  const ScratchDirectory scratch;
  write_file(scratch / "_talos", talos({"completion", "zsh"}).out);
  ProcessOptions options;
  options.argv = {"zsh", "-f", "-i"};
  options.environment["TERM"] = "dumb";
  options.terminal_in = options.terminal_out = options.terminal_err = true;
  Process shell = Process::start(options);
  const std::string directory = scratch.path().string();
  shell.type("fpath=('" + directory + "' $fpath); autoload -Uz compinit; compinit -u -d '" + directory +
             "/dump'; talos() { echo \"run: $*.\" }; echo rea\"\"dy\n");
  shell.wait_for_output("ready\n");
  shell.type("talos migrate hi\t\n");
  shell.wait_for_output("run: migrate history");
  shell.type("talos migrate status --log-format js\t\n");
  shell.wait_for_output("run: migrate status --log-format json");
  shell.signal(SIGKILL);
  shell.wait();
}

TEST_CASE("create makes the next migration's two files and prints their names") {
  World world;
  const auto first = world.migrate({"create", "Add shirts"});
  // It takes the database options like the others, and needs none.
  CHECK(first.status == 0);
  CHECK(names_in(world.migrations) ==
        std::vector<std::string>{"000001_add_shirts.down.sql", "000001_add_shirts.up.sql"});
  CHECK(first.out == (world.migrations / "000001_add_shirts.up.sql").string() + "\n" +
                         (world.migrations / "000001_add_shirts.down.sql").string() + "\n");
  CHECK(first.err.empty());

  const auto second = talos({"migrate", "create", "hats-and_gloves", "--migrations", world.migrations.string()});
  CHECK(second.status == 0);
  CHECK(names_in(world.migrations).size() == 4);
  CHECK(second.out == Part{"000002_hats_and_gloves.up.sql"});
}

TEST_CASE("create goes on after the highest version, also after a gap or a short number") {
  World world;
  world.migration(41, "a", "");
  write_file(world.migrations / "97_b.up.sql", "");
  CHECK(talos({"migrate", "create", "c", "--migrations", world.migrations.string()}).out == Part{"000098_c.up.sql"});
}

TEST_CASE("what create makes can be applied at once") {
  World world;
  CHECK(world.migrate({"create", "empty"}).status == 0);
  CHECK(world.migrate({"up"}).status == 0);
  CHECK(world.migrate({"down"}).status == 0);
  CHECK(world.tracker() == "none");
}

TEST_CASE("create refuses a name that is no name, and makes nothing") {
  World world;
  for (const std::string& name : {std::string(""), std::string(" "), std::string("../up"), std::string("a/b"),
                                  std::string("a.b"), std::string("a\nb"), std::string("__"), std::string(300, 'a')}) {
    CAPTURE(name);
    CHECK(talos({"migrate", "create", name, "--migrations", world.migrations.string()}).status == 2);
  }
  CHECK(names_in(world.migrations).empty());
  CHECK(names_in(world.directory.path()) == std::vector<std::string>{"migrations"});
}

TEST_CASE("create refuses a directory that is not there, and says how to make it") {
  const ScratchDirectory scratch;
  const auto result = talos({"migrate", "create", "a", "--migrations", (scratch / "none").string()});
  CHECK(result.status == 2);
  CHECK(result.err == Part{"mkdir -p"});
  refused({"migrate", "create", "a"}, "--migrations");
}

TEST_CASE("several create at once never share or overwrite a file") {
  World world;
  std::vector<Process> children;
  for (int i = 0; i < 8; ++i)
    children.push_back(start_talos({"migrate", "create", "same", "--migrations", world.migrations.string()}));
  std::size_t made = 0;
  for (Process& child : children) {
    const auto result = child.wait();
    CHECK((result.status == 0 || result.status == 2));
    if (result.status == 0) ++made;
  }
  CHECK(made >= 1);
  CHECK(names_in(world.migrations).size() == 2 * made);
}

}  // namespace talos::test
