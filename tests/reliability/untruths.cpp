#include "untruths.hpp"

#include <algorithm>
#include <regex>

#include <nlohmann/json.hpp>

namespace talos::test {

namespace {

std::string untrue_reports(const std::string& text, const std::vector<std::string>& history) {
  static const std::regex report("(Applied|Rolled back) 0*([0-9]+)_step");
  std::string faults;
  for (std::sregex_iterator it(text.begin(), text.end(), report), end; it != end; ++it) {
    const std::string entry = ((*it)[1] == "Applied" ? "up " : "down ") + (*it)[2].str();
    if (std::find(history.begin(), history.end(), entry) == history.end())
      faults += "said, and not in history: " + entry + "\n";
  }
  return faults;
}

}  // namespace

std::string untruths(const RunEnd& end) {
  const ProcessResult& result = end.result;
  if (result.status < 0) return "ended by signal " + std::to_string(result.signal) + "\n";
  std::string faults;
  if (result.status == 0 && end.now != std::to_string(end.goal) + ", clean")
    faults += "exit 0, and the database is at " + end.now + "\n";
  if (end.only_reads && result.status == 0 && nlohmann::json::parse(result.out).at("current").get<long>() != end.goal)
    faults += "status says something else\n";
  if (end.only_reads && end.now != end.before) faults += "status changed the database\n";
  const std::string text = result.out + result.err;
  faults += untrue_reports(text, end.history);
  static const std::regex again(
      "connected again: the database is at version (-?[0-9]+|none), (DIRTY|clean)(; another)?");
  std::smatch match;
  const bool looked = std::regex_search(text, match, again);
  const std::string version = match[1].str() == "none" ? "-1" : match[1].str();
  if (looked && !match[3].matched && version + ", " + match[2].str() != end.now)
    faults += "said: " + match[0].str() + ", and the database is at " + end.now + "\n";
  const bool told = looked || text.find("what became of it is not known") != std::string::npos ||
                    text.find("dirty at version") != std::string::npos;
  if (result.status != 0 && end.now != end.before && !told && !end.only_reads)
    faults += "nothing said of what became of it, and the database is now at " + end.now + "\n";
  return faults;
}

}  // namespace talos::test
