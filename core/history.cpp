#include "history.hpp"

#include <utility>

#include "talos/error.hpp"

namespace talos {

namespace {

void take_all_up_to(History& history, const MigrationSet& set, Version version) {
  history.applied.clear();
  history.records.clear();
  for (const Migration& migration : set.migrations())
    if (migration.version <= version) history.applied.insert(history.applied.end(), migration.version);
}

void replay(History& history, const MigrationSet& set, LogRow row) {
  switch (row.action) {
    case LogAction::baseline:
    case LogAction::force:
      take_all_up_to(history, set, row.version);
      break;
    case LogAction::up:
      history.applied.insert(history.applied.end(), row.version);
      history.records.insert_or_assign(history.records.end(), row.version, std::move(row));
      break;
    case LogAction::down:
      history.applied.erase(row.version);
      history.records.erase(row.version);
      break;
  }
}

}  // namespace

History interpret(State state, const MigrationSet& set) {
  if (state.tracker.size() > 1)
    throw Error(ErrorCode::policy,
                "the tracker table holds more than one row; golang-migrate and this program keep one")
        .with_hint("delete all rows but the one that is right");
  History history;
  if (!state.tracker.empty()) history.tracker = state.tracker.front();
  Version recorded = no_version;
  for (LogRow& row : state.log) {
    if (row.failed) continue;
    recorded = row.current;
    replay(history, set, std::move(row));
  }
  if (recorded != history.current() && !history.dirty()) {
    history.baseline_due = true;
    take_all_up_to(history, set, history.current());
  }
  // Another tool left it dirty: the version it names is the one that may or may not be there.
  if (history.dirty() && state.log.empty()) {
    take_all_up_to(history, set, history.current());
    history.applied.erase(history.current());
  }
  return history;
}

}  // namespace talos
