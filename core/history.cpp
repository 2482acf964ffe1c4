#include "history.hpp"

#include <algorithm>
#include <charconv>
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

// What the row took as applied when it was written: a version added to the set below it later is late, not applied.
void take_recorded(History& history, std::string_view versions) {
  history.applied.clear();
  history.records.clear();
  while (!versions.empty()) {
    const auto comma = std::min(versions.find(','), versions.size());
    Version version = 0;
    if (std::from_chars(versions.data(), versions.data() + comma, version).ec == std::errc())
      history.applied.insert(history.applied.end(), version);
    versions.remove_prefix(std::min(comma + 1, versions.size()));
  }
}

void replay(History& history, const MigrationSet& set, LogRow row) {
  switch (row.action) {
    case LogAction::baseline:
    case LogAction::force:
      if (row.versions.empty())
        take_all_up_to(history, set, row.version);
      else
        take_recorded(history, row.versions);
      break;
    case LogAction::up:
      history.applied.insert(history.applied.end(), row.version);
      history.records.insert_or_assign(
          history.records.end(), row.version,
          AppliedFile{std::move(row.title), row.size, std::move(row.sha256), std::move(row.started_at)});
      break;
    case LogAction::down:
      history.applied.erase(row.version);
      history.records.erase(row.version);
      break;
  }
}

}  // namespace

std::string versions_up_to(const MigrationSet& set, Version version) {
  std::string text;
  for (const Migration& migration : set.migrations())
    if (migration.version <= version) text += (text.empty() ? "" : ",") + std::to_string(migration.version);
  return text;
}

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
  if (history.dirty() && (state.log.empty() || (state.journal.empty() && recorded != history.current()))) {
    take_all_up_to(history, set, history.current());
    history.applied.erase(history.current());
  }
  return history;
}

}  // namespace talos
