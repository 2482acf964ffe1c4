// What each command prints on stdout, as JSON: one object, described in docs/schemas/. `format_version` 1; members are
// only ever added.
#pragma once

#include <optional>
#include <span>

#include <nlohmann/json_fwd.hpp>

#include "edition.hpp"
#include "migrate.hpp"
#include "options.hpp"
#include "plugin_loader.hpp"

namespace talos::app {

/// The members that every object has. No command: the command line could not be read.
nlohmann::ordered_json json_head(std::optional<Command> command, bool ok);

/// null for no_version
nlohmann::ordered_json version_json(Version version);
nlohmann::ordered_json database_json(const SessionInfo& info);
nlohmann::ordered_json backup_json(const std::string& destination, const Backup::Report& report);
nlohmann::ordered_json run_json(const Options& options, const MigrationSet& set, const RunResult& result);
nlohmann::ordered_json status_json(const MigrationSet& set, const Inspection& inspection);
nlohmann::ordered_json history_json(const Inspection& inspection);
nlohmann::ordered_json plugins_json(std::span<const PluginListing> plugins, const PluginSearch& search);
/// For a command that failed before it had anything else to say.
nlohmann::ordered_json error_json(std::optional<Command> command, const Error& error);

}  // namespace talos::app
