// Runs the steps of a plan on a session: composes units, follows them, and records what went wrong. Knows the state
// machine (claim, body, history; dirty, journal, clean), and no SQL.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cancel.hpp"
#include "plan.hpp"
#include "reporter.hpp"
#include "script.hpp"
#include "talos/driver.hpp"

namespace talos {

/// A step that is done.
struct StepResult {
  Version version = no_version;
  std::string title;
  Direction direction = Direction::up;
  std::chrono::microseconds took{0};
  bool durable = false;
};

/// Where a migration that was left half-way is taken up again.
struct Resumption {
  std::size_t first = 1;              ///< number of the first statement to run; one past the last: all have happened
  std::vector<ScriptPart> replay;     ///< what the session needs from those before it, said again without a journal
  std::optional<JournalRow> settled;  ///< the open row that was found to have happened
};

/// Prepares every step's file, so that everything that can be refused is refused before anything runs.
std::deque<PreparedScript> prepare(const std::vector<Step>& steps, Session& session);

class Executor {
 public:
  Executor(Session& session, const Runner& runner, bool durable_each, Reporter& reporter, CancelToken& cancel);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Writes the baseline row that a taken-over tracker needs, at the tracker's state `row`.
  void baseline(const std::optional<TrackerRow>& row, const MigrationSet& set);

  /// Runs the steps in order. Throws what stopped it; ErrorCode::claim_lost means that another runner moved the
  /// tracker, and the plan must be made anew. What was done before stands in done().
  void run(std::span<const Step> steps, const std::deque<PreparedScript>& scripts);

  /// Finishes a step whose tracker row is dirty at step.dirty_version, whatever began it. Throws as run() does.
  void resume(const Step& step, const PreparedScript& script, const Resumption& resumption);

  const std::vector<StepResult>& done() const { return done_; }
  /// A statement-by-statement step was left half-way: the tracker is dirty.
  bool left_dirty() const { return dirty_at_.has_value(); }
  /// Where the tracker was left then.
  std::optional<Version> dirty_at() const { return dirty_at_; }

 private:
  using Clock = std::chrono::steady_clock;
  class Follower;
  class Composer;
  struct Choreography;

  struct Place;

  void compose(Choreography& plan, const Step& step, const PreparedScript& script, std::size_t index) const;
  void perform(const Choreography& plan, std::size_t count);
  void begin_step(const Place& place, std::size_t count);
  [[noreturn]] void stop_before_next(const Error& error);
  ExecuteResult execute(std::span<const Unit> units, ExecuteObserver& observer);
  void finish_step(const Step& step, std::chrono::microseconds took, bool durable);
  void make_durable();
  void flush();
  [[noreturn]] void fail(const Step& step, const PreparedScript& script, Error error, Outcome outcome);
  [[noreturn]] void leave_dirty(const Step& step, const PreparedScript& script, Error error);
  void record_failure(const Step& step, const PreparedScript& script, const Error& error, Unit unit);
  [[noreturn]] void fail_transaction(const Place& place, const ExecuteResult& result);
  [[noreturn]] void fail_statement(const Place& place, const Unit& failed, const ExecuteResult& result);
  bool set_back(const Step& step, const Composer& composer);
  Error retell(const Error& error) const;
  LogRow log_row(const Step& step, const PreparedScript& script) const;
  std::string run_name() const;

  Session& session_;
  const Runner& runner_;
  bool durable_each_;
  Reporter& reporter_;
  CancelToken& cancel_;
  std::string run_started_at_;
  std::optional<std::size_t> begun_;  ///< number of the step that began last
  Clock::time_point step_began_;
  std::string step_started_at_;
  std::vector<StepResult> done_;
  std::vector<std::pair<std::size_t, Step>> held_back_;  ///< done, not yet durable: index in done_, and the step
  std::optional<Version> dirty_at_;
};

}  // namespace talos
