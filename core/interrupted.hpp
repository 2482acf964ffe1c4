// A migration that was left half-way: what its journal, its file and the catalogue say of it, and how it can be
// finished (G12, G13).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "executor.hpp"
#include "history.hpp"
#include "plan.hpp"
#include "script.hpp"
#include "talos/settlement.hpp"

namespace talos {

/// The user's word on a statement of which nothing else tells whether it happened.
enum class Assumption { applied, not_applied };

/// The step that a dirty tracker stands for, by the journal's direction. `before` is where it came from.
Step interrupted_step(const Migration& migration, Direction direction, const History& history);

class Interrupted {
 public:
  /// Of a dirty database; reads the file and asks the catalogue, and writes nothing. Throws (ErrorCode::dirty) where
  /// nothing can be resumed: no journal, another tracker than the journal's, no such file, statements changed that ran.
  Interrupted(const MigrationSet& set, const History& history, const std::vector<JournalRow>& journal,
              Session& session);

  const Step& step() const { return step_; }
  const PreparedScript& script() const { return *script_; }
  std::size_t statements() const { return journalled_.size(); }

  /// What the catalogue says of the statement with the last row, unless that row says done.
  const std::optional<Settlement::Finding>& finding() const { return finding_; }
  /// That statement is neither known to have happened nor known not to have.
  bool unsettled() const;

  /// Throws: ErrorCode::dirty if it is unsettled and nothing is assumed, or if the rest needs what the session of the
  /// first part had and cannot have again; ErrorCode::usage for an assumption about what is known.
  Resumption resumption(std::optional<Assumption> assumption) const;
  /// What the broken attempt left and clear() removes, where it is resumed at that statement; else empty.
  std::string leftover(const Resumption& resumption) const;
  void clear(const Resumption& resumption, Session& session, ExecuteObserver& observer) const;

 private:
  void read_file(const MigrationSet& set, const History& history, Session& session);
  void check_prefix() const;
  void ask_catalogue(Session& session);
  Settlement::Finding find_out(const JournalRow& row, Session& session) const;
  bool same_text(const JournalRow& row) const;
  std::string place_of(const JournalRow& row) const;
  bool happened(std::optional<Assumption> assumption) const;

  std::vector<JournalRow> rows_;  ///< by statement, the newest of each
  Step step_;
  std::optional<PreparedScript> script_;
  std::vector<JournalUnit> journalled_;
  std::optional<Settlement::Finding> finding_;
};

}  // namespace talos
