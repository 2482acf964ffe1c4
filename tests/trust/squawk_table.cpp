// squawk-table SQUAWK DATE: what `verify` and squawk say of the seeded faults of PostgreSQL, as a table in Markdown on
// stdout. Exit 1 if they disagree somewhere and squawk.txt does not say why. Made by .ci/squawk.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "fault_suite.hpp"
#include "postgres_place.hpp"
#include "process.hpp"
#include "sqlite_file.hpp"

namespace talos::test {

namespace {

using Sayings = std::vector<std::string>;

/// squawk.txt: `same OURS SQUAWK`, `ours RULE WHY`, `squawk RULE WHY`, `style RULE WHY` (left out of the table).
struct Explanations {
  std::set<std::pair<std::string, std::string>> same;
  std::map<std::string, std::string> ours;
  std::map<std::string, std::string> squawk;
  std::map<std::string, std::string> style;
};

Explanations read_explanations(const std::filesystem::path& file) {
  Explanations all;
  std::istringstream text(read_file(file));
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string kind, rule, rest;
    words >> kind >> rule;
    std::getline(words >> std::ws, rest);
    if (kind == "same")
      all.same.emplace(rule, rest);
    else if (kind == "ours")
      all.ours[rule] = rest;
    else if (kind == "squawk")
      all.squawk[rule] = rest;
    else if (kind == "style")
      all.style[rule] = rest;
    else
      throw std::runtime_error(file.string() + ": " + line);
  }
  return all;
}

void add(Sayings& sayings, const std::string& one) {
  if (std::find(sayings.begin(), sayings.end(), one) == sayings.end()) sayings.push_back(one);
}

std::string rule_of(const std::string& saying) { return saying.substr(0, saying.find('@')); }
std::string version_of(const std::string& saying) { return saying.substr(saying.find('@') + 1); }

class Squawk {
 public:
  explicit Squawk(std::string program) : program_(std::move(program)) {}

  std::string version() const {
    ProcessOptions options;
    options.argv = {program_, "--version"};
    const std::string text = run(std::move(options)).out;
    return text.substr(0, text.find('\n'));
  }

  /// Of each up by itself, as a migrator gives it to a linter. It knows what came before no more than anybody who reads
  /// only this file.
  Sayings operator()(const FaultCase& fault) const {
    Sayings said;
    for (const FaultCase::File& file : fault.files) {
      if (!file.up) continue;
      ProcessOptions options;
      options.argv = {program_, "--pg-version=15", "--reporter=json"};
      if (!file.text.starts_with("-- talos:no-transaction")) options.argv.emplace_back("--assume-in-transaction");
      options.input = file.text;
      const auto result = run(std::move(options));
      const auto list = nlohmann::json::parse(result.out, nullptr, false);
      if (!list.is_array()) throw std::runtime_error("squawk: " + result.out + result.err);
      for (const auto& one : list)
        add(said, one.at("rule_name").get<std::string>() + "@" + std::to_string(file.version));
    }
    return said;
  }

 private:
  std::string program_;
};

class Table {
 public:
  explicit Table(Explanations explanations) : why_(std::move(explanations)) {}

  void add_case(const std::string& name, const Sayings& ours, const Sayings& squawk) {
    Sayings others;
    for (const std::string& saying : squawk)
      if (!why_.style.contains(rule_of(saying))) others.push_back(saying);
    const auto same = [&](const std::string& mine, const std::string& other) {
      return version_of(mine) == version_of(other) && why_.same.contains({rule_of(mine), rule_of(other)});
    };
    bool agree = true;
    std::string left;
    for (const std::string& mine : ours) {
      const bool alone =
          std::none_of(others.begin(), others.end(), [&](const auto& other) { return same(mine, other); });
      cell(left, mine, alone ? note("ours", rule_of(mine), why_.ours) : "");
      agree = agree && !alone;
    }
    std::string right;
    for (const std::string& other : others) {
      const bool alone = std::none_of(ours.begin(), ours.end(), [&](const auto& mine) { return same(mine, other); });
      cell(right, other, alone ? note("squawk", rule_of(other), why_.squawk) : "");
      agree = agree && !alone;
    }
    ++(agree ? agreed_ : differed_);
    rows_ += "| " + (left.empty() ? "-" : left) + " | " + (right.empty() ? "-" : right) + " | " + name + " |\n";
  }

  bool print(const std::string& heading) const {
    std::printf("%s\n\n%zu cases: %zu the same, %zu otherwise; a number leads to the reason below.\n\n",
                heading.c_str(), agreed_ + differed_, agreed_, differed_);
    std::printf("| ours | squawk | case |\n|---|---|---|\n%s\n## Why they differ\n\n", rows_.c_str());
    for (std::size_t i = 0; i < notes_.size(); ++i) std::printf("%zu. %s\n", i + 1, notes_[i].c_str());
    std::printf("\n## Left out of the table: squawk's rules of style, which say the same of most files\n\n");
    for (const auto& [rule, why] : why_.style) std::printf("- `%s`: %s\n", rule.c_str(), why.c_str());
    for (const std::string& one : unexplained_) std::fprintf(stderr, "not explained: %s\n", one.c_str());
    return unexplained_.empty();
  }

 private:
  static void cell(std::string& text, const std::string& saying, const std::string& note) {
    text += (text.empty() ? "`" : ", `") + saying + "`" + note;
  }

  // " (3)": where the reason stands.
  std::string note(const std::string& whose, const std::string& rule, const std::map<std::string, std::string>& why) {
    const auto found = why.find(rule);
    if (found == why.end()) {
      add(unexplained_, whose + " " + rule);
      return " (?)";
    }
    const std::string text = "`" + rule + "`, " + whose + " alone: " + found->second;
    add(notes_, text);
    const auto at = std::find(notes_.begin(), notes_.end(), text) - notes_.begin();
    return " (" + std::to_string(at + 1) + ")";
  }

  Explanations why_;
  std::string rows_;
  Sayings notes_;
  Sayings unexplained_;
  std::size_t agreed_ = 0;
  std::size_t differed_ = 0;
};

int compare_all(const std::string& program, const std::string& date) {
  if (shared_server() == nullptr) return 1;
  const std::filesystem::path here = TALOS_TEST_FAULTS;
  const Squawk squawk(program);
  Table table(read_explanations(here / "squawk.txt"));
  for (const FaultCase& fault : read_fault_cases(here / "postgres.txt"))
    table.add_case(fault.name, verify_findings(fault, TALOS_TEST_COMMERCIAL, std::make_unique<PostgresTrustPlace>()),
                   squawk(fault));
  const std::string server = std::to_string(shared_server()->installation().major);
  const bool explained = table.print(
      "# Seeded faults on PostgreSQL: `verify` beside squawk\n\nMade by `.ci/squawk` from"
      " tests/trust/faults/postgres.txt. " +
      date + "; PostgreSQL " + server + ", " + squawk.version() +
      ". `rule@2`: of migration 2. `verify` runs the whole set; squawk is given each up file by itself, for"
      " PostgreSQL 15, in a transaction where the migrator uses one.");
  return explained ? 0 : 1;
}

}  // namespace
}  // namespace talos::test

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: squawk-table SQUAWK DATE\n");
    return 2;
  }
  try {
    return talos::test::compare_all(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "squawk-table: %s\n", error.what());
    return 1;
  }
}
