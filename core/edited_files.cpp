#include "edited_files.hpp"

#include "sha256.hpp"

namespace talos {

namespace {

bool differs(const MigrationFile& file, const AppliedFile& row, Thoroughness thoroughness) {
  if (row.size && *row.size != file.size()) return true;
  if (row.sha256.empty()) return false;
  if (!file.known_sha256.empty()) return row.sha256 != file.known_sha256;
  return thoroughness == Thoroughness::bodies && row.sha256 != sha256(file.load().bytes());
}

}  // namespace

std::vector<std::string> edited_files(const MigrationSet& set, const History& history, Thoroughness thoroughness) {
  std::vector<std::string> result;
  for (const auto& [version, row] : history.records) {
    const Migration* migration = set.find(version);
    if (migration == nullptr || !migration->up || !differs(*migration->up, row, thoroughness)) continue;
    result.push_back(migration->up->name + " was edited after it was applied at " + row.started_at);
  }
  return result;
}

}  // namespace talos
