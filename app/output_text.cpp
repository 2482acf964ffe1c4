#include "output_text.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "duration.hpp"
#include "printable.hpp"
#include "progress.hpp"
#include "recovery.hpp"
#include "run_lock.hpp"
#include "runner_identity.hpp"

namespace talos::app {

namespace {

std::string migrations(std::size_t count) { return fmt::format("{} migration{}", count, count == 1 ? "" : "s"); }

std::string range(const RunResult& result) {
  if (result.left_dirty)
    return fmt::format("from version {}; then DIRTY at version {}", version_name(result.from), version_name(result.to));
  return fmt::format("version {} → {}", version_name(result.from), version_name(result.to));
}

std::string planned_text(bool up, const std::vector<Step>& steps) {
  std::string text = fmt::format("Would {} {}:\n", up ? "apply" : "roll back", migrations(steps.size()));
  for (const Step& step : steps) text += "  " + display_name(step) + '\n';
  return text;
}

std::string up_text(const MigrationSet& set, const RunResult& result) {
  if (!result.steps.empty()) return fmt::format("Applied {}: {}\n", migrations(result.steps.size()), range(result));
  if (result.ahead)
    return fmt::format("No change: the database is at version {}, ahead of this program's newest migration ({})\n",
                       version_name(result.to), version_name(set.highest()));
  if (result.to == no_version) return "No change: there are no migrations\n";
  return fmt::format("No change: the database is at version {}\n", version_name(result.to));
}

std::string down_text(const Options& options, const RunResult& result) {
  if (result.steps.empty() && result.to == no_version) return "Nothing to roll back: no migrations applied\n";
  if (result.steps.empty())
    return fmt::format("Nothing to roll back: the database is at version {}\n", version_name(result.to));
  const bool all = options.steps && result.steps.size() < *options.steps && !result.error;
  return fmt::format("Rolled back {}{}: {}\n", migrations(result.steps.size()),
                     all ? fmt::format(", all there were ({} were asked for)", *options.steps) : "", range(result));
}

std::string status_line(const Inspection& inspection, const Palette& palette) {
  if (!inspection.history.dirty()) {
    if (inspection.history.current() == no_version) return "Not initialized (no migrations applied)";
    return fmt::format("{}clean{}", palette.green, palette.reset);
  }
  std::string text = fmt::format("{}DIRTY{}", palette.red, palette.reset);
  if (!inspection.lock.held) return text;
  const Version version =
      inspection.state.journal.empty() ? inspection.history.current() : inspection.state.journal.front().version;
  text += fmt::format(" (migration {} in progress", version);
  if (const auto& holder = inspection.lock.holder) {
    text += fmt::format(" by {}@{}", holder->pid, printable(holder->host));
    if (!holder->since.empty()) text += " since " + printable(holder->since);
  }
  return text + ")";
}

std::string pending_text(const Inspection& inspection) {
  if (inspection.pending.empty()) return "Pending: none\n";
  std::string text = fmt::format("Pending: {}\n", inspection.pending.size());
  for (const Migration* migration : inspection.pending) {
    const bool late = std::find(inspection.out_of_order.begin(), inspection.out_of_order.end(), migration) !=
                      inspection.out_of_order.end();
    const bool partly = inspection.history.dirty() && !inspection.state.journal.empty() &&
                        inspection.state.journal.front().version == migration->version;
    const std::string_view remark = late     ? " (out of order: up needs --allow-out-of-order)"
                                    : partly ? " (partly applied)"
                                             : "";
    text += fmt::format("  {}{}\n", display_name(*migration), remark);
  }
  return text;
}

std::string failure_text(const LogRow& row) {
  std::string text = fmt::format("Last failure: {}", printable(row.file));
  if (row.line) text += fmt::format(":{}", *row.line);
  if (row.statement) text += fmt::format(", statement {}", *row.statement);
  text += fmt::format(" ({}), at {} by {}\n", row.action == LogAction::down ? "down" : "up", printable(row.started_at),
                      printable(row.runner));
  text += fmt::format("  {}{}\n", printable(row.error),
                      row.error_code.empty() ? "" : " [" + printable(row.error_code) + "]");
  return text;
}

template <std::size_t N>
std::string table(const std::vector<std::array<std::string, N>>& rows) {
  std::array<std::size_t, N> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < N; ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < N; ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

}  // namespace

std::string version_name(Version version) { return version == no_version ? "none" : std::to_string(version); }

std::string run_text(const Options& options, const MigrationSet& set, const RunResult& result) {
  const bool up = options.command == Command::migrate_up;
  if (!result.planned.empty()) return planned_text(up, result.planned);
  if (result.error && result.steps.empty()) return {};
  return up ? up_text(set, result) : down_text(options, result);
}

std::string resume_text(const RunResult& result) {
  if (result.error) return {};
  if (result.already_done && result.to == no_version) return "Nothing to resume: no migrations applied\n";
  if (result.already_done)
    return fmt::format("Nothing to resume: the database is clean, at version {}\n", version_name(result.to));
  return fmt::format("Resumed and finished: the database is clean, at version {}\n", version_name(result.to));
}

std::string backup_text(const BackupReport& made) {
  std::string text = fmt::format("Backed up {} to {}", printable(made.info.database), printable(made.destination));
  if (made.report.bytes >= 0) text += fmt::format(", {} bytes", made.report.bytes);
  text += fmt::format(" ({})\n", printable(made.report.how));
  if (!made.report.reference.empty()) text += fmt::format("Reference: {}\n", printable(made.report.reference));
  if (!made.report.restore.empty()) text += fmt::format("To restore: {}\n", printable(made.report.restore));
  return text;
}

std::string force_text(const RunResult& result) {
  if (result.error) return {};
  return fmt::format("Forced: version {} → {}, clean\n", version_name(result.from), version_name(result.to));
}

std::string status_text(const MigrationSet& set, const Inspection& inspection, const Palette& palette,
                        std::string_view program, std::string_view options) {
  std::string text = fmt::format("Database Status: {}\n", status_line(inspection, palette));
  text += fmt::format("Current Version: {}{}\n", version_name(inspection.history.current()),
                      inspection.ahead ? " (ahead of this program)" : "");
  text += fmt::format("Latest Version: {}\n", version_name(set.highest()));
  if (!inspection.history.dirty() && inspection.lock.held)
    text += fmt::format("Running: {}\n", printable(describe_holder(inspection.lock)));
  text += pending_text(inspection);
  for (const std::string& edited : inspection.edited) text += fmt::format("Edited: {}\n", printable(edited));
  for (const std::string& note : inspection.state.notes) text += fmt::format("Note: {}\n", printable(note));
  if (inspection.history.dirty()) return text + recovery_text(set, inspection, program, options);
  if (inspection.last_failure) text += failure_text(*inspection.last_failure);
  return text;
}

std::string history_text(const std::vector<LogRow>& log) {
  if (log.empty()) return "No history\n";
  std::vector<std::array<std::string, 7>> rows{{"TIME", "ACTION", "VERSION", "TITLE", "TOOK", "BY", "RESULT"}};
  for (const LogRow& row : log) {
    const std::string took =
        row.action == LogAction::up || row.action == LogAction::down
            ? format_duration(std::chrono::microseconds(std::max<std::int64_t>(row.duration_us, 0)))
            : "";
    const std::string by = (row.user.empty() ? "" : row.user + " ") + row.runner + " " + row.program;
    rows.push_back({printable(row.started_at), std::string(to_string(row.action)), version_name(row.version),
                    printable(row.title), took, printable(by),
                    row.failed ? "FAILED: " + printable(row.error.substr(0, row.error.find('\n'))) : "ok"});
  }
  return table(rows);
}

std::string plugins_text(std::span<const PluginListing> plugins, const PluginSearch& search) {
  if (plugins.empty()) {
    std::string text = "No plugins. Looked in:\n";
    for (const auto& directory : search.directories) text += "  " + directory.string() + '\n';
    return text;
  }
  std::vector<std::array<std::string, 6>> rows{{"NAME", "VERSION", "ABI", "SCHEMES", "FILE", "STATUS"}};
  for (const PluginListing& plugin : plugins)
    rows.push_back({plugin.name.empty() ? "-" : plugin.name, plugin.version.empty() ? "-" : plugin.version,
                    plugin.abi_version == 0 ? "-" : std::to_string(plugin.abi_version),
                    plugin.schemes.empty() ? "-" : plugin.schemes, printable(plugin.file.string()),
                    plugin.usable ? "usable" : printable(plugin.reason)});
  return table(rows);
}

}  // namespace talos::app
