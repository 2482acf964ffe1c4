#include "sqlite_session.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <thread>
#include <utility>

#include "common/units.hpp"
#include "sqlite_lexer.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::sqlite {

namespace {

constexpr int synchronous_full = 2;
constexpr int synchronous_extra = 3;

bool shares_commit(const Unit& unit) {
  return unit.transaction && unit.script != nullptr && unit.claim && unit.journal.empty() && unit.script->traits == 0;
}

std::string describe(const std::pair<std::string, std::string>& tables, std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " row of " : " rows of ") + tables.first + " without a parent in " +
         tables.second;
}

bool rebuilds_tables(const Unit& unit) {
  return unit.script != nullptr && unit.journal.empty() && (unit.script->traits & trait_foreign_keys_off) != 0;
}

bool runs_statement_by_statement(const Unit& unit) { return !unit.transaction || !unit.journal.empty(); }

}  // namespace

SessionInfo SqliteSession::do_info() const {
  return {dsn_.describe(), std::string("SQLite ") + sqlite3_libversion(), tables_.name(), dsn_.no_transaction};
}

Capabilities SqliteSession::do_capabilities() const {
  Capabilities capabilities;
  capabilities.transactional_ddl = true;
  capabilities.atomic_statements = true;
  capabilities.run_lock = lock_.has_value();
  capabilities.cancel = true;
  capabilities.statement_timeout = true;
  return capabilities;
}

State SqliteSession::do_read_state(LogDepth depth) {
  if (missing_) {
    State state;
    state.database_exists = false;
    state.notes.push_back("there is no file " + dsn_.path + " yet");
    return state;
  }
  statement_deadline_ = Clock::time_point::max();
  if (!db_) open();  // a reopening failed
  try {
    db_->exec("BEGIN");
    State state = tables_.read(*db_, depth);
    db_->exec("COMMIT");
    state.notes = notes_;
    return state;
  } catch (const Error& error) {
    roll_back();
    throw failed(error);
  }
}

bool SqliteSession::do_try_lock() {
  if (!lock_) return true;
  if (missing_)
    throw Error(ErrorCode::connection, "the SQLite database " + dsn_.path + " does not exist")
        .with_hint("migrate up creates it");
  return lock_->try_lock(runner_);
}

void SqliteSession::do_unlock() {
  if (lock_) lock_->unlock();
}

LockStatus SqliteSession::do_observe_lock() { return lock_ ? lock_->observe() : LockStatus{}; }

std::uint64_t SqliteSession::do_split(std::string_view text, const StatementSink& sink) {
  return split_sql(text, sink);
}

Ability* SqliteSession::do_ability(std::string_view id) {
  if (id == Settlement::id) return &settlement_;
  if (id == LockWait::id && lock_) return &lock_wait_;
  if (id == Introspection::id) return &introspection_;
  if (id == Scratch::id) return &scratch_;
  if (id == Trial::id) return &trial_;
  if (id == Backup::id) return &backup_;
  return nullptr;
}

ExecuteResult SqliteSession::do_execute(std::span<const Unit> units, ExecuteObserver& observer) {
  ExecuteResult result;
  try {
    if (missing_) throw Error(ErrorCode::connection, "the SQLite database " + dsn_.path + " does not exist");
    if (!db_) open();
    suspect_ = no_unit;
    steps_ = {};
    while (result.completed < units.size()) run_next(units, result.completed, observer);
  } catch (const Error& error) {
    roll_back();
    result.error = failed(error);
  }
  try {
    if (db_) start_clean(nullptr);
  } catch (const Error& error) {
    if (!result.error) observer.warning(std::string("after the last migration: ") + error.what());
  }
  return result;
}

// Counts in `completed` what is committed.
void SqliteSession::run_next(std::span<const Unit> units, std::size_t& completed, ExecuteObserver& observer) {
  const std::span<const Unit> group = group_at(units, completed);
  if (group.size() > 1 && run_group(group, completed, observer)) return;
  // Alone: because it must, or because its group failed and the failing one is to be named.
  const std::size_t end = completed + group.size();
  while (completed < end) run_unit(units[completed], completed, observer);
}

void SqliteSession::run_unit(const Unit& unit, std::size_t& completed, ExecuteObserver& observer) {
  check_stop();
  const bool new_step = steps_.begin(unit);
  if (new_step || (unit.script != nullptr && unit.script != script_)) {
    start_clean(unit.script);
    if (unit.script != nullptr && runs_statement_by_statement(unit)) prepare_rebuild(unit);
  }
  observer.unit_started(completed);
  const auto started = Clock::now();
  if (unit.transaction)
    run_transaction(steps_.timed(unit));
  else
    run_body(unit, false);
  ++completed;
  observer.unit_committed(completed - 1, common::since(started), true);
}

// Migrations that may share a commit (Q7): whole transactions that leave the session as it was. A unit that must be
// durable by itself ends its group.
std::span<const Unit> SqliteSession::group_at(std::span<const Unit> units, std::size_t first) const {
  std::size_t count = 0;
  if (first == suspect_) return units.subspan(first, 1);
  while (first + count < units.size() && shares_commit(units[first + count])) {
    ++count;
    if (units[first + count - 1].durable) break;
  }
  return units.subspan(first, std::max<std::size_t>(count, 1));
}

// Runs units under savepoints of one transaction, for about `longest_group` of lock time, and reports them once that is
// committed. A unit that fails is rolled back to its savepoint and the ones before it are committed. False: nothing of
// the group is in the database, run its units one by one.
bool SqliteSession::run_group(std::span<const Unit> group, std::size_t& completed, ExecuteObserver& observer) {
  constexpr std::chrono::milliseconds longest_group{100};
  check_stop();
  start_clean(group.front().script);
  std::vector<std::chrono::microseconds> took;
  std::optional<Error> error;
  begin();
  const auto opened = Clock::now();
  for (const Unit& unit : group) {
    observer.unit_started(completed + took.size());
    const auto started = Clock::now();
    try {
      db_->exec("SAVEPOINT talos_step");
      run_inside(unit, utc_now(), started);
      if (has_deferred_violations()) throw Error(ErrorCode::statement, "FOREIGN KEY constraint failed");
      db_->exec("RELEASE talos_step");
    } catch (const Error& failure) {
      error = failure;
      break;
    }
    took.push_back(common::since(started));
    script_ = unit.script;
    if (common::since(opened) >= longest_group) break;
  }
  // Some errors end the whole transaction (INTERRUPT, FULL, RAISE(ROLLBACK)).
  if (!db_->in_transaction() || (error && took.empty())) return give_up_group(error);
  if (error) db_->exec("ROLLBACK TO talos_step; RELEASE talos_step");
  observer.progress(-1, "committing");
  try {
    commit(false, {});
  } catch (const Error& refused) {
    return give_up_group(refused);
  }
  if (error) suspect_ = completed + took.size();
  for (const auto time : took) {
    ++completed;
    observer.unit_committed(completed - 1, time, true);
  }
  return true;
}

// A stop is not tried again; everything else is, one by one, so that the failing unit is named.
bool SqliteSession::give_up_group(const std::optional<Error>& error) {
  roll_back();
  if (error && (error->code == ErrorCode::busy || (error->code == ErrorCode::cancelled && !timed_out_)))
    throw Error(*error);
  return false;
}

void SqliteSession::check_stop() const {
  if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped before the next statement");
}

bool SqliteSession::has_deferred_violations() const {
  int current = 0;
  int highest = 0;
  sqlite3_db_status(db_->get(), SQLITE_DBSTATUS_DEFERRED_FKS, &current, &highest, 0);
  return current != 0;
}

// G6: what the script before left behind is gone. A new connection is the only state that is surely fresh; an
// in-memory database lives in its connection, so there the pragmas are set back one by one.
void SqliteSession::start_clean(const Script* script) {
  if (session_touched_ && !dsn_.memory) {
    db_.reset();
    open();
  } else if (session_touched_) {
    for (const char* pragma :
         {"defer_foreign_keys", "ignore_check_constraints", "recursive_triggers", "case_sensitive_like", "query_only",
          "writable_schema", "legacy_alter_table", "reverse_unordered_selects"})
      db_->exec(std::string("PRAGMA ") + pragma + " = OFF");
    db_->exec(std::string("PRAGMA foreign_keys = ") + (foreign_keys_ ? "ON" : "OFF"));
    apply_pragmas(*db_);
    synchronous_ = -1;
  }
  script_ = script;
  session_touched_ = script != nullptr && (script->traits & (trait_session_state | trait_foreign_keys_off)) != 0;
}

// Every commit is durable: with a rollback journal that takes EXTRA, which also syncs the directory after the journal's
// removal; WAL has no need of it. Groups keep the price low.
void SqliteSession::prepare_commit_safety() {
  if (!dsn_.journal_mode.empty()) {
    wal_ = db_->one_text("PRAGMA journal_mode = " + dsn_.journal_mode) == "wal";
    dsn_.journal_mode.clear();
  }
  const int wanted = wal_ && !dsn_.synchronous_extra ? synchronous_full : synchronous_extra;
  if (wanted == synchronous_ && !session_touched_) return;
  db_->exec("PRAGMA synchronous = " + std::to_string(wanted));
  synchronous_ = wanted;
}

void SqliteSession::begin() {
  fail_point("sqlite before begin");
  prepare_commit_safety();
  busy_since_ = {};
  db_->exec("BEGIN IMMEDIATE");
}

void SqliteSession::run_transaction(const Unit& unit) {
  const auto started = Clock::now();
  const std::string started_at = utc_now();
  const bool ends_rebuild = unit.claim && unit.log && !unit.journal.empty() && script_ != nullptr &&
                            (script_->traits & trait_foreign_keys_off) != 0;
  const bool foreign_keys_off = rebuilds_tables(unit);
  // Set back by start_clean().
  if (foreign_keys_off) db_->exec("PRAGMA foreign_keys = OFF");
  // In a statement-by-statement script PRAGMA foreign_keys must take effect, which it only does outside.
  else if (unit.script != nullptr && !unit.journal.empty())
    run_body(unit, true);
  begin();
  const auto violations_before = foreign_keys_off ? foreign_key_violations() : violations_before_script_;
  run_inside(unit, started_at, started);
  commit(foreign_keys_off || ends_rebuild, violations_before);
  fail_point("sqlite after commit");
}

// Q3 for a file that runs statement by statement: off while it runs, checked with its last bookkeeping.
void SqliteSession::prepare_rebuild(const Unit& unit) {
  if ((unit.script->traits & trait_foreign_keys_off) == 0) return;
  violations_before_script_ = foreign_key_violations();
  db_->exec("PRAGMA foreign_keys = OFF");
}

// What stands between BEGIN and COMMIT, or a savepoint and its release.
void SqliteSession::run_inside(const Unit& unit, const std::string& started_at, Clock::time_point started) {
  if (unit.create_tables) tables_.create(*db_, common::adds_journal_row(unit));
  if (unit.claim) tables_.claim(*db_, *unit.claim);
  fail_point("sqlite after claim");
  if (unit.script != nullptr) run_body(unit, false);
  fail_point("sqlite after body");
  run_bookkeeping(unit, started_at, started);
}

void SqliteSession::run_bookkeeping(const Unit& unit, const std::string& started_at, Clock::time_point started) {
  if (unit.journal.empty() && !unit.log) return;
  // A file may have set query_only: our rows are written all the same.
  if (session_touched_) db_->exec("PRAGMA query_only = OFF");
  const std::string now = unit.journal.empty() ? std::string() : utc_now();
  for (const JournalWrite& write : unit.journal) tables_.write_journal(*db_, write, now);
  if (unit.log) tables_.write_log(*db_, *unit.log, started_at, common::since(unit.log->began.value_or(started)));
}

void SqliteSession::commit(bool foreign_keys_were_off, const Violations& violations_before) {
  if (foreign_keys_were_off) {
    for (const auto& [tables, count] : foreign_key_violations()) {
      const auto before = violations_before.find(tables);
      if (before == violations_before.end() || count > before->second)
        throw Error(ErrorCode::statement, "foreign key check failed after the migration: " + describe(tables, count))
            .with_native_code(code_name(SQLITE_CONSTRAINT_FOREIGNKEY));
    }
  }
  fail_point("sqlite before commit");
  statement_deadline_ = Clock::time_point::max();
  try {
    db_->exec("COMMIT");
  } catch (const Error& refused) {
    // Deferred foreign keys are checked by COMMIT, which cannot say where.
    if (refused.native_code != code_name(SQLITE_CONSTRAINT_FOREIGNKEY)) throw;
    Error error(refused);
    for (const auto& [tables, count] : foreign_key_violations()) error.detail = describe(tables, count);
    throw Error(error);
  }
}

// Counted by table and parent: rowids change when a table is rebuilt, counts do not.
SqliteSession::Violations SqliteSession::foreign_key_violations() {
  Violations counts;
  Query query(*db_, "SELECT \"table\", parent FROM pragma_foreign_key_check");
  while (query.step()) ++counts[{query.text(0), query.text(1)}];
  return counts;
}

void SqliteSession::roll_back() noexcept {
  // SQLite may have rolled back by itself already (INTERRUPT, FULL, RAISE(ROLLBACK)).
  if (db_ && db_->in_transaction()) sqlite3_exec(db_->get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteSession::run_body(const Unit& unit, bool foreign_keys_pragmas_only) {
  const std::string_view body = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  split_sql(body, [&](const Statement& statement) {
    const std::string_view text = body.substr(statement.offset, statement.length);
    if (foreign_keys_pragmas_only && !is_foreign_keys_pragma(text)) return;
    run_statement(std::string(text), unit.begin + statement.offset);
  });
  statement_deadline_ = Clock::time_point::max();  // what follows is ours
}

// Each statement from a buffer of its own: preparing over the rest of the file would be quadratic (Q8).
void SqliteSession::run_statement(const std::string& sql, std::size_t offset) {
  check_stop();
  statement_deadline_ = statement_timeout_.count() > 0 ? Clock::now() + statement_timeout_ : Clock::time_point::max();
  // Only while it is compiled: VACUUM uses transactions inside.
  in_file_ = true;
  sqlite3_stmt* prepared = nullptr;
  const int result = sqlite3_prepare_v2(db_->get(), sql.c_str(), static_cast<int>(sql.size() + 1), &prepared, nullptr);
  in_file_ = false;
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared, &sqlite3_finalize);
  if (result != SQLITE_OK) {
    const int inside = sqlite3_error_offset(db_->get());
    Error error = error_of(db_->get()).at(offset + static_cast<std::size_t>(std::max(inside, 0)));
    if (result == SQLITE_AUTH)
      error.hint =
          "a migration may not write to the tracker's tables, end the transaction or use savepoints named talos_…";
    throw Error(error);
  }
  int step = SQLITE_DONE;
  if (statement)
    while ((step = sqlite3_step(statement.get())) == SQLITE_ROW) {
    }
  if (step != SQLITE_DONE) throw error_of(db_->get()).at(offset);
  fail_point("sqlite after statement");
}

Error SqliteSession::failed(Error error) const {
  if (error.code == ErrorCode::busy) {
    if (stop_wanted()) return Error(ErrorCode::cancelled, "stopped while another process was using the database");
    Error busy(ErrorCode::busy, std::string("another process is writing to ") +
                                    (access_ == Access::read ? "" : "or reading ") + dsn_.describe() +
                                    ", and did not let go for " + std::to_string(busy_timeout_.count()) + " ms");
    busy.native_code = error.native_code;
    busy.hint = access_ == Access::read ? "try again when it is done, or wait longer: a backup by --lock-timeout, who"
                                          " only looks by _busy_timeout of the DSN"
                                        : "stop the writer, or wait longer with --lock-timeout";
    if (const LockStatus lock = lock_ ? lock_->observe() : LockStatus{};
        lock.held && lock.holder && lock.holder->pid != runner_.pid)
      busy.detail = "the run lock is held by pid " + std::to_string(lock.holder->pid) + " on " + lock.holder->host;
    return busy;
  }
  if (error.code == ErrorCode::cancelled && timed_out_ && !stop_requested()) {
    Error timeout(ErrorCode::statement, "the statement ran longer than --statement-timeout (" +
                                            std::to_string(statement_timeout_.count()) + " ms) and was stopped");
    timeout.native_code = error.native_code;
    timeout.offset = error.offset;
    return timeout;
  }
  if (error.code == ErrorCode::connection && error.detail.empty() && db_ && !dsn_.memory) {
    const bool directory =
        error.native_code == code_name(SQLITE_CANTOPEN) || error.native_code == code_name(SQLITE_READONLY_DIRECTORY);
    const std::filesystem::path file = resolve_links(dsn_.path);
    const std::filesystem::path culprit = directory ? file.parent_path() : file;
    error.detail = culprit.string() + ": " + owner_and_mode(culprit);
  }
  return error;
}

// What is written after a stop is best effort: whoever asked for the stop does not wait for another writer.
void SqliteSession::do_resume() {
  constexpr std::chrono::milliseconds patience_after_stop{1000};
  if (cancelled_.exchange(false)) busy_timeout_ = std::min(busy_timeout_, patience_after_stop);
}

bool SqliteSession::stop_requested() const { return cancelled_.load(std::memory_order_relaxed); }

// While it connects nobody can call cancel() yet.
bool SqliteSession::stop_wanted() const {
  return stop_requested() || (!db_ && stop_ != nullptr && stop_->load(std::memory_order_relaxed));
}

int SqliteSession::on_progress(void* self) {
  auto& session = *static_cast<SqliteSession*>(self);
  if (session.stop_requested()) return 1;
  session.timed_out_ = Clock::now() > session.statement_deadline_;
  return session.timed_out_ ? 1 : 0;
}

// Waits for writers that are no runners of ours: short naps until the deadline.
int SqliteSession::on_busy(void* self, int attempt) {
  auto& session = *static_cast<SqliteSession*>(self);
  const auto now = Clock::now();
  if (attempt == 0) session.busy_since_ = now;
  if (session.stop_wanted() || now - session.busy_since_ >= session.busy_timeout_) return 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(1 + attempt, 25)));
  return 1;
}

// What a file may not do: end our transaction (Q4), touch our savepoints, write to the tables this is all recorded in.
int SqliteSession::on_authorize(void* self, int action, const char* first, const char* second, const char* /*database*/,
                                const char* /*trigger*/) {
  const auto& session = *static_cast<SqliteSession*>(self);
  if (!session.in_file_) return SQLITE_OK;
  switch (action) {
    case SQLITE_TRANSACTION:
      return SQLITE_DENY;
    case SQLITE_SAVEPOINT:
      return second != nullptr && sqlite3_strnicmp(second, "talos_", 6) == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
    case SQLITE_DROP_TABLE:
      return first != nullptr && session.tables_.owns(first) ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_ALTER_TABLE:
      return second != nullptr && session.tables_.owns(second) ? SQLITE_DENY : SQLITE_OK;
    default:
      return SQLITE_OK;
  }
}

}  // namespace talos::sqlite
