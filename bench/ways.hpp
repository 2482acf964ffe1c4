// How each tool applies a set of migrations.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "migration_set.hpp"
#include "process.hpp"
#include "tools.hpp"

namespace talos::bench {

/// One way to apply a set with a tool. All of a way's files lie in one directory.
struct Way {
  std::string name;
  std::string tool;
  std::function<void(const std::filesystem::path& directory, const MigrationSet& set)> write;
  std::function<Command(const std::filesystem::path& directory)> up;
};

/// How a tool is told where its database is; a SQLite file lies in the way's directory.
using DatabaseText = std::function<std::string(const std::filesystem::path& directory)>;

/// `program migrate up`: talos or talos-commercial.
Way talos_way(const std::filesystem::path& program, const std::string& name, DatabaseText database);
Way dbmate_way(const std::filesystem::path& program, const std::string& name, DatabaseText database);
/// `dialect` and `database` as in its dbconfig.yml.
Way sql_migrate_way(const std::filesystem::path& program, const std::string& dialect, DatabaseText database);
/// `engine` and its lines as in sqitch.conf.
Way sqitch_way(const std::filesystem::path& program, const std::string& engine, const std::string& engine_lines,
               DatabaseText database);
Way golang_migrate_way(const std::filesystem::path& program, DatabaseText database);
Way goose_way(const std::filesystem::path& program, const std::string& dialect, DatabaseText database);

/// The same, with that password among their arguments never shown.
std::vector<Way> masked(std::vector<Way> ways, const std::string& secret);

/// `talos migrate up`, or another subcommand, on the directory's SQLite file and migrations.
Command talos_command(const Tools& tools, const std::filesystem::path& directory, const std::string& subcommand);

/// The SQLite file of a way's directory.
std::filesystem::path database_of(const std::filesystem::path& directory);

/// To a SQLite file: a way for each tool that is here; talos is the first.
std::vector<Way> sqlite_ways(const Tools& tools);
Way sqlite_talos(const Tools& tools);
Way sqlite_dbmate(const Tools& tools);

}  // namespace talos::bench
