#include "help.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "command_table.hpp"
#include "talos/error.hpp"
#include "talos/plugin.hpp"

namespace talos::app {

namespace {

constexpr std::string_view exit_statuses =
    "Exit status:\n"
    "  0      done, or nothing to do; status that could read; up on a database that is ahead\n"
    "  1      a statement failed, or a policy refuses\n"
    "  2      usage: flags, versions, DSN, migration files\n"
    "  3      the database is dirty, and the command refuses for that\n"
    "  4      another runner held the lock until --lock-timeout\n"
    "  5      cannot connect, open, read or write the database or its lock file\n"
    "  6      scheme refused by this edition, no such plugin, plugin refused\n"
    "  7      status --exit-code: migrations pending; status --block: out of time\n"
    "  128+n  ended by signal n\n";

constexpr std::string_view databases =
    "The database is the first of: --database, --database-file, DB_DSN, DB_DSN_FILE, DSN, TALOS_DB_DSN, db.dsn of "
    "--config.\n";

std::string option_line(const OptionSpec& option) {
  std::string left = fmt::format("  {}--{}", option.name == "help" ? "-h, " : "", option.name);
  if (!option.value.empty()) left += fmt::format(" {}", option.value);
  const std::string initial = option.initial.empty() ? "" : fmt::format(" [{}]", option.initial);
  return fmt::format("{:<30}  {}{}\n", left, option.text, initial);
}

std::string group_text(const CommandSpec& command, OptionGroup group) {
  std::string lines;
  for (const OptionSpec& option : all_options())
    if (option.group == group && takes(command, option) && !(option.name == "version" && !command.words.empty()))
      lines += option_line(option);
  return lines.empty() ? "" : fmt::format("\n{}:\n{}", title(group), lines);
}

std::string command_help(const CommandSpec& command, const Edition& edition) {
  std::string usage = fmt::format("{} {}", edition.program, command.words);
  if (!command.arguments.empty()) usage += fmt::format(" {}", command.arguments);
  if (!command.synopsis.empty()) usage += fmt::format(" {}", command.synopsis);
  std::string text = fmt::format("{}: {}\n\nUsage: {}\n", command.words, command.summary, usage);
  if (!command.text.empty()) text += fmt::format("\n{}\n", command.text);
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const std::string_view example : command.examples) {
    const auto variable = example.find("migrate ");
    const bool leading = example.starts_with("DB_DSN=");
    text += leading ? fmt::format("  {}{} {}\n", example.substr(0, variable), edition.program, example.substr(variable))
                    : fmt::format("  {} {}\n", edition.program, example);
  }
  for (const auto group :
       {OptionGroup::command, OptionGroup::database, OptionGroup::limits, OptionGroup::policies, OptionGroup::output})
    text += group_text(command, group);
  if (command.migrates()) text += fmt::format("\n{}", databases);
  return text;
}

std::string overview(std::string_view prefix, const Edition& edition) {
  std::string text = fmt::format("{}, a database migrator\n\nUsage: {} COMMAND [OPTIONS]\n\nCommands:\n", edition.title,
                                 edition.program);
  for (const CommandSpec& command : all_commands())
    if (command.words.starts_with(prefix)) text += fmt::format("  {:<18}{}\n", command.words, command.summary);
  text += fmt::format(
      "\nExamples:\n  {0} migrate up --database sqlite:///var/lib/talos/data.db\n"
      "  {0} migrate status --database sqlite:///var/lib/talos/data.db\n\n{1}\n{2}\n"
      "{0} COMMAND --help tells more.\n",
      edition.program, databases, exit_statuses);
  return text;
}

}  // namespace

std::string help_text(const std::vector<std::string>& words, const Edition& edition) {
  if (words.empty()) return overview("", edition);
  if (words.size() > 1)
    if (const CommandSpec* command = find_command(words[0] + " " + words[1])) return command_help(*command, edition);
  if (words[0] == "migrate" && words.size() == 1) return overview("migrate", edition);
  if (const CommandSpec* command = find_command(words[0])) return command_help(*command, edition);
  throw Error(ErrorCode::usage, "there is no such command").with_hint("see --help");
}

std::string_view program_version() { return TALOS_VERSION; }

std::string version_text(const Edition& edition) {
  return fmt::format("{} {}\n{}, plugin ABI {} ({})\n", edition.program, program_version(), edition.title,
                     plugin_abi_version, plugin_abi_tag.data);
}

}  // namespace talos::app
