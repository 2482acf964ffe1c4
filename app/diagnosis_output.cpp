#include "diagnosis_output.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "output_json.hpp"
#include "output_text.hpp"
#include "printable.hpp"
#include "recovery.hpp"

namespace talos::app {

using nlohmann::ordered_json;

namespace {

std::string_view name_of(Standing standing) {
  switch (standing) {
    case Standing::present:
      return "in the schema";
    case Standing::absent:
      return "not in the schema";
    case Standing::unseen:
      return "cannot be seen";
  }
  return "";
}

std::string versions_text(const std::vector<Version>& versions) {
  std::string text;
  for (const Version version : versions) text += (text.empty() ? "" : " or ") + version_name(version);
  return text;
}

bool is_at(const Diagnosis& diagnosis, Version version) {
  return std::find(diagnosis.equals.begin(), diagnosis.equals.end(), version) != diagnosis.equals.end();
}

// What was begun and left: all of it there, nothing of it, or where it stopped.
std::vector<std::string> dirty_remedies(const MigrationSet& set, const Diagnosis& diagnosis) {
  const Recovery way = recovery(set, diagnosis.inspection);
  const auto force = [](Version version) { return "migrate force " + std::to_string(version); };
  std::vector<std::string> commands;
  const auto& after = diagnosis.equals_after;
  if (after && after->first == diagnosis.statements.size()) commands.push_back(force(way.if_finished));
  if (after && after->second == 0) commands.push_back(force(way.if_undone));
  const auto& journal = diagnosis.inspection.state.journal;
  if (diagnosis.inspection.resumes_at && commands.empty()) return {"migrate resume"};
  if (!commands.empty()) return commands;
  if (journal.empty()) {
    if (diagnosis.equals.size() == 1) return {force(diagnosis.equals.front())};
    return {};
  }
  // What the journal cannot tell of the one statement in doubt, the schema may.
  const auto last = static_cast<std::size_t>(journal.back().statement);
  if (last == 0 || last > diagnosis.statements.size()) return {};
  const Standing standing = diagnosis.statements[last - 1].standing;
  if (standing == Standing::present) return {"migrate resume --assume applied"};
  if (standing == Standing::absent) return {"migrate resume --assume not-applied"};
  return {};
}

std::string near_text(const NearVersion& near) {
  std::string text = fmt::format("Nearest Version: {}, but for\n", version_name(near.version));
  for (const std::string& line : near.differences) text += "  " + printable(line) + "\n";
  return text;
}

std::string exactly_text(std::size_t fewest, std::size_t most, std::size_t all) {
  if (fewest == most) return fmt::format("The schema is exactly that after {} of {} statements\n", most, all);
  return fmt::format("The schema is exactly that after {} to {} of {} statements\n", fewest, most, all);
}

std::string statements_text(const Diagnosis& diagnosis) {
  std::string text;
  for (const StatementStanding& one : diagnosis.statements)
    text += fmt::format("  statement {} (line {}): {}{}\n    {}\n", one.statement, one.line, name_of(one.standing),
                        one.why.empty() ? "" : ": " + printable(one.why), printable(one.text));
  return text;
}

}  // namespace

std::vector<std::string> remedies(const MigrationSet& set, const Diagnosis& diagnosis) {
  const History& history = diagnosis.inspection.history;
  if (diagnosis.inspection.lock.held) return {};
  if (history.dirty()) return dirty_remedies(set, diagnosis);
  if (is_at(diagnosis, history.current()) || diagnosis.equals.size() != 1) return {};
  return {"migrate force " + std::to_string(diagnosis.equals.front())};
}

std::string diagnosis_text(const MigrationSet& set, const Diagnosis& diagnosis, std::string_view program,
                           std::string_view options) {
  const History& history = diagnosis.inspection.history;
  std::string text =
      fmt::format("Tracker: version {}{}\n", version_name(history.current()), history.dirty() ? ", DIRTY" : "");
  if (diagnosis.inspection.lock.held) text += "A runner is at work: what is shown here may be over already\n";
  text += diagnosis.equals.empty()
              ? fmt::format("Schema: none of the versions of {} (by {})\n", printable(set.origin()), diagnosis.source)
              : fmt::format("Schema: version {} (by {})\n", versions_text(diagnosis.equals), diagnosis.source);
  for (const NearVersion& near : diagnosis.near) text += near_text(near);
  if (!diagnosis.statements.empty()) {
    text += fmt::format("Statements of {}:\n", printable(diagnosis.inspection.state.journal.front().file));
    text += statements_text(diagnosis);
    if (diagnosis.equals_after)
      text += exactly_text(diagnosis.equals_after->first, diagnosis.equals_after->second, diagnosis.statements.size());
  }
  const auto commands = remedies(set, diagnosis);
  if (commands.empty() && !history.dirty() && is_at(diagnosis, history.current()))
    return text + "Nothing to resolve: the schema is what the tracker says\n";
  if (commands.empty()) text += "What resolves it cannot be said from the schema: compare with migrate schema\n";
  for (const std::string& command : commands) text += fmt::format("Resolve with: {} {}{}\n", program, command, options);
  return text;
}

ordered_json diagnosis_json(const MigrationSet& set, const Diagnosis& diagnosis) {
  const History& history = diagnosis.inspection.history;
  ordered_json object = json_head(Command::migrate_diagnose, true);
  object["database"] = database_json(diagnosis.inspection.info);
  object["version"] = version_json(history.current());
  object["dirty"] = history.dirty();
  object["flavour"] = diagnosis.flavour;
  object["fingerprint"] = diagnosis.fingerprint;
  object["expected_from"] = diagnosis.source;
  object["schema_versions"] = ordered_json::array();
  for (const Version version : diagnosis.equals) object["schema_versions"].push_back(version_json(version));
  object["nearest"] = ordered_json::array();
  for (const NearVersion& near : diagnosis.near)
    object["nearest"].push_back({{"version", version_json(near.version)}, {"differences", near.differences}});
  object["statements"] = ordered_json::array();
  for (const StatementStanding& one : diagnosis.statements)
    object["statements"].push_back({{"statement", one.statement},
                                    {"line", one.line},
                                    {"text", one.text},
                                    {"standing", name_of(one.standing)},
                                    {"why", one.why}});
  object["equals_after"] = nullptr;
  if (const auto& after = diagnosis.equals_after)
    object["equals_after"] = {{"least", after->first}, {"most", after->second}};
  object["remedies"] = remedies(set, diagnosis);
  return object;
}

}  // namespace talos::app
