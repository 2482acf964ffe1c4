// R4: a command refuses with the exit status and words of product.md, changes nothing and shows no password. `Place` is
// a DatabasePlace.
#pragma once

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "database_place.hpp"

namespace talos::test {

template <class Place>
ProcessResult check_refused(const Place& place, const std::string& dsn, std::vector<std::string> command, int status,
                            const std::vector<std::string>& words) {
  command.insert(command.end(), {"--connect-timeout", "5s", "--log-level", "trace"});
  const auto result = migrate(place.target(dsn), std::move(command));
  INFO(result.out << result.err);
  CHECK(result.status == status);
  for (const std::string& word : words) {
    INFO("says: " << word);
    CHECK(has(result.err, word));
  }
  CHECK_FALSE(has(result.out + result.err, place.database.server().password()));
  return result;
}

template <class Place>
void check_all_refused(const Place& place, const std::string& dsn, const std::vector<std::string>& words,
                       int status = 5) {
  const std::string before = place.everything();
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "2"}, {"status"}, {"history"}}) {
    INFO(command[0]);
    check_refused(place, dsn, command, status, words);
  }
  CHECK(place.everything() == before);
}

/// The highest version that was told as applied for good.
inline long durable_by(const std::string& output) {
  static const std::regex applied("Applied 0*(\\d+)_.*");
  long version = 0;
  std::istringstream lines(output);
  std::smatch found;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_match(line, found, applied) && !has(line, "not yet durable"))
      version = std::max(version, std::stol(found[1]));
  return version;
}

inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace talos::test
