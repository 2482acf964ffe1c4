#include "pg_bookkeeping.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "pg_text.hpp"

namespace talos::pg {

namespace {

constexpr std::array<const char*, 4> suffixes = {"", "_log", "_journal", "_lock"};

constexpr std::string_view log_columns =
    "action, failed, version, tracker_version, title, file, size, sha256, started_at, duration_us, program, runner, "
    "os_user, error, error_code, line, statement, versions";

constexpr std::string_view journal_columns =
    "run, version, direction, statement, statements, state, file, sha256, text, line, before_image, started_at, "
    "finished_at, runner, error, error_code";

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

bool boolean(const Row& row, std::size_t column) { return text(row, column) == "t" || text(row, column) == "true"; }

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
  result.started_at = time_of(text(row, 9));
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
  result.started_at = time_of(text(row, 11));
  result.finished_at = time_of(text(row, 12));
  result.runner = text(row, 13);
  result.error = text(row, 14);
  result.error_code = text(row, 15);
  return result;
}

// Times among columns become numbers.
std::string selected(std::string_view columns) {
  std::string list(columns);
  for (const std::string_view time : {"started_at", "finished_at"})
    if (const auto at = list.find(time); at != std::string::npos) list.replace(at, time.size(), milliseconds_of(time));
  return list;
}

std::string time_or(std::string_view time, std::string_view otherwise) {
  return time.empty() ? std::string(otherwise) : literal(time) + "::timestamptz";
}

// File names and messages may be anything; the server takes valid UTF-8 only.
std::string stored(std::string_view text) { return literal_or_null(valid_utf8(text)); }

std::string yes_or_no(bool value) { return value ? "true" : "false"; }

// One row: the layout, and of the columns those that are not NULL.
std::string insert(const std::string& table, std::string_view columns, std::initializer_list<std::string> values,
                   const std::string& condition) {
  std::string names = "layout";
  std::string list = std::to_string(bookkeeping_layout);
  for (const std::string& value : values) {
    const std::size_t end = std::min(columns.find(", "), columns.size());
    if (value != "NULL") {
      names.append(", ").append(columns.substr(0, end));
      list += ", " + value;
    }
    columns.remove_prefix(std::min(end + 2, columns.size()));
  }
  const std::string into = "INSERT INTO " + table + " (" + names + ") ";
  return into + (condition.empty() ? "VALUES (" + list + ")" : "SELECT " + list + " WHERE " + condition);
}

std::string and_also(std::string_view condition) { return condition.empty() ? "" : " AND " + std::string(condition); }

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

}  // namespace

Bookkeeping::Bookkeeping(std::string schema, std::string table, const std::string& database)
    : schema_(std::move(schema)), table_(std::move(table)) {
  const auto qualified = [&](const char* suffix) {
    const std::string of_database = database.empty() ? "" : quoted_name(database) + ".";
    return of_database + quoted_name(schema_) + "." + quoted_name(table_ + suffix);
  };
  tracker_ = qualified("");
  log_ = qualified("_log");
  journal_ = qualified("_journal");
  lease_ = qualified("_lock");
}

std::vector<std::string> Bookkeeping::names() const {
  std::vector<std::string> names;
  for (const char* suffix : suffixes) names.push_back(table_ + suffix);
  return names;
}

// The columns of each table, in one text, or NULL where there is no such table. One join for all of them: to plan it is
// what it costs a new session.
std::string Bookkeeping::existing_sql(const std::string& schema, const std::string& table) {
  std::string columns;
  std::string names;
  for (const char* suffix : suffixes) {
    const std::string name = literal(table + suffix);
    const std::string separator = names.empty() ? "" : ", ";
    columns += separator + "string_agg(a.attname::text, ',') FILTER (WHERE c.relname = " + name + ")";
    names += separator + name;
  }
  return "SELECT " + columns +
         " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
         " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = " +
         schema + " AND c.relname IN (" + names +
         ") AND c.relkind IN ('r', 'p', 'v', 'f') AND a.attnum > 0 AND NOT a.attisdropped";
}

std::string Bookkeeping::existing_sql() const { return existing_sql(literal(schema_), table_); }

Existing Bookkeeping::existing(const Table& answer) {
  const Row& row = answer.rows.at(0);
  return {true, row.at(0).has_value(), row.at(1).has_value(), row.at(2).has_value(), row.at(3).has_value()};
}

State Bookkeeping::read(const Ask& ask, LogDepth depth, Existing& existing, const std::string& begin) const {
  // The tables may come into being between the two messages, but never go.
  const Table columns = ask(begin + "; " + existing_sql() + "; COMMIT").at(1);
  existing = Bookkeeping::existing(columns);
  if (existing.tracker) check_columns(table_, columns.rows[0][0].value_or(""), "version, dirty");
  if (existing.log) check_columns(table_ + "_log", columns.rows[0][1].value_or(""), log_columns);
  if (existing.journal) check_columns(table_ + "_journal", columns.rows[0][2].value_or(""), journal_columns);
  const std::vector<Table> answers = ask(begin + reading_sql(existing, depth) + "; COMMIT");
  return state_from(std::span(answers).subspan(1), existing);
}

State Bookkeeping::read_at_once(const Ask& ask, LogDepth depth, Existing& existing) const {
  if (!existing.known) return read(ask, depth, existing);
  std::vector<Table> answers;
  try {
    answers = ask(std::string(begin_reading) + "; " + existing_sql() + reading_sql(existing, depth) + "; COMMIT");
  } catch (const Error& error) {
    // A table is gone, or is not ours: read() tells.
    if (error.native_code != "42P01" && error.native_code != "42703") throw;
    return read(ask, depth, existing);
  }
  if (Bookkeeping::existing(answers.at(1)) != existing) return read(ask, depth, existing);
  return state_from(std::span(answers).subspan(2), existing);
}

std::string Bookkeeping::reading_sql(const Existing& existing, LogDepth depth) const {
  std::string sql;
  if (existing.tracker) sql += "; SELECT version, dirty FROM " + tracker_ + " LIMIT 2";
  if (existing.log) {
    sql += "; SELECT max(layout) FROM " + log_ + "; SELECT id, " + selected(log_columns) + " FROM " + log_;
    if (depth == LogDepth::current)
      sql += " WHERE id >= coalesce((SELECT max(id) FROM " + log_ +
             " WHERE action IN ('baseline', 'force') AND NOT failed), 0)";
    sql += " ORDER BY id";
  }
  if (existing.journal)
    sql += "; SELECT max(layout) FROM " + journal_ + "; SELECT " + selected(journal_columns) + " FROM " + journal_ +
           " WHERE NOT closed ORDER BY started_at, statement";
  return sql;
}

// `answers` are those to reading_sql().
State Bookkeeping::state_from(std::span<const Table> answers, const Existing& existing) const {
  State state;
  state.tracker_exists = existing.tracker;
  state.log_exists = existing.log;
  state.journal_exists = existing.journal;
  std::size_t next = 0;
  const auto answer = [&]() -> const Table& {
    if (next >= answers.size()) throw Error(ErrorCode::internal, "the server answered fewer statements than were sent");
    return answers[next++];
  };
  if (existing.tracker)
    for (const Row& row : answer().rows) state.tracker.push_back({integer(row, 0), boolean(row, 1)});
  if (existing.log) {
    check_layout(table_ + "_log", answer());
    for (const Row& row : answer().rows) state.log.push_back(log_row(row));
  }
  if (existing.journal) {
    check_layout(table_ + "_journal", answer());
    for (const Row& row : answer().rows) state.journal.push_back(journal_row(row));
  }
  return state;
}

std::vector<std::string> Bookkeeping::create_sql(const Existing& existing, bool journal, bool if_not_exists) const {
  std::vector<std::string> statements;
  const std::string create = if_not_exists ? "CREATE TABLE IF NOT EXISTS " : "CREATE TABLE ";
  // golang-migrate's own, to the letter.
  if (!existing.tracker)
    statements.push_back(create + tracker_ + " (version bigint not null primary key, dirty boolean not null)");
  if (!existing.log)
    statements.push_back(
        create + log_ +
        " (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, layout integer NOT NULL, action text NOT NULL,"
        " failed boolean NOT NULL, version bigint NOT NULL, tracker_version bigint NOT NULL, title text, file text,"
        " size bigint, sha256 text, started_at timestamptz NOT NULL, duration_us bigint, program text, runner text,"
        " os_user text, error text, error_code text, line bigint, statement bigint, versions text)");
  if (journal && !existing.journal)
    statements.push_back(
        create + journal_ +
        " (run text NOT NULL, layout integer NOT NULL,"
        " version bigint NOT NULL, direction text NOT NULL, statement bigint NOT NULL, statements bigint NOT NULL,"
        " state text NOT NULL, file text, sha256 text, text text, line bigint, before_image text,"
        " started_at timestamptz NOT NULL, finished_at timestamptz, runner text, error text, error_code text,"
        " closed boolean NOT NULL DEFAULT false, PRIMARY KEY (run, version, direction, statement))");
  return statements;
}

std::string Bookkeeping::create_lease_sql() const {
  return "CREATE TABLE " + lease_ +
         " (id integer PRIMARY KEY, layout integer NOT NULL, owner text NOT NULL, epoch bigint NOT NULL, runner text,"
         " since timestamptz NOT NULL, expires_at timestamptz NOT NULL)";
}

namespace {

std::string tracker_values(const TrackerRow& row) { return std::to_string(row.version) + ", " + yes_or_no(row.dirty); }

}  // namespace

std::string Bookkeeping::claim_where(const std::optional<TrackerRow>& from) const {
  if (!from) return "NOT EXISTS (SELECT 1 FROM " + tracker_ + ")";
  return "version = " + std::to_string(from->version) + " AND dirty = " + yes_or_no(from->dirty) +
         " AND (SELECT count(*) FROM " + tracker_ + ") = 1";
}

std::string Bookkeeping::claim_sql(const Claim& claim, std::string_view condition) const {
  // Two of these at once would both see an empty table.
  const std::string lock = claim.from ? "" : "LOCK TABLE " + tracker_ + " IN SHARE ROW EXCLUSIVE MODE; ";
  if (!claim.from && !claim.to) return lock + "PERFORM 1 WHERE " + claim_where(claim.from) + and_also(condition) + ";";
  return lock + plain_claim_sql(claim, condition) + ";";
}

std::string Bookkeeping::plain_claim_sql(const Claim& claim, std::string_view condition) const {
  const std::string where = " WHERE " + claim_where(claim.from) + and_also(condition);
  if (!claim.from && !claim.to) return "SELECT 1" + where;
  if (!claim.from) return "INSERT INTO " + tracker_ + " (version, dirty) SELECT " + tracker_values(*claim.to) + where;
  if (!claim.to) return "DELETE FROM " + tracker_ + where;
  return "UPDATE " + tracker_ + " SET (version, dirty) = (" + tracker_values(*claim.to) + ")" + where;
}

std::string Bookkeeping::tracker_is_sql(const std::optional<TrackerRow>& row) const {
  return row ? "SELECT count(*) FROM " + tracker_ + " WHERE " + claim_where(row)
             : "SELECT count(*) WHERE " + claim_where(row);
}

std::string Bookkeeping::log_sql(const LogRow& row, std::string_view started_at, std::string_view duration_us,
                                 const std::string& condition) const {
  return insert(log_, log_columns,
                {literal(to_string(row.action)), yes_or_no(row.failed), std::to_string(row.version),
                 std::to_string(row.current), stored(row.title), stored(row.file), number_or_null(row.size),
                 literal_or_null(row.sha256), time_or(row.started_at, started_at),
                 row.duration_us >= 0 ? std::to_string(row.duration_us) : std::string(duration_us), stored(row.program),
                 stored(row.runner), stored(row.user), stored(row.error), literal_or_null(row.error_code),
                 number_or_null(row.line), number_or_null(row.statement), literal_or_null(row.versions)},
                condition);
}

std::string Bookkeeping::log_count_sql(const LogRow& row, std::string_view started_at) const {
  return "SELECT count(*) FROM " + log_ + " WHERE action = " + literal(to_string(row.action)) +
         " AND failed = " + yes_or_no(row.failed) + " AND version = " + std::to_string(row.version) +
         " AND coalesce(runner, '') = " + literal(valid_utf8(row.runner)) +
         " AND started_at = " + time_or(row.started_at.empty() ? started_at : std::string_view(row.started_at), "NULL");
}

std::string Bookkeeping::journal_key(const JournalRow& row) {
  return "run = " + literal(row.run) + " AND version = " + std::to_string(row.version) +
         " AND direction = " + literal(to_string(row.direction)) + " AND statement = " + std::to_string(row.statement);
}

std::string Bookkeeping::journal_count_sql(const JournalRow& row) const {
  return "SELECT count(*) FROM " + journal_ + " WHERE " + journal_key(row) +
         " AND state = " + literal(to_string(row.state));
}

std::string Bookkeeping::journal_sql(const JournalWrite& write, std::string_view before,
                                     const std::string& condition) const {
  const JournalRow& row = write.row;
  switch (write.kind) {
    case JournalWriteKind::add:
      return insert(journal_, journal_columns,
                    {literal(row.run), std::to_string(row.version), literal(to_string(row.direction)),
                     std::to_string(row.statement), std::to_string(row.statements), literal(to_string(row.state)),
                     stored(row.file), literal_or_null(row.sha256), stored(row.text), number_or_null(row.line),
                     row.before.empty() && !before.empty() ? std::string(before) : literal_or_null(row.before),
                     time_or(row.started_at, "clock_timestamp()"), time_or(row.finished_at, "NULL"), stored(row.runner),
                     stored(row.error), literal_or_null(row.error_code)},
                    condition);
    case JournalWriteKind::update:
      return "UPDATE " + journal_ + " SET state = " + literal(to_string(row.state)) +
             ", finished_at = " + time_or(row.finished_at, "clock_timestamp()") + ", error = " + stored(row.error) +
             ", error_code = " + literal_or_null(row.error_code) + " WHERE " + journal_key(row) + and_also(condition);
    case JournalWriteKind::supersede:
      return "UPDATE " + journal_ + " SET closed = true WHERE NOT closed AND version = " + std::to_string(row.version) +
             " AND direction = " + literal(to_string(row.direction)) +
             " AND statement >= " + std::to_string(row.statement) + and_also(condition);
    case JournalWriteKind::close:
      return "UPDATE " + journal_ + " SET closed = true WHERE NOT closed" + and_also(condition);
    case JournalWriteKind::finish:
      return "UPDATE " + journal_ + " SET closed = true WHERE run = " + literal(row.run) +
             " AND version = " + std::to_string(row.version) + " AND direction = " + literal(to_string(row.direction)) +
             " AND NOT closed" + and_also(condition);
  }
  return "";
}

}  // namespace talos::pg
