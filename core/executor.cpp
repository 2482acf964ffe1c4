#include "executor.hpp"

#include <algorithm>
#include <utility>

#include "runner_identity.hpp"
#include "sha256.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos {

namespace {

// Kept in the database and shown: of a statement with credentials nothing from its first quote on. Where that literal
// ends depends on the dialect and its settings, so that what follows may be its rest.
std::string first_line(std::string_view text) {
  constexpr std::size_t longest = 200;
  const std::string_view whole = text.substr(0, text.find_first_of("\r\n"));
  const std::size_t shown = speaks_of_credentials(text) ? whole.find_first_of("'\"$") : whole.npos;
  std::string line(whole.substr(0, std::min(shown, longest)));
  // Not in the middle of a UTF-8 sequence.
  while (line.size() == longest && !line.empty() && (static_cast<unsigned char>(line.back()) & 0x80) != 0)
    line.pop_back();
  return shown == whole.npos ? line : line + "***";
}

std::optional<std::int64_t> number(const std::optional<std::size_t>& value) {
  if (!value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

}  // namespace

// Whose a unit is.
struct Executor::Place {
  const Step* step;
  const PreparedScript* script;
  std::size_t index;           ///< of the step
  std::size_t statement = 0;   ///< 1-based; 0: what comes before the first, or all of a transaction
  std::size_t statements = 0;  ///< 0: the step is one transaction
};

// The units of several steps, and whose they are.
struct Executor::Choreography {
  std::vector<Unit> units;
  std::vector<Place> places;
  bool journalled = false;  ///< one of them settles what is open of earlier runs: those after it, only their own

  void add(const Place& place, Unit unit) {
    unit.step = place.index;
    units.push_back(std::move(unit));
    places.push_back(place);
  }
  bool ends_step(std::size_t unit) const {
    return unit + 1 == units.size() || places[unit + 1].index != places[unit].index;
  }
};

class Executor::Composer {
 public:
  /// `settling`: close or finish, at the end.
  Composer(const Step& step, const PreparedScript& script, std::string run, std::string runner,
           JournalWriteKind settling = JournalWriteKind::close)
      : step_(step),
        script_(script),
        journalled_(script.journalled()),
        run_(std::move(run)),
        runner_(std::move(runner)),
        settling_(settling) {}

  TrackerRow dirty_row() const { return {step_.dirty_version, true}; }
  std::size_t count() const { return journalled_.size(); }

  /// dirty + intent of 1; then each statement with, or followed by, its `done` and the next intent; the last also
  /// marks clean and writes history.
  void compose(Choreography& plan, std::size_t index, const LogRow& log) const {
    Unit opening;
    opening.create_tables = true;
    opening.claim = Claim{step_.before, dirty_row()};
    opening.journal.push_back(announcement(1));
    plan.add(place(index, 0), std::move(opening));
    add_statements(plan, index, 1, log);
  }

  /// The same from a statement in the middle on, with what its session needs from those before it.
  void compose(Choreography& plan, std::size_t index, const Resumption& resumption, const LogRow& log) const {
    for (const ScriptPart& part : resumption.replay) plan.add(place(index, 0), bare(part));
    Unit opening;
    if (resumption.settled) {
      JournalWrite done{JournalWriteKind::update, *resumption.settled};
      done.row.state = JournalState::done;
      opening.journal.push_back(std::move(done));
    }
    if (resumption.first > count()) {
      finish(opening, log);
    } else {
      opening.claim = Claim{dirty_row(), dirty_row()};
      opening.journal.push_back({JournalWriteKind::supersede, journal_row(resumption.first)});
      opening.journal.push_back(announcement(resumption.first));
    }
    plan.add(place(index, 0), std::move(opening));
    add_statements(plan, index, resumption.first, log);
  }

  JournalWrite outcome(std::size_t statement, JournalState state, const Error& error) const {
    JournalWrite write{JournalWriteKind::update, journal_row(statement)};
    write.row.state = state;
    if (state != JournalState::done) {
      write.row.error = error.what();
      write.row.error_code = error.native_code;
    }
    return write;
  }

 private:
  Place place(std::size_t index, std::size_t statement) const { return {&step_, &script_, index, statement, count()}; }

  static void set_body(Unit& unit, const ScriptPart& part) {
    unit.script = part.script;
    unit.begin = part.begin;
    unit.end = part.end;
  }

  static Unit bare(const ScriptPart& part) {
    Unit unit;
    unit.transaction = false;
    set_body(unit, part);
    return unit;
  }

  void add_statements(Choreography& plan, std::size_t index, std::size_t first, const LogRow& log) const {
    for (std::size_t i = first; i <= count(); ++i) {
      const JournalUnit& statement = journalled_[i - 1];
      Unit after = bookkeeping(i, log);
      if (statement.transaction) {
        set_body(after, script_.part(statement));
        after.begin_text = statement.begin_text;
      } else {
        plan.add(place(index, i), bare(script_.part(statement)));
      }
      plan.add(place(index, i), std::move(after));
    }
  }

  JournalRow journal_row(std::size_t statement) const {
    const JournalUnit& unit = journalled_[statement - 1];
    const std::string_view text = script_.part(unit).text();
    JournalRow row;
    row.run = run_;
    row.version = step_.migration->version;
    row.direction = step_.direction;
    row.statement = static_cast<std::int64_t>(statement);
    row.statements = static_cast<std::int64_t>(count());
    row.file = script_.script().file;
    row.sha256 = sha256(text);
    row.text = first_line(text);
    row.line = static_cast<std::int64_t>(line_of(script_.script().text, unit.begin));
    row.runner = runner_;
    return row;
  }

  JournalWrite announcement(std::size_t statement) const {
    return {JournalWriteKind::add, journal_row(statement), script_.part(journalled_[statement - 1])};
  }

  void finish(Unit& unit, const LogRow& log) const {
    unit.claim = Claim{dirty_row(), step_.after};
    JournalRow own;
    own.run = run_;
    own.version = step_.migration->version;
    own.direction = step_.direction;
    unit.journal.push_back({settling_, own});
    unit.log = log;
  }

  Unit bookkeeping(std::size_t statement, const LogRow& log) const {
    Unit unit;
    if (statement == count()) {
      finish(unit, log);
      return unit;
    }
    JournalWrite done{JournalWriteKind::update, journal_row(statement)};
    done.row.state = JournalState::done;
    unit.journal.push_back(std::move(done));
    unit.journal.push_back(announcement(statement + 1));
    return unit;
  }

  const Step& step_;
  const PreparedScript& script_;
  std::vector<JournalUnit> journalled_;
  std::string run_;
  std::string runner_;
  JournalWriteKind settling_;
};

/// Turns the session's events into the reporter's.
class Executor::Follower : public ExecuteObserver {
 public:
  Follower(Executor& executor, std::function<void(std::size_t)> started,
           std::function<void(std::size_t, std::chrono::microseconds, bool)> committed)
      : executor_(executor), started_(std::move(started)), committed_(std::move(committed)) {}

  void unit_started(std::size_t unit) override { started_(unit); }
  void unit_committed(std::size_t unit, std::chrono::microseconds took, bool durable) override {
    committed_(unit, took, durable);
  }
  void progress(double fraction, std::string_view what) override {
    executor_.reporter_.statement_progress(fraction, what);
  }
  void warning(std::string_view text) override { executor_.reporter_.warning(text); }

 private:
  Executor& executor_;
  std::function<void(std::size_t)> started_;
  std::function<void(std::size_t, std::chrono::microseconds, bool)> committed_;
};

std::deque<PreparedScript> prepare(const std::vector<Step>& steps, Session& session) {
  std::deque<PreparedScript> scripts;
  for (const Step& step : steps) scripts.emplace_back(*step.migration, step.direction, step.file(), session);
  return scripts;
}

Executor::Executor(Session& session, const Runner& runner, bool durable_each, Reporter& reporter, CancelToken& cancel)
    : session_(session), runner_(runner), durable_each_(durable_each), reporter_(reporter), cancel_(cancel) {}

Executor::~Executor() {
  for (const auto& [index, step] : held_back_) reporter_.step_finished(step, done_[index].took, false);
}

ExecuteResult Executor::execute(std::span<const Unit> units, ExecuteObserver& observer) {
  return session_.execute(units, observer);
}

LogRow Executor::log_row(const Step& step, const PreparedScript& script) const {
  LogRow row;
  row.action = step.direction == Direction::up ? LogAction::up : LogAction::down;
  row.version = step.migration->version;
  row.current = step.after ? step.after->version : no_version;
  row.title = step.migration->title;
  row.file = script.script().file;
  row.size = script.size();
  row.sha256 = script.sha256();
  row.program = runner_.program;
  row.runner = runner_name(runner_);
  row.user = runner_.user;
  return row;
}

void Executor::baseline(const std::optional<TrackerRow>& row, const MigrationSet& set) {
  Unit unit;
  unit.create_tables = true;
  unit.claim = Claim{row, row};
  LogRow log;
  log.action = LogAction::baseline;
  log.version = log.current = row ? row->version : no_version;
  log.versions = versions_up_to(set, log.version);
  log.program = runner_.program;
  log.runner = runner_name(runner_);
  log.user = runner_.user;
  unit.log = log;
  Follower follower(
      *this, [](std::size_t) {}, [](std::size_t, std::chrono::microseconds, bool) {});
  const std::vector<Unit> units{unit};
  ExecuteResult result = execute(units, follower);
  if (result.error) throw *result.error;
}

void Executor::run(std::span<const Step> steps, const std::deque<PreparedScript>& scripts) {
  // Of those that are kept in memory at a time. One call of the session carries as many, whatever steps they are of.
  constexpr std::size_t most_units = 4096;
  run_started_at_ = utc_now();
  for (std::size_t next = 0; next < steps.size();) {
    cancel_.check();
    Choreography plan;
    plan.units.reserve(std::min(steps.size() - next, most_units));
    for (; next < steps.size() && plan.units.size() < most_units; ++next)
      compose(plan, steps[next], scripts[next], next);
    if (next == steps.size()) plan.units.back().durable = true;
    perform(plan, steps.size());
  }
}

void Executor::compose(Choreography& plan, const Step& step, const PreparedScript& script, std::size_t index) const {
  const LogRow log = log_row(step, script);
  if (script.mode() == RunMode::statements) {
    const auto settling = plan.journalled ? JournalWriteKind::finish : JournalWriteKind::close;
    Composer(step, script, run_name(), runner_name(runner_), settling).compose(plan, index, log);
    plan.journalled = true;
  } else {
    Unit unit;
    unit.create_tables = plan.units.empty();
    unit.claim = Claim{step.before, step.after};
    unit.script = &script.script();
    unit.begin = script.begin();
    unit.end = script.end();
    unit.log = log;
    plan.add({&step, &script, index}, std::move(unit));
  }
  plan.units.back().durable = durable_each_;
}

void Executor::resume(const Step& step, const PreparedScript& script, const Resumption& resumption) {
  run_started_at_ = utc_now();
  dirty_at_ = step.dirty_version;
  Choreography plan;
  Composer(step, script, run_name(), runner_name(runner_)).compose(plan, 0, resumption, log_row(step, script));
  perform(plan, 1);
  dirty_at_.reset();
}

void Executor::perform(const Choreography& plan, std::size_t count) {
  begun_.reset();
  Follower follower(
      *this,
      [&](std::size_t unit) {
        const Place& place = plan.places[unit];
        if (begun_ != place.index) begin_step(place, count);
        if (place.statement != 0 && plan.units[unit].script != nullptr)
          reporter_.statement_started(*place.step, place.statement, place.statements);
        // Each by its name: the tests of kill points find them in the sources.
        if (place.statements == 0)
          fail_point("step started");
        else
          fail_point("statement started");
      },
      [&](std::size_t unit, std::chrono::microseconds took, bool durable) {
        const Place& place = plan.places[unit];
        if (place.statements == 0) {
          finish_step(*place.step, took, durable);
          fail_point("step committed");
          return;
        }
        fail_point("statement committed");
        if (plan.ends_step(unit))
          finish_step(*place.step, std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - step_began_),
                      durable);
      });
  const ExecuteResult result = execute(plan.units, follower);
  if (!result.error) return;
  const Place& place = plan.places[result.completed];
  if (begun_ != place.index) {
    if (result.error->code == ErrorCode::cancelled) stop_before_next(*result.error);
    begin_step(place, count);
  }
  if (place.statements == 0) fail_transaction(place, result);
  fail_statement(place, plan.units[result.completed], result);
}

void Executor::begin_step(const Place& place, std::size_t count) {
  for (const std::string& note : place.script->notes()) reporter_.note(note);
  begun_ = place.index;
  step_began_ = Clock::now();
  step_started_at_ = utc_now();
  reporter_.step_started(*place.step, place.index, count);
}

// No step failed: what is done is all there is to tell of.
void Executor::stop_before_next(const Error& error) {
  session_.resume();
  flush();
  throw Error(retell(error));
}

// Whatever the engine calls a stop, it was the user's wish. What a statement left behind is part of every telling, also
// of the history's.
Error Executor::retell(const Error& error) const {
  std::string message = error.code == ErrorCode::cancelled ? cancel_.reason() : error.what();
  if (!error.leftover.empty()) message += " (it left " + error.leftover + ")";
  Error result = error.retold(message);
  if (error.code == ErrorCode::cancelled) result.native_code.clear();
  if (error.code == ErrorCode::cancelled) result.detail.clear();
  return result;
}

void Executor::finish_step(const Step& step, std::chrono::microseconds took, bool durable) {
  done_.push_back({step.migration->version, step.migration->title, step.direction, took, false});
  held_back_.emplace_back(done_.size() - 1, step);
  if (durable) make_durable();
}

void Executor::make_durable() {
  for (const auto& [index, step] : held_back_) {
    done_[index].durable = true;
    reporter_.step_finished(step, done_[index].took, true);
  }
  held_back_.clear();
}

void Executor::fail(const Step& step, const PreparedScript& script, Error error, Outcome outcome) {
  error = script.locate(retell(error));
  if (error.code == ErrorCode::claim_lost || error.code == ErrorCode::busy) flush();
  // What was sent without an answer may have happened, and without our lock another runner may be at work.
  else if (outcome != Outcome::unknown && error.code != ErrorCode::lock_lost)
    record_failure(step, script, error, {});
  throw Error(error);
}

// A transaction that could not be rolled back as a whole: dirty before anything else is said of it.
void Executor::leave_dirty(const Step& step, const PreparedScript& script, Error error) {
  error = script.locate(retell(error));
  dirty_at_ = step.dirty_version;
  const Composer composer(step, script, run_name(), runner_name(runner_));
  Unit unit;
  unit.claim = Claim{step.before, composer.dirty_row()};
  JournalWrite row = composer.outcome(1, JournalState::unknown, error);
  row.kind = JournalWriteKind::add;
  unit.journal.push_back(std::move(row));
  record_failure(step, script, error, std::move(unit));
  throw Error(error);
}

// Another runner may do the rest, so that no commit of ours follows: what is done is made durable here (G5).
void Executor::flush() {
  if (held_back_.empty()) return;
  Follower follower(
      *this, [](std::size_t) {}, [&](std::size_t, std::chrono::microseconds, bool) { make_durable(); });
  const std::vector<Unit> units{Unit{}};
  ExecuteResult result = execute(units, follower);
  if (result.error) reporter_.warning(std::string("what is done could not be made durable: ") + result.error->what());
}

// Best effort (G17): the failure itself is what the user must hear of.
void Executor::record_failure(const Step& step, const PreparedScript& script, const Error& error, Unit unit) {
  unit.create_tables = true;
  LogRow row = log_row(step, script);
  row.failed = true;
  row.started_at = step_started_at_;
  row.began = step_began_;
  row.current = dirty_at_ ? *dirty_at_ : step.before ? step.before->version : no_version;
  row.error = error.what();
  row.error_code = error.native_code;
  row.line = number(error.line);
  row.statement = number(error.statement);
  unit.log = std::move(row);
  Follower follower(
      *this, [](std::size_t) {}, [&](std::size_t, std::chrono::microseconds, bool) { make_durable(); });
  const std::vector<Unit> units{unit};
  session_.resume();
  fail_point("before failure recorded");
  ExecuteResult result = execute(units, follower);
  // Over a connection that is lost, that is no news.
  if (result.error && !(error.code == ErrorCode::connection && result.error->code == ErrorCode::connection))
    reporter_.warning(std::string("the failure could not be recorded in the database: ") + result.error->what());
}

std::string Executor::run_name() const {
  return std::to_string(runner_.pid) + "@" + runner_.host + " " + run_started_at_;
}

void Executor::fail_transaction(const Place& place, const ExecuteResult& result) {
  if (result.outcome == Outcome::partial) leave_dirty(*place.step, *place.script, *result.error);
  fail(*place.step, *place.script, *result.error, result.outcome);
}

void Executor::fail_statement(const Place& place, const Unit& failed, const ExecuteResult& result) {
  const bool had_body = failed.script != nullptr;
  const Step& step = *place.step;
  const PreparedScript& script = *place.script;
  Error error = script.locate(retell(*result.error));
  // Nothing of the file was begun: all is as before.
  if (place.statement == 0) fail(step, script, std::move(error), result.outcome);
  error.statement = place.statement;
  error.statements = place.statements;
  if (error.code == ErrorCode::lock_lost) {
    dirty_at_ = step.dirty_version;
    throw Error(error);
  }
  const Composer composer(step, script, run_name(), runner_name(runner_));
  if (had_body && place.statement == 1 && result.outcome == Outcome::not_applied && set_back(step, composer)) {
    dirty_at_.reset();
    fail(step, script, std::move(error), Outcome::not_applied);
  }
  dirty_at_ = step.dirty_version;
  if (error.code == ErrorCode::claim_lost)
    error = Error(ErrorCode::policy, "the tracker was changed by somebody else while this migration ran")
                .with_file(error.file);
  // What was sent without an answer may have happened. Its record comes with it, so the journal tells; we do not.
  if (result.outcome == Outcome::unknown && failed.transaction) throw Error(error);
  // Where statements are atomic, what one left behind all the same is named by its error; where it is not, nobody
  // knows.
  const bool told =
      result.outcome == Outcome::not_applied ||
      (result.outcome == Outcome::partial && session_.capabilities().atomic_statements && !error.leftover.empty());
  const JournalState state = !had_body ? JournalState::done : told ? JournalState::failed : JournalState::unknown;
  Unit unit;
  unit.journal.push_back(composer.outcome(place.statement, state, error));
  record_failure(step, script, error, std::move(unit));
  throw Error(error);
}

// Nothing of the file is in the database: dirty would be a lie.
bool Executor::set_back(const Step& step, const Composer& composer) {
  Unit revert;
  revert.claim = Claim{composer.dirty_row(), step.before};
  revert.journal.push_back({JournalWriteKind::close, {}});
  Follower quiet(
      *this, [](std::size_t) {}, [](std::size_t, std::chrono::microseconds, bool) {});
  const std::vector<Unit> units{revert};
  session_.resume();
  const ExecuteResult reverted = execute(units, quiet);
  if (reverted.error) reporter_.warning(std::string("the tracker could not be set back: ") + reverted.error->what());
  return !reverted.error;
}

}  // namespace talos
