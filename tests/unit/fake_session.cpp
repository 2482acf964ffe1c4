#include "fake_session.hpp"

#include <algorithm>

namespace talos::test {

namespace {

constexpr const char* unit_time = "2026-01-02T03:04:05.678Z";

std::size_t skip_blank(std::string_view text, std::size_t at) {
  for (;;) {
    at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
    if (text.substr(at, 2) != "--") return at;
    at = std::min(text.find('\n', at), text.size());
  }
}

std::size_t end_of_statement(std::string_view text, std::size_t at) {
  for (; at < text.size() && text[at] != ';'; ++at) {
    if (text[at] != '\'') continue;
    const auto close = text.find('\'', at + 1);
    if (close == std::string_view::npos) throw Error(ErrorCode::usage, "this string is never closed").at(at);
    at = close;
  }
  return at;
}

void classify(std::string_view text, Statement& statement) {
  const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n("));
  const bool bare = text.find_first_not_of(" \t\r\n", word.size()) == std::string_view::npos;
  if (text.starts_with("\\")) {
    statement.kind = StatementClass::refused;
    statement.why = "this is a client's command";
  } else if (word == "BEGIN") {
    statement.kind = bare ? StatementClass::begin : StatementClass::begin_with_options;
  } else if (word == "COMMIT" || word == "END") {
    statement.kind = StatementClass::commit;
  } else if (word == "ROLLBACK") {
    statement.kind = StatementClass::rollback;
  } else if (word == "SAVEPOINT" || word == "RELEASE") {
    statement.kind = StatementClass::savepoint;
  } else if (word == "SET") {
    statement.kind = StatementClass::dml;
    statement.session_only = true;
  } else if (word == "PREPARE") {
    statement.session_only = true;
    statement.replayable = false;
  } else if (word == "VACUUM") {
    statement.kind = StatementClass::no_transaction;
  } else if (word == "INSERT" || word == "UPDATE" || word == "DELETE" || word == "SELECT") {
    statement.kind = StatementClass::dml;
  }
}

bool same_key(const JournalRow& a, const JournalRow& b) {
  return a.run == b.run && a.version == b.version && a.direction == b.direction && a.statement == b.statement;
}

void write(std::vector<JournalRow>& journal, const JournalWrite& write) {
  if (write.kind == JournalWriteKind::close) return journal.clear();
  if (write.kind == JournalWriteKind::finish) {
    std::erase_if(journal, [&](const JournalRow& row) {
      return row.run == write.row.run && row.version == write.row.version && row.direction == write.row.direction;
    });
    return;
  }
  if (write.kind == JournalWriteKind::supersede) {
    std::erase_if(journal, [&](const JournalRow& row) {
      return row.version == write.row.version && row.direction == write.row.direction &&
             row.statement >= write.row.statement;
    });
    return;
  }
  if (write.kind == JournalWriteKind::add) {
    journal.push_back(write.row);
    journal.back().started_at = unit_time;
    if (write.subject.script != nullptr) journal.back().before = "before " + std::string(write.subject.text());
    return;
  }
  const auto found =
      std::find_if(journal.begin(), journal.end(), [&](const JournalRow& row) { return same_key(row, write.row); });
  if (found == journal.end()) throw Error(ErrorCode::internal, "the journal has no such row");
  found->state = write.row.state;
  found->finished_at = unit_time;
  found->error = write.row.error;
  found->error_code = write.row.error_code;
}

}  // namespace

std::optional<TrackerRow> FakeDatabase::row() const {
  if (tracker.empty()) return std::nullopt;
  return tracker.front();
}

std::vector<std::string> FakeDatabase::history() const {
  std::vector<std::string> result;
  for (const LogRow& entry : log)
    if (!entry.failed) result.push_back(std::string(to_string(entry.action)) + " " + std::to_string(entry.version));
  return result;
}

std::vector<LogRow> FakeDatabase::failed_attempts() const {
  std::vector<LogRow> result;
  std::copy_if(log.begin(), log.end(), std::back_inserter(result), [](const LogRow& entry) { return entry.failed; });
  return result;
}

Settlement::Finding FakeSettlement::do_settle(const ScriptPart& statement, std::string_view before) {
  database_.asked.push_back(std::string(statement.text()) + " before: " + std::string(before));
  return *database_.finding;
}

void FakeSettlement::do_clear(const ScriptPart& statement, std::string_view /*before*/, ExecuteObserver& /*observer*/) {
  database_.cleared.emplace_back(statement.text());
}

Ability* FakeSession::do_ability(std::string_view id) {
  if (id == Settlement::id && database_.finding) return &settlement_;
  if (id == LockWait::id && database_.on_lock_wait) return &lock_wait_;
  return nullptr;
}

FakeSession::~FakeSession() {
  if (holds_lock_) database_.locked = false;
  --database_.sessions;
}

SessionInfo FakeSession::do_info() const {
  return {"fake", "Fake 1.0", "schema_migrations", database_.no_transaction_default};
}

State FakeSession::do_read_state(LogDepth depth) {
  ++database_.reads;
  if (database_.on_read) database_.on_read();
  State state;
  state.database_exists = database_.exists;
  state.tracker_exists = !database_.tracker.empty();
  state.log_exists = !database_.log.empty();
  state.journal_exists = !database_.journal.empty();
  state.tracker = database_.tracker;
  state.journal = database_.journal;
  auto first = database_.log.begin();
  if (depth == LogDepth::current)
    for (auto row = database_.log.begin(); row != database_.log.end(); ++row)
      if (!row->failed && (row->action == LogAction::baseline || row->action == LogAction::force)) first = row;
  state.log.assign(first, database_.log.end());
  return state;
}

bool FakeSession::do_try_lock() {
  ++database_.lock_attempts;
  if (database_.foreign_lock || (database_.locked && !holds_lock_)) return false;
  return database_.locked = holds_lock_ = true;
}

void FakeSession::do_unlock() {
  if (holds_lock_) database_.locked = false;
  holds_lock_ = false;
  if (database_.unlock_fails) throw Error(ErrorCode::connection, "the connection is gone");
}

LockStatus FakeSession::do_observe_lock() {
  return {database_.locked || database_.foreign_lock.has_value(), database_.foreign_lock, holds_lock_};
}

std::uint64_t FakeSession::do_split(std::string_view text, const StatementSink& sink) {
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    throw Error(ErrorCode::usage, "the file holds a NUL byte").at(nul);
  for (std::size_t at = skip_blank(text, 0); at < text.size(); at = skip_blank(text, at)) {
    const std::size_t end = end_of_statement(text, at);
    if (end > at) {
      Statement statement;
      statement.offset = at;
      statement.length = end - at;
      classify(text.substr(at, end - at), statement);
      sink(statement);
    }
    at = end + (end < text.size() ? 1 : 0);
  }
  return 42;
}

ExecuteResult FakeSession::do_execute(std::span<const Unit> units, ExecuteObserver& observer) {
  ExecuteResult result;
  ++database_.calls;
  for (const Unit& unit : units) {
    const std::size_t number = database_.units++;
    const auto failure = database_.failures.find(number);
    const auto check_stop = [&] {
      if (cancelled_) throw Error(ErrorCode::cancelled, "interrupted");
    };
    try {
      check_stop();
      observer.unit_started(result.completed);
      if (database_.on_unit) database_.on_unit(number);
      check_stop();
      run_unit(unit, number);
    } catch (const Error& error) {
      result.error = error;
      if (failure != database_.failures.end()) result.outcome = failure->second.outcome;
      return result;
    }
    database_.tracker_after_unit.push_back(database_.row().value_or(TrackerRow{}));
    observer.unit_committed(result.completed++, std::chrono::microseconds(7), unit.durable);
    if (database_.on_commit) database_.on_commit(number);
  }
  return result;
}

void FakeSession::run_unit(const Unit& unit, std::size_t number) {
  if (unit.claim && database_.row() != unit.claim->from) throw Error(ErrorCode::claim_lost, "another runner was first");
  const std::string body(unit.script != nullptr ? unit.script->text.substr(unit.begin, unit.end - unit.begin) : "");
  if (const auto planned = database_.failures.find(number); planned != database_.failures.end()) {
    const Failure& failure = planned->second;
    if (failure.outcome != Outcome::not_applied && !body.empty()) database_.ran.push_back(body);
    // A transaction whose answer was lost happened all the same.
    if (failure.outcome == Outcome::unknown && unit.claim && unit.journal.empty()) write_rows(unit);
    Error error(failure.code, failure.message);
    error.native_code = "FAKE_1";
    error.leftover = failure.leftover;
    if (!failure.at.empty() && unit.script != nullptr) error.offset = unit.script->text.find(failure.at);
    throw error;
  }
  if (unit.script != nullptr) database_.ran.push_back(body);
  write_rows(unit);
}

void FakeSession::write_rows(const Unit& unit) {
  if (unit.claim) {
    database_.tracker.clear();
    if (unit.claim->to) database_.tracker.push_back(*unit.claim->to);
  }
  for (const JournalWrite& entry : unit.journal) {
    write(database_.journal, entry);
    database_.journal_writes.push_back(entry.kind);
  }
  if (!unit.log) return;
  LogRow row = *unit.log;
  row.id = static_cast<std::int64_t>(database_.log.size()) + 1;
  if (row.started_at.empty()) row.started_at = unit_time;
  database_.log.push_back(std::move(row));
}

void FakeSession::do_cancel() noexcept {
  cancelled_ = true;
  ++database_.cancels;
}

std::unique_ptr<Session> FakeDriver::do_connect(const ConnectRequest& request) {
  database_.connects.push_back(request.access);
  if (database_.refused_connections > 0) {
    --database_.refused_connections;
    throw Error(ErrorCode::connection, "connection refused");
  }
  return std::make_unique<FakeSession>(database_);
}

}  // namespace talos::test
