// What counts as applied: the tracker decides, the log explains (G1).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migration_source.hpp"
#include "talos/bookkeeping.hpp"

namespace talos {

/// What the log says of a migration that is applied: what its file was then. There may be 100,000.
struct AppliedFile {
  std::string title;
  std::optional<std::int64_t> size;
  std::string sha256;
  std::string started_at;
};

/// What the database's rows mean for one migration set.
struct History {
  std::optional<TrackerRow> tracker;
  std::set<Version> applied;
  /// The last `up` of each applied migration that the log knows.
  std::map<Version, AppliedFile> records;
  /// The tracker was moved by another tool since the log's last row (or there is no log): a baseline row is due.
  bool baseline_due = false;

  Version current() const { return tracker ? tracker->version : no_version; }
  bool dirty() const { return tracker && tracker->dirty; }
};

/// LogRow::versions of a force or baseline row at `version`.
std::string versions_up_to(const MigrationSet& set, Version version);

/// Throws ErrorCode::policy if the tracker has more than one row.
History interpret(State state, const MigrationSet& set);

}  // namespace talos
