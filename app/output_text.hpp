// What each command prints on stdout, as text.
#pragma once

#include <span>
#include <string>

#include "back_up.hpp"
#include "console.hpp"
#include "edition.hpp"
#include "migrate.hpp"
#include "options.hpp"
#include "plugin_loader.hpp"

namespace talos::app {

std::string run_text(const Options& options, const MigrationSet& set, const RunResult& result);
std::string resume_text(const RunResult& result);
std::string backup_text(const BackupReport& made);
std::string force_text(const RunResult& result);
std::string status_text(const MigrationSet& set, const Inspection& inspection, const Palette& palette,
                        std::string_view program, std::string_view options);
std::string history_text(const std::vector<LogRow>& log);
std::string plugins_text(std::span<const PluginListing> plugins, const PluginSearch& search);

/// "17", or "none" for nothing applied.
std::string version_name(Version version);

}  // namespace talos::app
