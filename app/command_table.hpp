// The commands and options as one table: parsing, help, completion and the manual are made from it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "options.hpp"

namespace talos::app {

enum class OptionGroup { command, database, limits, policies, output };

struct OptionSpec {
  std::string_view name;     ///< without dashes
  std::string_view value;    ///< placeholder; empty: a flag
  std::string_view initial;  ///< the default as text, empty: none
  OptionGroup group;
  std::string_view text;
};

struct CommandSpec {
  Command command;
  std::string_view words;                     ///< "migrate up"
  std::string_view arguments;                 ///< "V", "NAME", "[COMMAND...]"
  std::string_view synopsis;                  ///< options worth showing in the usage line
  std::string_view summary;                   ///< one line
  std::string_view text;                      ///< what one should know, some lines
  std::span<const std::string_view> options;  ///< its own, beside the common ones
  std::span<const std::string_view> examples;

  /// It works on a database: all options of the groups database, limits and policies are its.
  bool migrates() const { return words.starts_with("migrate "); }
};

std::span<const OptionSpec> all_options();
std::span<const CommandSpec> all_commands();

struct ExitStatusSpec {
  std::string_view code;  ///< "0", "128+n"
  std::string_view text;
};

struct VariableSpec {
  std::string_view names;  ///< of the environment, separated by ", "
  std::string_view text;
};

std::span<const ExitStatusSpec> all_exit_statuses();
std::span<const VariableSpec> all_variables();

/// Where the DSN comes from: one sentence.
std::string_view database_sources();

/// A command line of `CommandSpec::examples`, with the program's name in it.
std::string example_line(std::string_view example, std::string_view program);

/// Null if there is none.
const OptionSpec* find_option(std::string_view name);
const CommandSpec* find_command(std::string_view words);
bool takes(const CommandSpec& command, const OptionSpec& option);

std::string_view title(OptionGroup group);

}  // namespace talos::app
