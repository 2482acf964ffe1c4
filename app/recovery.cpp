#include "recovery.hpp"

#include <fmt/format.h>

#include "output_text.hpp"
#include "printable.hpp"

namespace talos::app {

namespace {

std::string statement_line(const JournalRow& row, bool running) {
  const std::string line = row.line ? fmt::format(" (line {})", *row.line) : "";
  std::string text = fmt::format("  {:<8} statement {} of {}{}: {}\n", outcome_name(row.state, running), row.statement,
                                 row.statements, line, printable(row.text));
  if (!row.error.empty())
    text += fmt::format("           {}{}\n", printable(row.error),
                        row.error_code.empty() ? "" : " [" + printable(row.error_code) + "]");
  return text;
}

std::string journal_lines(const std::vector<JournalRow>& journal, bool running) {
  std::string text;
  bool unknown = false;
  for (const JournalRow& row : journal) {
    text += statement_line(row, running);
    unknown = unknown || outcome_name(row.state, running) == "unknown";
  }
  const JournalRow& last = journal.back();
  if (last.statement + 1 == last.statements) text += fmt::format("  not run  statement {}\n", last.statements);
  if (last.statement + 1 < last.statements)
    text += fmt::format("  not run  statements {} to {}\n", last.statement + 1, last.statements);
  if (unknown) text += "  Whether the unknown statement happened cannot be told from here: look at the schema.\n";
  return text;
}

std::string force_command(const MigrationSet& set, std::string_view program, std::string_view options,
                          Version version) {
  const bool known = version == no_version || set.find(version) != nullptr;
  return fmt::format("{} migrate force {}{}{}", program, version, options, known ? "" : " --allow-unknown-version");
}

}  // namespace

std::string_view outcome_name(JournalState state, bool running) {
  if (state == JournalState::intent) return running ? "running" : "unknown";
  return to_string(state);
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
    text += journal_lines(inspection.state.journal, running);
  } else {
    text += fmt::format(
        "Version {} was left dirty by a tool that keeps no journal: what ran is not known, nor whether it went up to "
        "{} or\n"
        "down to it. Look at the schema.\n",
        way.version, way.version);
  }
  if (running) return text;
  text += "To resolve it, repair the schema by hand, then say which version it is at (on the same database):\n";
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
