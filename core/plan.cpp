#include "plan.hpp"

#include <algorithm>

#include "talos/error.hpp"

namespace talos {

namespace {

std::string newest_of(const MigrationSet& set) {
  return set.highest() == no_version ? "none" : std::to_string(set.highest());
}

std::string name_of(const Migration& migration) {
  const auto& file = migration.up ? migration.up : migration.down;
  return file->name;
}

std::optional<TrackerRow> clean_row(Version version) {
  if (version == no_version) return std::nullopt;
  return TrackerRow{version, false};
}

void refuse_dirty(const History& history) {
  if (!history.dirty()) return;
  throw Error(ErrorCode::dirty, "Database is in dirty state at version " + std::to_string(history.current()));
}

// A current version inside the set's range that the set lacks: nobody knows what it did.
void refuse_unknown_current(const MigrationSet& set, const History& history) {
  const Version current = history.current();
  if (current == no_version || current > set.highest() || set.find(current) != nullptr) return;
  throw Error(ErrorCode::policy, "the database is at version " + std::to_string(current) + ", which no migration of " +
                                     set.origin() + " has")
      .with_hint("run the release whose migrations made this database, or set a known version with force");
}

void refuse_other_set(const MigrationSet& set, const History& history) {
  if (const auto other = other_set(set, history))
    throw Error(ErrorCode::policy, *other)
        .with_hint("check the database and --migrations; if this is its set all the same, say so with: migrate force " +
                   std::to_string(history.current()) + " --allow-unknown-version");
}

// What was applied under its versions and is not in the set, or is called otherwise.
std::vector<std::string> changed_records(const MigrationSet& set, const History& history) {
  std::vector<std::string> result;
  for (const auto& [version, row] : history.records) {
    const Migration* migration = set.find(version);
    if (migration == nullptr) {
      result.push_back("version " + std::to_string(version) + " (" + row.title + ") is applied, but " + set.origin() +
                       " has no migration with it");
    } else if (row.title != migration->title) {
      result.push_back("version " + std::to_string(version) + " was applied as \"" + row.title +
                       "\" and is now called \"" + migration->title + "\"");
    }
  }
  return result;
}

class Planner {
 public:
  Planner(const MigrationSet& set, const History& history, const Goal& goal, const Policies& policies)
      : set_(set), history_(history), goal_(goal), policies_(policies), applied_(history.applied) {}

  Plan up() {
    refuse_dirty(history_);
    if (is_ahead(set_, history_)) {
      plan_.ahead = true;
      plan_.warnings.push_back("the database is at version " + std::to_string(history_.current()) +
                               ", newer than the newest migration of this program (" + newest_of(set_) +
                               "); nothing to do, since migrations are backward compatible");
      return std::move(plan_);
    }
    refuse_unknown_current(set_, history_);
    refuse_other_set(set_, history_);
    check_up_target();
    refuse_late();
    compare_records();
    for (const Migration* migration : pending(set_, history_)) {
      if (full() || (goal_.to && migration->version > *goal_.to)) break;
      if (!migration->up)
        throw Error(ErrorCode::usage, "migration version " + std::to_string(migration->version) + " has no up file (" +
                                          name_of(*migration) + ")");
      const Version before = current_;
      applied_.insert(migration->version);
      current_ = *applied_.rbegin();
      plan_.steps.push_back({migration, Direction::up, clean_row(before), current_, clean_row(current_)});
    }
    plan_.baseline_due = history_.baseline_due;
    return std::move(plan_);
  }

  Plan down() {
    refuse_dirty(history_);
    if (history_.current() == no_version) return std::move(plan_);
    if (is_ahead(set_, history_))
      throw Error(ErrorCode::policy, "the database is at version " + std::to_string(history_.current()) +
                                         ", newer than the newest migration of this program (" +
                                         std::to_string(set_.highest()) + "): it has no down file for it")
          .with_hint("run down with the release that applied it");
    refuse_unknown_current(set_, history_);
    refuse_other_set(set_, history_);
    check_down_target();
    while (!applied_.empty() && !full() && (!goal_.to || *applied_.rbegin() > *goal_.to)) undo_highest();
    plan_.baseline_due = history_.baseline_due && !plan_.steps.empty();
    return std::move(plan_);
  }

 private:
  bool full() const { return goal_.steps && plan_.steps.size() >= *goal_.steps; }

  void undo_highest() {
    const Version version = *applied_.rbegin();
    const Migration* migration = set_.find(version);
    if (migration == nullptr)
      throw Error(ErrorCode::policy, "version " + std::to_string(version) + " is applied, but " + set_.origin() +
                                         " has no migration with it")
          .with_hint("run down with the release that applied it");
    if (!migration->down && !policies_.allow_missing_down)
      throw Error(ErrorCode::policy, name_of(*migration) + " has no down file: version " + std::to_string(version) +
                                         " cannot be rolled back")
          .with_hint("write its .down.sql, or move the version without running anything by --allow-missing-down");
    if (!migration->down)
      plan_.warnings.push_back(name_of(*migration) + " has no down file: the version is moved and nothing is run");
    const Version before = current_;
    applied_.erase(std::prev(applied_.end()));
    current_ = applied_.empty() ? no_version : *applied_.rbegin();
    plan_.steps.push_back({migration, Direction::down, clean_row(before), current_, clean_row(current_)});
  }

  void check_up_target() const {
    if (!goal_.to) return;
    if (set_.find(*goal_.to) == nullptr)
      throw Error(ErrorCode::usage,
                  "--to " + std::to_string(*goal_.to) + ": no migration of " + set_.origin() + " has this version");
    if (*goal_.to < history_.current())
      throw Error(ErrorCode::usage, "--to " + std::to_string(*goal_.to) + " is below the current version " +
                                        std::to_string(history_.current()))
          .with_hint("use: migrate down --to " + std::to_string(*goal_.to));
  }

  void check_down_target() const {
    if (!goal_.to || *goal_.to == no_version) return;
    if (set_.find(*goal_.to) == nullptr)
      throw Error(ErrorCode::usage,
                  "--to " + std::to_string(*goal_.to) + ": no migration of " + set_.origin() + " has this version");
    if (*goal_.to > history_.current())
      throw Error(ErrorCode::usage, "--to " + std::to_string(*goal_.to) + " is above the current version " +
                                        std::to_string(history_.current()))
          .with_hint("use: migrate up --to " + std::to_string(*goal_.to));
    if (!applied_.contains(*goal_.to))
      throw Error(ErrorCode::policy, "--to " + std::to_string(*goal_.to) + ": this version is not applied");
  }

  void refuse_late() const {
    const auto late = out_of_order(set_, history_);
    if (late.empty() || policies_.allow_out_of_order) return;
    std::string names;
    for (const Migration* migration : late) {
      if (!names.empty()) names += ", ";
      names += name_of(*migration);
    }
    throw Error(ErrorCode::policy,
                "not applied, and below the current version " + std::to_string(history_.current()) + ": " + names)
        .with_hint("apply them by --allow-out-of-order, or give them versions above the current one");
  }

  void compare_records() {
    for (const std::string& what : changed_records(set_, history_)) {
      if (policies_.strict) throw Error(ErrorCode::policy, what + " (--strict)");
      plan_.warnings.push_back(what);
    }
  }

  const MigrationSet& set_;
  const History& history_;
  const Goal& goal_;
  const Policies& policies_;
  std::set<Version> applied_;
  Version current_ = history_.current();
  Plan plan_;
};

}  // namespace

// Both sides are sorted: one walk.
std::vector<const Migration*> pending(const MigrationSet& set, const History& history) {
  std::vector<const Migration*> result;
  auto applied = history.applied.begin();
  for (const Migration& migration : set.migrations()) {
    while (applied != history.applied.end() && *applied < migration.version) ++applied;
    if (applied == history.applied.end() || *applied != migration.version) result.push_back(&migration);
  }
  return result;
}

std::vector<const Migration*> out_of_order(const MigrationSet& set, const History& history) {
  std::vector<const Migration*> result = pending(set, history);
  std::erase_if(result, [&](const Migration* m) {
    // The version that a dirty tracker names is the interrupted one, not a late one.
    return m->version > history.current() || (history.dirty() && m->version == history.current());
  });
  return result;
}

bool is_ahead(const MigrationSet& set, const History& history) {
  if (history.current() <= set.highest()) return false;
  for (const auto& [version, row] : history.records) {
    if (version > set.highest()) break;
    const Migration* migration = set.find(version);
    if (migration == nullptr || migration->title != row.title)
      throw Error(ErrorCode::policy,
                  "this database was migrated by another set: version " + std::to_string(version) +
                      " was applied as \"" + row.title + "\", and " + set.origin() +
                      (migration == nullptr ? " has no such version" : " calls it \"" + migration->title + "\""))
          .with_hint("check the database and --migrations");
  }
  return true;
}

std::optional<std::string> other_set(const MigrationSet& set, const History& history) {
  if (history.records.empty()) return std::nullopt;
  for (const auto& [version, row] : history.records) {
    const Migration* migration = set.find(version);
    if (row.title.empty() || (migration != nullptr && migration->title == row.title)) return std::nullopt;
  }
  const auto& [version, row] = *history.records.begin();
  return "this database was migrated by another set: version " + std::to_string(version) + " was applied as \"" +
         row.title + "\", and " + set.origin() + " has nothing of its history";
}

std::vector<std::string> disagreements(const MigrationSet& set, const History& history) {
  try {
    if (is_ahead(set, history)) return {};
    refuse_unknown_current(set, history);
    refuse_other_set(set, history);
  } catch (const Error& error) {
    return {error.what()};
  }
  return changed_records(set, history);
}

Plan make_plan(const MigrationSet& set, const History& history, const Goal& goal, const Policies& policies) {
  Planner planner(set, history, goal, policies);
  return goal.direction == Direction::up ? planner.up() : planner.down();
}

}  // namespace talos
