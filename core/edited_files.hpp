// Files that are no longer what was applied under their version (G11).
#pragma once

#include <string>
#include <vector>

#include "history.hpp"
#include "migration_source.hpp"

namespace talos {

enum class Thoroughness {
  sizes,   ///< sizes, and the checksums that embedded files carry; reads no body
  bodies,  ///< the checksum of every applied file
};

/// A sentence for each. Versions whose checksum is unknown (taken over from another tool) are passed over.
std::vector<std::string> edited_files(const MigrationSet& set, const History& history, Thoroughness thoroughness);

}  // namespace talos
