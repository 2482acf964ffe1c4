// `migrate verify`: proves a set on a scratch database. Every migration goes up, down and up again; what it changes is
// judged by the schemas before and after.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compatibility.hpp"
#include "fingerprints.hpp"
#include "migrate.hpp"
#include "talos/trial.hpp"

namespace talos {

struct VerifyOptions {
  std::string from;  ///< the DSN of a database to start from a copy of; empty: from nothing
  /// The last version that the release before has: what comes later is judged against the schema there. Without it (and
  /// without `from`) each migration is judged against the one before it.
  std::optional<Version> since;
  std::filesystem::path queries;  ///< empty: none
  bool keep_prints = false;       ///< for the file of fingerprints
};

/// One thing that was found.
struct VerifyFinding {
  Severity severity = Severity::error;
  std::string rule;  ///< "down-leaves", "dropped-column"
  Version version = no_version;
  std::string file;
  std::optional<std::size_t> line = {};
  std::optional<std::size_t> column = {};
  std::string source_line = {};
  std::string message;
  std::string reason = {};
  std::string help = {};
  std::vector<std::string> details = {};  ///< lines: what differs
};

/// One migration that was tried.
struct VerifiedMigration {
  Version version = no_version;
  std::string title;
  std::string file;
  std::vector<std::string> changes = {};  ///< of its up, in lines
  std::vector<Effect> effects = {};       ///< on tables that were there before
};

struct VerifyReport {
  SessionInfo info;
  std::string flavour;
  std::vector<VerifiedMigration> migrations;
  std::vector<VerifyFinding> findings;
  /// With keep_prints: after each migration that went up, from the state before the first on.
  SchemaPrints prints;
  std::size_t skipped = 0;  ///< migrations that could not be tried after one that failed
  std::size_t count(Severity severity) const;
};

/// `options.connect.dsn` names the server for the scratch database; the database that it names is not touched. Throws
/// for what is no finding: no server, no such ability, cancelled.
VerifyReport verify(Driver& driver, const MigrationSet& set, const VerifyOptions& verify_options,
                    const RunOptions& options, Reporter& reporter, CancelToken& cancel);

}  // namespace talos
