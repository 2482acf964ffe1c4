// What the command line, the environment and the configuration file say, as values.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dsn.hpp"
#include "interrupted.hpp"
#include "talos/migration.hpp"

namespace talos::app {

enum class Command {
  migrate_up,
  migrate_down,
  migrate_status,
  migrate_force,
  migrate_resume,
  migrate_history,
  migrate_create,
  migrate_schema,
  migrate_backup,
  migrate_verify,
  migrate_diagnose,
  plugins,
  version,
  help,
  completion,
};

enum class Format { text, json, github };
enum class Color { automatic, always, never };
enum class LogLevel { trace, debug, info, warn, error, off };

struct Options {
  Command command = Command::help;
  std::vector<std::string> arguments;  ///< positional, after the command's words: force V, create NAME, help COMMAND…

  // The database. Which of the sources of the DSN wins is dsn_source's business, when a command needs it.
  std::optional<std::string> database;
  std::optional<std::filesystem::path> database_file;
  std::optional<std::filesystem::path> config;
  std::optional<std::filesystem::path> migrations;
  std::string table;  ///< empty: not given
  std::optional<std::filesystem::path> plugin_dir;

  // up, down
  std::optional<std::size_t> steps;
  std::optional<Version> to;
  bool all = false;
  bool yes = false;
  bool dry_run = false;

  // resume
  std::optional<Assumption> assume;

  // status
  bool block = false;
  std::optional<std::chrono::milliseconds> timeout;
  bool exit_code = false;
  bool verify = false;

  // backup, up
  std::optional<std::string> output;  ///< a file, or a storage URL
  std::optional<std::string> backup;  ///< likewise

  // verify
  std::optional<std::string> scratch;  ///< a DSN
  std::optional<std::string> from;     ///< a DSN
  std::optional<Version> since;
  std::optional<std::filesystem::path> queries;
  bool write_fingerprints = false;

  // force
  bool checked = false;

  // time limits
  std::chrono::milliseconds lock_timeout{60'000};
  std::chrono::milliseconds ddl_lock_timeout{2'000};
  int ddl_lock_retries = 30;
  std::chrono::milliseconds statement_timeout{0};
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{60'000};
  std::chrono::milliseconds wait{0};

  // policies
  bool durable_each = false;
  bool allow_out_of_order = false;
  bool allow_missing_down = false;
  bool allow_unknown_version = false;
  bool strict = false;

  // output
  Format format = Format::text;
  LogLevel log_level = LogLevel::info;
  Format log_format = Format::text;
  bool quiet = false;
  Color color = Color::automatic;
};

}  // namespace talos::app
