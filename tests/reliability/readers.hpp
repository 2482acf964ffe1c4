// R8: status, history and --dry-run work for who may only read, and write nothing. `Place` is a DatabasePlace.
#pragma once

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "database_place.hpp"

namespace talos::test {

inline const std::vector<std::vector<std::string>> readers{
    {"status"}, {"status", "--verify"}, {"history"}, {"up", "--dry-run"}, {"down", "--dry-run"}};

/// `writes(place)` is something that every write changes.
template <class Place, class Writes>
void check_readers(const Place& place, const std::string& dsn, const std::string& version, Writes&& writes) {
  const std::string before = place.everything();
  const std::string written = writes(place);
  for (const auto& words : readers) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: clean\nCurrent Version: " + version + "\n"));
    if (words[0] == "history") CHECK(has(result.out, "step_" + version));
    if (words[0] == "up") CHECK(has(result.out, "Would apply"));
    if (words[0] == "down") CHECK(has(result.out, "Would roll back 1 migration"));
  }
  CHECK(writes(place) == written);
  CHECK(place.everything() == before);
}

template <class Place>
void check_readers_of_nothing(const Place& place, const std::string& dsn) {
  const std::string before = place.everything();
  for (const auto& words : readers) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: Not initialized (no migrations applied)\n"));
  }
  CHECK(place.everything() == before);
}

/// up, down and force are refused: by `status`, or by 5 or 1 where that is 0.
template <class Place>
void check_writers_refused(const Place& place, const std::string& dsn, int status, const std::string& word) {
  const std::string before = place.everything();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "3"}}) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.err);
    CHECK((result.status == status || (status == 0 && (result.status == 5 || result.status == 1))));
    CHECK(has(result.err, word));
    CHECK_FALSE(has(result.err, place.database.server().password()));
    CHECK(place.everything() == before);
  }
}

}  // namespace talos::test
