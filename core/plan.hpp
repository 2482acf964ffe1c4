// What to do: a pure function of the set, the database's history, and the goal. No I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "history.hpp"
#include "migration_source.hpp"

namespace talos {

struct Goal {
  Direction direction = Direction::up;
  std::optional<std::size_t> steps;  ///< at most so many
  std::optional<Version> to;         ///< up: the last one applied; down: stays applied (-1: nothing stays)
};                                   ///< neither: everything in that direction

struct Policies {
  bool allow_out_of_order = false;
  bool allow_missing_down = false;
  bool allow_unknown_version = false;
  bool strict = false;
};

/// One migration in one direction, and what the tracker holds around it.
struct Step {
  const Migration* migration = nullptr;  ///< owned by the set
  Direction direction = Direction::up;
  std::optional<TrackerRow> before;
  Version dirty_version = no_version;  ///< the tracker's version while a non-transactional file runs
  std::optional<TrackerRow> after;

  /// Null where --allow-missing-down lets a step without a file pass.
  const MigrationFile* file() const {
    const auto& f = migration->file(direction);
    return f ? &*f : nullptr;
  }
};

struct Plan {
  std::vector<Step> steps;
  std::vector<std::string> warnings;
  bool ahead = false;         ///< the database is newer than the set
  bool baseline_due = false;  ///< a baseline row is written first
  bool empty() const { return steps.empty() && !baseline_due; }
};

/// Throws what the goal and policies forbid: dirty, policy, usage. Checks files by size and by known checksum only.
Plan make_plan(const MigrationSet& set, const History& history, const Goal& goal, const Policies& policies);

/// Migrations of the set that are not applied, by version.
std::vector<const Migration*> pending(const MigrationSet& set, const History& history);
/// Those of them below the current version: merged late.
std::vector<const Migration*> out_of_order(const MigrationSet& set, const History& history);
/// The database is newer than the set (G3). Throws ErrorCode::policy if another set made it.
bool is_ahead(const MigrationSet& set, const History& history);

/// A sentence where nothing that the history names is the set's: a wrong --migrations, or another program's database.
std::optional<std::string> other_set(const MigrationSet& set, const History& history);
/// Sentences: what up and down refuse, or warn about, in how the history and the set fit together.
std::vector<std::string> disagreements(const MigrationSet& set, const History& history);

}  // namespace talos
