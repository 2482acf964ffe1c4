// What `migrate diagnose` prints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "diagnose.hpp"

namespace talos::app {

/// The commands that resolve what was found, each without the program's name; empty: there is nothing to resolve, or
/// nothing can be said.
std::vector<std::string> remedies(const MigrationSet& set, const Diagnosis& diagnosis);

std::string diagnosis_text(const MigrationSet& set, const Diagnosis& diagnosis, std::string_view program,
                           std::string_view options);
nlohmann::ordered_json diagnosis_json(const MigrationSet& set, const Diagnosis& diagnosis);

}  // namespace talos::app
