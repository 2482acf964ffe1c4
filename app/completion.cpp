#include "completion.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "command_table.hpp"
#include "talos/error.hpp"

namespace talos::app {

namespace {

std::string options_of(const CommandSpec& command) {
  std::string words;
  for (const OptionSpec& option : all_options())
    if (takes(command, option) && option.name != "version")
      words += fmt::format("{}--{}", words.empty() ? "" : " ", option.name);
  return words;
}

std::vector<std::string_view> first_words() {
  std::vector<std::string_view> words;
  for (const CommandSpec& command : all_commands()) {
    const std::string_view word = command.words.substr(0, command.words.find(' '));
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  return words;
}

std::string migrate_words() {
  std::string words;
  for (const CommandSpec& command : all_commands())
    if (command.migrates()) words += fmt::format("{}{}", words.empty() ? "" : " ", command.words.substr(8));
  return words;
}

bool takes_file(const OptionSpec& option) { return option.value == "FILE" || option.value == "DIR"; }

// The words that an option or argument can be, separated by blanks; empty: anything.
std::string values_of(std::string_view placeholder) {
  if (placeholder == "LEVEL") return "trace debug info warn error off";
  if (placeholder.find('|') == std::string_view::npos) return "";
  std::string values(placeholder);
  std::replace(values.begin(), values.end(), '|', ' ');
  return values;
}

std::string option_names(bool (*wanted)(const OptionSpec&)) {
  std::string names;
  for (const OptionSpec& option : all_options())
    if (wanted(option)) names += fmt::format("{}--{}", names.empty() ? "" : "|", option.name);
  return names;
}

std::string function_name(std::string_view program) {
  std::string name = fmt::format("_{}", program);
  std::replace(name.begin(), name.end(), '-', '_');
  return name + "_words";
}

std::string bash(std::string_view program) {
  const std::string function = function_name(program);
  std::string text = fmt::format(
      "# bash completion for {0}\n{1}() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words= w\n"
      "  for w in \"${{COMP_WORDS[@]:1:$((COMP_CWORD-1))}}\"; do [[ $w == [a-z]* ]] && words+=\"$w \"; done\n"
      "  case $previous in\n",
      program, function);
  text += fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n", option_names(takes_file));
  for (const OptionSpec& option : all_options()) {
    const std::string values = values_of(option.value);
    if (values.empty()) continue;
    text += fmt::format("    --{}) COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return ;;\n", option.name, values);
  }
  text += "  esac\n  case $words in\n";
  for (const CommandSpec& command : all_commands())
    text += fmt::format("    \"{} \"*) words=\"{} {}\" ;;\n", command.words, options_of(command),
                        values_of(command.arguments));
  text += fmt::format("    \"migrate \"*) words=\"{}\" ;;\n    *) words=\"{}\" ;;\n  esac\n", migrate_words(),
                      fmt::join(first_words(), " "));
  text += "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n";
  return text + fmt::format("complete -F {} {}\n", function, program);
}

// zsh runs the bash function through its own emulation of bash's completion. Loaded from a directory of $fpath, this
// text is the completing function itself, so it has to answer the call that loads it, too.
std::string zsh(std::string_view program) {
  return fmt::format("#compdef {}\nautoload -U +X bashcompinit && bashcompinit\n", program) + bash(program) +
         fmt::format("[[ ${{funcstack[1]}} == _{} ]] && _bash_complete -F {}\n", program, function_name(program));
}

// For between single quotes.
std::string fish_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string fish(std::string_view program) {
  std::string text = fmt::format("# fish completion for {0}\ncomplete -c {0} -f\n", program);
  for (const std::string_view word : first_words())
    text += fmt::format("complete -c {} -n __fish_use_subcommand -a {}\n", program, word);
  for (const CommandSpec& command : all_commands()) {
    std::string seen = fmt::format("__fish_seen_subcommand_from {}", command.words);
    if (command.migrates()) {
      const std::string_view word = command.words.substr(8);
      text += fmt::format(
          "complete -c {} -n '__fish_seen_subcommand_from migrate; and not __fish_seen_subcommand_from {}' -a {} -d "
          "'{}'\n",
          program, migrate_words(), word, fish_text(command.summary));
      seen = fmt::format("__fish_seen_subcommand_from {}", word);
    }
    if (const std::string values = values_of(command.arguments); !values.empty())
      text += fmt::format("complete -c {} -n '{}' -a '{}'\n", program, seen, values);
    for (const OptionSpec& option : all_options()) {
      if (!takes(command, option) || option.name == "version") continue;
      std::string value = option.value.empty() ? "" : takes_file(option) ? " -r -F" : " -x";
      if (const std::string values = values_of(option.value); !values.empty()) value += fmt::format(" -a '{}'", values);
      text += fmt::format("complete -c {} -n '{}' -l {}{} -d '{}'\n", program, seen, option.name, value,
                          fish_text(option.text));
    }
  }
  return text;
}

}  // namespace

std::string completion_script(std::string_view shell, std::string_view program) {
  if (shell == "bash") return bash(program);
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  throw Error(ErrorCode::usage, "completion is there for bash, zsh and fish");
}

}  // namespace talos::app
