// R2: the program dies at every step of a run, one after the other, and the next `up` must end where an undisturbed run
// does. Needs a build with kill points; without them these tests fail.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>

#include <doctest/doctest.h>

#include "harness.hpp"
#include "sets.hpp"
#include "talos/fail_point.hpp"

namespace talos::test {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> fail_point_names() {
  std::vector<std::string> names;
  std::string_view rest = TALOS_FAIL_POINT_NAMES;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('|'), rest.size());
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

struct Run {
  const char* what;
  std::vector<std::string> command;
  TestSet set;       ///< on disk while it runs
  TestSet mended;    ///< afterwards
  std::string from;  ///< template to start from; empty: no database
  int status = 0;    ///< of a run that nothing kills
};

class Scenario {
 public:
  explicit Scenario(Run run) : run_(std::move(run)) {
    const Target undisturbed{scratch_ / "undisturbed.db", scratch_ / "mended"};
    write_set(undisturbed.migrations, run_.mended);
    REQUIRE(migrate(undisturbed, {"up"}).status == 0);
    expected_ = picture_of(undisturbed.database);
    REQUIRE(faults_of(undisturbed.database, run_.mended) == "");
    const Target start{scratch_ / "start.db", scratch_ / "start"};
    write_set(start.migrations, run_.set);
    if (run_.from.empty()) return;
    REQUIRE(migrate(start, {"up", "--to", run_.from}).status == 0);
  }

  /// Dies at every passage of that point; how many there were.
  int pass(const std::string& point) {
    for (int passage = 1;; ++passage) {
      INFO(std::string(run_.what) << ", killed at " << point << ":" << passage);
      if (!die_and_recover(point + ":" + std::to_string(passage))) return passage - 1;
      REQUIRE(passage < 10'000);
    }
  }

 private:
  bool die_and_recover(const std::string& setting) {
    const fs::path place = scratch_ / "run";
    fs::remove_all(place);
    const Target target{place / "data.db", place / "migrations"};
    write_set(target.migrations, run_.set);
    if (!run_.from.empty()) fs::copy_file(scratch_ / "start.db", target.database);
    const ProcessResult killed = migrate(target, run_.command, {{"TALOS_FAIL_POINT", setting}});
    INFO(killed.err);
    const bool died = killed.signal == SIGKILL;
    if (!died) CHECK(killed.status == run_.status);
    look(target);
    fs::remove_all(target.migrations);
    write_set(target.migrations, run_.mended);
    recover(target);
    return died;
  }

  // Status must be able to tell what there is, before anything else touches it.
  void look(const Target& target) {
    const nlohmann::json status = status_of(target);
    if (!fs::exists(target.database)) {
      CHECK(status.at("status") == "not_initialized");
      return;
    }
    CHECK((status.at("status") == "dirty") == is_dirty(target.database));
    CHECK(faults_of(target.database, run_.mended) == "");
    if (status.at("status") == "dirty") CHECK(status.at("dirty").at("journal") == true);
  }

  void recover(const Target& target) {
    try {
      up_with_repairs(target, run_.mended);
    } catch (const std::exception& error) {
      FAIL_CHECK(error.what());
      return;
    }
    CHECK(faults_of(target.database, run_.mended) == "");
    CHECK(picture_of(target.database) == expected_);
    CHECK(rows_of(target.database, "SELECT version, dirty FROM schema_migrations") ==
          std::vector<std::string>{std::to_string(run_.mended.back().version) + "|0"});
  }

  ScratchDirectory scratch_;
  Run run_;
  std::string expected_;
};

std::set<std::string>& passed() {
  static std::set<std::string> names;
  return names;
}

void die_everywhere(Run run) {
  REQUIRE_MESSAGE(fail_points_enabled, "this build has no kill points: configure with TALOS_FAIL_POINTS=ON");
  const char* what = run.what;
  Scenario scenario(std::move(run));
  int total = 0;
  for (const std::string& name : fail_point_names()) {
    const int count = scenario.pass(name);
    if (count > 0) passed().insert(name);
    total += count;
  }
  std::printf("R2 %s: %d kill points passed\n", what, total);
  CHECK(total > 0);
}

constexpr long few_rows = 20;

TestSet with(TestSet set, TestMigration migration) {
  set.push_back(std::move(migration));
  return set;
}

TestMigration late(bool no_transaction, bool good) {
  const std::string middle = good ? "INSERT INTO late VALUES (1)" : "INSERT INTO nowhere VALUES (1)";
  return {13,
          "late",
          {"CREATE TABLE late (id INTEGER)", middle, "INSERT INTO ledger (what) VALUES ('late')"},
          {"DROP TABLE late"},
          no_transaction};
}

Run plain(const char* what, Profile profile, std::vector<std::string> command, std::string from = {}) {
  const TestSet set = busy_set(profile, few_rows);
  return {what, std::move(command), set, set, std::move(from)};
}

Run failing(const char* what, bool no_transaction) {
  const TestSet set = busy_set(Profile::transactional, few_rows);
  return {what, {"up"}, with(set, late(no_transaction, false)), with(set, late(no_transaction, true)), "12", 1};
}

}  // namespace

TEST_CASE("R2: up of transactions, killed at every step, ends as if undisturbed") {
  die_everywhere(plain("up, transactional", Profile::transactional, {"up"}));
}

TEST_CASE("R2, G5: the same with --durable each") {
  die_everywhere(plain("up --durable each, transactional", Profile::transactional, {"up", "--durable", "each"}));
}

TEST_CASE("R2: up with no-transaction files, rebuild, VACUUM and PRAGMA, killed at every step") {
  die_everywhere(plain("up, no-transaction", Profile::no_transaction, {"up"}));
}

TEST_CASE("R2, G5: the same with --durable each") {
  die_everywhere(plain("up --durable each, no-transaction", Profile::no_transaction, {"up", "--durable", "each"}));
}

TEST_CASE("R2: down, killed at every step, and up again") {
  die_everywhere(plain("down, transactional", Profile::transactional, {"down", "--all", "--yes"}, "12"));
  die_everywhere(plain("down, no-transaction", Profile::no_transaction, {"down", "--all", "--yes"}, "12"));
}

TEST_CASE("R2: a migration that fails, killed at every step of its failing too") {
  die_everywhere(failing("failing up, transactional", false));
  die_everywhere(failing("failing up, no-transaction", true));
}

// Last of this file, so that all of the above count.
TEST_CASE("R2: every kill point in the sources was passed") {
  for (const std::string& name : fail_point_names()) {
    INFO(name);
    CHECK(passed().contains(name));
  }
  CHECK(fail_point_names().size() >= 11);
}

}  // namespace talos::test
