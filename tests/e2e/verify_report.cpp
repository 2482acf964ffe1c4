#include "verify_report.hpp"

#include <sstream>

namespace talos::test {

std::vector<std::string> rules_at(const std::string& report, const std::string& file, const std::string& severity) {
  std::vector<std::string> rules;
  std::istringstream lines(report);
  std::string before;
  for (std::string line; std::getline(lines, line); before = line) {
    if (!line.starts_with("  --> " + file) || !before.starts_with(severity + "[")) continue;
    const auto begin = severity.size() + 1;
    rules.push_back(before.substr(begin, before.find(']') - begin));
  }
  return rules;
}

}  // namespace talos::test
