#include "output_json.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "back_up.hpp"
#include "command_table.hpp"
#include "error_output.hpp"
#include "recovery.hpp"

namespace talos::app {

using nlohmann::ordered_json;

namespace {

template <class T>
ordered_json optional_json(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json text_json(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }

ordered_json migration_json(const Migration& migration) {
  return {{"version", migration.version}, {"title", migration.title}};
}

ordered_json step_json(const StepResult& step) {
  return {{"version", step.version},
          {"title", step.title},
          {"direction", to_string(step.direction)},
          {"duration_us", step.took.count()},
          {"durable", step.durable}};
}

ordered_json lock_json(const LockStatus& lock) {
  ordered_json object{{"held", lock.held}};
  if (lock.holder)
    object["holder"] = {{"pid", lock.holder->pid},
                        {"host", text_json(lock.holder->host)},
                        {"since", text_json(lock.holder->since)},
                        {"detail", text_json(lock.holder->detail)}};
  return object;
}

ordered_json journal_json(const JournalRow& row, bool running) {
  return {{"statement", row.statement},
          {"statements", row.statements},
          {"state", outcome_name(row.state, running)},
          {"line", optional_json(row.line)},
          {"text", row.text},
          {"started_at", text_json(row.started_at)},
          {"finished_at", text_json(row.finished_at)},
          {"error", text_json(row.error)},
          {"error_code", text_json(row.error_code)}};
}

ordered_json finding_json(const Inspection& inspection) {
  if (!inspection.finding) return nullptr;
  return {{"statement", inspection.state.journal.back().statement},
          {"verdict", verdict_name(inspection.finding->verdict)},
          {"reason", text_json(inspection.finding->reason)},
          {"leftover", text_json(inspection.finding->leftover)}};
}

ordered_json resume_json(const Inspection& inspection) {
  if (inspection.resumes_at) return {{"possible", true}, {"statement", *inspection.resumes_at}};
  if (inspection.not_resumable) return {{"possible", false}, {"reason", inspection.not_resumable->what()}};
  return nullptr;  // somebody is at work
}

ordered_json dirty_json(const MigrationSet& set, const Inspection& inspection) {
  const Recovery way = recovery(set, inspection);
  ordered_json statements = ordered_json::array();
  for (const JournalRow& row : inspection.state.journal) statements.push_back(journal_json(row, inspection.lock.held));
  return {{"version", way.version},
          {"direction", to_string(way.direction)},
          {"journal", way.known},
          {"file", way.known ? text_json(inspection.state.journal.front().file) : ordered_json(nullptr)},
          {"runner", way.known ? text_json(inspection.state.journal.front().runner) : ordered_json(nullptr)},
          {"statements", statements},
          {"finding", finding_json(inspection)},
          {"resume", resume_json(inspection)},
          {"force_if_finished", way.if_finished},
          {"force_if_undone", way.if_undone}};
}

ordered_json log_json(const LogRow& row) {
  ordered_json object{{"id", row.id},
                      {"action", to_string(row.action)},
                      {"failed", row.failed},
                      {"version", version_json(row.version)},
                      {"current", version_json(row.current)},
                      {"title", text_json(row.title)},
                      {"file", text_json(row.file)},
                      {"size", optional_json(row.size)},
                      {"sha256", text_json(row.sha256)},
                      {"started_at", row.started_at},
                      {"duration_us", std::max<std::int64_t>(row.duration_us, 0)},
                      {"program", row.program},
                      {"runner", row.runner},
                      {"user", text_json(row.user)}};
  if (row.failed)
    object["error"] = {{"message", row.error},
                       {"native_code", text_json(row.error_code)},
                       {"line", optional_json(row.line)},
                       {"statement", optional_json(row.statement)}};
  return object;
}

std::string_view status_name(const Inspection& inspection) {
  if (inspection.history.dirty()) return "dirty";
  return inspection.history.current() == no_version ? "not_initialized" : "clean";
}

}  // namespace

ordered_json version_json(Version version) {
  return version == no_version ? ordered_json(nullptr) : ordered_json(version);
}

ordered_json json_head(std::optional<Command> command, bool ok) {
  ordered_json words(nullptr);
  for (const CommandSpec& spec : all_commands())
    if (command && spec.command == *command) words = spec.words;
  return {{"format_version", 1}, {"command", words}, {"ok", ok}};
}

ordered_json database_json(const SessionInfo& info) {
  return {{"name", info.database}, {"server", text_json(info.server)}, {"table", info.table}};
}

ordered_json backup_json(const std::string& destination, const Backup::Report& report) {
  return {{"destination", destination},
          {"how", report.how},
          {"bytes", report.bytes < 0 ? ordered_json(nullptr) : ordered_json(report.bytes)},
          {"reference", text_json(report.reference)},
          {"restore", text_json(report.restore)}};
}

ordered_json run_json(const Options& options, const MigrationSet& set, const RunResult& result) {
  ordered_json object = json_head(options.command, !result.error);
  object["database"] = database_json(result.info);
  object["dry_run"] = options.dry_run;
  if (result.backup) object["backup"] = backup_json(shown_destination(*options.backup), *result.backup);
  object["from"] = version_json(result.from);
  object["to"] = version_json(result.to);
  object["latest"] = version_json(set.highest());
  object["dirty"] = result.dirty;
  object["ahead"] = result.ahead;
  object["migrations"] = ordered_json::array();
  for (const StepResult& step : result.steps) object["migrations"].push_back(step_json(step));
  if (options.dry_run) {
    object["planned"] = ordered_json::array();
    for (const Step& step : result.planned) {
      ordered_json planned = migration_json(*step.migration);
      planned["direction"] = to_string(step.direction);
      object["planned"].push_back(std::move(planned));
    }
  }
  if (result.error) object["error"] = to_json(*result.error);
  return object;
}

ordered_json status_json(const MigrationSet& set, const Inspection& inspection) {
  ordered_json object = json_head(Command::migrate_status, true);
  object["database"] = database_json(inspection.info);
  object["status"] = status_name(inspection);
  object["current"] = version_json(inspection.history.current());
  object["latest"] = version_json(set.highest());
  object["ahead"] = inspection.ahead;
  object["lock"] = lock_json(inspection.lock);
  object["pending"] = ordered_json::array();
  for (const Migration* migration : inspection.pending) {
    ordered_json entry = migration_json(*migration);
    entry["out_of_order"] = std::find(inspection.out_of_order.begin(), inspection.out_of_order.end(), migration) !=
                            inspection.out_of_order.end();
    object["pending"].push_back(std::move(entry));
  }
  object["edited"] = inspection.edited;
  object["notes"] = inspection.state.notes;
  object["dirty"] = inspection.history.dirty() ? dirty_json(set, inspection) : ordered_json(nullptr);
  object["last_failure"] = inspection.last_failure ? log_json(*inspection.last_failure) : ordered_json(nullptr);
  return object;
}

ordered_json history_json(const Inspection& inspection) {
  ordered_json object = json_head(Command::migrate_history, true);
  object["database"] = database_json(inspection.info);
  object["history"] = ordered_json::array();
  for (const LogRow& row : inspection.state.log) object["history"].push_back(log_json(row));
  return object;
}

ordered_json plugins_json(std::span<const PluginListing> plugins, const PluginSearch& search) {
  ordered_json object = json_head(Command::plugins, true);
  object["directories"] = ordered_json::array();
  for (const auto& directory : search.directories) object["directories"].push_back(directory.string());
  object["plugins"] = ordered_json::array();
  for (const PluginListing& plugin : plugins)
    object["plugins"].push_back({{"name", text_json(plugin.name)},
                                 {"version", text_json(plugin.version)},
                                 {"abi_version", plugin.abi_version},
                                 {"schemes", text_json(plugin.schemes)},
                                 {"file", plugin.file.string()},
                                 {"usable", plugin.usable},
                                 {"reason", text_json(plugin.reason)}});
  return object;
}

ordered_json error_json(std::optional<Command> command, const Error& error) {
  ordered_json object = json_head(command, false);
  object["error"] = to_json(error);
  return object;
}

}  // namespace talos::app
