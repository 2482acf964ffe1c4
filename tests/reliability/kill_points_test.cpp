// R2: the program dies at every step of a run, one after the other, and the next `up` must end where an undisturbed run
// does; `diagnose` tells what of a migration that was left half-way is there. Needs a build with kill points; without
// them these tests fail. TALOS_TEST_STRIDE=1 is the full form.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>

#include <doctest/doctest.h>

#include "diagnoses.hpp"
#include "sets.hpp"
#include "talos/fail_point.hpp"
#include "test_database.hpp"

namespace talos::test {

namespace {

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

// Every how many-th passage of a point is one to die at, besides the first; 0: the first only.
long stride() { return std::max(0L, from_environment("TALOS_TEST_STRIDE", TALOS_CI_STRIDE)); }

class Scenario {
 public:
  explicit Scenario(Run run) : run_(std::move(run)), diagnoses_(run_.set, scratch_ / "set") {
    write_set(scratch_ / "set", run_.set);
    write_set(scratch_ / "mended", run_.mended);
    const auto undisturbed = new_database();
    REQUIRE(migrate(undisturbed->target(scratch_ / "mended"), {"up"}).status == 0);
    expected_ = undisturbed->picture();
    REQUIRE(undisturbed->faults(run_.mended) == "");
    if (run_.from.empty()) return;
    start_ = new_database();
    REQUIRE(migrate(start_->target(scratch_ / "set"), {"up", "--to", run_.from}).status == 0);
  }

  const Diagnoses& diagnoses() const { return diagnoses_; }

  /// Dies at the passages of that point; how many those were.
  int pass(const std::string& point) {
    int died = 0;
    for (long passage = 1;; passage += stride()) {
      INFO(std::string(run_.what) << ", killed at " << point << ":" << passage);
      if (!die_and_recover(point + ":" + std::to_string(passage))) return died;
      ++died;
      if (stride() == 0) return died;
      REQUIRE(passage < 10'000);
    }
  }

 private:
  bool die_and_recover(const std::string& setting) {
    const auto database = start_ ? copy_of(*start_) : new_database();
    const ProcessResult killed =
        migrate(database->target(scratch_ / "set"), run_.command, {{"TALOS_FAIL_POINT", setting}});
    INFO(killed.err);
    const bool died = killed.signal == SIGKILL;
    if (!died) CHECK(killed.status == run_.status);
    database->settle();
    look(*database);
    recover(*database);
    return died;
  }

  // Status must be able to tell what there is, before anything else touches it.
  void look(const TestDatabase& database) {
    const nlohmann::json status = status_of(database.target(scratch_ / "set"));
    if (!database.exists()) {
      CHECK(status.at("status") == "not_initialized");
      return;
    }
    CHECK((status.at("status") == "dirty") == database.is_dirty());
    CHECK(database.faults(run_.mended) == "");
    if (status.at("status") != "dirty") return;
    CHECK(status.at("dirty").at("journal") == true);
    CHECK(diagnoses_.wrong(database, status) == "");
  }

  void recover(const TestDatabase& database) {
    try {
      up_with_resumes(database, scratch_ / "mended", run_.mended);
    } catch (const std::exception& error) {
      FAIL_CHECK(std::string(error.what()));
      return;
    }
    CHECK(database.faults(run_.mended) == "");
    CHECK(database.picture() == expected_);
    CHECK(database.tracker() == std::vector<std::string>{std::to_string(run_.mended.back().version) + "|0"});
  }

  ScratchDirectory scratch_;
  Run run_;
  Diagnoses diagnoses_;
  std::string expected_;
  std::unique_ptr<TestDatabase> start_;
};

std::set<std::string>& passed() {
  static std::set<std::string> names;
  return names;
}

long& diagnosed() {
  static long count = 0;
  return count;
}

void die_everywhere(Run run) {
  if (!database_or_skip()) return;
  REQUIRE_MESSAGE(fail_points_enabled, "this build has no kill points: configure with TALOS_FAIL_POINTS=ON");
  const char* what = run.what;
  Scenario scenario(std::move(run));
  const long unknown_before = unknown_outcomes();
  int total = 0;
  for (const std::string& name : fail_point_names()) {
    const int count = scenario.pass(name);
    if (count > 0) passed().insert(name);
    total += count;
  }
  std::printf("R2 %s: %d kill points passed, %ld outcomes unknown\n", what, total, unknown_outcomes() - unknown_before);
  if (scenario.diagnoses().asked() > 0) std::printf("R2 %s: %s\n", what, scenario.diagnoses().summary().c_str());
  diagnosed() += scenario.diagnoses().asked();
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

TEST_CASE("R2: up with no-transaction files, killed at every step") {
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
  if (!database_or_skip()) return;
  for (const std::string& name : fail_point_names()) {
    INFO(name);
    CHECK(passed().contains(name));
  }
  CHECK(fail_point_names().size() >= TALOS_FAIL_POINTS_LEAST);
  CHECK((diagnosed() > 0 || new_database()->scratch_words().empty()));
}

}  // namespace talos::test
