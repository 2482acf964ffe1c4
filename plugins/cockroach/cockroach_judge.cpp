// What a failure means for its unit, and what became of what was sent without an answer.
#include <algorithm>

#include "cockroach_session.hpp"
#include "common/backoff.hpp"
#include "common/stop.hpp"
#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

// Between two looks at something that takes its time.
constexpr std::chrono::milliseconds look_every{250};
// How long a session may take to end that was cut off or cancelled.
constexpr std::chrono::seconds session_patience{30};
constexpr std::chrono::seconds short_patience{2};

}  // namespace

Error CockroachSession::lease_lost() const {
  return Error(ErrorCode::lock_lost, "this runner's lease has ended, and another runner may have taken over" +
                                         (heartbeat_ && heartbeat_->lost() ? ": " + heartbeat_->why_lost() : ""))
      .with_hint("see where the database stands with: migrate status");
}

// Whether a successor has ended our session, or the network did.
bool CockroachSession::lease_is_gone() {
  if (!lease_->held()) return false;
  if (heartbeat_ && heartbeat_->lost()) return true;
  if (!base_->usable()) return false;
  const pg::Reply reply = inquire("SELECT 1 WHERE " + lease_->fence(), firmly());
  return !reply.failed() && reply.tables.at(0).rows.empty();
}

CockroachSession::Failure CockroachSession::lost(const pg::Connection& connection) {
  if (lease_is_gone()) return Failure{lease_lost()};
  return Failure{
      Error(ErrorCode::connection, "the connection to " + dsn_.describe() + " was lost: " + connection.why_lost())};
}

CockroachSession::Failure CockroachSession::missed(Part part) const {
  if (part == Part::claim)
    return Failure{Error(ErrorCode::claim_lost, "the tracker no longer holds what the plan was made from")};
  if (part == Part::tracker)
    return Failure{Error(ErrorCode::statement, "the migration changed the tracker " + tables_->table())
                       .with_hint("only this program writes there: take it out of the file")};
  if (lease_->held()) return Failure{lease_lost()};
  return Failure{Error(ErrorCode::claim_lost, "the journal no longer holds what was written there")};
}

CockroachSession::Failure CockroachSession::refused(const pg::ServerError& said, Part part) const {
  Failure failure{pg::to_error(said, pg::code_for(said))};
  const Fate fate = fate_of(said);
  failure.may_pass = fate == Fate::restart;
  // What an ambiguous answer is about is found out; nobody is told to blame the connection for it.
  if (part != Part::body && part != Part::commit && failure.error.code == ErrorCode::statement)
    failure.error.code = ErrorCode::connection;
  if (said.is(pg::sqlstate::insufficient_privilege) && failure.error.hint.empty())
    failure.error.hint = "grant this user what the message names";
  if (said.is("XXA00") && failure.error.hint.empty())
    failure.error.hint = "the transaction is committed, but a schema change that was to follow it has failed";
  if (said.is("57000") && failure.error.hint.empty())
    failure.error.hint = "the table is schema_locked: unlock it with ALTER TABLE … SET (schema_locked = false) first";
  return failure;
}

void CockroachSession::blame(Failure& failure, const Pursuit& pursuit) const {
  if (pursuit.lease_lost())
    failure.error = lease_lost();
  else if (failure.error.code == ErrorCode::lock_lost)
    return;
  else if (pursuit.stopped())
    failure.error.code = ErrorCode::cancelled;
  else if (failure.error.native_code == pg::sqlstate::query_canceled) {
    failure.error.code = ErrorCode::statement;
    if (pursuit.timed_out() || statement_timeout_.count() > 0)
      failure.error.hint = "the statement ran for longer than --statement-timeout";
  }
  if (failure.error.code == ErrorCode::lock_lost || failure.error.code == ErrorCode::cancelled)
    failure.may_pass = false;
}

// --- Of transactions.

// C4. Not by reading alone: the old transaction may still be on its way to its COMMIT. After the epoch has moved it can
// never commit, since it has read the epoch; so what the same transaction that moves it sees is final.
std::optional<CockroachSession::Failure> CockroachSession::settle_commit(const Unit& unit, Failure failure,
                                                                         bool may_retry) {
  std::optional<bool> happened;
  try {
    happened = poison(unit);
  } catch (const Error& error) {
    if (error.code == ErrorCode::lock_lost) failure.error = error;
  }
  if (!happened) {
    failure.outcome = Outcome::unknown;
    failure.may_pass = false;
    return failure;
  }
  if (*happened) return std::nullopt;
  failure.outcome = Outcome::not_applied;
  failure.may_pass = may_retry;
  return failure;
}

// A write of the unit's that nobody else makes: whether it is there.
std::string CockroachSession::evidence_sql(const Unit& unit) const {
  if (unit.log) return tables_->log_count_sql(*unit.log, started_at_);
  for (const JournalWrite& write : unit.journal)
    if (write.kind == JournalWriteKind::add || write.kind == JournalWriteKind::update)
      return tables_->journal_count_sql(write.row);
  if (unit.claim) return tables_->tracker_is_sql(unit.claim->to);
  return "SELECT 1";
}

std::optional<bool> CockroachSession::poison(const Unit& unit) {
  constexpr int most_attempts = 20;
  const std::string begin = std::string(begin_serializable) + "; ";
  for (int attempt = 1; attempt <= most_attempts; ++attempt) {
    if (attempt > 1 && !pause_for(common::retry_delay(attempt) / 2)) return std::nullopt;
    try {
      if (!lease_->held()) {
        // Without an epoch to move, only that it is there says something.
        const auto answer = ask(begin + evidence_sql(unit) + "; COMMIT");
        return answer.at(1).value() != "0" ? std::optional<bool>(true) : std::nullopt;
      }
      const pg::Reply reply = inquire(begin + lease_->poison_sql() + "; " + evidence_sql(unit), firmly());
      if (reply.failed()) continue;
      if (reply.tables.at(1).rows.empty()) {
        inquire("ROLLBACK", firmly());
        // Lost, or moved by the attempt before, whose answer did not come.
        const auto rows = Lease::read(ask(lease_->look_sql()).at(0));
        if (!rows || !lease_->is_ours(*rows)) throw Error(lease_lost());
        lease_->set_epoch(rows->epoch);
        continue;
      }
      const pg::Reply committed = inquire("COMMIT", firmly());
      if (committed.failed() || committed.last_tag != "COMMIT") continue;
      lease_->set_epoch(lease_->epoch() + 1);
      return reply.tables.at(2).value() != "0";
    } catch (const Error& error) {
      if (error.code != ErrorCode::connection) throw;
    }
  }
  return std::nullopt;
}

// --- Of schema changes.

void CockroachSession::await_session_end(const std::string& session, bool look_once) {
  const auto deadline = Clock::now() + (look_once ? std::chrono::seconds(short_patience) : session_patience);
  while (!end_session(session)) {
    if (Clock::now() >= deadline || (!look_once && stop_requested()))
      throw Error(ErrorCode::connection, "the session " + session + " is still there");
    std::this_thread::sleep_for(look_every / 5);
  }
}

// The one that goes on, or goes nowhere; nothing: they are over.
std::optional<Job> CockroachSession::wait_for_jobs(const std::string& since, bool look_once,
                                                   ExecuteObserver& observer) {
  std::string told;
  for (;;) {
    const auto jobs = live_jobs(since, {server_.user});
    if (!jobs) throw Error(ErrorCode::connection, "this user cannot see whether a schema change is still at work");
    if (jobs->empty()) return std::nullopt;
    const Job& job = jobs->front();
    if (job.is_stuck() || look_once) return job;
    if (told != job.id) observer.warning("waiting for " + job.told());
    told = job.id;
    observer.progress(job.fraction, job.told());
    if (heartbeat_ && heartbeat_->lost()) throw Error(lease_lost());
    if (!pause_for(look_every)) return job;
  }
}

// The statement was sent, and its answer is missing or says nothing. Its job goes on without it.
std::optional<CockroachSession::Failure> CockroachSession::settle_schema_change(const Unit& unit, Failure failure,
                                                                                bool may_retry, bool look_once,
                                                                                ExecuteObserver& observer) {
  failure.outcome = Outcome::unknown;
  failure.may_pass = false;
  unsettled_ = true;
  if (failure.error.code == ErrorCode::lock_lost) return failure;
  std::optional<common::StopUnheard> unheard;
  if (look_once) unheard.emplace(cancelled_, stop_);
  try {
    if (schema_change_happened(unit, failure, may_retry && !look_once, look_once, observer)) return std::nullopt;
  } catch (const Error& error) {
    if (error.code == ErrorCode::lock_lost) failure.error = error;
    if (failure.error.hint.empty()) failure.error.hint = error.what();
  }
  return failure;
}

// False with the failure completed: what is known of it, and what to do. Throws where nothing can be known.
bool CockroachSession::schema_change_happened(const Unit& unit, Failure& failure, bool may_retry, bool look_once,
                                              ExecuteObserver& observer) {
  if (lease_is_gone()) throw Error(lease_lost());
  if (!sessions_.empty()) await_session_end(sessions_.back(), look_once);
  if (const auto job = wait_for_jobs(statement_since_, look_once, observer)) {
    const std::string what_to_do = advice(*job);
    failure.error.hint =
        job->told() +
        (what_to_do.empty() ? " and goes on in the background; when it is over: migrate resume" : ": " + what_to_do);
    return false;
  }
  if (const auto stuck = read_jobs(ask(failed_jobs_sql(statement_since_, {server_.user})).at(0)); !stuck.empty()) {
    failure.error.hint = stuck.front().told() + ": " + advice(stuck.front());
    return false;
  }
  const Settlement::Finding finding =
      settle_statement({unit.script, unit.begin, unit.end}, image_of_ == unit.end ? image_ : std::string());
  unsettled_ = false;
  switch (finding.verdict) {
    case Settlement::Verdict::applied:
      observer.warning(std::string(failure.error.what()) + "; it has happened all the same: " + finding.reason);
      return true;
    case Settlement::Verdict::unknown:
      failure.error.hint = "it is not known whether it happened: " + finding.reason;
      return false;
    case Settlement::Verdict::not_applied:
    case Settlement::Verdict::repeatable:
      failure.outcome = Outcome::not_applied;
      failure.may_pass = may_retry;
      return false;
  }
  return false;
}

}  // namespace talos::cockroach
