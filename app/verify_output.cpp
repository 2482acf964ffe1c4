#include "verify_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "error_output.hpp"
#include "output_json.hpp"
#include "printable.hpp"

namespace talos::app {

using nlohmann::ordered_json;

namespace {

std::string_view color_of(Severity severity, const Palette& palette) {
  if (severity == Severity::error) return palette.red;
  return severity == Severity::warning ? palette.yellow : "";
}

std::string place_text(const VerifyFinding& finding) {
  std::string text = printable(finding.file);
  if (finding.line) text += fmt::format(":{}", *finding.line);
  if (finding.column) text += fmt::format(":{}", *finding.column);
  return text;
}

std::string finding_text(const VerifyFinding& finding, const Palette& palette) {
  std::string text = fmt::format("{}{}{}[{}]:{} {}\n  --> {}", palette.bold, color_of(finding.severity, palette),
                                 to_string(finding.severity), finding.rule, palette.reset, printable(finding.message),
                                 place_text(finding));
  text += excerpt(finding.source_line, finding.line, finding.column) + "\n";
  for (const std::string& line : finding.details) text += "  " + printable(line) + "\n";
  if (!finding.reason.empty()) text += "  = " + printable(finding.reason) + "\n";
  if (!finding.help.empty()) text += "  = help: " + printable(finding.help) + "\n";
  return text;
}

std::string effect_text(const Effect& effect) {
  std::string text = effect.what + " on " + effect.table;
  if (effect.rewrites) text += ", which it rewrites";
  if (effect.scans) text += ", which it reads whole";
  return text;
}

std::string migration_text(const VerifiedMigration& migration) {
  std::string text = printable(migration.file) + "\n";
  for (const std::string& line : migration.changes) text += "  " + printable(line) + "\n";
  for (const Effect& effect : migration.effects) text += "  takes " + printable(effect_text(effect)) + "\n";
  return text;
}

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

// https://docs.github.com/actions/reference/workflow-commands: what must be escaped in a message and in a property.
std::string escaped(std::string_view text, bool property) {
  std::string result;
  for (const char c : text) {
    const bool special = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    result += special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return result;
}

ordered_json finding_json(const VerifyFinding& finding) {
  ordered_json object{{"severity", to_string(finding.severity)},
                      {"rule", finding.rule},
                      {"version", finding.version},
                      {"file", finding.file}};
  if (finding.line) object["line"] = *finding.line;
  if (finding.column) object["column"] = *finding.column;
  object["message"] = finding.message;
  if (!finding.reason.empty()) object["reason"] = finding.reason;
  if (!finding.help.empty()) object["help"] = finding.help;
  if (!finding.details.empty()) object["details"] = finding.details;
  return object;
}

ordered_json effect_json(const Effect& effect) {
  return {{"table", effect.table},
          {"what", effect.what},
          {"blocks_reads", effect.blocks_reads},
          {"blocks_writes", effect.blocks_writes},
          {"rewrites", effect.rewrites},
          {"scans", effect.scans}};
}

}  // namespace

std::string verify_text(const VerifyReport& report, const Palette& palette) {
  std::string text;
  for (const VerifiedMigration& migration : report.migrations) text += migration_text(migration);
  if (!report.findings.empty() && !text.empty()) text += "\n";
  for (const VerifyFinding& finding : report.findings) text += finding_text(finding, palette) + "\n";
  text += fmt::format("Verified {} on {}: {}, {}, {}\n", plural(report.migrations.size(), "migration"),
                      report.info.server, plural(report.count(Severity::error), "error"),
                      plural(report.count(Severity::warning), "warning"), plural(report.count(Severity::note), "note"));
  if (report.skipped > 0)
    text += fmt::format("Not tried: {} after one that fails\n", plural(report.skipped, "migration"));
  return text;
}

ordered_json verify_json(const VerifyReport& report, bool ok) {
  ordered_json object = json_head(Command::migrate_verify, ok);
  object["server"] = report.info.server;
  object["flavour"] = report.flavour;
  object["migrations"] = ordered_json::array();
  for (const VerifiedMigration& migration : report.migrations) {
    ordered_json one{{"version", migration.version}, {"title", migration.title}, {"file", migration.file}};
    one["changes"] = migration.changes;
    one["effects"] = ordered_json::array();
    for (const Effect& effect : migration.effects) one["effects"].push_back(effect_json(effect));
    object["migrations"].push_back(std::move(one));
  }
  object["findings"] = ordered_json::array();
  for (const VerifyFinding& finding : report.findings) object["findings"].push_back(finding_json(finding));
  object["not_tried"] = report.skipped;
  if (!ok)
    object["error"] = {{"code", to_string(ErrorCode::policy)},
                       {"message", fmt::format("verify found {}, {}", plural(report.count(Severity::error), "error"),
                                               plural(report.count(Severity::warning), "warning"))}};
  return object;
}

std::string verify_annotations(const VerifyReport& report, const std::filesystem::path& directory) {
  std::string text;
  for (const VerifyFinding& finding : report.findings) {
    const std::string_view command = finding.severity == Severity::note ? "notice" : to_string(finding.severity);
    text += fmt::format("::{} file={}", command, escaped((directory / finding.file).string(), true));
    if (finding.line) text += fmt::format(",line={}", *finding.line);
    if (finding.column) text += fmt::format(",col={}", *finding.column);
    std::string message = printable(finding.message);
    for (const std::string& line : finding.details) message += "\n" + printable(line);
    if (!finding.reason.empty()) message += "\n" + printable(finding.reason);
    if (!finding.help.empty()) message += "\nhelp: " + printable(finding.help);
    text += fmt::format(",title={}::{}\n", escaped(finding.rule, true), escaped(message, false));
  }
  return text;
}

}  // namespace talos::app
