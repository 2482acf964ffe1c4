#include "migrate.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>
#include <tuple>

#include "back_up.hpp"
#include "edited_files.hpp"
#include "forced_schema.hpp"
#include "interrupted.hpp"
#include "operation.hpp"
#include "run_lock.hpp"
#include "runner_identity.hpp"

namespace talos {

namespace {

using Clock = std::chrono::steady_clock;

// up and down: everything between a connected session and the result.
class Run {
 public:
  Run(Session& session, const MigrationSet& set, const Goal& goal, const RunOptions& options, Reporter& reporter,
      CancelToken& cancel, RunResult& result)
      : session_(session),
        set_(set),
        goal_(goal),
        options_(options),
        reporter_(reporter),
        cancel_(cancel),
        result_(result) {}

  void operator()() {
    if (nothing_to_do()) return;
    RunLock lock(session_);
    auto deadline = Clock::now() + options_.connect.lock_timeout;
    PollDelay delay;
    for (;;) {
      if (!acquire(lock)) return confirm_durability();
      const Standing before = standing();
      const std::optional<Error> obstacle = work_once();
      if (!obstacle) return;
      // Only where nothing moves is it in vain.
      if (standing() != before)
        deadline = Clock::now() + options_.connect.lock_timeout;
      else if (Clock::now() >= deadline)
        throw Error(*obstacle);
      waited_ = true;
      cancel_.wait_for(delay.next());
      cancel_.check();
    }
  }

 private:
  using Standing = std::tuple<Version, bool, std::size_t>;
  /// The tracker as last seen, and what this run has done.
  Standing standing() const { return {result_.to, result_.dirty, result_.steps.size()}; }

  // Clean and nothing pending: no lock is needed to see that. Anything else, also a refusal, is decided under it.
  bool nothing_to_do() {
    try {
      const History history = look();
      const Plan plan = make_plan(set_, history, goal_, options_.policies);
      if (!plan.empty()) return false;
      settle(plan, history);
      return true;
    } catch (const Error& error) {
      if (error.code == ErrorCode::connection) throw;
      return false;
    }
  }

  bool acquire(RunLock& lock) {
    return !session_.capabilities().run_lock || lock.acquire(options_.connect.lock_timeout, reporter_, cancel_, [this] {
      waited_ = true;
      return nothing_to_do();
    });
  }

  // Another runner did it all, and its last commits may not be durable yet: then neither is our "done" (P7).
  void confirm_durability() {
    SilentObserver observer(reporter_);
    const std::vector<Unit> units{Unit{}};
    const ExecuteResult result = session_.execute(units, observer);
    if (result.error) throw Error(*result.error);
  }

  History look() {
    const History history = interpret(session_.read_state(LogDepth::current), set_);
    if (!from_known_) result_.from = history.current();
    from_known_ = true;
    read_version(result_, history);
    return history;
  }

  void settle(const Plan& plan, const History& history) {
    report_edits(history, options_.policies.strict ? Thoroughness::bodies : Thoroughness::sizes);
    for (const std::string& warning : plan.warnings) reporter_.warning(warning);
    result_.ahead = plan.ahead;
    result_.already_done = result_.steps.empty();
  }

  void report_edits(const History& history, Thoroughness thoroughness) {
    for (const std::string& edit : edited_files(set_, history, thoroughness)) {
      if (options_.policies.strict)
        throw Error(ErrorCode::policy, edit + " (--strict)")
            .with_hint("restore the file, and put the change into a new migration");
      reporter_.warning(edit);
    }
  }

  // Reads, plans and executes under the lock. An error: another runner was first, look again while that may help.
  std::optional<Error> work_once() {
    const History history = look();
    // Half-way by somebody who is still at it: wait.
    if (history.dirty() && is_under_way(history))
      return Error(ErrorCode::lock_timeout, "another runner is in the middle of version " +
                                                std::to_string(history.current()) + ": " +
                                                describe_holder(session_.observe_lock()));
    Plan plan = make_plan(set_, history, goal_, options_.policies);
    if (plan.empty()) {
      settle(plan, history);
      if (waited_) confirm_durability();
      return std::nullopt;
    }
    report_edits(history, Thoroughness::bodies);
    for (const std::string& warning : plan.warnings) reporter_.warning(warning);
    const auto scripts = prepare(plan.steps, session_);
    if (!backed_up(history)) return Error(ErrorCode::busy, "another runner was at work while the backup was made");
    reporter_.planned(plan);
    Executor executor(session_, options_.connect.runner, options_.durable_each, reporter_, cancel_);
    try {
      if (plan.baseline_due) executor.baseline(history.tracker, set_);
      executor.run(plan.steps, scripts);
    } catch (const Error& error) {
      count(executor);
      result_.left_dirty = result_.dirty = executor.left_dirty();
      // Where the state cannot be read again this is what is known of it.
      if (executor.dirty_at()) result_.to = *executor.dirty_at();
      result_.cut_off = error.code == ErrorCode::connection;
      if (!result_.cut_off) read_again();
      if (executor.left_dirty() || (error.code != ErrorCode::claim_lost && error.code != ErrorCode::busy)) throw;
      return error;
    }
    count(executor);
    if (!plan.steps.empty()) result_.to = plan.steps.back().after ? plan.steps.back().after->version : no_version;
    result_.dirty = false;
    return std::nullopt;
  }

  // What is copied must be what the plan was made for. False if it is not: a lease keeps nobody out between migrations.
  bool backed_up(const History& history) {
    if (options_.backup.empty() || result_.backup) return true;
    try {
      result_.backup = back_up(session_, options_.backup, reporter_);
    } catch (const Error& error) {
      if (error.code == ErrorCode::cancelled) throw;
      Error failure = error.retold(std::string("the backup failed: ") + error.what());
      failure.code = ErrorCode::policy;
      failure.detail += (failure.detail.empty() ? "" : "\n") + std::string("nothing was applied");
      throw Error(failure);
    }
    if (look().tracker == history.tracker) return true;
    std::error_code ignored;
    if (auto* ability = session_.ability<Backup>(); ability != nullptr && ability->to_file())
      std::filesystem::remove(options_.backup, ignored);
    result_.backup.reset();
    return false;
  }

  // Where nobody holds a lock for the whole run, its end may fall between our reading of the state and of the lock, and
  // its beginning before we know of the lock's table: dirty and not held is believed when it is so twice.
  bool is_under_way(const History& history) {
    if (is_held_by_other()) return true;
    const History again = look();
    return !again.dirty() || again.current() != history.current() || is_held_by_other();
  }

  bool is_held_by_other() {
    const LockStatus lock = session_.observe_lock();
    return lock.held && !lock.ours;
  }

  void count(const Executor& executor) {
    for (const StepResult& step : executor.done()) result_.steps.push_back(step);
    if (goal_.steps) *goal_.steps -= executor.done().size();
  }

  void read_again() {
    try {
      const State state = session_.read_state(LogDepth::current);
      if (state.tracker.size() <= 1) read_version(result_, interpret(state, set_));
    } catch (const Error& error) {
      reporter_.warning(std::string("the state after the run could not be read: ") + error.what());
    }
  }

  Session& session_;
  const MigrationSet& set_;
  Goal goal_;
  const RunOptions& options_;
  Reporter& reporter_;
  CancelToken& cancel_;
  RunResult& result_;
  bool from_known_ = false;
  bool waited_ = false;  ///< for another runner: what it committed may not be durable yet
};

// Forcing makes the whole history the set's: of another set's database only on the user's word.
void check_forced_set(const MigrationSet& set, const History& history, const Policies& policies) {
  if (policies.allow_unknown_version) return;
  if (const auto other = other_set(set, history))
    throw Error(ErrorCode::policy, *other)
        .with_hint("check the database and --migrations; if this is its set all the same, add --allow-unknown-version");
}

void check_forced_version(const MigrationSet& set, Version version, const Policies& policies) {
  if (version < no_version)
    throw Error(ErrorCode::usage,
                "version " + std::to_string(version) + " is not a version: use -1 for nothing applied");
  if (version == no_version || set.find(version) != nullptr || policies.allow_unknown_version) return;
  throw Error(ErrorCode::policy, "no migration of " + set.origin() + " has version " + std::to_string(version))
      .with_hint("check the number with migrate status, or force it by --allow-unknown-version");
}

Unit force_unit(const History& history, Version version, const MigrationSet& set, const Runner& runner) {
  Unit unit;
  unit.create_tables = true;
  unit.claim = Claim{history.tracker, version == no_version ? std::nullopt : std::optional(TrackerRow{version, false})};
  unit.journal.push_back({JournalWriteKind::close, {}});
  LogRow log;
  log.action = LogAction::force;
  log.version = log.current = version;
  if (const Migration* migration = set.find(version)) log.title = migration->title;
  log.versions = versions_up_to(set, version);
  log.program = runner.program;
  log.runner = runner_name(runner);
  log.user = runner.user;
  unit.log = std::move(log);
  return unit;
}

// A runner that was killed recorded no failure: its attempt enters the history when force closes its journal.
std::optional<Unit> unfinished_attempt(const State& state, const Runner& runner) {
  if (state.journal.empty() || state.tracker.empty()) return std::nullopt;
  const JournalRow& last = state.journal.back();
  if (!state.log.empty() && state.log.back().failed && state.log.back().version == last.version) return std::nullopt;
  Unit unit;
  unit.claim = Claim{state.tracker.front(), state.tracker.front()};
  LogRow log;
  log.action = last.direction == Direction::up ? LogAction::up : LogAction::down;
  log.failed = true;
  log.version = last.version;
  log.current = state.tracker.front().version;
  log.file = last.file;
  log.started_at = state.journal.front().started_at;
  log.duration_us = 0;
  log.program = runner.program;
  log.runner = last.runner;
  log.error = "the runner ended without finishing it; statement " + std::to_string(last.statement) + " of " +
              std::to_string(last.statements) + " was the last begun";
  log.line = last.line;
  log.statement = last.statement;
  unit.log = std::move(log);
  return unit;
}

std::optional<LogRow> last_failure(const std::vector<LogRow>& log) {
  if (log.empty() || !log.back().failed) return std::nullopt;
  return log.back();
}

}  // namespace

void run_on(Session& session, const MigrationSet& set, const Goal& goal, const RunOptions& options, Reporter& reporter,
            CancelToken& cancel, RunResult& result) {
  Run(session, set, goal, options, reporter, cancel, result)();
}

RunResult run(Driver& driver, const MigrationSet& set, const Goal& goal, const RunOptions& options, Reporter& reporter,
              CancelToken& cancel) {
  const Access access = goal.direction == Direction::up ? Access::create : Access::write;
  RunResult result = with_session(driver, access, options, reporter, cancel, [&](Session& session, RunResult& outcome) {
    run_on(session, set, goal, options, reporter, cancel, outcome);
  });
  if (result.cut_off) look_again(driver, set, options, cancel, result);
  return result;
}

RunResult dry_run(Driver& driver, const MigrationSet& set, const Goal& goal, const RunOptions& options,
                  Reporter& reporter, CancelToken& cancel) {
  return with_session(driver, Access::read, options, reporter, cancel, [&](Session& session, RunResult& result) {
    const State state = session.read_state(LogDepth::current);
    for (const std::string& note : state.notes) reporter.note(note);
    const History history = interpret(state, set);
    result.from = history.current();
    read_version(result, history);
    if (const LockStatus lock = session.observe_lock(); history.dirty() && lock.held)
      throw Error(ErrorCode::dirty, "Database is in dirty state at version " + std::to_string(history.current()))
          .with_hint("nothing is wrong: a migration is in progress by " + describe_holder(lock));
    Plan plan = make_plan(set, history, goal, options.policies);
    for (const std::string& warning : plan.warnings) reporter.warning(warning);
    for (const std::string& edit : edited_files(set, history, Thoroughness::bodies)) {
      if (options.policies.strict) throw Error(ErrorCode::policy, edit + " (--strict)");
      reporter.warning(edit);
    }
    for (const Step& step : plan.steps) {
      const PreparedScript script(*step.migration, step.direction, step.file(), session);
      for (const std::string& note : script.notes()) reporter.note(note);
    }
    result.ahead = plan.ahead;
    result.already_done = plan.steps.empty();
    result.planned = std::move(plan.steps);
  });
}

RunResult force(Driver& driver, const MigrationSet& set, Version version, const RunOptions& options, Reporter& reporter,
                CancelToken& cancel) {
  RunResult outcome =
      with_session(driver, Access::write, options, reporter, cancel, [&](Session& session, RunResult& result) {
        check_forced_version(set, version, options.policies);
        RunLock lock(session);
        if (session.capabilities().run_lock)
          lock.acquire(options.connect.lock_timeout, reporter, cancel, [] { return false; });
        compare_forced_schema(session, set, version, options.checked, reporter);
        auto deadline = Clock::now() + options.connect.lock_timeout;
        PollDelay delay;
        std::optional<Error> obstacle;
        std::vector<TrackerRow> seen;
        for (;;) {
          cancel.check();
          State state = session.read_state(LogDepth::current);
          // Only where nothing moves is it in vain.
          if (state.tracker != seen)
            deadline = Clock::now() + options.connect.lock_timeout;
          else if (obstacle && Clock::now() >= deadline)
            throw Error(*obstacle);
          seen = state.tracker;
          const auto unfinished = unfinished_attempt(state, options.connect.runner);
          const History history = interpret(std::move(state), set);
          result.from = history.current();
          read_version(result, history);
          check_forced_set(set, history, options.policies);
          std::vector<Unit> units;
          if (unfinished) units.push_back(*unfinished);
          units.push_back(force_unit(history, version, set, options.connect.runner));
          SilentObserver observer(reporter);
          obstacle = session.execute(units, observer).error;
          if (!obstacle) break;
          if (obstacle->code != ErrorCode::claim_lost) {
            result.cut_off = obstacle->code == ErrorCode::connection;
            throw Error(*obstacle);
          }
          cancel.wait_for(delay.next());
        }
        result.to = version;
        result.dirty = false;
      });
  if (outcome.cut_off) look_again(driver, set, options, cancel, outcome);
  return outcome;
}

namespace {

// One look at rows and lock. A runner may leave a dirty state between the two reads; only the same attempt's rows
// before and after a free lock are truly left behind (G14).
void look_at(Session& session, LogDepth depth, Inspection& result) {
  constexpr int most_looks = 20;
  result.state = session.read_state(depth);
  for (int look = 0; look < most_looks; ++look) {
    result.lock = session.observe_lock();
    const bool dirty = !result.state.tracker.empty() && result.state.tracker.front().dirty;
    if (!dirty || result.lock.held) return;
    State again = session.read_state(depth);
    const bool same = again.tracker == result.state.tracker && again.journal.size() == result.state.journal.size() &&
                      (again.journal.empty() || again.journal.front().run == result.state.journal.front().run);
    result.state = std::move(again);
    if (same) return;
  }
}

// Best effort: what cannot be told is the reason why it cannot be resumed.
void look_at_interrupted(const MigrationSet& set, Session& session, Inspection& result) {
  try {
    const Interrupted interrupted(set, result.history, result.state.journal, session);
    result.finding = interrupted.finding();
    result.resumes_at = interrupted.resumption(std::nullopt).first;
  } catch (const Error& error) {
    result.not_resumable = error;
  }
}

}  // namespace

Inspection inspect(Driver& driver, const MigrationSet& set, const RunOptions& options, LogDepth depth, bool verify,
                   Reporter& reporter, CancelToken& cancel) {
  const auto session = connect_to_look(driver, options, reporter, cancel);
  const CancelToken::Attachment attachment(cancel, *session);
  Inspection result;
  result.info = session->info();
  look_at(*session, depth, result);
  result.history = interpret(result.state, set);
  // up and down refuse or warn; a look at it only says so.
  for (std::string& note : disagreements(set, result.history)) result.state.notes.push_back(std::move(note));
  try {
    result.ahead = is_ahead(set, result.history);
  } catch (const Error&) {
    result.ahead = false;  // another set's, as the notes say
  }
  result.pending = pending(set, result.history);
  result.out_of_order = out_of_order(set, result.history);
  result.last_failure = last_failure(result.state.log);
  result.edited = edited_files(set, result.history, verify ? Thoroughness::bodies : Thoroughness::sizes);
  if (result.history.dirty() && !result.lock.held) look_at_interrupted(set, *session, result);
  return result;
}

}  // namespace talos
