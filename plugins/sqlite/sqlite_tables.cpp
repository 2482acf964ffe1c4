#include "sqlite_tables.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <initializer_list>
#include <set>
#include <vector>

namespace talos::sqlite {

namespace {

constexpr std::string_view log_columns =
    "action, failed, version, tracker_version, title, file, size, sha256, started_at, duration_us, program, runner, "
    "os_user, error, error_code, line, statement, versions";
constexpr std::string_view journal_columns =
    "run, version, direction, statement, statements, state, file, sha256, text, line, before_image, started_at, "
    "finished_at, runner, error, error_code";

// The same, without the texts that planning has no use for: a history may have 100,000 rows.
constexpr std::string_view log_columns_for_planning =
    "action, failed, version, tracker_version, title, CASE failed WHEN 1 THEN file END, size, sha256, started_at, "
    "duration_us, CASE failed WHEN 1 THEN program END, CASE failed WHEN 1 THEN runner END, "
    "CASE failed WHEN 1 THEN os_user END, error, error_code, line, statement, versions";

std::string quoted(const std::string& name) { return "main.\"" + name + "\""; }

// As golang-migrate writes it into the schema: without quotes, unless SQL has a meaning for the word.
std::string as_plain_as_possible(const std::string& name) {
  return sqlite3_keyword_check(name.data(), static_cast<int>(name.size())) != 0 ? "\"" + name + "\"" : name;
}

LogAction log_action(const std::string& text) {
  if (const auto action = parse_log_action(text)) return *action;
  throw Error(ErrorCode::policy, "the history holds a row of the unknown kind \"" + text + "\"")
      .with_hint("a newer release wrote it: use that one");
}

// The columns of a table of ours, or nothing if there is no such table.
std::set<std::string> columns_of(Database& db, const std::string& table) {
  Query query(db, "SELECT lower(name) FROM pragma_table_info(?1, 'main')");
  query.bind(1, std::string_view(table));
  std::set<std::string> columns;
  while (query.step()) columns.insert(query.text(0));
  return columns;
}

void check_columns(const std::set<std::string>& columns, const std::string& table, std::string_view wanted) {
  while (!wanted.empty()) {
    const auto end = std::min(wanted.find(','), wanted.size());
    const std::string column(wanted.substr(0, end));
    wanted.remove_prefix(std::min(end + 2, wanted.size()));
    if (!columns.contains(column))
      throw Error(ErrorCode::policy, "the table " + table + " is not this program's: it has no column " + column)
          .with_hint("choose another tracker table with --table");
  }
}

void check_layout(Database& db, const std::string& table, const std::string& name) {
  Query query(db, "SELECT max(layout) FROM " + table);
  if (query.step() && query.integer(0) > bookkeeping_layout)
    throw Error(ErrorCode::policy, "the table " + name + " has layout " + std::to_string(query.integer(0)) +
                                       ", which a newer release made; this one knows " +
                                       std::to_string(bookkeeping_layout))
        .with_hint("use that release");
}

// A text that is not a number would read as 0 (SQLite's columns take anything).
TrackerRow tracker_row(const Query& query) {
  if (query.text(2) != "integer")
    throw Error(ErrorCode::policy, "the tracker holds a version that is not a whole number");
  // Only these two can be claimed by comparison.
  if (const std::string dirty = query.text(1); query.text(3) != "integer" || (dirty != "0" && dirty != "1"))
    throw Error(ErrorCode::policy, "the tracker holds a dirty flag that is neither 0 nor 1");
  return {query.integer(0), query.integer(1) == 1};
}

LogRow log_row(const Query& query) {
  LogRow row;
  row.id = query.integer(0);
  row.action = log_action(query.text(1));
  row.failed = query.integer(2) != 0;
  row.version = query.integer(3);
  row.current = query.integer(4);
  row.title = query.text(5);
  row.file = query.text(6);
  row.size = query.optional_integer(7);
  row.sha256 = query.text(8);
  row.started_at = query.text(9);
  row.duration_us = query.integer(10);
  row.program = query.text(11);
  row.runner = query.text(12);
  row.user = query.text(13);
  row.error = query.text(14);
  row.error_code = query.text(15);
  row.line = query.optional_integer(16);
  row.statement = query.optional_integer(17);
  row.versions = query.text(18);
  return row;
}

JournalRow journal_row(const Query& query) {
  JournalRow row;
  row.run = query.text(0);
  row.version = query.integer(1);
  row.direction = query.text(2) == "down" ? Direction::down : Direction::up;
  row.statement = query.integer(3);
  row.statements = query.integer(4);
  row.state = parse_journal_state(query.text(5));
  row.file = query.text(6);
  row.sha256 = query.text(7);
  row.text = query.text(8);
  row.line = query.optional_integer(9);
  row.before = query.text(10);
  row.started_at = query.text(11);
  row.finished_at = query.text(12);
  row.runner = query.text(13);
  row.error = query.text(14);
  row.error_code = query.text(15);
  return row;
}

}  // namespace

Tables::Tables(const std::string& table)
    : name_(table), tracker_(quoted(table)), log_(quoted(table + "_log")), journal_(quoted(table + "_journal")) {}

bool Tables::owns(std::string_view table) const {
  const std::string text(table);
  for (const char* suffix : {"", "_log", "_journal"})
    if (sqlite3_stricmp(text.c_str(), (name_ + suffix).c_str()) == 0) return true;
  return false;
}

State Tables::read(Database& db, LogDepth depth) const {
  State state;
  if (const auto columns = columns_of(db, name_); !columns.empty()) {
    state.tracker_exists = true;
    check_columns(columns, name_, "version, dirty");
    Query query(db, "SELECT version, dirty, typeof(version), typeof(dirty) FROM " + tracker_ + " LIMIT 2");
    while (query.step()) state.tracker.push_back(tracker_row(query));
  }
  if (const auto columns = columns_of(db, name_ + "_log"); !columns.empty()) {
    state.log_exists = true;
    check_columns(columns, name_ + "_log", log_columns);
    check_layout(db, log_, name_ + "_log");
    std::string sql =
        "SELECT id, " + std::string(depth == LogDepth::all ? log_columns : log_columns_for_planning) + " FROM " + log_;
    if (depth == LogDepth::current)
      sql += " WHERE id >= coalesce((SELECT max(id) FROM " + log_ +
             " WHERE action IN ('baseline', 'force') AND failed = 0), 0)";
    Query highest(db, "SELECT max(id) FROM " + log_);
    if (highest.step())
      state.log.reserve(static_cast<std::size_t>(std::clamp<std::int64_t>(highest.integer(0), 0, 1'000'000)));
    Query query(db, sql + " ORDER BY id");
    while (query.step()) state.log.push_back(log_row(query));
  }
  if (const auto columns = columns_of(db, name_ + "_journal"); !columns.empty()) {
    state.journal_exists = true;
    check_columns(columns, name_ + "_journal", journal_columns);
    check_layout(db, journal_, name_ + "_journal");
    Query query(db, "SELECT " + std::string(journal_columns) + " FROM " + journal_ +
                        " WHERE closed = 0 ORDER BY started_at, statement");
    while (query.step()) state.journal.push_back(journal_row(query));
  }
  return state;
}

void Tables::create(Database& db, bool journal) const {
  // golang-migrate's own, to the letter: its releases must be able to open the database, and a schema that one of
  // them began is the same as one that this program made.
  const std::string tracker = as_plain_as_possible(name_);
  db.exec("CREATE TABLE IF NOT EXISTS main." + tracker + " (version uint64,dirty bool)");
  db.exec("CREATE UNIQUE INDEX IF NOT EXISTS main.version_unique ON " + tracker + " (version)");
  db.exec("CREATE TABLE IF NOT EXISTS " + log_ +
          " (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, action TEXT NOT NULL, failed INTEGER NOT NULL,"
          " version INTEGER NOT NULL, tracker_version INTEGER NOT NULL, title TEXT, file TEXT, size INTEGER,"
          " sha256 TEXT, started_at TEXT NOT NULL, duration_us INTEGER, program TEXT, runner TEXT, os_user TEXT,"
          " error TEXT, error_code TEXT, line INTEGER, statement INTEGER, versions TEXT)");
  if (!journal) return;
  db.exec("CREATE TABLE IF NOT EXISTS " + journal_ +
          " (run TEXT NOT NULL, layout INTEGER NOT NULL, version INTEGER NOT NULL, direction TEXT NOT NULL,"
          " statement INTEGER NOT NULL, statements INTEGER NOT NULL, state TEXT NOT NULL, file TEXT, sha256 TEXT,"
          " text TEXT, line INTEGER, before_image TEXT, started_at TEXT NOT NULL, finished_at TEXT, runner TEXT,"
          " error TEXT, error_code TEXT, closed INTEGER NOT NULL DEFAULT 0,"
          " PRIMARY KEY (run, version, direction, statement))");
}

void Tables::claim(Database& db, const Claim& claim) const {
  int changed = 0;
  if (!claim.from && !claim.to) {
    Query query(db, "SELECT count(*) FROM " + tracker_);
    changed = query.step() && query.integer(0) == 0 ? 1 : 0;
  } else if (!claim.from) {
    Query query(db, "INSERT INTO " + tracker_ + " (version, dirty) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM " +
                        tracker_ + ")");
    changed = query.bind(1, claim.to->version).bind(2, std::int64_t{claim.to->dirty}).run();
  } else {
    const std::string where = " WHERE version = ?1 AND dirty = ?2 AND (SELECT count(*) FROM " + tracker_ + ") = 1";
    Query query(db, claim.to ? "UPDATE " + tracker_ + " SET version = ?3, dirty = ?4" + where
                             : "DELETE FROM " + tracker_ + where);
    query.bind(1, claim.from->version).bind(2, std::int64_t{claim.from->dirty});
    if (claim.to) query.bind(3, claim.to->version).bind(4, std::int64_t{claim.to->dirty});
    changed = query.run();
  }
  if (changed != 1) throw Error(ErrorCode::claim_lost, "the tracker no longer holds what the plan was made from");
}

void Tables::write_log(Database& db, const LogRow& row, const std::string& started_at,
                       std::chrono::microseconds took) const {
  Query query(db,
              "INSERT INTO " + log_ + " (layout, " + std::string(log_columns) +
                  ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)");
  query.bind(1, std::int64_t{bookkeeping_layout}).bind(2, to_string(row.action)).bind(3, std::int64_t{row.failed});
  query.bind(4, row.version).bind(5, row.current).bind(6, row.title).bind(7, row.file).bind(8, row.size);
  query.bind(9, row.sha256).bind(10, row.started_at.empty() ? started_at : row.started_at);
  query.bind(11, row.duration_us >= 0 ? row.duration_us : std::int64_t{took.count()});
  query.bind(12, row.program).bind(13, row.runner).bind(14, row.user).bind(15, row.error).bind(16, row.error_code);
  query.bind(17, row.line).bind(18, row.statement).bind(19, row.versions);
  query.run();
}

void Tables::write_journal(Database& db, const JournalWrite& write, const std::string& now) const {
  const JournalRow& row = write.row;
  switch (write.kind) {
    case JournalWriteKind::add: {
      Query query(db, "INSERT INTO " + journal_ + " (layout, " + std::string(journal_columns) +
                          ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)");
      query.bind(1, std::int64_t{bookkeeping_layout}).bind(2, row.run).bind(3, row.version);
      query.bind(4, to_string(row.direction))
          .bind(5, row.statement)
          .bind(6, row.statements)
          .bind(7, to_string(row.state));
      query.bind(8, row.file).bind(9, row.sha256).bind(10, row.text).bind(11, row.line).bind(12, row.before);
      query.bind(13, row.started_at.empty() ? now : row.started_at).bind(14, row.finished_at).bind(15, row.runner);
      query.bind(16, row.error).bind(17, row.error_code).run();
      return;
    }
    case JournalWriteKind::update: {
      Query query(db, "UPDATE " + journal_ +
                          " SET state = ?1, finished_at = ?2, error = ?3, error_code = ?4"
                          " WHERE run = ?5 AND version = ?6 AND direction = ?7 AND statement = ?8");
      query.bind(1, to_string(row.state)).bind(2, row.finished_at.empty() ? now : row.finished_at);
      query.bind(3, row.error).bind(4, row.error_code).bind(5, row.run).bind(6, row.version);
      query.bind(7, to_string(row.direction)).bind(8, row.statement).run();
      return;
    }
    case JournalWriteKind::supersede: {
      Query query(db, "UPDATE " + journal_ +
                          " SET closed = 1 WHERE closed = 0 AND version = ?1 AND direction = ?2 AND statement >= ?3");
      query.bind(1, row.version).bind(2, to_string(row.direction)).bind(3, row.statement).run();
      return;
    }
    case JournalWriteKind::close:
      if (columns_of(db, name_ + "_journal").empty()) return;
      db.exec("UPDATE " + journal_ + " SET closed = 1 WHERE closed = 0");
      return;
    case JournalWriteKind::finish: {
      Query query(db, "UPDATE " + journal_ +
                          " SET closed = 1 WHERE run = ?1 AND version = ?2 AND direction = ?3 AND closed = 0");
      query.bind(1, row.run).bind(2, row.version).bind(3, to_string(row.direction)).run();
      return;
    }
  }
}

}  // namespace talos::sqlite
