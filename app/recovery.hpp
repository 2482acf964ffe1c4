// A dirty database: what ran, what did not, and the commands that resolve it.
#pragma once

#include <string>

#include "migrate.hpp"
#include "options.hpp"

namespace talos::app {

struct Recovery {
  Version version = no_version;  ///< the migration that was interrupted
  Direction direction = Direction::up;
  Version if_finished = no_version;  ///< what to force when the rest of it was done by hand
  Version if_undone = no_version;    ///< what to force when what it did was undone by hand
  bool known = false;                ///< the journal names the migration; otherwise it is the tracker's version
};

/// `inspection` must be dirty.
Recovery recovery(const MigrationSet& set, const Inspection& inspection);

/// What a statement's journal row means: an intent is "running" while its runner lives, and "unknown" afterwards.
std::string_view outcome_name(JournalState state, bool running);

/// What a further command needs to mean the same migrations and tracker, with a blank before each. Not the DSN: it may
/// hold a password.
std::string options_to_repeat(const Options& options);

std::string_view verdict_name(Settlement::Verdict verdict);

/// The lines of `status` about it. `options` are the command-line options that a further command needs, each with a
/// blank before it.
std::string recovery_text(const MigrationSet& set, const Inspection& inspection, std::string_view program,
                          std::string_view options);

}  // namespace talos::app
