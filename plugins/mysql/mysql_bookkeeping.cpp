#include "mysql_bookkeeping.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mysql_text.hpp"
#include "talos/clock.hpp"

namespace talos::mysql {

namespace {

constexpr std::string_view log_columns =
    "action, failed, version, tracker_version, title, file, size, sha256, started_at, duration_us, program, runner, "
    "os_user, error, error_code, line, statement, versions";

constexpr std::string_view journal_columns =
    "run, version, direction, statement, statements, state, file, sha256, text, line, before_image, started_at, "
    "finished_at, runner, error, error_code";

// What a server's release reserves as a word is no business of ours.
std::string quoted_columns(std::string_view columns) {
  std::string list;
  for (std::size_t at = 0; at < columns.size();) {
    const std::size_t end = std::min(columns.find(", ", at), columns.size());
    list += (list.empty() ? "`" : ", `") + std::string(columns.substr(at, end - at)) + "`";
    at = end + 2;
  }
  return list;
}

// Times among columns become texts.
std::string selected(std::string_view columns) {
  std::string list = quoted_columns(columns);
  for (const std::string_view time : {"`started_at`", "`finished_at`"}) {
    const auto at = list.find(time);
    if (at == std::string::npos) continue;
    list.replace(at, time.size(),
                 "CONCAT(DATE_FORMAT(" + std::string(time) + ", '%Y-%m-%dT%H:%i:%s.'), LPAD(MICROSECOND(" +
                     std::string(time) + ") DIV 1000, 3, '0'), 'Z')");
  }
  return list;
}

std::string text(const Row& row, std::size_t column) { return row.at(column).value_or(""); }

std::optional<std::int64_t> optional_integer(const Row& row, std::size_t column) {
  if (!row.at(column)) return std::nullopt;
  const std::string& digits = *row[column];
  std::int64_t number = 0;
  const auto end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, number).ptr != end)
    throw Error(ErrorCode::policy, "a whole number of the bookkeeping tables reads " + digits);
  return number;
}

std::int64_t integer(const Row& row, std::size_t column) { return optional_integer(row, column).value_or(0); }

bool boolean(const Row& row, std::size_t column) { return integer(row, column) != 0; }

LogRow log_row(const Row& row) {
  LogRow result;
  result.id = integer(row, 0);
  const std::string action = text(row, 1);
  const auto parsed = parse_log_action(action);
  if (!parsed)
    throw Error(ErrorCode::policy, "the history holds an action that this release does not know: " + action)
        .with_hint("use the release that wrote it");
  result.action = *parsed;
  result.failed = boolean(row, 2);
  result.version = integer(row, 3);
  result.current = integer(row, 4);
  result.title = text(row, 5);
  result.file = text(row, 6);
  result.size = optional_integer(row, 7);
  result.sha256 = text(row, 8);
  result.started_at = text(row, 9);
  result.duration_us = integer(row, 10);
  result.program = text(row, 11);
  result.runner = text(row, 12);
  result.user = text(row, 13);
  result.error = text(row, 14);
  result.error_code = text(row, 15);
  result.line = optional_integer(row, 16);
  result.statement = optional_integer(row, 17);
  result.versions = text(row, 18);
  return result;
}

JournalRow journal_row(const Row& row) {
  JournalRow result;
  result.run = text(row, 0);
  result.version = integer(row, 1);
  result.direction = text(row, 2) == "down" ? Direction::down : Direction::up;
  result.statement = integer(row, 3);
  result.statements = integer(row, 4);
  result.state = parse_journal_state(text(row, 5));
  result.file = text(row, 6);
  result.sha256 = text(row, 7);
  result.text = text(row, 8);
  result.line = optional_integer(row, 9);
  result.before = text(row, 10);
  result.started_at = text(row, 11);
  result.finished_at = text(row, 12);
  result.runner = text(row, 13);
  result.error = text(row, 14);
  result.error_code = text(row, 15);
  return result;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" _-.,:@/+").find(c) != std::string_view::npos;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  result.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    result += digits[byte >> 4U];
    result += digits[byte & 15U];
  }
  return result;
}

std::string yes_or_no(bool value) { return value ? "1" : "0"; }

std::string time_or(std::string_view time, const std::string& expression) {
  return time.empty() ? expression : time_literal(time);
}

std::string is_row(const TrackerRow& row) {
  return " WHERE `version` = " + std::to_string(row.version) + " AND `dirty` = " + yes_or_no(row.dirty);
}

std::string values(std::initializer_list<std::string> list) {
  std::string result = "VALUES (" + std::to_string(bookkeeping_layout);
  for (const std::string& value : list) result += ", " + value;
  return result + ")";
}

// A table of that name that is not ours, or of a later release, is refused (G17): `columns` is what it has.
void check_columns(const std::string& table, const std::string& has, std::string_view wanted) {
  const std::string list = "," + has + ",";
  for (std::size_t at = 0; at < wanted.size();) {
    const std::size_t end = std::min(wanted.find(", ", at), wanted.size());
    const std::string column(wanted.substr(at, end - at));
    if (list.find("," + column + ",") == std::string::npos)
      throw Error(ErrorCode::policy, "the table " + table + " is not this program's: it has no column " + column)
          .with_hint("choose another tracker table with --table");
    at = end + 2;
  }
}

void check_layout(const std::string& table, const Table& answer) {
  if (answer.rows.empty()) return;
  if (const auto layout = optional_integer(answer.rows[0], 0); layout && *layout > bookkeeping_layout)
    throw Error(ErrorCode::policy, "the table " + table + " has layout " + std::to_string(*layout) +
                                       ", which a newer release made; this one knows " +
                                       std::to_string(bookkeeping_layout))
        .with_hint("use that release");
}

// The columns of the table with this name; nothing if there is none.
std::optional<std::string> columns_of(const Table& answer, const std::string& table) {
  for (const Row& row : answer.rows)
    if (text(row, 0) == table) return text(row, 2);
  return std::nullopt;
}

}  // namespace

std::string stored(std::string_view text) {
  if (text.empty()) return "NULL";
  if (std::all_of(text.begin(), text.end(), is_plain)) return "'" + std::string(text) + "'";
  // Quotes and backslashes mean what sql_mode says, and bytes what the character set says; these do not.
  return "_utf8mb4 x'" + hexadecimal(valid_utf8(text)) + "'";
}

std::string time_literal(std::string_view time) {
  std::string text(time);
  std::replace(text.begin(), text.end(), 'T', ' ');
  if (text.ends_with('Z')) text.pop_back();
  return stored(text);
}

std::string require_sql(const std::string& condition) {
  // The LIMIT stands against a script's sql_select_limit = 0.
  return "SELECT IF(" + condition + ", 1, (SELECT 1 UNION SELECT 2)) LIMIT 1";
}

Bookkeeping::Bookkeeping(std::string database, std::string table)
    : database_(std::move(database)), table_(std::move(table)) {
  const auto qualified = [&](const char* suffix) {
    return quoted_name(database_) + "." + quoted_name(table_ + suffix);
  };
  tracker_ = qualified("");
  log_ = qualified("_log");
  journal_ = qualified("_journal");
  lock_ = qualified("_lock");
}

std::vector<std::string> Bookkeeping::names() const {
  return {table_, table_ + "_log", table_ + "_journal", table_ + "_lock"};
}

bool Bookkeeping::owns(std::string_view name) const {
  const auto all = names();
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::string Bookkeeping::existing_sql() const {
  std::string names;
  for (const std::string& name : this->names()) names += (names.empty() ? "" : ", ") + stored(name);
  // Binary: names are compared as the server compares them only where the file system does, too.
  return "SELECT t.TABLE_NAME, IFNULL(t.ENGINE, ''), (SELECT GROUP_CONCAT(c.COLUMN_NAME) FROM "
         "information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = " +
         // Said twice: MariaDB would open every table of the server to find those of a database that it does not know
         // yet.
         stored(database_) +
         " AND c.TABLE_NAME = t.TABLE_NAME) FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = " +
         stored(database_) + " AND t.TABLE_NAME IN (" + names + ")";
}

Existing Bookkeeping::existing(const Table& answer) const {
  Existing existing;
  existing.known = true;
  existing.tracker = columns_of(answer, table_).has_value();
  existing.log = columns_of(answer, table_ + "_log").has_value();
  existing.journal = columns_of(answer, table_ + "_journal").has_value();
  existing.lock = columns_of(answer, table_ + "_lock").has_value();
  for (const Row& row : answer.rows)
    if (const std::string engine = text(row, 1); engine == "MyISAM" || engine == "Aria" || engine == "MEMORY")
      existing.without_transactions +=
          (existing.without_transactions.empty() ? "" : ", ") + text(row, 0) + " (" + engine + ")";
  return existing;
}

State Bookkeeping::read(const Ask& ask, LogDepth depth, Existing& existing) const {
  // What was there at the last look is read at once.
  std::vector<Table> answers;
  Existing read = existing;
  try {
    answers = ask(existing_sql() + (read.any() ? "; " + rows_sql(read, depth) : ""));
  } catch (const Error& error) {
    // Gone meanwhile, or never ours: their columns tell.
    if (!read.any() || error.native_code.empty()) throw;
    read = {};
    answers = ask(existing_sql());
  }
  const Table columns = answers.at(0);
  // The tables may come into being between the two messages.
  const Existing there = existing = this->existing(columns);
  check(columns, there);
  if (there.tracker != read.tracker || there.log != read.log || there.journal != read.journal) {
    answers.clear();
    if (there.any()) answers = ask("DO 0; " + rows_sql(there, depth));
  }
  return state_of(there, answers);
}

void Bookkeeping::check(const Table& columns, const Existing& there) const {
  const auto one = [&](bool exists, const std::string& table, std::string_view wanted) {
    if (exists) check_columns(table, columns_of(columns, table).value_or(""), wanted);
  };
  one(there.tracker, table_, "version, dirty");
  one(there.log, table_ + "_log", log_columns);
  one(there.journal, table_ + "_journal", journal_columns);
}

std::string Bookkeeping::rows_sql(const Existing& there, LogDepth depth) const {
  std::string sql = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
  if (there.tracker) sql += "; SELECT `version`, `dirty` FROM " + tracker_ + " LIMIT 2";
  if (there.log) {
    sql += "; SELECT MAX(`layout`) FROM " + log_ + "; SELECT `id`, " + selected(log_columns) + " FROM " + log_;
    if (depth == LogDepth::current)
      sql += " WHERE `id` >= COALESCE((SELECT MAX(`id`) FROM " + log_ +
             " WHERE `action` IN ('baseline', 'force') AND NOT `failed`), 0)";
    sql += " ORDER BY `id`";
  }
  if (there.journal)
    sql += "; SELECT MAX(`layout`) FROM " + journal_ + "; SELECT " + selected(journal_columns) + " FROM " + journal_ +
           " WHERE NOT `closed` ORDER BY `started_at`, `statement`";
  return sql + "; COMMIT";
}

// `answers` begins with that of some other statement.
State Bookkeeping::state_of(const Existing& there, const std::vector<Table>& answers) const {
  State state;
  state.tracker_exists = there.tracker;
  state.log_exists = there.log;
  state.journal_exists = there.journal;
  if (!there.without_transactions.empty())
    state.notes.push_back("the engine of " + there.without_transactions +
                          " has no transactions, and without them nothing guards against two runners: ALTER TABLE … "
                          "ENGINE = InnoDB");
  std::size_t next = 2;
  if (there.tracker)
    for (const Row& row : answers.at(next++).rows) state.tracker.push_back({integer(row, 0), boolean(row, 1)});
  if (there.log) {
    check_layout(table_ + "_log", answers.at(next++));
    for (const Row& row : answers.at(next++).rows) state.log.push_back(log_row(row));
  }
  if (there.journal) {
    check_layout(table_ + "_journal", answers.at(next++));
    for (const Row& row : answers.at(next++).rows) state.journal.push_back(journal_row(row));
  }
  return state;
}

std::vector<std::string> Bookkeeping::create_sql(const Existing& existing, bool journal, bool lock) const {
  // Texts are compared byte by byte, as everywhere else.
  const std::string layout =
      " ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin ROW_FORMAT = DYNAMIC";
  const std::string create = "CREATE TABLE IF NOT EXISTS ";
  std::vector<std::string> statements;
  // golang-migrate's own; its engine there is the server's default.
  if (!existing.tracker)
    statements.push_back(create + tracker_ +
                         " (version bigint not null primary key, dirty boolean not null) ENGINE = InnoDB");
  if (!existing.log)
    statements.push_back(
        create + log_ +
        " (`id` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, `layout` int NOT NULL, `action` varchar(16) NOT NULL,"
        " `failed` boolean NOT NULL, `version` bigint NOT NULL, `tracker_version` bigint NOT NULL, `title` text,"
        " `file` text, `size` bigint, `sha256` varchar(64), `started_at` datetime(3) NOT NULL, `duration_us` bigint,"
        " `program` text, `runner` text, `os_user` text, `error` mediumtext, `error_code` varchar(64), `line` bigint,"
        " `statement` bigint, `versions` longtext)" +
        layout);
  if (journal && !existing.journal)
    statements.push_back(create + journal_ +
                         " (`run` varchar(512) NOT NULL, `layout` int NOT NULL, `version` bigint NOT NULL,"
                         " `direction` varchar(8) NOT NULL, `statement` bigint NOT NULL, `statements` bigint NOT NULL,"
                         " `state` varchar(16) NOT NULL, `file` text, `sha256` varchar(64), `text` mediumtext,"
                         " `line` bigint, `before_image` mediumtext, `started_at` datetime(3) NOT NULL,"
                         " `finished_at` datetime(3), `runner` text, `error` mediumtext, `error_code` varchar(64),"
                         " `closed` boolean NOT NULL DEFAULT 0,"
                         " PRIMARY KEY (`run`, `version`, `direction`, `statement`))" +
                         layout);
  if (lock && !existing.lock)
    statements.push_back(create + lock_ +
                         " (`id` int NOT NULL PRIMARY KEY, `layout` int NOT NULL, `connection_id` bigint NOT NULL,"
                         " `runner` text, `since` datetime(3) NOT NULL)" +
                         layout);
  return statements;
}

std::vector<std::string> Bookkeeping::claim_sql(const Claim& claim, const std::string& also) const {
  const auto require = [&](const char* condition) {
    return require_sql(also.empty() ? condition : std::string(condition) + " AND " + also);
  };
  // Without CLIENT_FOUND_ROWS an UPDATE to the same values counts no row: a locking read asserts instead.
  const auto count = [&](const std::string& where) {
    return "SELECT COUNT(*) INTO @talos_rows FROM " + tracker_ + where + " LIMIT 1 FOR UPDATE";
  };
  if (!claim.from) {
    if (!claim.to) return {count(""), require("@talos_rows = 0")};
    return {count(""), require_sql("@talos_rows = 0"),
            "INSERT INTO " + tracker_ + " (`version`, `dirty`) SELECT " + std::to_string(claim.to->version) + ", " +
                yes_or_no(claim.to->dirty) + " FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM " + tracker_ + ")",
            require("ROW_COUNT() = 1")};
  }
  // Also the one where the tracker holds a second row misses.
  const std::string where =
      is_row(*claim.from) + " AND (SELECT `n` FROM (SELECT COUNT(*) AS `n` FROM " + tracker_ + ") AS `talos`) = 1";
  if (claim.to && *claim.from == *claim.to) return {count(where), require("@talos_rows = 1")};
  if (!claim.to) return {"DELETE FROM " + tracker_ + where, require("ROW_COUNT() = 1")};
  return {"UPDATE " + tracker_ + " SET `version` = " + std::to_string(claim.to->version) +
              ", `dirty` = " + yes_or_no(claim.to->dirty) + where,
          require("ROW_COUNT() = 1")};
}

std::string Bookkeeping::log_sql(const LogRow& row, const RowTimes& times) const {
  return "INSERT INTO " + log_ + " (`layout`, " + quoted_columns(log_columns) + ") " +
         values({stored(to_string(row.action)), yes_or_no(row.failed), std::to_string(row.version),
                 std::to_string(row.current), stored(row.title), stored(row.file), number_or_null(row.size),
                 stored(row.sha256), time_or(row.started_at, times.started_at),
                 row.duration_us >= 0 ? std::to_string(row.duration_us) : times.duration_us, stored(row.program),
                 stored(row.runner), stored(row.user), stored(row.error), stored(row.error_code),
                 number_or_null(row.line), number_or_null(row.statement), stored(row.versions)});
}

std::string Bookkeeping::journal_sql(const JournalWrite& write, const RowTimes& times) const {
  const JournalRow& row = write.row;
  // sql_safe_updates wants a LIMIT where no key is used; the largest number stands for none.
  const std::string all = " LIMIT 9223372036854775807";
  const std::string of_migration =
      " AND `version` = " + std::to_string(row.version) + " AND `direction` = " + stored(to_string(row.direction));
  switch (write.kind) {
    case JournalWriteKind::add:
      return "INSERT INTO " + journal_ + " (`layout`, " + quoted_columns(journal_columns) + ") " +
             values({stored(row.run), std::to_string(row.version), stored(to_string(row.direction)),
                     std::to_string(row.statement), std::to_string(row.statements), stored(to_string(row.state)),
                     stored(row.file), stored(row.sha256), stored(row.text), number_or_null(row.line),
                     stored(row.before), time_or(row.started_at, times.now),
                     row.finished_at.empty() ? "NULL" : time_literal(row.finished_at), stored(row.runner),
                     stored(row.error), stored(row.error_code)});
    case JournalWriteKind::update:
      return "UPDATE " + journal_ + " SET `state` = " + stored(to_string(row.state)) +
             ", `finished_at` = " + time_or(row.finished_at, times.now) + ", `error` = " + stored(row.error) +
             ", `error_code` = " + stored(row.error_code) + " WHERE `run` = " + stored(row.run) + of_migration +
             " AND `statement` = " + std::to_string(row.statement);
    case JournalWriteKind::supersede:
      return "UPDATE " + journal_ + " SET `closed` = 1 WHERE NOT `closed`" + of_migration +
             " AND `statement` >= " + std::to_string(row.statement) + all;
    case JournalWriteKind::close:
      return "UPDATE " + journal_ + " SET `closed` = 1 WHERE NOT `closed`" + all;
    case JournalWriteKind::finish:
      return "UPDATE " + journal_ + " SET `closed` = 1 WHERE `run` = " + stored(row.run) + of_migration +
             " AND NOT `closed`";
  }
  return "";
}

std::string Bookkeeping::tracker_count_sql(const TrackerRow& row) const {
  return "SELECT COUNT(*) FROM " + tracker_ + is_row(row);
}

std::string Bookkeeping::journal_count_sql(const std::vector<JournalRow>& rows) const {
  std::string keys;
  for (const JournalRow& row : rows)
    keys += (keys.empty() ? "(" : ", (") + stored(row.run) + ", " + std::to_string(row.version) + ", " +
            stored(to_string(row.direction)) + ", " + std::to_string(row.statement) + ")";
  return "SELECT COUNT(*) FROM " + journal_ + " WHERE (`run`, `version`, `direction`, `statement`) IN (" + keys + ")";
}

}  // namespace talos::mysql
