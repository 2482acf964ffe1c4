// What `migrate diagnose` says of dirty databases, held against what the test has seen of the schema after every
// statement of the set.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test_database.hpp"

namespace talos::test {

class Diagnoses {
 public:
  /// Of databases that were migrated with `set`, which lies in `directory`; a file of fingerprints is put there, where
  /// the set goes up and down without a fault. All that it needs is made when it is first asked.
  Diagnoses(TestSet set, std::filesystem::path directory) : set_(std::move(set)), directory_(std::move(directory)) {}

  /// Empty, or what diagnose says wrongly of a dirty database of which status says this. One that was met before, by
  /// schema and journal, is not asked again. Nothing is asked of a dialect that describes no schemas.
  std::string wrong(const TestDatabase& database, const nlohmann::json& status);

  /// How many were asked, and what came of it.
  std::string summary() const;
  long asked() const { return asked_; }

 private:
  /// Of one file, after so many of its statements.
  struct Point {
    std::string direction;
    long version;
    std::size_t statements;
    auto operator<=>(const Point&) const = default;
  };
  /// A database in the test's eyes: the versions whose schema it has, and after how many statements of the file.
  struct Truth {
    std::set<long> versions;
    std::vector<std::size_t> statements;
  };

  void prepare(const TestDatabase& like);
  void see(TestDatabase& database, const TestMigration& migration, const std::string& direction);
  Truth truth_of(const std::string& schema, const std::string& direction, long version);
  std::string judge(const nlohmann::json& said, const nlohmann::json& dirty, const Truth& truth);
  static std::string judge_statements(const nlohmann::json& said, const Truth& truth);
  static std::string judge_remedies(const nlohmann::json& said, const nlohmann::json& dirty, const Truth& truth);

  std::string& root(const std::string& schema);
  void join(const std::string& one, const std::string& other);

  TestSet set_;
  std::filesystem::path directory_;
  bool prepared_ = false;
  std::map<Point, std::string> seen_;          ///< schemas
  std::map<long, std::string> versions_;       ///< one schema of each
  std::map<std::string, std::string> parent_;  ///< schemas that are the same version's, in other words
  std::set<std::pair<std::string, std::string>> met_;
  long asked_ = 0;
  long at_a_version_ = 0;
  long between_ = 0;
  long neither_ = 0;
};

}  // namespace talos::test
