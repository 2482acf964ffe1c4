#include "rows.hpp"

#include <fstream>
#include <optional>
#include <stdexcept>

#include "trace.hpp"
#include "workspace.hpp"

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

constexpr unsigned quick = 5;  // turns a round for what takes milliseconds, where one start more or less shows

const std::string count_tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 't[0-9]*'";

// A directory whose database has the whole set.
fs::path migrated(const Plan& plan, const std::string& name, const Way& way, const MigrationSet& set) {
  const fs::path directory = made(plan, name);
  way.write(directory, set);
  run(way.up(directory));
  return directory;
}

}  // namespace

void start_and_no_op(const Plan& plan, Row& row) {
  row.work = "start, and `up` with nothing to do";
  const Tools& tools = plan.tools;
  const MigrationSet set = one_table_each(100);
  const fs::path ours = migrated(plan, "talos", sqlite_talos(tools), set);
  std::vector<Contender> contenders{{"talos version", {{tools.program("talos"), "version"}, ours}},
                                    {"talos no-op up", sqlite_talos(tools).up(ours)}};
  if (tools.has("talos-commercial")) {
    const fs::path& commercial = tools.program("talos-commercial");
    contenders.push_back({"talos-commercial version", {{commercial, "version"}, ours}});
    contenders.push_back({"talos-commercial no-op up", sqlite_talos(tools).up(ours)});
    contenders.back().command.arguments.front() = commercial;
  }
  if (tools.has("dbmate")) {
    const fs::path theirs = migrated(plan, "dbmate", sqlite_dbmate(tools), set);
    contenders.push_back({"dbmate --version", {{tools.program("dbmate"), "--version"}, theirs}});
    contenders.push_back({"dbmate no-op up", sqlite_dbmate(tools).up(theirs)});
  }
  contenders.push_back({"true", {{in_path("true")}, ours}});
  row.series = take_turns(contenders, plan.rounds * quick, plan.workspace);
  compare(row, "talos version", "dbmate --version", 0.35);
  compare(row, "talos no-op up", "dbmate no-op up", 0.35);
  compare(row, "talos-commercial version", "dbmate --version", 0.35);
  compare(row, "talos-commercial no-op up", "dbmate no-op up", 0.35);
  row.notes.push_back("`true` in the same turns, the cost of starting any process: " +
                      milliseconds(row.series.back().median()));
  row.notes.push_back("the no-op is on 100 applied migrations");
}

void thousand_tables(const Plan& plan, Row& row) {
  row.work = "1,000 one-table migrations, new file";
  constexpr unsigned count = 1000;
  const MigrationSet set = one_table_each(count);
  std::vector<Contender> contenders;
  for (const Way& way : sqlite_ways(plan.tools)) {
    const fs::path directory = made(plan, std::to_string(contenders.size()));
    way.write(directory, set);
    contenders.push_back(
        {.name = way.name,
         .command = way.up(directory),
         .prepare = [directory] { clear_database(directory); },
         .check = [directory](const Finished&) { expect_count(database_of(directory), count_tables, count); }});
  }
  row.series = take_turns(contenders, plan.rounds, plan.workspace);
  for (const Contender& rival : contenders) {
    if (rival.name == "talos") continue;
    compare(row, "talos", rival.name, rival.name == "dbmate" ? std::optional(0.2) : std::nullopt);
  }
  std::string counts;
  for (const Contender& contender : contenders) {
    contender.prepare();
    const auto syncs = count_syncs(contender.command);
    if (syncs) counts += (counts.empty() ? "" : "; ") + contender.name + " " + std::to_string(*syncs);
  }
  row.notes.push_back(counts.empty() ? "fsync calls: not counted, no strace" : "fsync and fdatasync calls: " + counts);
}

void many_files(const Plan& plan, Row& row) {
  row.work = "nothing to do, many migration files";
  std::vector<Contender> contenders;
  std::optional<Contender> traced;
  const std::vector<std::pair<unsigned, std::string>> sizes{{10'000, "10,000"}, {100'000, "100,000"}};
  for (const auto& [files, text] : sizes) {
    const fs::path full = migrated(plan, "full-" + text, sqlite_talos(plan.tools), one_row_each(files / 2));
    expect_count(database_of(full), "SELECT count(*) FROM entries", files / 2 - 1);
    const fs::path empty = made(plan, "empty-" + text);
    MigrationSet nothing = one_row_each(files / 2);
    for (Migration& migration : nothing) migration.up = migration.down = "";
    write_pairs(empty / "migrations", nothing);
    contenders.push_back({"no-op up, " + text + " files", sqlite_talos(plan.tools).up(full)});
    contenders.push_back({"status, " + text + " files", talos_command(plan.tools, full, "status")});
    contenders.push_back(
        {"find, " + text + " files", {{in_path("find"), empty / "migrations", "-name", "*.sql"}, empty}});
    if (!traced) traced = contenders.front();
  }
  row.series = take_turns(contenders, plan.rounds, plan.workspace);
  for (const auto& [files, text] : sizes) {
    for (const char* work : {"no-op up, ", "status, "}) {
      compare(row, work + text + " files", "find, " + text + " files", 3);
    }
  }
  // Linear: ten times the files, at most ten times the time, and a tenth for noise.
  for (const char* work : {"no-op up, ", "status, "}) {
    compare(row, work + std::string("100,000 files"), work + std::string("10,000 files"), 11);
  }
  const fs::path migrations = traced->command.directory / "migrations";
  if (const auto opened = opened_files(traced->command, migrations, ".sql")) {
    row.figures.push_back({row.work, "migration files opened by a no-op up: " + std::to_string(opened->size()),
                           "bodies are not read", static_cast<double>(opened->size()), 0, true});
  }
  row.notes.push_back("half of the files are up files, half down; the database has a history row for each migration");
}

void many_plugins(const Plan& plan, Row& row) {
  row.work = "200 more files in the plugin directory";
  constexpr int extra = 200;
  const fs::path plugin = plan.tools.plugin_directory() / "sqlite.so";
  const fs::path directory = migrated(plan, "migrated", sqlite_talos(plan.tools), one_table_each(100));
  const fs::path one = directory / "plugins-1";
  const fs::path many = directory / "plugins-201";
  for (const fs::path& place : {one, many}) {
    fs::create_directory(place);
    fs::permissions(place, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
    fs::copy_file(plugin, place / "sqlite.so");
  }
  for (int number = 1; number <= extra; ++number) {
    fs::copy_file(plugin, many / ("extra" + std::to_string(number) + ".so"));
  }
  std::vector<Contender> contenders;
  for (const auto& [name, place] : {std::pair("1 plugin file", one), std::pair("201 plugin files", many)}) {
    Command command = sqlite_talos(plan.tools).up(directory);
    command.arguments.insert(command.arguments.end(), {"--plugin-dir", place});
    contenders.push_back({name, command});
  }
  row.series = take_turns(contenders, plan.rounds * quick, plan.workspace);
  compare(row, "201 plugin files", "1 plugin file", 1.1);
  if (const auto opened = opened_files(contenders.back().command, many, ".so")) {
    row.figures.push_back({row.work, "plugin files opened: " + std::to_string(opened->size()), "exactly one of 201",
                           static_cast<double>(opened->size()), 1, true});
    if (!opened->contains(many / "sqlite.so")) throw std::runtime_error("the plugin was not taken from --plugin-dir");
  } else {
    row.notes.push_back("opened files: not counted, no strace");
  }
}

}  // namespace talos::bench
