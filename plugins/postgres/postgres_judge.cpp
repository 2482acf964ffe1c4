// What a message's failure means for its unit.
#include <algorithm>

#include "postgres_session.hpp"
#include "postgres_sqlstate.hpp"

namespace talos::postgres {

namespace {

std::vector<std::size_t> statement_offsets(const Unit& unit) {
  std::vector<std::size_t> offsets;
  if (unit.script == nullptr) return offsets;
  const std::string_view body = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  pg::split_sql(body, [&](const Statement& statement) { offsets.push_back(unit.begin + statement.offset); });
  return offsets;
}

bool is_one_of(const pg::ServerError& error, std::initializer_list<std::string_view> states) {
  return std::any_of(states.begin(), states.end(), [&](std::string_view state) { return error.is(state); });
}

Error lease_lost() {
  return Error(ErrorCode::lock_lost, "this runner's lease has ended, and another runner may have taken over")
      .with_hint("see where the database stands with: migrate status");
}

// What CREATE TABLE says where the name is taken already, or just now.
bool is_taken(const pg::ServerError& error) {
  return is_one_of(error,
                   {pg::sqlstate::unique_violation, pg::sqlstate::duplicate_table, pg::sqlstate::duplicate_object});
}

// The guard and the tables' making: nothing of the migration ran.
Error refused_claim(const pg::ServerError& error) {
  if (error.is(sqlstate::claim_lost) || error.is(pg::sqlstate::serialization_failure) || is_taken(error))
    return Error(ErrorCode::claim_lost, "the tracker no longer holds what the plan was made from");
  if (error.is(sqlstate::busy) || is_one_of(error, {pg::sqlstate::lock_not_available, pg::sqlstate::deadlock_detected}))
    return Error(ErrorCode::busy, "another runner is at work");
  if (error.is(sqlstate::lease_lost)) return lease_lost();
  Error result =
      pg::to_error(error, error.is(pg::sqlstate::query_canceled) ? ErrorCode::statement : ErrorCode::connection);
  if (error.is(pg::sqlstate::insufficient_privilege)) result.hint = "grant this role what the message names";
  return result;
}

}  // namespace

std::optional<PostgresSession::Failure> PostgresSession::judge(const Unit& unit, const Message& message,
                                                               const pg::Reply& reply, const Pursuit& pursuit) const {
  if (!reply.lost.empty()) return lost(unit, message, reply, pursuit);
  if (reply.error) return refused(unit, message, reply, pursuit);
  // P6: only COMMIT's own word says that it happened.
  if (message.commits() && reply.last_tag != "COMMIT")
    return Failure{Error(ErrorCode::statement, "the server rolled the transaction back"), Outcome::not_applied};
  return std::nullopt;
}

PostgresSession::Failure PostgresSession::lost(const Unit& unit, const Message& message, const pg::Reply& reply,
                                               const Pursuit& pursuit) const {
  Error error(ErrorCode::connection, "the connection to " + dsn_.describe() + " was lost: " + reply.lost);
  if (reply.error) error.native_code = reply.error->sqlstate;
  if (pursuit.lease_lost()) error.code = ErrorCode::lock_lost;
  // A last word of the server about a statement before COMMIT is final: it rolled back. Not so a pooler's, which has
  // lost the server just as we might have.
  const bool servers_word = reply.error && !reply.error->sqlstate.empty() && !reply.error->sqlstate.starts_with("08");
  const bool before_commit = unit.transaction && servers_word &&
                             message.part(reply.succeeded, statement_offsets(unit).size()) != Message::Part::after;
  return {std::move(error), before_commit ? Outcome::not_applied : Outcome::unknown};
}

PostgresSession::Failure PostgresSession::refused(const Unit& unit, const Message& message, const pg::Reply& reply,
                                                  const Pursuit& pursuit) const {
  const pg::ServerError& said = *reply.error;
  const auto offsets = statement_offsets(unit);
  // A message that cannot be read fails before its first statement, wherever the fault is.
  const auto place = message.offset_in_body(said);
  const Message::Part part = place ? Message::Part::body : message.part(reply.succeeded, offsets.size());
  Error error = part == Message::Part::before ? refused_claim(said) : pg::to_error(said, pg::code_for(said));
  if (part == Message::Part::body) {
    error.offset = place ? unit.begin + *place : offsets[message.number_in_body(reply.succeeded)];
  }
  if (said.is(pg::sqlstate::query_canceled)) {
    if (pursuit.lease_lost())
      error = lease_lost();
    else if (pursuit.stopped())
      error.code = ErrorCode::cancelled;
    else if (pursuit.timed_out() || statement_timeout_.count() > 0)
      error.hint = "the statement ran for longer than --statement-timeout";
  }
  Failure failure{std::move(error), Outcome::not_applied};
  if (part == Message::Part::before) {
    // A migration that is half-way cannot be planned anew: its guard is tried again here.
    failure.may_pass = failure.error.code == ErrorCode::busy && (heartbeat_ || !unit.journal.empty());
    if (is_taken(said)) failure.name_taken = said.message + (said.detail.empty() ? "" : ": " + said.detail);
  } else {
    failure.may_pass = is_one_of(
        said, {pg::sqlstate::lock_not_available, pg::sqlstate::deadlock_detected, pg::sqlstate::serialization_failure});
  }
  return failure;
}

}  // namespace talos::postgres
