#include "tools.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "process.hpp"

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

}  // namespace

Tools::Tools(const fs::path& source) {
  const fs::path here = fs::canonical("/proc/self/exe").parent_path();
  const fs::path given = from_environment("TALOS");
  plugin_directory_ = fs::weakly_canonical((given.empty() ? here : given.parent_path()) / TALOS_BENCH_PLUGIN_DIRECTORY);
  add({"talos", given.empty() ? here / "talos" : given, "", "its own setting: EXTRA"}, {"version"});
  if (!has("talos")) throw std::runtime_error("talos is not beside this program; TALOS can name it");
  const fs::path commercial = from_environment("TALOS_COMMERCIAL");
  add({"talos-commercial", commercial.empty() ? here / "talos-commercial" : commercial, "", "as talos"}, {"version"});
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
  add({"psql", in_path("psql"), "", ""}, {"--version"});
  add({"mariadb", in_path("mariadb"), "", ""}, {"--version"});
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

bool Tools::leave_out(const std::string& name) {
  const auto found = std::ranges::find(tools_, name, &Tool::name);
  if (found == tools_.end()) return false;
  found->program.clear();
  return true;
}

}  // namespace talos::bench
