#include "resume.hpp"

#include "operation.hpp"
#include "run_lock.hpp"

namespace talos {

namespace {

class Resuming {
 public:
  Resuming(Session& session, const MigrationSet& set, std::optional<Assumption> assumption, const RunOptions& options,
           Reporter& reporter, CancelToken& cancel, RunResult& result)
      : session_(session),
        set_(set),
        assumption_(assumption),
        options_(options),
        reporter_(reporter),
        cancel_(cancel),
        result_(result) {}

  void operator()() {
    RunLock lock(session_);
    if (session_.capabilities().run_lock &&
        !lock.acquire(options_.connect.lock_timeout, reporter_, cancel_, [this] { return !look().dirty(); }))
      return nothing_to_do();
    const State state = session_.read_state(LogDepth::current);
    const History history = interpret(state, set_);
    start_from(history);
    if (!history.dirty()) return nothing_to_do();
    // A lease guards only what is half-way, so the lock alone does not tell.
    if (const LockStatus held = session_.observe_lock(); held.held && !held.ours)
      throw Error(ErrorCode::dirty, "Database is in dirty state at version " + std::to_string(history.current()))
          .with_hint("nothing is wrong: a migration is in progress by " + describe_holder(held));
    const Interrupted interrupted(set_, history, state.journal, session_);
    finish(interrupted, interrupted.resumption(assumption_));
  }

 private:
  History look() {
    const History history = interpret(session_.read_state(LogDepth::current), set_);
    start_from(history);
    return history;
  }

  void start_from(const History& history) {
    if (!from_known_) result_.from = history.current();
    from_known_ = true;
    read_version(result_, history);
  }

  void nothing_to_do() { result_.already_done = true; }

  void finish(const Interrupted& interrupted, const Resumption& resumption) {
    reporter_.note(interrupted.step().file()->name + ": " + description(interrupted, resumption));
    if (const std::string leftover = interrupted.leftover(resumption); !leftover.empty())
      reporter_.note("removing " + leftover + ", which the interrupted attempt left");
    SilentObserver observer(reporter_);
    interrupted.clear(resumption, session_, observer);
    Executor executor(session_, options_.connect.runner, options_.durable_each, reporter_, cancel_);
    try {
      executor.resume(interrupted.step(), interrupted.script(), resumption);
    } catch (const Error& error) {
      result_.left_dirty = result_.dirty = executor.left_dirty();
      result_.cut_off = error.code == ErrorCode::connection;
      if (!result_.cut_off) look();
      if (error.code == ErrorCode::claim_lost)
        throw Error(ErrorCode::policy, "somebody else changed the tracker while this runner looked at it")
            .with_hint("see where the database stands with: migrate status");
      throw;
    }
    result_.steps = executor.done();
    result_.to = interrupted.step().after ? interrupted.step().after->version : no_version;
    result_.dirty = false;
  }

  static std::string description(const Interrupted& interrupted, const Resumption& resumption) {
    const std::size_t count = interrupted.statements();
    std::string text = interrupted.finding() && !interrupted.finding()->reason.empty()
                           ? interrupted.finding()->reason + "; "
                           : std::string();
    if (resumption.first > count) return text + "all of its statements have run, what is left is to say so";
    return text + "going on with statement " + std::to_string(resumption.first) + " of " + std::to_string(count);
  }

  Session& session_;
  const MigrationSet& set_;
  std::optional<Assumption> assumption_;
  const RunOptions& options_;
  Reporter& reporter_;
  CancelToken& cancel_;
  RunResult& result_;
  bool from_known_ = false;
};

}  // namespace

RunResult resume(Driver& driver, const MigrationSet& set, std::optional<Assumption> assumption,
                 const RunOptions& options, Reporter& reporter, CancelToken& cancel) {
  RunResult outcome =
      with_session(driver, Access::write, options, reporter, cancel, [&](Session& session, RunResult& result) {
        Resuming(session, set, assumption, options, reporter, cancel, result)();
      });
  if (outcome.cut_off) look_again(driver, set, options, cancel, outcome);
  return outcome;
}

}  // namespace talos
