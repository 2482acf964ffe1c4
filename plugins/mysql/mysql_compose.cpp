// The messages that run units.
#include <algorithm>

#include "mysql_session.hpp"

namespace talos::mysql {

namespace {

using Part = Message::Part;

// More statements than these travel without a look at each one's warnings.
constexpr std::size_t most_watched_statements = 200;

// The script may have set the session's clock.
constexpr std::string_view since_began =
    "GREATEST(0, IFNULL(TIMESTAMPDIFF(MICROSECOND, @talos_began, UTC_TIMESTAMP(6)), 0))";

std::string duration_since(const LogRow& row, bool on_worker) {
  if (!row.began) return on_worker ? std::string(since_began) : "0";
  const auto since = std::chrono::steady_clock::now() - *row.began;
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace

// What our statements mean does not depend on the session's settings, so that these stay as the script made them.
void MySqlSession::add_beginning(Message& message, const Unit& unit, bool on_worker) const {
  const bool due = on_worker && settings_due_ && message.empty();
  if (due) message.add(Part::setting, worker_settings());
  if (on_worker && unit.log && !unit.log->began) message.add(Part::setting, began_sql);
  if (on_worker && unit.claim && !unit.claim->from) add_isolation(message);
  message.add(Part::setting, unit.begin_text.empty() ? "START TRANSACTION READ WRITE" : unit.begin_text);
  if (due) add_work_lock(message);
  if (on_worker && locks_->held()) message.add(Part::lock, require_sql(locks_->is_held_by(base_->id())));
  if (unit.claim) message.add(Part::claim, tables_->claim_sql(*unit.claim));
}

// Two claims on an empty table must see each other also where the server's default is READ COMMITTED.
void MySqlSession::add_isolation(Message& message) {
  message.add(Part::setting, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
}

// As long as the server works for us nobody else begins, also when the connection that holds the run lock is gone.
void MySqlSession::add_work_lock(Message& message) const {
  if (locks_->held()) message.add(Part::lock, require_sql(locks_->says_it_works()));
}

// Whatever asks for the diagnostics of the statement before it must not find those of ours.
bool MySqlSession::asks_for_diagnostics(std::string_view text) {
  const std::string_view words[] = {"ROW_COUNT",   "FOUND_ROWS", "DIAGNOSTICS", "WARNING_COUNT",
                                    "ERROR_COUNT", "WARNINGS",   "ERRORS"};
  return std::any_of(std::begin(words), std::end(words),
                     [&](std::string_view word) { return contains_word(text, word); });
}

bool MySqlSession::shows_warnings(const Unit& unit) {
  std::size_t count = 0;
  for_each_statement(unit, [&](const Statement&) { ++count; });
  if (count > most_watched_statements) return false;
  return !asks_for_diagnostics(unit.script->text.substr(unit.begin, unit.end - unit.begin));
}

void MySqlSession::add_body(Message& message, const Unit& unit) {
  const bool watched = shows_warnings(unit);
  for_each_statement(unit, [&](const Statement& statement) {
    message.add_body(unit.script->text.substr(statement.offset, statement.length), statement.offset);
    if (watched) message.add(Part::warnings, "SHOW WARNINGS");
  });
}

void MySqlSession::add_end(Message& message, const Unit& unit, const std::string& started_at, bool on_worker) const {
  // The migration itself could have written there.
  if (on_worker && unit.claim) message.add(Part::tracker, tables_->claim_sql({unit.claim->to, unit.claim->to}));
  add_records(message, unit, times_here(unit, started_at, on_worker));
  add_commit(message, on_worker);
}

// This machine's clock tells, but how long a message's statement took.
RowTimes MySqlSession::times_here(const Unit& unit, const std::string& started_at, bool on_worker) {
  return {time_literal(utc_now()), time_literal(started_at), unit.log ? duration_since(*unit.log, on_worker) : "0"};
}

// Of a message that was sent at `sent` and runs for a while: the server's clock tells how long, and no more, for it may
// go wrong.
RowTimes MySqlSession::times_there(const std::string& sent) {
  const auto after = [&](const char* time) {
    return "TIMESTAMPADD(MICROSECOND, TIMESTAMPDIFF(MICROSECOND, @talos_sent, " + std::string(time) + "), " +
           time_literal(sent) + ")";
  };
  return {after("UTC_TIMESTAMP(6)"), after("@talos_began"), std::string(since_began)};
}

void MySqlSession::add_records(Message& message, const Unit& unit, const RowTimes& times) const {
  for (const JournalWrite& write : unit.journal)
    if (write.kind != JournalWriteKind::close || existing_.journal)
      message.add(Part::ending, tables_->journal_sql(write, times));
  if (unit.log) message.add(Part::ending, tables_->log_sql(*unit.log, times));
}

void MySqlSession::add_commit(Message& message, bool on_worker) const {
  // The runner may be gone by now, and somebody else at work.
  if (on_worker && locks_->held()) message.add(Part::lock, require_sql(locks_->is_held_by(base_->id())));
  if (on_worker) message.add(Part::stop, require_sql(nobody_stops()));
  message.add(Part::commit, commit_sql);
}

std::string MySqlSession::nobody_stops() const { return "IS_USED_LOCK(" + stop_lock(worker_->id()) + ") IS NULL"; }

}  // namespace talos::mysql
