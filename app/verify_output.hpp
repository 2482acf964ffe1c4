// What `migrate verify` prints: like a compiler, as JSON, or as annotations of a GitHub Actions run.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "console.hpp"
#include "verify.hpp"

namespace talos::app {

std::string verify_text(const VerifyReport& report, const Palette& palette);
nlohmann::ordered_json verify_json(const VerifyReport& report, bool ok);
/// Workflow commands; `directory` is put before the files' names.
std::string verify_annotations(const VerifyReport& report, const std::filesystem::path& directory);

}  // namespace talos::app
