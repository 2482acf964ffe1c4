// What every dialect asks of a unit, and the order in which units run where each is a commit of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "talos/clock.hpp"
#include "talos/driver.hpp"

namespace talos::common {

/// It needs the journal's table.
inline bool adds_journal_row(const Unit& unit) {
  return std::any_of(unit.journal.begin(), unit.journal.end(),
                     [](const JournalWrite& write) { return write.kind != JournalWriteKind::close; });
}

/// It only makes durable what was committed before it.
inline bool is_empty(const Unit& unit) {
  return unit.script == nullptr && !unit.claim && unit.journal.empty() && !unit.log;
}

inline std::chrono::microseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

/// Follows the units of one execute() from step to step.
class StepClock {
 public:
  bool is_new(const Unit& unit) const { return step_ != unit.step; }
  /// True if `unit` is the first of its step.
  bool begin(const Unit& unit) {
    inside_ = step_ == unit.step;
    if (inside_) return false;
    step_ = unit.step;
    restart();
    return true;
  }
  /// The step begins now, whenever begin() was told of it.
  void restart() {
    began_ = std::chrono::steady_clock::now();
    began_at_ = utc_now();
  }

  std::chrono::microseconds elapsed() const { return since(began_); }

  /// `row` with the times of its step, where that began with a unit before this one. Else they are the unit's own.
  LogRow timed(LogRow row) const {
    if (!inside_ || row.began || !row.started_at.empty()) return row;
    row.began = began_;
    row.started_at = began_at_;
    return row;
  }
  Unit timed(Unit unit) const {
    if (unit.log) unit.log = timed(std::move(*unit.log));
    return unit;
  }

 private:
  std::optional<std::size_t> step_;
  std::chrono::steady_clock::time_point began_;
  std::string began_at_;
  bool inside_ = false;
};

/// Until one fails. `prepare(unit, new_step)` throws what stands in the way of it; `run(unit)` gives a failure, which
/// has `error` and `outcome`, or nothing: then the unit is committed and durable.
template <class Prepare, class Run>
void run_in_order(std::span<const Unit> units, ExecuteObserver& observer, ExecuteResult& result, Prepare&& prepare,
                  Run&& run) {
  StepClock clock;
  for (const Unit& unit : units) {
    prepare(unit, clock.begin(unit));
    observer.unit_started(result.completed);
    const auto started = std::chrono::steady_clock::now();
    if (auto failure = run(clock.timed(unit))) {
      result.error = std::move(failure->error);
      result.outcome = failure->outcome;
      return;
    }
    ++result.completed;
    observer.unit_committed(result.completed - 1, since(started), true);
  }
}

}  // namespace talos::common
