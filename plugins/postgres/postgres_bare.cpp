// Statements outside of transactions: what goes before them, and what is to be looked at after them (P2, P8).
#include <thread>
#include <utility>

#include "common/stop.hpp"
#include "pg_text.hpp"
#include "postgres_session.hpp"
#include "postgres_sqlstate.hpp"
#include "talos/fail_point.hpp"

namespace talos::postgres {

std::optional<PostgresSession::Failure> PostgresSession::run_bare(Progress& progress) {
  const auto began = Clock::now();
  const Unit& unit = progress.next();
  const std::string_view text = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  if (server_.pooled && !dsn_.settings.empty())
    return Failure{Error(ErrorCode::unsupported,
                         "a statement outside of a transaction cannot be given the DSN's settings through a pooler")
                       .at(unit.begin)
                       .with_hint("connect to the server directly, or make " + dsn_.settings.front().first +
                                  " a default of the role"),
                   Outcome::not_applied};
  const LeftoverSearch leftovers = prepare_bare(text);
  Message message;
  message.add_body(text);
  Pursuit chase = pursuit(unit, progress.observer);
  fail_point("postgres before bare statement");
  const pg::Reply reply = connection_->send(message.sql(), chase.waiting());
  fail_point("postgres after bare statement");
  watch_refused_ = watch_refused_ || chase.watch_refused();
  const BareRun bare{unit, message, reply, leftovers, chase, began};
  if (!reply.failed() && next_may_confirm(progress)) return run_batch(progress, &bare);
  return confirm(bare, progress);
}

// Most often the message before has done it.
LeftoverSearch PostgresSession::prepare_bare(std::string_view text) {
  LeftoverSearch leftovers(text);
  const auto looked = std::exchange(before_bare_, std::nullopt);
  if (const std::string sql = leftovers.before_sql(); !sql.empty())
    leftovers.set_before(looked ? *looked : ask(sql).at(0));
  // P2: an old runner that blocks in pg_advisory_lock() has a snapshot, for which CONCURRENTLY would wait.
  locks_->release_foreign(asking());
  return leftovers;
}

// What is to be looked at can be looked at by the message of the next unit, before anything else of it.
bool PostgresSession::next_may_confirm(const Progress& progress) const {
  const std::size_t next = progress.completed + 1;
  return next < progress.units.size() && next >= progress.alone_before &&
         progress.units[next].step == progress.next().step && progress.units[next].script == nullptr &&
         may_travel_with_others(progress.units[next]);
}

// Fails where anything is not as it is most often.
std::string PostgresSession::confirmation(const BareRun& bare) const {
  return "DO " + pg::literal("DECLARE talos_keys integer; BEGIN IF " + bare.leftovers.found_sql() +
                             " THEN RAISE EXCEPTION 'talos' USING ERRCODE = " + pg::literal(sqlstate::unconfirmed) +
                             "; END IF; " +
                             // Last: a lock stays also where the statement fails.
                             locks_->take_foreign_sql(sqlstate::unconfirmed) + "END");
}

// The same in messages of its own.
std::optional<PostgresSession::Failure> PostgresSession::confirm(const BareRun& bare, Progress& progress) {
  std::optional<Failure> failure;
  try {
    failure = judge_bare(bare);
    if (connection_->usable() && !stop_requested()) retake_foreign_locks(progress.observer);
  } catch (const Error& error) {
    // The statement has run, whatever kept us from looking at what it left.
    if (!failure) failure = Failure{error, Outcome::unknown};
  }
  if (!failure) committed(progress, bare.began);
  return failure;
}

std::optional<PostgresSession::Failure> PostgresSession::judge_bare(const BareRun& bare) {
  auto failure = judge(bare.unit, bare.message, bare.reply, bare.chase);
  if (failure) failure->may_pass = false;
  if (!bare.leftovers.possible() || !connection_->usable()) return failure;
  const auto left = [&] {
    const common::StopUnheard unheard(cancelled_, stop_);
    return bare.leftovers.find(asking());
  }();
  if (!left) return failure;
  const std::string remedy = left->remedy + "  then set the tracker by migrate force";
  if (!failure) {
    Error error(ErrorCode::statement, "the statement succeeded, but " + left->state);
    return Failure{std::move(error).at(bare.unit.begin).with_hint(remedy), Outcome::partial};
  }
  failure->error.leftover = left->what;
  failure->error.hint += (failure->error.hint.empty() ? "" : "; ") + remedy;
  failure->outcome = Outcome::partial;
  return failure;
}

// Nobody may begin between: the tracker is dirty, and an old runner refuses that. If one holds on to the keys all the
// same, the claim decides.
void PostgresSession::retake_foreign_locks(ExecuteObserver& observer) {
  if (server_.pooled || !locks_->held()) return;
  const auto deadline = Clock::now() + lock_timeout_;
  while (!locks_->try_foreign(asking())) {
    if (Clock::now() >= deadline || stop_requested()) {
      observer.warning("golang-migrate's lock was taken by somebody else meanwhile and is not free again");
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace talos::postgres
