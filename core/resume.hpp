// `migrate resume`: finishes one migration that was left half-way, and stops.
#pragma once

#include <optional>

#include "interrupted.hpp"
#include "migrate.hpp"

namespace talos {

/// Under the run lock. On a clean database there is nothing to resume. Never throws talos::Error: it is in the result.
RunResult resume(Driver& driver, const MigrationSet& set, std::optional<Assumption> assumption,
                 const RunOptions& options, Reporter& reporter, CancelToken& cancel);

}  // namespace talos
