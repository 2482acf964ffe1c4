#include "help.hpp"

#include <fmt/format.h>

#include "command_table.hpp"
#include "talos/error.hpp"
#include "talos/plugin.hpp"

namespace talos::app {

namespace {

std::string exit_statuses() {
  std::string text = "Exit status:\n";
  for (const ExitStatusSpec& status : all_exit_statuses()) text += fmt::format("  {:<7}{}\n", status.code, status.text);
  return text;
}

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
  for (const std::string_view example : command.examples)
    text += fmt::format("  {}\n", example_line(example, edition.program));
  for (const auto group :
       {OptionGroup::command, OptionGroup::database, OptionGroup::limits, OptionGroup::policies, OptionGroup::output})
    text += group_text(command, group);
  if (command.migrates()) text += fmt::format("\n{}\n", database_sources());
  return text;
}

std::string overview(std::string_view prefix, const Edition& edition) {
  std::string text = fmt::format("{}, a database migrator\n\nUsage: {} COMMAND [OPTIONS]\n\nCommands:\n", edition.title,
                                 edition.program);
  for (const CommandSpec& command : all_commands())
    if (command.words.starts_with(prefix)) text += fmt::format("  {:<18}{}\n", command.words, command.summary);
  text += fmt::format(
      "\nExamples:\n  {0} migrate up --database sqlite:///var/lib/talos/data.db\n"
      "  {0} migrate status --database sqlite:///var/lib/talos/data.db\n\n{1}\n\n{2}\n"
      "{0} COMMAND --help tells more.\n",
      edition.program, database_sources(), exit_statuses());
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
