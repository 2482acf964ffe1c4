// What strace counts. Nothing is counted where it is missing or may not trace.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "process.hpp"

namespace talos::bench {

/// The fsync and fdatasync calls of one run of `command` and its children.
std::optional<unsigned long> count_syncs(const Command& command);

/// The files below `directory` with that ending which one run of `command` opened.
std::optional<std::set<std::string>> opened_files(const Command& command, const std::filesystem::path& directory,
                                                  const std::string& ending);

}  // namespace talos::bench
