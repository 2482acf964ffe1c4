#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

#include "kit.hpp"
#include "migrate.hpp"

namespace talos::conformance {
namespace {

class Silent : public Reporter {
 public:
  void connecting_again(std::string_view) override {}
  void waiting_for_lock(const LockStatus&, std::chrono::milliseconds) override {}
  void planned(const Plan&) override {}
  void step_started(const Step&, std::size_t, std::size_t) override {}
  void statement_started(const Step&, std::size_t, std::size_t) override {}
  void statement_progress(double, std::string_view) override {}
  void step_finished(const Step&, std::chrono::microseconds, bool) override {}
  void note(std::string_view) override {}
  void warning(std::string_view) override {}
};

RunResult migrate(const MigrationSet& set, const std::string& table, const Goal& goal) {
  RunOptions options;
  options.connect = request_for(table, Access::create);
  Silent reporter;
  CancelToken cancel;
  RunResult result = talos::run(target().plugin.driver(), set, goal, options, reporter, cancel);
  const std::string text =
      result.error ? result.error->file + ": " + to_text(result.error->code) + ": " + all_text_of(*result.error) : "";
  INFO(text);
  REQUIRE_FALSE(result.error.has_value());
  CHECK_FALSE(result.dirty);
  return result;
}

// The names after CREATE TABLE in the up files, as they are written.
std::set<std::string> created_tables(const MigrationSet& set) {
  static const std::regex create(R"(^create\s+table\s+(?:if\s+not\s+exists\s+)?([^\s(]+))", std::regex::icase);
  const auto session = connect(fresh_name());
  std::set<std::string> tables;
  for (const Migration& migration : set.migrations()) {
    if (!migration.up) continue;
    const Body body = migration.up->load();
    session->split(body.bytes(), [&](const Statement& statement) {
      const std::string text(body.bytes().substr(statement.offset, std::min<std::size_t>(statement.length, 400)));
      std::smatch name;
      if (std::regex_search(text, name, create)) tables.insert(name[1]);
    });
  }
  return tables;
}

void check_all_gone(const std::set<std::string>& tables) {
  const auto session = connect(fresh_name());
  for (const std::string& table : tables) {
    INFO(table);
    CHECK(run(*session, "SELECT 1 FROM " + table + ";\n").error.has_value());
  }
}

TEST_SUITE_BEGIN("embedded set");

TEST_CASE("The embedded set goes up, down one by one to nothing, and up again") {
  const MigrationSet set = read_embedded(target().plugin.name(), target().plugin.migrations());
  if (set.migrations().empty()) return skip("the plugin embeds no migrations");
  const std::string table = fresh_name();
  const std::set<std::string> tables = created_tables(set);
  const std::size_t count = set.migrations().size();
  const Goal up;
  const Goal one_down{Direction::down, 1, std::nullopt};

  for (int round = 1; round <= 2; ++round) {
    INFO("round ", round);
    const RunResult result = migrate(set, table, up);
    CHECK(result.steps.size() == count);
    CHECK(result.to == set.highest());
    CHECK(migrate(set, table, up).already_done);
    for (std::size_t left = count; left-- > 0;) {
      const RunResult down = migrate(set, table, one_down);
      CHECK(down.steps.size() == 1);
      CHECK(down.to == (left == 0 ? no_version : set.migrations()[left - 1].version));
    }
    CHECK(look(table).tracker.empty());
    check_all_gone(tables);
  }
  CHECK(look(table).log.size() == 4 * count);
}

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
