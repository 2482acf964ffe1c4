// `migrate diagnose`: which version the live schema is, or what of it is not as it should be; and of a migration that
// was left half-way, which of its statements are in the schema.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fingerprints.hpp"
#include "migrate.hpp"

namespace talos {

/// A version whose schema is not the live one.
struct NearVersion {
  Version version = no_version;
  std::vector<std::string> differences;  ///< + is there and should not be, - is missing, ~ is otherwise
};

enum class Standing {
  present,  ///< what the statement changes is as it is afterwards
  absent,   ///< … as it was before
  unseen,   ///< it changes nothing of the schema, or something else has since
};

struct StatementStanding {
  std::size_t statement = 0;  ///< 1-based
  std::size_t line = 0;
  std::string text;  ///< its first line
  Standing standing = Standing::unseen;
  std::string why;
};

struct Diagnosis {
  Inspection inspection;
  std::string flavour;
  std::string fingerprint;
  std::string source;             ///< where the expected schemas are from: "fingerprints", "a scratch database"
  std::vector<Version> equals;    ///< versions with exactly the live schema; more than one where some change only rows
  std::vector<NearVersion> near;  ///< otherwise the nearest two
  /// Of a dirty migration, where a scratch database could be had.
  std::vector<StatementStanding> statements;
  /// The live schema is exactly the one after so many of its statements: from the fewest to the most, since some change
  /// only rows.
  std::optional<std::pair<std::size_t, std::size_t>> equals_after;
};

/// `scratch` names a server for a scratch database; empty: the set's fingerprints alone. Read-only towards the
/// database. Throws ErrorCode::unsupported where neither tells what is expected.
Diagnosis diagnose(Driver& driver, const MigrationSet& set, const std::string& scratch, const RunOptions& options,
                   Reporter& reporter, CancelToken& cancel);

/// What a set's file says of a kind of server; nothing without one.
SchemaPrints known_prints(const MigrationSet& set, const std::string& flavour);

}  // namespace talos
