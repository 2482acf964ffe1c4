#include "tools.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

fs::path from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? fs::absolute(value) : fs::path();
}

// Rule T3: npm's `dbmate` command is a node script that starts the binary; the binary itself is measured.
fs::path find_dbmate(const fs::path& source) {
  if (const fs::path given = from_environment("DBMATE"); !given.empty()) return given;
  for (const char* place : {"node_modules", "build/bench-rivals/node_modules"}) {
    const fs::path candidate = source / place / "@dbmate/linux-x64/bin/dbmate";
    if (access(candidate.c_str(), X_OK) == 0) return fs::canonical(candidate);
  }
  return {};
}

// The first word that looks like one: "v1.3.1" of "sqitch (App::Sqitch) v1.3.1".
std::string version_in(const std::string& text) {
  constexpr const char* digits = "0123456789";
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.find_first_of(digits) <= 1 && word.find('.') != std::string::npos) return word;
  }
  return "unknown version";
}

fs::path migrations_of(const fs::path& directory) { return directory / "migrations"; }

std::string text_of_database(const fs::path& directory) { return database_of(directory).string(); }

Way dbmate_way(const fs::path& program, const std::string& name, const std::string& parameters) {
  return {name, "dbmate",
          [](const fs::path& directory, const MigrationSet& set) {
            write_marked(migrations_of(directory), set, "-- migrate:up", "-- migrate:down");
          },
          [program, parameters](const fs::path& directory) {
            return Command{{program, "--url", "sqlite://" + text_of_database(directory) + parameters,
                            "--migrations-dir", migrations_of(directory), "--no-dump-schema", "up"},
                           directory};
          }};
}

Way sql_migrate_way(const fs::path& program) {
  return {
      "sql-migrate", "sql-migrate",
      [](const fs::path& directory, const MigrationSet& set) {
        write_marked(migrations_of(directory), set, "-- +migrate Up", "-- +migrate Down");
        write_file(directory / "dbconfig.yml",
                   "bench:\n  dialect: sqlite3\n  datasource: file:" + text_of_database(directory) +
                       "?_synchronous=FULL\n  dir: " + migrations_of(directory).string() + "\n");
      },
      [program](const fs::path& directory) {
        return Command{{program, "up", "-config=" + (directory / "dbconfig.yml").string(), "-env=bench"}, directory};
      }};
}

Way sqitch_way(const fs::path& program) {
  return {"sqitch", "sqitch", write_sqitch, [program](const fs::path& directory) {
            return Command{{program, "deploy", "db:sqlite:" + text_of_database(directory)}, directory};
          }};
}

Way golang_migrate_way(const fs::path& program, const std::string& help) {
  const bool cgo = help.find("sqlite3") != std::string::npos;
  const std::string scheme = cgo ? "sqlite3://" : "sqlite://";
  const std::string parameters = cgo ? "?_synchronous=FULL" : "?_pragma=synchronous(FULL)";
  return {"golang-migrate", "golang-migrate",
          [](const fs::path& directory, const MigrationSet& set) { write_pairs(migrations_of(directory), set); },
          [=](const fs::path& directory) {
            return Command{{program, "-path", migrations_of(directory), "-database",
                            scheme + text_of_database(directory) + parameters, "up"},
                           directory};
          }};
}

Way goose_way(const fs::path& program) {
  return {"goose", "goose",
          [](const fs::path& directory, const MigrationSet& set) {
            write_marked(migrations_of(directory), set, "-- +goose Up", "-- +goose Down");
          },
          [program](const fs::path& directory) {
            return Command{
                {program, "-dir", migrations_of(directory), "sqlite3",
                 "file:" + text_of_database(directory) + "?_pragma=synchronous(FULL)&_synchronous=FULL", "up"},
                directory};
          }};
}

Way client_way(const fs::path& program, const std::string& name, bool one_transaction) {
  return {name, "sqlite3",
          [one_transaction](const fs::path& directory, const MigrationSet& set) {
            write_batch(directory / "batch.sql", set, one_transaction);
          },
          [program](const fs::path& directory) {
            return Command{{program, "-init", "/dev/null", "-batch", "-bail", database_of(directory)},
                           directory,
                           directory / "batch.sql"};
          }};
}

}  // namespace

fs::path database_of(const fs::path& directory) { return directory / "database" / "bench.db"; }

Command talos_command(const Tools& tools, const fs::path& directory, const std::string& subcommand) {
  return {{tools.program("talos"), "migrate", subcommand, "--database", "sqlite://" + database_of(directory).string(),
           "--migrations", migrations_of(directory)},
          directory};
}

Tools::Tools(const fs::path& source) {
  const fs::path here = fs::canonical("/proc/self/exe").parent_path();
  const fs::path given = from_environment("TALOS");
  plugin_directory_ = fs::weakly_canonical((given.empty() ? here : given.parent_path()) / TALOS_BENCH_PLUGIN_DIRECTORY);
  add({"talos", given.empty() ? here / "talos" : given, "", "its own setting: EXTRA"}, {"version"});
  if (!has("talos")) throw std::runtime_error("talos is not beside this program; TALOS can name it");
  add({"dbmate", find_dbmate(source), "", "?_synchronous=FULL in the URL (its driver's default is NORMAL)"},
      {"--version"});
  add({"sql-migrate", in_path("sql-migrate"), "",
       "?_synchronous=FULL in the datasource (its driver's default is NORMAL)"},
      {"--version"});
  add({"sqitch", in_path("sqitch"), "", "SQLite's default, FULL, in its registry and in the sqlite3 client it starts"},
      {"--version"});
  add({"golang-migrate", from_environment("GOLANG_MIGRATE"), "", "FULL in the URL, as its driver spells it"},
      {"-version"});
  add({"goose", from_environment("GOOSE"), "", "FULL in the DSN, as either of its drivers spells it"}, {"-version"});
  add({"sqlite3", in_path("sqlite3"), "", "PRAGMA synchronous = FULL"}, {"--version"});
}

void Tools::add(Tool tool, const std::vector<std::string>& version_arguments) {
  if (tool.program.empty() || access(tool.program.c_str(), X_OK) != 0) {
    tool.program.clear();
  } else {
    Command command{{tool.program}, fs::temp_directory_path()};
    command.arguments.insert(command.arguments.end(), version_arguments.begin(), version_arguments.end());
    tool.version = version_in(run(command).output);
  }
  tools_.push_back(std::move(tool));
}

const fs::path& Tools::program(const std::string& name) const {
  const auto found = std::ranges::find(tools_, name, &Tool::name);
  if (found == tools_.end() || found->program.empty()) throw std::runtime_error(name + " is not here");
  return found->program;
}

bool Tools::has(const std::string& name) const {
  return std::ranges::any_of(tools_, [&](const Tool& tool) { return tool.name == name && !tool.program.empty(); });
}

Way Tools::talos() const {
  return {"talos", "talos",
          [](const fs::path& directory, const MigrationSet& set) { write_pairs(migrations_of(directory), set); },
          [this](const fs::path& directory) { return talos_command(*this, directory, "up"); }};
}

Way Tools::dbmate() const { return dbmate_way(program("dbmate"), "dbmate", "?_synchronous=FULL"); }

std::vector<Way> Tools::ways() const {
  std::vector<Way> ways{talos()};
  if (has("dbmate")) {
    ways.push_back(dbmate());
    ways.push_back(dbmate_way(program("dbmate"), "dbmate as it comes (NORMAL)", ""));
  }
  if (has("sql-migrate")) ways.push_back(sql_migrate_way(program("sql-migrate")));
  if (has("sqitch")) ways.push_back(sqitch_way(program("sqitch")));
  if (has("golang-migrate")) {
    const fs::path& migrate = program("golang-migrate");
    ways.push_back(golang_migrate_way(migrate, run({{migrate, "-help"}, fs::temp_directory_path()}).output));
  }
  if (has("goose")) ways.push_back(goose_way(program("goose")));
  if (has("sqlite3")) {
    ways.push_back(client_way(program("sqlite3"), "sqlite3, a transaction a file", false));
    ways.push_back(client_way(program("sqlite3"), "sqlite3, one transaction", true));
  }
  return ways;
}

}  // namespace talos::bench
