// The manual pages and the completions against --help.
#include "manual.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

#include "command_table.hpp"
#include "completion.hpp"
#include "help.hpp"
#include "schemes.hpp"

using namespace talos;
using namespace talos::app;

namespace {

constexpr Edition editions[] = {{"talos", "Talos", {}, "SQLite only", "use the other"},
                                {"talos-commercial", "Talos (commercial)", {}, "", ""}};

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// The lines of --help that describe an option: its name and what is said of it.
std::vector<std::pair<std::string, std::string>> options_in_help(const std::string& help) {
  static const std::regex line("^  (?:-h, )?--([a-z-]+)[^\\n]*?  +([^\\n]+)$", std::regex::multiline);
  std::vector<std::pair<std::string, std::string>> options;
  for (std::sregex_iterator match(help.begin(), help.end(), line), end; match != end; ++match)
    options.emplace_back((*match)[1], (*match)[2]);
  return options;
}

/// A page as it is read: without requests and fonts.
std::string read_as_text(std::string page) {
  page = std::regex_replace(page, std::regex("\\\\f[BIR]"), "");
  return std::regex_replace(page, std::regex("\\\\-"), "-");
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line) != std::string::npos;
}

}  // namespace

TEST_CASE("every option of every --help is in the manual with the same words, and in the completion of each shell") {
  for (const Edition& edition : editions) {
    const std::string program_page = read_as_text(program_manual(edition));
    const std::string migrate_page = read_as_text(migrate_manual(edition));
    for (const CommandSpec& command : all_commands()) {
      const auto options = options_in_help(help_text(words_of(command.words), edition));
      REQUIRE(options.size() >= 6);
      for (const auto& [name, said] : options) {
        CAPTURE(command.words);
        CAPTURE(name);
        const std::string text = said.substr(0, said.find(" ["));
        const std::string& page = command.migrates() ? migrate_page : program_page;
        CHECK(page.find("--" + name) != std::string::npos);
        CHECK(has_line(page, text));
        for (const char* shell : {"bash", "zsh"})
          CHECK(completion_script(shell, edition.program).find("--" + name) != std::string::npos);
        CHECK(completion_script("fish", edition.program).find(" -l " + name + " ") != std::string::npos);
      }
    }
  }
}

TEST_CASE("every command of --help is in the manual, with its examples") {
  for (const Edition& edition : editions) {
    const std::string program_page = read_as_text(program_manual(edition));
    const std::string migrate_page = read_as_text(migrate_manual(edition));
    const std::string help = help_text({}, edition);
    for (const CommandSpec& command : all_commands()) {
      CAPTURE(command.words);
      CHECK(help.find("\n  " + std::string(command.words)) != std::string::npos);
      const std::string line = std::string(edition.program) + " " + std::string(command.words);
      CHECK(has_line(program_page, line));
      if (!command.migrates()) continue;
      CHECK(has_line(migrate_page, line));
      for (const std::string_view example : command.examples)
        CHECK(migrate_page.find(example_line(example, edition.program)) != std::string::npos);
    }
  }
}

TEST_CASE("every exit status of --help is in both manual pages") {
  const Edition& edition = editions[0];
  const std::string help = help_text({}, edition);
  for (const ExitStatusSpec& status : all_exit_statuses()) {
    CAPTURE(status.code);
    CHECK(help.find(status.text) != std::string::npos);
    for (const std::string& page : {program_manual(edition), migrate_manual(edition)}) {
      const std::string text = read_as_text(page);
      CHECK(has_line(text, ".TP\n" + std::string(status.code) + "\n" + std::string(status.text)));
    }
  }
}

TEST_CASE("the plugins' page names every scheme, its package, and the directory it was built for") {
  const std::string page = read_as_text(plugin_manual("/somewhere/talos/plugins"));
  for (const SchemeAlias& alias : scheme_aliases()) CHECK(page.find(alias.scheme) != std::string::npos);
  for (const std::string_view plugin : packaged_plugins())
    CHECK(page.find("talos-plugin-" + std::string(plugin)) != std::string::npos);
  CHECK(page.find("/somewhere/talos/plugins") != std::string::npos);
}

TEST_CASE("no text of the tables becomes a roff request or an escape") {
  for (const Edition& edition : editions)
    for (const std::string& page : {program_manual(edition), migrate_manual(edition), plugin_manual("/p")}) {
      std::istringstream lines(page);
      for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK(!line.empty());
        if (line[0] == '.') CHECK(std::regex_search(line, std::regex("^\\.(TH|SH|SS|TP|PP|BR|br|nf|fi)\\b")));
        CHECK(line[0] != '\'');
      }
    }
}
