#include "recovery.hpp"

#include <fmt/format.h>

#include "output_text.hpp"
#include "printable.hpp"

namespace talos::app {

namespace {

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && text.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./") == std::string::npos;
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// As outcome_name(), but an unknown outcome is what the catalogue says of it.
std::string_view label(const JournalRow& row, const Inspection& inspection) {
  const std::string_view name = outcome_name(row.state, inspection.lock.held);
  if (name != "unknown" || !inspection.finding || &row != &inspection.state.journal.back()) return name;
  switch (inspection.finding->verdict) {
    case Settlement::Verdict::applied:
      return "done";
    case Settlement::Verdict::not_applied:
      return "not run";
    case Settlement::Verdict::repeatable:
      return "again";
    case Settlement::Verdict::unknown:
      break;
  }
  return name;
}

std::string statement_line(const JournalRow& row, const Inspection& inspection) {
  const std::string line = row.line ? fmt::format(" (line {})", *row.line) : "";
  std::string text = fmt::format("  {:<8} statement {} of {}{}: {}\n", label(row, inspection), row.statement,
                                 row.statements, line, printable(row.text));
  if (!row.error.empty())
    text += fmt::format("           {}{}\n", printable(row.error),
                        row.error_code.empty() ? "" : " [" + printable(row.error_code) + "]");
  return text;
}

std::string journal_lines(const Inspection& inspection) {
  const auto& journal = inspection.state.journal;
  std::string text;
  for (const JournalRow& row : journal) text += statement_line(row, inspection);
  const JournalRow& last = journal.back();
  if (inspection.finding && last.state != JournalState::failed && !inspection.finding->reason.empty())
    text += fmt::format("           {}\n", printable(inspection.finding->reason));
  if (inspection.finding && !inspection.finding->leftover.empty())
    text += fmt::format("           left behind: {}\n", printable(inspection.finding->leftover));
  if (last.statement + 1 == last.statements) text += fmt::format("  not run  statement {}\n", last.statements);
  if (last.statement + 1 < last.statements)
    text += fmt::format("  not run  statements {} to {}\n", last.statement + 1, last.statements);
  return text;
}

bool is_unsettled(const Inspection& inspection) {
  return inspection.not_resumable && inspection.finding &&
         label(inspection.state.journal.back(), inspection) == "unknown";
}

// The ways on that run what is left of the file.
std::string resume_lines(const Inspection& inspection, std::string_view program, std::string_view options) {
  if (inspection.resumes_at) {
    const JournalRow& last = inspection.state.journal.back();
    if (*inspection.resumes_at > static_cast<std::size_t>(last.statements))
      return fmt::format("All of it has run. To record that:  {} migrate resume{}\n", program, options);
    const std::string_view first = last.state == JournalState::failed
                                       ? "Once the cause is mended (that statement may be edited), finish it from there"
                                       : "To finish it";
    return fmt::format("{}, with statement {}:  {} migrate resume{}\n", first, *inspection.resumes_at, program,
                       options);
  }
  if (is_unsettled(inspection))
    return fmt::format(
        "Whether the unknown statement happened cannot be told from here. Look at the schema, and finish it:\n"
        "  it happened:      {0} migrate resume --assume applied{1}\n"
        "  it did not:       {0} migrate resume --assume not-applied{1}\n",
        program, options);
  return fmt::format("migrate resume cannot finish it: {}\n", printable(inspection.not_resumable->what()));
}

std::string force_command(const MigrationSet& set, std::string_view program, std::string_view options,
                          Version version) {
  const bool known = version == no_version || set.find(version) != nullptr;
  return fmt::format("{} migrate force {}{}{}", program, version, options, known ? "" : " --allow-unknown-version");
}

}  // namespace

std::string options_to_repeat(const Options& options) {
  std::string text;
  if (options.migrations) text += " --migrations " + shell_word(options.migrations->string());
  if (!options.table.empty()) text += " --table " + shell_word(options.table);
  return text;
}

std::string_view outcome_name(JournalState state, bool running) {
  if (state == JournalState::intent) return running ? "running" : "unknown";
  return to_string(state);
}

std::string_view verdict_name(Settlement::Verdict verdict) {
  switch (verdict) {
    case Settlement::Verdict::applied:
      return "applied";
    case Settlement::Verdict::not_applied:
      return "not_applied";
    case Settlement::Verdict::repeatable:
      return "repeatable";
    case Settlement::Verdict::unknown:
      return "unknown";
  }
  return "unknown";
}

Recovery recovery(const MigrationSet& set, const Inspection& inspection) {
  Recovery result;
  const auto& journal = inspection.state.journal;
  result.known = !journal.empty();
  result.version = result.known ? journal.front().version : inspection.history.current();
  result.direction = result.known ? journal.front().direction : Direction::up;
  std::set<Version> applied = inspection.history.applied;
  if (!result.known) {
    applied.clear();
    for (const Migration& migration : set.migrations())
      if (migration.version < result.version) applied.insert(migration.version);
  }
  applied.erase(result.version);
  const Version without = applied.empty() ? no_version : *applied.rbegin();
  const Version with = std::max(without, result.version);
  result.if_finished = result.direction == Direction::up ? with : without;
  result.if_undone = result.direction == Direction::up ? without : with;
  return result;
}

std::string recovery_text(const MigrationSet& set, const Inspection& inspection, std::string_view program,
                          std::string_view options) {
  const Recovery way = recovery(set, inspection);
  const bool running = inspection.lock.held;
  std::string text = "\n";
  if (way.known) {
    const JournalRow& first = inspection.state.journal.front();
    text +=
        fmt::format("{} {} ({}), started {} by {}:\n", printable(first.file), running ? "is running" : "did not finish",
                    to_string(way.direction), printable(first.started_at), printable(first.runner));
    text += journal_lines(inspection);
  } else {
    text += fmt::format(
        "Version {} was left dirty by a tool that keeps no journal: what ran is not known, nor whether it went up to "
        "{} or\n"
        "down to it. Look at the schema.\n",
        way.version, way.version);
  }
  if (running) return text;
  if (way.known) text += resume_lines(inspection, program, options);
  text += fmt::format("{} the schema by hand, then say which version it is at (on the same database):\n",
                      way.known ? "Or repair" : "To resolve it, repair");
  if (!way.known) {
    text += fmt::format("  the schema is that of version {}:  {}\n", way.version,
                        force_command(set, program, options, way.version));
    return text + fmt::format("  it is that of another version V:  {} migrate force V{}\n", program, options);
  }
  text += fmt::format("  the rest was done by hand:       {}\n", force_command(set, program, options, way.if_finished));
  text += fmt::format("  what it did was undone by hand:  {}\n", force_command(set, program, options, way.if_undone));
  return text;
}

}  // namespace talos::app
