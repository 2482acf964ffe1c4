// What every dialect asks of a unit, and the order in which units run where each is a commit of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

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

/// Until one fails. `prepare(unit)` throws what stands in the way of it; `run(unit)` gives a failure, which has `error`
/// and `outcome`, or nothing: then the unit is committed and durable.
template <class Prepare, class Run>
void run_in_order(std::span<const Unit> units, ExecuteObserver& observer, ExecuteResult& result, Prepare&& prepare,
                  Run&& run) {
  for (const Unit& unit : units) {
    prepare(unit);
    observer.unit_started(result.completed);
    const auto started = std::chrono::steady_clock::now();
    if (auto failure = run(unit)) {
      result.error = std::move(failure->error);
      result.outcome = failure->outcome;
      return;
    }
    ++result.completed;
    observer.unit_committed(result.completed - 1, since(started), true);
  }
}

}  // namespace talos::common
