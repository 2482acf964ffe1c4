// SDK. The rows a migrator keeps in the database: tracker, history (<table>_log), journal (<table>_journal).
// The program says what they hold; a plugin only stores and reads them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "talos/migration.hpp"

namespace talos {

/// Layout of the side tables. A plugin refuses tables of a higher one, and adds the columns that a lower one lacks.
inline constexpr int bookkeeping_layout = 1;

/// The tracker is golang-migrate's: zero or one row. No row = nothing applied.
struct TrackerRow {
  Version version = no_version;
  bool dirty = false;
  bool operator==(const TrackerRow&) const = default;
};

/// A tracker table's name: [A-Za-z_][A-Za-z0-9_$]*, at most 55 bytes. Longer ones would make a side table's name equal
/// the tracker's where the server cuts names at 63 bytes. A plugin checks a name that its DSN gives.
constexpr bool is_table_name(std::string_view name) {
  if (name.empty() || name.size() > 55 || (name[0] >= '0' && name[0] <= '9') || name[0] == '$') return false;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '$') return false;
  }
  return true;
}

/// A compare-and-set on the tracker: `from` must be what it holds now, absent meaning the empty table. A plugin
/// makes it the first statement of its transaction and fails with ErrorCode::claim_lost when it misses. It misses, too,
/// where the tracker holds more than one row.
/// `from == to` asserts without changing.
struct Claim {
  std::optional<TrackerRow> from;
  std::optional<TrackerRow> to;
};

enum class LogAction { up, down, force, baseline };

/// The texts that the tables store.
constexpr std::string_view to_string(LogAction action) {
  switch (action) {
    case LogAction::up:
      return "up";
    case LogAction::down:
      return "down";
    case LogAction::force:
      return "force";
    case LogAction::baseline:
      return "baseline";
  }
  return "";
}
constexpr std::optional<LogAction> parse_log_action(std::string_view text) {
  for (const LogAction action : {LogAction::up, LogAction::down, LogAction::force, LogAction::baseline})
    if (to_string(action) == text) return action;
  return std::nullopt;
}

/// One row of <table>_log. Times are UTC, RFC 3339 with milliseconds. Empty strings and absent numbers are NULL.
struct LogRow {
  std::int64_t id = 0;  ///< given by the database, rising
  LogAction action = LogAction::up;
  bool failed = false;           ///< an attempt that did not happen; it changes nothing in what counts as applied
  Version version = no_version;  ///< the migration; for force and baseline the tracker's version
  Version current = no_version;  ///< the tracker's version after it
  std::string title;
  std::string file;
  std::optional<std::int64_t> size;  ///< bytes of the file
  std::string sha256;                ///< of the file's raw bytes, lower-case hexadecimal
  std::string started_at;            ///< empty in a row to write: the plugin puts the time Unit::step began
  std::int64_t duration_us = -1;     ///< negative in a row to write: the plugin puts the time since `began`
  /// In a row to write: when it began, if before execute() was called.
  std::optional<std::chrono::steady_clock::time_point> began = {};
  std::string program;  ///< name and version of the program
  std::string runner;   ///< pid@host
  /// Of force and baseline: the versions of the set that it took as applied, rising, separated by commas.
  std::string versions;
  std::string user;   ///< operating system user
  std::string error;  ///< of a failed attempt: the message …
  std::string error_code;
  std::optional<std::int64_t> line;       ///< … the line in the file …
  std::optional<std::int64_t> statement;  ///< … and the number of the statement
};

enum class JournalState {
  intent,   ///< about to run, or running; after a crash its outcome is unknown
  done,     ///< happened
  failed,   ///< did not happen, the engine said so; its error names what is left of it all the same
  unknown,  ///< sent, and no answer came
};

constexpr std::string_view to_string(JournalState state) {
  switch (state) {
    case JournalState::intent:
      return "intent";
    case JournalState::done:
      return "done";
    case JournalState::failed:
      return "failed";
    case JournalState::unknown:
      return "unknown";
  }
  return "unknown";
}
/// Anything that a later release may store is `unknown` to this one.
constexpr JournalState parse_journal_state(std::string_view text) {
  for (const JournalState state : {JournalState::intent, JournalState::done, JournalState::failed})
    if (to_string(state) == text) return state;
  return JournalState::unknown;
}

/// One row of <table>_journal: one statement of a migration that cannot run as one transaction.
struct JournalRow {
  std::string run;  ///< identifies the attempt; with version, direction and statement it is the key
  Version version = no_version;
  Direction direction = Direction::up;
  std::int64_t statement = 0;  ///< 1-based
  std::int64_t statements = 0;
  JournalState state = JournalState::intent;
  std::string file;
  std::string sha256;  ///< of the statement's text
  std::string text;    ///< its first line
  std::optional<std::int64_t> line;
  std::string before;       ///< probed definition of the objects it names, before it; empty where not probed
  std::string started_at;   ///< empty in a row to add: the plugin puts the time of the write
  std::string finished_at;  ///< empty in an update to done, failed or unknown: likewise
  std::string runner;
  std::string error;
  std::string error_code;
};

enum class JournalWriteKind {
  add,        ///< insert `row`
  update,     ///< set state, finished_at, error, error_code of the row with this key
  supersede,  ///< the open rows of this version and direction from this statement on, of any run, no longer count
  close,   ///< all open rows are settled: they no longer count (after success, or `force`); nothing without a journal
  finish,  ///< those with this run, version and direction are settled, by the key: what is older is not looked at
};

struct JournalWrite {
  JournalWriteKind kind = JournalWriteKind::add;
  JournalRow row;
  /// Of `add`, the statement that the row announces; without a script: none. A plugin with the ability Settlement
  /// stores as `before` what the catalogue says now of the objects that it names.
  ScriptPart subject = {};
};

/// How much of <table>_log Session::read_state() reads.
enum class LogDepth {
  current,  ///< from the last baseline or force row that did not fail on: what decides which migrations are applied
  all,      ///< everything
};

/// What the database says about itself, read without writing and without a lock.
struct State {
  bool database_exists = true;  ///< false: there is nothing to connect to yet (a missing SQLite file)
  bool tracker_exists = false;
  bool log_exists = false;
  bool journal_exists = false;
  std::vector<TrackerRow> tracker;  ///< at most two rows are read; two are an error the program reports
  std::vector<LogRow> log;          ///< by id
  std::vector<JournalRow> journal;  ///< the open rows, by statement
  std::vector<std::string> notes;   ///< sentences for the operator about how the state was read
};

}  // namespace talos
