// What a message's failure means for its unit.
#include <algorithm>
#include <cstdlib>

#include "mysql_session.hpp"

namespace talos::mysql {

namespace {

using Part = Message::Part;

constexpr std::size_t most_warnings = 5;

// The other runner's claim won, or was faster by so little that the engine noticed only now. 1020: MariaDB's snapshots.
constexpr unsigned record_changed = 1020;

bool is_locked_out(const ServerError& error) {
  return error.is_one_of({number::lock_wait_timeout, number::lock_deadlock, record_changed});
}

bool is_interruption(const ServerError& error) {
  return error.is_one_of({number::query_interrupted, number::statement_timeout_mariadb, number::query_timeout_mysql});
}

// Nothing of the migration ran.
Error refused_claim(const ServerError& error) {
  if (error.is_one_of({number::subquery_many_rows, number::duplicate_key}))
    return Error(ErrorCode::claim_lost, "the tracker no longer holds what the plan was made from");
  if (is_locked_out(error)) return Error(ErrorCode::busy, "another runner is at work");
  Error result = to_error(error, is_interruption(error) ? ErrorCode::statement : ErrorCode::connection);
  if (error.is_one_of({number::table_access_denied, number::access_denied_for_privilege}))
    result.hint = "grant this user what the message names";
  return result;
}

// "… near 'TABEL x' at line 3": the line counts from the statement's begin.
std::size_t place_in(std::string_view statement, const std::string& message) {
  constexpr std::string_view at_line = " at line ";
  const auto line_at = message.rfind(at_line);
  if (line_at == std::string::npos) return 0;
  auto lines = std::strtoull(message.c_str() + line_at + at_line.size(), nullptr, 10);
  std::size_t begin = 0;
  for (; lines > 1; --lines) {
    const auto newline = statement.find('\n', begin);
    if (newline == std::string_view::npos) break;
    begin = newline + 1;
  }
  constexpr std::string_view near = "near '";
  const auto quote = message.find(near);
  if (quote != std::string::npos && quote + near.size() < line_at) {
    const std::string rest = message.substr(quote + near.size(), line_at - quote - near.size() - 1);
    if (const auto found = statement.find(rest, begin); !rest.empty() && found != std::string_view::npos) return found;
  }
  return std::min(begin, statement.empty() ? 0 : statement.size() - 1);
}

// A message holds more than the statement, and where it quotes that up to its end the server's words go on with ours.
std::string without_ours(std::string_view statement, std::string message) {
  constexpr std::string_view near = "near '";
  const auto begin = message.find(near);
  const auto end = message.rfind("' at line ");
  if (begin == std::string::npos || end == std::string::npos || end < begin + near.size()) return message;
  const std::string rest = message.substr(begin + near.size(), end - begin - near.size());
  for (auto at = rest.find(';'); at != std::string::npos; at = rest.find(';', at + 1)) {
    const auto last = rest.find_last_not_of(" \t\r\n", at == 0 ? std::string::npos : at - 1);
    const std::size_t length = at == 0 || last == std::string::npos ? 0 : last + 1;
    if (rest.compare(at, 2, "; ") != 0 || !statement.ends_with(std::string_view(rest).substr(0, length))) continue;
    return message.erase(begin + near.size() + length, rest.size() - length);
  }
  return message;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
  return 1 +
         static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

}  // namespace

std::optional<MySqlSession::Failure> MySqlSession::judge(const Unit& unit, const Message& message, const Reply& reply,
                                                         Connection& connection, const Pursuit* pursuit) const {
  if (!reply.lost.empty()) return lost(unit, message, reply);
  if (!reply.error) return std::nullopt;
  Failure failure = refused(unit, message, reply, pursuit);
  if (unit.transaction) roll_back(connection, failure);
  return failure;
}

MySqlSession::Failure MySqlSession::lost(const Unit& unit, const Message& message, const Reply& reply) const {
  Error error(ErrorCode::connection, "the connection to " + dsn_.describe() + " was lost: " + reply.lost);
  if (reply.error) error.native_code = native_code(*reply.error);
  // A last word of the server about a statement before COMMIT is final: it rolled back.
  const bool before_commit = unit.transaction && reply.error && message.part(reply.succeeded) != Part::commit;
  return {std::move(error), before_commit ? Outcome::not_applied : Outcome::unknown};
}

MySqlSession::Failure MySqlSession::refused(const Unit& unit, const Message& message, const Reply& reply,
                                            const Pursuit* pursuit) const {
  ServerError said = *reply.error;
  const Part part = message.part(reply.succeeded);
  if (part == Part::body) said.message = without_ours(message.text(reply.succeeded), std::move(said.message));
  Failure failure{to_error(said, code_for(said)), Outcome::not_applied};
  switch (part) {
    case Part::setting:
      failure.error = to_error(said, ErrorCode::connection);
      failure.error.hint = "check the system variables that the DSN sets";
      break;
    case Part::lock:
      if (!said.is(number::subquery_many_rows))
        failure.error = to_error(said, ErrorCode::connection);
      else if (base_->alive())
        failure.error = lock_lost();
      else  // with the connection that held it
        failure.error =
            Error(ErrorCode::connection, "the connection to " + dsn_.describe() + " was lost: " + base_->why_lost());
      break;
    case Part::claim:
      failure.error = refused_claim(said);
      // A migration that is half-way cannot be planned anew: its guard is tried again here.
      failure.may_pass = failure.error.code == ErrorCode::busy && !unit.journal.empty();
      break;
    case Part::body:
    case Part::warnings:
    case Part::look: {
      const std::size_t offset = message.offset(reply.succeeded);
      failure.error.offset = offset + (part == Part::body ? place_in(message.text(reply.succeeded), said.message) : 0);
      failure.may_pass = is_locked_out(said);
      break;
    }
    case Part::stop:
      failure.error = Error(ErrorCode::statement, "interrupted").at(message.offset(reply.succeeded));
      break;
    case Part::tracker:
      if (said.is(number::subquery_many_rows))
        failure.error = Error(ErrorCode::statement, "the migration changed the tracker " + tables_->table())
                            .with_hint("only this program writes there: take it out of the file");
      break;
    case Part::absence:
    case Part::ending:
    case Part::commit:
      failure.may_pass = is_locked_out(said);
  }
  if (part == Part::stop || is_interruption(said)) interrupted(failure.error, pursuit);
  return failure;
}

Error MySqlSession::lock_lost() {
  return Error(ErrorCode::lock_lost, "this runner's lock is gone, and another may be at work");
}

void MySqlSession::interrupted(Error& error, const Pursuit* pursuit) {
  if (pursuit != nullptr && pursuit->stopped())
    error.code = ErrorCode::cancelled;
  else if (pursuit != nullptr && pursuit->timed_out())
    error.hint = "the statement ran for longer than --statement-timeout";
  else
    error.hint = "somebody else ended it, or a time limit of the server's (max_statement_time, max_execution_time)";
}

// M2: what a table without transactions has taken stays.
void MySqlSession::roll_back(Connection& connection, Failure& failure) const {
  if (!connection.usable()) return;
  const Reply reply = connection.ask("ROLLBACK AND NO CHAIN NO RELEASE; SHOW WARNINGS", firmly());
  if (reply.tables.size() < 2) return;
  const auto& rows = reply.tables[1].rows;
  const std::string incomplete = std::to_string(number::incomplete_rollback);
  if (std::none_of(rows.begin(), rows.end(), [&](const Row& row) { return row.at(1) == incomplete; })) return;
  failure.outcome = Outcome::partial;
  failure.may_pass = false;
  failure.error.leftover = "changes to tables of engines without transactions";
}

// It takes objects one by one, or is more than one act: the catalogue says what happened.
void MySqlSession::judge_part(const Ddl& ddl, const std::vector<Sight>& before, Failure& failure) {
  failure.may_pass = false;
  if (failure.outcome == Outcome::unknown) return;
  constexpr std::string_view syntax_error = "1064 ";
  if (failure.error.native_code.starts_with(syntax_error)) return;
  if (ddl.objects.empty()) {
    failure.outcome = Outcome::partial;
    failure.error.hint = "what it did before it failed may have stayed: look before you resume";
    return;
  }
  try {
    const auto after = look_at(inquiring(*worker_), ddl.objects, default_database());
    const std::string changed = differences(before, after);
    if (!changed.empty()) failure.outcome = Outcome::partial;
    failure.error.leftover = changed.empty() ? "" : "a part of its work: " + changed;
  } catch (const Error&) {
    failure.outcome = Outcome::unknown;
  }
}

void MySqlSession::tell_warnings(const Unit& unit, std::size_t offset, const Table& warnings,
                                 ExecuteObserver& observer) const {
  std::size_t count = 0;
  for (const Row& row : warnings.rows) {
    if (row.at(0) == "Note" || ++count > most_warnings) continue;
    observer.warning(std::string(unit.script->file) + ":" + std::to_string(line_at(unit.script->text, offset)) + ": " +
                     row.at(2).value_or("") + " (" + row.at(1).value_or("") + ")");
  }
  if (count > most_warnings) observer.warning("… and " + std::to_string(count - most_warnings) + " more warnings");
}

}  // namespace talos::mysql
