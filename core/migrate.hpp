// The operations: up and down, force, and a look at the state. Each takes a connection request and a set, and owns the
// session, the run lock and the clean-up while it lasts.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cancel.hpp"
#include "executor.hpp"
#include "history.hpp"
#include "migration_source.hpp"
#include "plan.hpp"
#include "reporter.hpp"
#include "talos/backup.hpp"
#include "talos/driver.hpp"
#include "talos/settlement.hpp"

namespace talos {

struct RunOptions {
  ConnectRequest connect;
  std::chrono::milliseconds wait{0};  ///< keep trying the first connection for so long
  Policies policies;
  bool durable_each = false;  ///< every commit durable, not only the run's last
  bool checked = false;       ///< force: only if the schema is the one of the version
  std::string backup = {};    ///< up: where a copy is made before anything is applied; empty: none
};

/// What a run did; also filled when it failed.
struct RunResult {
  SessionInfo info;
  Version from = no_version;
  Version to = no_version;
  bool dirty = false;       ///< the tracker says so, whoever made it
  bool left_dirty = false;  ///< this run did
  bool cut_off = false;     ///< the connection broke while migrations ran
  bool ahead = false;
  bool already_done = false;      ///< there was nothing to do
  std::vector<StepResult> steps;  ///< done ones
  std::vector<Step> planned;      ///< dry run: what would be done
  std::optional<Backup::Report> backup;
  std::optional<Error> error;
};

/// up or down, by the goal's direction. Reads the state and plans under the lock. Never throws talos::Error: it is in
/// the result, with what was done before it.
RunResult run(Driver& driver, const MigrationSet& set, const Goal& goal, const RunOptions& options, Reporter& reporter,
              CancelToken& cancel);

/// The same on a session that is there, and throws.
void run_on(Session& session, const MigrationSet& set, const Goal& goal, const RunOptions& options, Reporter& reporter,
            CancelToken& cancel, RunResult& result);

/// As run(), but only reads: connects with Access::read, takes no lock, checks the files, writes nothing.
RunResult dry_run(Driver& driver, const MigrationSet& set, const Goal& goal, const RunOptions& options,
                  Reporter& reporter, CancelToken& cancel);

/// Sets the tracker to `version`, clean; -1 empties it.
RunResult force(Driver& driver, const MigrationSet& set, Version version, const RunOptions& options, Reporter& reporter,
                CancelToken& cancel);

/// What `status` and `history` show.
struct Inspection {
  SessionInfo info;
  State state;
  History history;
  LockStatus lock;
  bool ahead = false;
  std::vector<const Migration*> pending;
  std::vector<const Migration*> out_of_order;
  std::optional<LogRow> last_failure;  ///< the newest failed attempt, if nothing succeeded after it
  std::vector<std::string> edited;     ///< sentences: files that differ from what was applied
  /// Of a dirty database that nobody works on: what the catalogue says of the statement that was interrupted …
  std::optional<Settlement::Finding> finding;
  std::optional<std::size_t> resumes_at;  ///< … the number of the statement that `resume` would go on with …
  std::optional<Error> not_resumable;     ///< … or else why it would refuse
};

/// Read-only, no lock. `verify` reads the bodies of applied files and compares checksums.
Inspection inspect(Driver& driver, const MigrationSet& set, const RunOptions& options, LogDepth depth, bool verify,
                   Reporter& reporter, CancelToken& cancel);

}  // namespace talos
