// Running units.
#include <algorithm>
#include <thread>
#include <utility>

#include "common/backoff.hpp"
#include "common/pause.hpp"
#include "common/stop.hpp"
#include "common/units.hpp"
#include "postgres_session.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::postgres {

namespace {

using common::retry_delay;

// A larger body travels in pieces, so that neither side holds all of it.
constexpr std::size_t largest_message = 1U << 20U;
constexpr std::size_t piece_size = 256U << 10U;

bool runs_foreign_code(const Script* script) { return (script->traits & pg::trait_foreign_code) != 0; }

}  // namespace

ExecuteResult PostgresSession::do_execute(std::span<const Unit> units, ExecuteObserver& observer) {
  ExecuteResult result;
  Progress progress{units, observer};
  read_ahead_.reset();
  before_bare_.reset();
  worked_ = true;
  try {
    connection_->on_notice([&](const pg::ServerError& notice) {
      if (notice.severity == "WARNING") observer.warning(notice.message);
    });
    place_.steps = {};
    if (!existing_.known) existing_ = pg::Bookkeeping::existing(ask(tables_->existing_sql()).at(0));
    while (progress.completed < units.size() && !result.error) {
      if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped before the next statement");
      if (!connection_->usable()) throw_lost();
      begin_unit(progress.next());
      observer.unit_started(progress.completed);
      if (auto failure = run_next(progress)) {
        result.error = std::move(failure->error);
        result.outcome = failure->outcome;
      }
    }
  } catch (const Error& error) {
    result.error = error;
  }
  result.completed = progress.completed;
  connection_->on_notice({});
  try {
    if (connection_->usable()) roll_back();
  } catch (const Error& error) {
    if (!result.error) observer.warning(std::string("after the last migration: ") + error.what());
  }
  if (std::exchange(place_.fresh_due, false)) place_.condition = Condition::touched;
  renewal_due_ = !server_.pooled && place_.condition == Condition::touched;
  place_.script = nullptr;
  return result;
}

// G6: what the step before left behind is gone. Behind a pooler every transaction cleans up after itself. Where its
// script said nothing of settings (though a function that it calls may have), the cleaning travels with the next
// message.
void PostgresSession::begin_unit(const Unit& unit) {
  if (place_.steps.begin(unit)) {
    place_.script = nullptr;
    if (!server_.pooled && place_.condition != Condition::fresh) {
      const bool may_ride = unit.transaction && unit.begin_text.empty();
      place_.fresh_due = may_ride && place_.condition == Condition::touched && !place_.settings_touched;
      if (!place_.fresh_due) renew();
      place_.condition = Condition::fresh;
    }
    renewal_due_ = false;
  }
  if (unit.script == nullptr || unit.script == place_.script) return;
  place_.script = unit.script;
  // Whoever is no superuser may become one.
  if (runs_foreign_code(unit.script) && (server_.superuser || touches_session(unit.script)))
    may_have_event_triggers_ = true;
  if (!may_touch_session(unit.script)) return;
  place_.condition = Condition::touched;
  place_.settings_touched = touches_session(place_.script);
}

// Plain DDL does not, but where an event trigger runs with it. Behind a pooler nobody knows what the session is like.
bool PostgresSession::may_touch_session(const Script* script) const {
  if (script == nullptr) return false;
  return touches_session(script) || runs_foreign_code(script) || server_.pooled || may_have_event_triggers_;
}

void PostgresSession::renew() {
  std::string sql;
  for (const std::string& statement : renewed_session()) sql += statement + ";";
  tidy(sql);
  place_.condition = Condition::fresh;
  place_.fresh_due = renewal_due_ = place_.settings_touched = false;
}

void PostgresSession::roll_back() {
  if (connection_->in_transaction()) tidy("ROLLBACK");
}

WatchTask PostgresSession::watch_task() const {
  WatchTask task;
  task.backend_pid = server_.pooled ? 0 : server_.backend_pid;
  task.stall_timeout = stall_timeout_;
  return task;
}

Pursuit PostgresSession::pursuit(const Unit& unit, ExecuteObserver& observer) {
  Pursuit::Settings settings;
  settings.parameters = parameters_;
  settings.watch = watch_task();
  settings.may_watch = !watch_refused_;
  // Early enough to see who holds the lock before we give up waiting for it.
  if (unit.transaction && ddl_lock_timeout_.count() > 0)
    settings.watch_after = std::clamp(ddl_lock_timeout_ / 4, std::chrono::milliseconds(50), settings.watch_after);
  if (!unit.transaction && server_.pooled) settings.statement_timeout = statement_timeout_;
  return Pursuit(
      *connection_, observer, [this] { return stop_requested(); }, heartbeat_.get(), std::move(settings));
}

std::optional<PostgresSession::Failure> PostgresSession::run_next(Progress& progress) {
  const Unit& unit = progress.next();
  if (!unit.transaction) return run_bare(progress);
  if (progress.completed >= progress.alone_before && may_travel_with_others(unit)) return run_batch(progress, nullptr);
  return run_alone(progress, 1);
}

std::optional<PostgresSession::Failure> PostgresSession::run_alone(Progress& progress, int attempt) {
  const auto began = Clock::now();
  if (auto failure = run_unit(progress.next(), progress.observer, attempt)) return failure;
  committed(progress, began);
  return std::nullopt;
}

void PostgresSession::committed(Progress& progress, Clock::time_point began) {
  const Unit& unit = progress.next();
  settle_lease(unit);
  progress.observer.unit_committed(progress.completed++, common::since(began), unit.durable || !unit.transaction);
}

std::optional<PostgresSession::Failure> PostgresSession::run_unit(const Unit& unit, ExecuteObserver& observer,
                                                                  int attempt) {
  bool hit_once = false;
  for (;; ++attempt) {
    Pursuit chase = pursuit(unit, observer);
    auto failure = run_transaction(unit, chase);
    watch_refused_ = watch_refused_ || chase.watch_refused();
    if (!failure) {
      place_.fresh_due = false;
      return std::nullopt;
    }
    if (connection_->usable()) roll_back();
    // A request to cancel that came too late for the message before: ours are never the ones that are meant.
    const bool stray = unit.script == nullptr && connection_->usable() && !chase.cancelled() &&
                       failure->error.native_code == pg::sqlstate::query_canceled;
    if (stray && !std::exchange(hit_once, true)) continue;
    if (!failure->name_taken.empty()) blame_taken_name(*failure);
    if (!failure->may_pass || !wait_before_retry(*failure, attempt, chase, observer)) return failure;
  }
}

// If another runner made the table meanwhile the plan is made anew. If not, something else has its name, and will have
// it the next time too.
void PostgresSession::blame_taken_name(Failure& failure) {
  if (stop_requested() || !connection_->usable()) return;
  const pg::Existing before = existing_;
  existing_ = pg::Bookkeeping::existing(ask(tables_->existing_sql()).at(0));
  if (existing_ != before) return;
  failure.error = Error(ErrorCode::policy, "a table of this program's cannot be made: " + failure.name_taken)
                      .with_hint("remove what has the name, or choose another tracker table with --table");
}

// Other runners look at the locks for a moment at a time.
bool PostgresSession::wait_for_guard(Failure& failure, int attempt) const {
  constexpr std::chrono::milliseconds pause{20};
  if (stop_requested()) failure.error.code = ErrorCode::cancelled;
  if (stop_requested() || attempt * pause > lock_timeout_) return false;
  std::this_thread::sleep_for(pause);
  return true;
}

// False, with the failure's text completed, where it is not tried again.
bool PostgresSession::wait_before_retry(Failure& failure, int attempt, const Pursuit& chase,
                                        ExecuteObserver& observer) {
  if (failure.error.code == ErrorCode::busy) return wait_for_guard(failure, attempt);
  const std::string who = chase.blockers().empty() ? "" : ", blocked by " + chase.blockers();
  if (attempt > ddl_lock_retries_) {
    Error error = failure.error.retold(std::string(failure.error.what()) + who + "; tried " + std::to_string(attempt) +
                                       (attempt == 1 ? " time" : " times"));
    error.hint =
        "try again when the blocking transaction is over, or end it; see --ddl-lock-timeout and "
        "--ddl-lock-retries";
    failure.error = error;
    return false;
  }
  const auto delay = retry_delay(attempt);
  observer.warning(std::string(failure.error.what()) + who + "; rolled back, attempt " + std::to_string(attempt + 1) +
                   " of " + std::to_string(ddl_lock_retries_ + 1) + " in " + std::to_string(delay.count()) + " ms");
  if (common::pause_for(delay, [this] { return stop_requested(); })) return true;
  failure.error.code = ErrorCode::cancelled;
  return false;
}

std::optional<PostgresSession::Failure> PostgresSession::run_transaction(const Unit& unit, Pursuit& chase) {
  const std::string sent_at = utc_now();
  if (unit.script != nullptr && unit.end - unit.begin > largest_message) return run_in_pieces(unit, chase, sent_at);
  const Message message = compose(unit, sent_at);
  fail_point("postgres before unit");
  const pg::Reply reply = connection_->send(message.sql(), chase.waiting());
  fail_point("postgres after unit");
  return judge(unit, message, reply, chase);
}

std::optional<PostgresSession::Failure> PostgresSession::run_in_pieces(const Unit& unit, Pursuit& chase,
                                                                       const std::string& sent_at) {
  Message beginning;
  add_beginning(beginning, unit, false);
  if (auto failure = judge(unit, beginning, connection_->send(beginning.sql(), chase.waiting()), chase)) return failure;

  struct Enough {};
  std::optional<Failure> failure;
  std::size_t piece = unit.begin;
  const std::string_view body = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  try {
    pg::split_sql(body, [&](const Statement& statement) {
      const std::size_t at = unit.begin + statement.offset;
      if (at - piece < piece_size) return;
      failure = send_piece(unit, piece, at, chase);
      if (failure) throw Enough{};
      piece = at;
    });
    failure = send_piece(unit, piece, unit.end, chase);
  } catch (const Enough&) {
    // The rest need not be read.
  }
  if (failure) return failure;
  Unit ending = unit;
  ending.script = nullptr;
  Message end;
  end.mark_after_body();
  add_end(end, unit, sent_at);
  return judge(ending, end, connection_->send(end.sql(), chase.waiting()), chase);
}

std::optional<PostgresSession::Failure> PostgresSession::send_piece(const Unit& unit, std::size_t begin,
                                                                    std::size_t end, Pursuit& chase) {
  Unit part;
  part.script = unit.script;
  part.begin = begin;
  part.end = end;
  Message message;
  message.add_body(unit.script->text.substr(begin, end - begin));
  chase.restart();
  auto failure = judge(part, message, connection_->send(message.sql(), chase.waiting()), chase);
  // Its transaction is not committed yet.
  if (failure) failure->outcome = Outcome::not_applied;
  return failure;
}

void PostgresSession::note_tables(const Unit& unit, pg::Existing& existing) {
  if (!unit.create_tables) return;
  existing.tracker = existing.log = true;
  existing.journal = existing.journal || common::adds_journal_row(unit);
}

void PostgresSession::settle_lease(const Unit& unit) {
  note_tables(unit, existing_);
  if (releases_lease(unit)) heartbeat_.reset();
  if (!takes_lease(unit)) return;
  existing_.lease = true;
  WatchTask task = watch_task();
  task.renew_sql = lease_->renew_sql();
  task.renew_every = lease_->lifetime() / 3;
  heartbeat_ = std::make_unique<Watch>(parameters_, std::move(task));
}

void PostgresSession::release_lease() noexcept {
  if (!heartbeat_) return;
  heartbeat_.reset();
  if (!connection_->usable()) return;
  // It ends by itself, if not so soon.
  connection_->send(lease_->release_sql(), briefly());
}

}  // namespace talos::postgres
