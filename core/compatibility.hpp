// Whether the release before goes on working against a changed schema. A pure function of schemas: reads no SQL.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "schema.hpp"
#include "talos/introspection.hpp"
#include "talos/migration.hpp"

namespace talos {

enum class Severity {
  error,    ///< makes `verify` fail
  warning,  ///< so does this under --strict
  note,
};

constexpr std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "error";
}

/// What a change means to programs that know only the schema before it.
struct Judgement {
  Severity severity = Severity::error;  ///< error: breaking
  std::string_view rule;                ///< "dropped-column"
  std::string message;                  ///< "drops column keys.owner"
  std::string reason;                   ///< what the release before does that fails
  std::string help;                     ///< how it is done without that
  std::string table = {};               ///< to find the place in the file
  std::string name = {};
};

/// Columns that a migration added to a table that was there, nullable and without a default, by table and name: the
/// releases before that version leave them NULL.
using LateColumns = std::map<std::pair<std::string, std::string>, Version>;

struct Comparison {
  const Schema& release;  ///< what the release before knows
  const Schema& before;   ///< the migration; often the same
  const Schema& after;
  const LateColumns& late;
  const Introspection& types;
};

std::vector<Judgement> judge(const Comparison& comparison);

/// Adds to `late` what this step added.
void note_late_columns(const Schema& before, const Schema& after, Version version, LateColumns& late);

}  // namespace talos
