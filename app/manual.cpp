#include "manual.hpp"

#include <fmt/format.h>

#include "command_table.hpp"
#include "help.hpp"
#include "schemes.hpp"
#include "talos/plugin.hpp"

namespace talos::app {

namespace {

// Text as roff shows it unchanged: a bare hyphen may become a dash, and a line that begins with . or ' is a request.
std::string roff(std::string_view text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    line_start = c == '\n';
    switch (c) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '~':
        result += "\\(ti";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '`':
        result += "\\(ga";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

// "show the version" → "Show the version."
std::string sentence(std::string_view text) { return upper(text.substr(0, 1)) + std::string(text.substr(1)) + "."; }

// No date: the page says which release it belongs to, and two builds of it are the same.
std::string header(std::string_view page, int section, std::string_view summary) {
  return fmt::format(".TH {} {} \"\" \"Talos Migrate {}\"\n.SH NAME\n{} \\- {}\n", upper(roff(page)), section,
                     program_version(), roff(page), roff(summary));
}

std::string tagged(std::string_view tag, std::string_view text) {
  return fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(tag), roff(text));
}

std::string option_entry(const OptionSpec& option) {
  std::string tag =
      fmt::format("\\fB{}{}\\fR", option.name == "help" ? "\\-h\\fR, \\fB" : "", roff("--" + std::string(option.name)));
  if (!option.value.empty()) tag += fmt::format(" \\fI{}\\fR", roff(option.value));
  std::string text = roff(option.text);
  if (!option.initial.empty()) text += fmt::format(" (default: {})", roff(option.initial));
  return fmt::format(".TP\n{}\n{}\n", tag, text);
}

std::string options_of(OptionGroup group) {
  std::string text = fmt::format(".SS {}\n", roff(title(group)));
  for (const OptionSpec& option : all_options())
    if (option.group == group) text += option_entry(option);
  return text;
}

std::string usage_line(const CommandSpec& command, std::string_view program) {
  std::string text = fmt::format("\\fB{}\\fR", roff(fmt::format("{} {}", program, command.words)));
  if (!command.arguments.empty()) text += fmt::format(" \\fI{}\\fR", roff(command.arguments));
  if (!command.synopsis.empty()) text += " " + roff(command.synopsis);
  return text;
}

std::string environment() {
  std::string text = ".SH ENVIRONMENT\n";
  for (const VariableSpec& variable : all_variables()) text += tagged(variable.names, variable.text);
  return text;
}

std::string exit_status() {
  std::string text = ".SH EXIT STATUS\n";
  for (const ExitStatusSpec& status : all_exit_statuses()) text += tagged(status.code, status.text);
  return text;
}

std::string examples(const CommandSpec& command, std::string_view program) {
  if (command.examples.empty()) return "";
  std::string text = ".PP\n.nf\n";
  for (const std::string_view example : command.examples) text += roff("  " + example_line(example, program)) + "\n";
  return text + ".fi\n";
}

std::string command_section(const CommandSpec& command, const Edition& edition) {
  std::string text = fmt::format(".SS {}\n{}\n.PP\n{}\n", roff(command.words), usage_line(command, edition.program),
                                 roff(sentence(command.summary)));
  if (!command.text.empty()) text += roff(command.text) + "\n";
  for (const std::string_view name : command.options)
    if (const OptionSpec* option = find_option(name); option->group == OptionGroup::command)
      text += option_entry(*option);
  return text + examples(command, edition.program);
}

std::string see_also(const Edition& edition, bool program_page) {
  return fmt::format(".SH SEE ALSO\n.BR {} (1),\n.BR talos\\-plugin (7)\n",
                     roff(std::string(edition.program) + (program_page ? "-migrate" : "")));
}

}  // namespace

std::string program_manual(const Edition& edition) {
  std::string text = header(edition.program, 1, "migrate a database's schema");
  text += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n", roff(edition.program));
  text += fmt::format(
      ".SH DESCRIPTION\n{} applies the migrations of Talos, or those of a directory, to a database. A migration either "
      "happened or it did not, one can always see which, and any number of runners may start at once.\n.PP\n{}\n",
      roff(edition.title), roff(database_sources()));
  if (!edition.refusal.empty())
    text += fmt::format(".PP\n{}\n", roff(sentence(fmt::format("{}: {}", edition.refusal, edition.remedy))));
  text += ".SH COMMANDS\n";
  for (const CommandSpec& command : all_commands())
    text += fmt::format(".TP\n{}\n{}\n", usage_line(command, edition.program), roff(command.summary));
  text += fmt::format(".PP\nThe migrate commands and their options: \\fB{}\\fR(1).\n",
                      roff(std::string(edition.program) + "-migrate"));
  text += ".SH OPTIONS\n" + option_entry(*find_option("plugin-dir")) + options_of(OptionGroup::output);
  return text + environment() + exit_status() + see_also(edition, true);
}

std::string migrate_manual(const Edition& edition) {
  std::string text = header(std::string(edition.program) + "-migrate", 1, "apply and roll back migrations");
  text += ".SH SYNOPSIS\n";
  for (std::string_view between = ""; const CommandSpec& command : all_commands()) {
    if (!command.migrates()) continue;
    text += fmt::format("{}{}\n", between, usage_line(command, edition.program));
    between = ".br\n";
  }
  text +=
      fmt::format(".SH DESCRIPTION\nData goes to stdout, everything else to stderr. {}\n", roff(database_sources()));
  text += ".SH COMMANDS\n";
  for (const CommandSpec& command : all_commands())
    if (command.migrates()) text += command_section(command, edition);
  text += ".SH OPTIONS\nEvery migrate command takes these.\n";
  for (const auto group : {OptionGroup::database, OptionGroup::limits, OptionGroup::policies, OptionGroup::output})
    text += options_of(group);
  return text + environment() + exit_status() + see_also(edition, false);
}

std::string plugin_manual(std::string_view directory) {
  std::string text = header("talos-plugin", 7, "database drivers of talos and talos-commercial");
  text +=
      ".SH DESCRIPTION\nA plugin is a shared object that teaches the program a database. The scheme of the DSN decides "
      "which one is loaded: the file \\fIscheme\\fR.so. \\fBtalos\\fR takes the SQLite plugin only, "
      "\\fBtalos\\-commercial\\fR any.\n.PP\n\\fBtalos plugins\\fR lists what is installed and says what is refused "
      "and "
      "why; it loads nothing.\n.SH SCHEMES\n";
  for (const std::string_view plugin : packaged_plugins()) {
    std::string schemes(plugin);
    for (const SchemeAlias& alias : scheme_aliases())
      if (alias.plugin == plugin) schemes += fmt::format(", {}", alias.scheme);
    text += tagged(schemes, fmt::format("{}.so, of the package talos-plugin-{}", plugin, plugin));
  }
  text += fmt::format(
      ".PP\nAny other scheme is its own plugin's name. More schemes of a third party's plugin are relative links "
      "beside "
      "its file.\n.SH FILES\nPlugins are looked for in these directories, in this order; the first that has the file "
      "decides.\n{}{}{}{}",
      tagged("--plugin-dir DIR", "given on the command line"),
      tagged("TALOS_PLUGIN_PATH", "absolute directories, separated by colons; ignored by set-user-id programs"),
      tagged("beside the program", "its plugin directory relative to its bin directory"),
      tagged(directory, "where it was installed"));
  text += fmt::format(
      ".SH TRUST\nA plugin runs with the rights to change a schema. It must be a regular file which, like every "
      "directory above it, belongs to root or to the user who runs the program, and is writable for nobody else "
      "(sticky directories excepted). A file that fails this is refused with exit status 6, and nothing of it is "
      "run.\n.PP\nThe edition check compares names. It keeps honest users within their edition; a plugin that lies "
      "about its name is stopped by the ownership of the directories only.\n.SH ABI\nPrograms and plugins must agree "
      "on the version of the plugin interface, {}, and on {}. Packages of plugins depend on "
      "\\fBtalos\\-plugin\\-abi\\-{}\\fR, which the programs provide.\n",
      plugin_abi_version, roff(plugin_abi_tag.data), plugin_abi_version);
  return text + ".SH SEE ALSO\n.BR talos (1),\n.BR talos\\-commercial (1),\n.BR talos\\-plugin\\-conformance (1)\n";
}

}  // namespace talos::app
