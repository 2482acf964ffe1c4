// Signals during a run (product.md §3, G21): the status is 128+n, what was running is rolled back or journalled, and
// the lock is free.
#include <csignal>
#include <sstream>
#include <stdexcept>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "sqlite_database.hpp"

namespace talos::test {

namespace {

namespace fs = std::filesystem;

// Longer than any test waits; it can be interrupted at any moment.
const std::string long_statement =
    "INSERT INTO slow WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT "
    "count(*) FROM n";

// Minutes inside one function call, where SQLite looks at no interruption.
const std::string deaf_statement =
    "INSERT INTO slow SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')";

TestSet slow_set(bool no_transaction, const std::string& statement) {
  return {{1, "quick", {"CREATE TABLE quick (id INTEGER)"}, {"DROP TABLE quick"}, false},
          {2,
           "slow",
           {"CREATE TABLE slow (id INTEGER)", statement, "INSERT INTO quick VALUES (2)"},
           {"DROP TABLE slow"},
           no_transaction}};
}

class Place {
 public:
  explicit Place(const TestSet& set) { write_set(target.migrations, set); }

  // Applies version 1 beforehand, so that what follows is about version 2 alone.
  void begin() const { REQUIRE(migrate(target, {"up", "--to", "1"}).status == 0); }

  ScratchDirectory scratch;
  SqliteTarget target{scratch / "data.db", scratch / "migrations"};
};

// What the process burns is burnt by its statement: starting takes far less.
void wait_until_busy(Process& process) {
  const bool busy = eventually([&] { return cpu_seconds(process.pid()) > 0.5 || !process.running(); });
  REQUIRE(busy);
  REQUIRE(process.running());
}

std::string version_line(const Target& target) {
  const auto status = status_of(target);
  return status.at("status").get<std::string>() + " " + status.at("current").dump();
}

// Takes the lock: force always does.
void check_lock_is_free(const Target& target, const std::string& version) {
  const auto result = migrate(target, {"force", version, "--lock-timeout", "100ms"});
  INFO(result.err);
  CHECK(result.status == 0);
}

bool has_open(pid_t process, const fs::path& file) {
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(process) + "/fd", gone))
    if (fs::read_symlink(entry, gone) == file) return true;
  return false;
}

constexpr int stopping_signals[] = {SIGTERM, SIGINT, SIGHUP};

}  // namespace

TEST_CASE("G21: a signal rolls a transactional migration back: clean at the version before, status 128+n") {
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const Place place(slow_set(false, long_statement));
    place.begin();
    auto runner = Process::start(migrate_options(place.target, {"up"}));
    wait_until_busy(runner);
    runner.signal(signal);
    const auto result = runner.wait();
    INFO(result.err);
    CHECK(result.status == 128 + signal);
    CHECK(result.signal == 0);
    CHECK(version_line(place.target) == "clean 1");
    CHECK(rows_of(place.target.database, "SELECT name FROM sqlite_schema WHERE name = 'slow'").empty());
    check_lock_is_free(place.target, "1");
  }
}

TEST_CASE("G21: of migrations that share a commit, a signal leaves none that its group did not commit") {
  // From nothing: both are in one group, and what was not committed is not told as applied.
  const Place place(slow_set(false, long_statement));
  auto runner = Process::start(migrate_options(place.target, {"up"}));
  wait_until_busy(runner);
  runner.signal(SIGTERM);
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 128 + SIGTERM);
  const bool told = result.err.find("Applied 000001_quick") != std::string::npos;
  CHECK(version_line(place.target) == (told ? "clean 1" : "not_initialized null"));
  CHECK(SqliteDatabase(place.target.database).faults(slow_set(false, long_statement)) == "");
}

TEST_CASE("G21: a signal in a no-transaction file leaves it journalled and dirty, and status tells") {
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const Place place(slow_set(true, long_statement));
    place.begin();
    auto runner = Process::start(migrate_options(place.target, {"up"}));
    wait_until_busy(runner);
    runner.signal(signal);
    const auto result = runner.wait();
    INFO(result.err);
    CHECK(result.status == 128 + signal);
    const auto status = status_of(place.target);
    INFO(status.dump(2));
    CHECK(status.at("status") == "dirty");
    CHECK(status.at("lock").at("held") == false);
    const auto& dirty = status.at("dirty");
    CHECK(dirty.at("version") == 2);
    REQUIRE(dirty.at("statements").size() == 2);
    CHECK(dirty.at("statements").at(0).at("state") == "done");
    // SQLite's statements are whole: the interrupted one did not happen, and that is known.
    CHECK(dirty.at("statements").at(1).at("state") == "failed");
    const auto text = migrate(place.target, {"status"});
    CHECK(text.out.find("Database Status: DIRTY\n") == 0);
    CHECK(text.out.find("statement 2 of 3") != std::string::npos);
    const auto again = migrate(place.target, {"up"});
    CHECK(again.status == 3);
    CHECK(again.err.find("Error: Database is in dirty state at version 2\n") != std::string::npos);
    check_lock_is_free(place.target, "1");
  }
}

TEST_CASE("G21: a signal while waiting for the lock ends the waiter, and changes nothing") {
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const Place place(slow_set(false, "SELECT 1"));
    place.begin();
    const HeldLock lock(place.target.database);
    auto runner = Process::start(migrate_options(place.target, {"up"}));
    runner.wait_for_output("Waiting for another runner");
    runner.signal(signal);
    CHECK(runner.wait().status == 128 + signal);
    CHECK(version_line(place.target) == "clean 1");
  }
}

TEST_CASE("G21: a signal while another process writes ends the waiter") {
  const Place place(slow_set(false, "SELECT 1"));
  place.begin();
  SqliteFile writer(place.target.database);
  writer.run("BEGIN IMMEDIATE");
  auto runner = Process::start(migrate_options(place.target, {"up", "--lock-timeout", "10m"}));
  // It has the run lock by then, and waits for SQLite's.
  REQUIRE(eventually([&] { return status_of(place.target).at("lock").at("held") == true; }));
  runner.signal(SIGTERM);
  CHECK(runner.wait().status == 128 + SIGTERM);
  writer.run("ROLLBACK");
  CHECK(version_line(place.target) == "clean 1");
}

TEST_CASE("G21: a signal while another process lets nobody read is told as a stop, not as a wait in vain") {
  const Place place(slow_set(false, "SELECT 1"));
  place.begin();
  SqliteFile writer(place.target.database);
  writer.run("BEGIN EXCLUSIVE");
  auto runner = Process::start(migrate_options(place.target, {"up", "--lock-timeout", "10m"}));
  REQUIRE(eventually([&] { return has_open(runner.pid(), place.target.database); }));
  runner.signal(SIGTERM);
  const auto result = runner.wait();
  CHECK(result.status == 128 + SIGTERM);
  CHECK(result.err.find("stopped") != std::string::npos);
  CHECK(result.err.find("did not let go") == std::string::npos);
  writer.run("ROLLBACK");
  CHECK(version_line(place.target) == "clean 1");
}

TEST_CASE("G21: a second signal ends at once, also where the first cannot, and the database is as before") {
  const Place place(slow_set(false, deaf_statement));
  place.begin();
  auto runner = Process::start(migrate_options(place.target, {"up"}));
  wait_until_busy(runner);
  runner.signal(SIGTERM);
  REQUIRE(eventually([&] { return !is_pending(runner.pid(), SIGTERM); }));
  REQUIRE(runner.running());
  runner.signal(SIGINT);
  const auto result = runner.wait();
  CHECK(result.status == 128 + SIGINT);
  CHECK(version_line(place.target) == "clean 1");
  check_lock_is_free(place.target, "1");
}

TEST_CASE("G21: a signal that was ignored from the start stays ignored") {
  const Place place(slow_set(false, "SELECT 1"));
  place.begin();
  auto options = migrate_options(place.target, {"up", "--lock-timeout", "2s"});
  options.argv.insert(options.argv.begin(), {"sh", "-c", "trap '' HUP; exec \"$@\"", "sh"});
  const HeldLock lock(place.target.database);
  auto runner = Process::start(options);
  runner.wait_for_output("Waiting for another runner");
  runner.signal(SIGHUP);
  CHECK(runner.wait().status == 4);
}

TEST_CASE("G21: as PID 1 of a container a signal ends it with 128+n") {
  ProcessOptions attempt;
  attempt.argv = {"unshare", "-p", "-f", "true"};
  if (const auto probe = run(attempt); probe.status != 0) {
    MESSAGE("skipped: a PID namespace is not permitted here: ", probe.err);
    return;
  }
  for (const int signal : stopping_signals) {
    INFO("signal " << signal);
    const Place place(slow_set(false, long_statement));
    place.begin();
    auto options = migrate_options(place.target, {"up"});
    options.argv.insert(options.argv.begin(), {"unshare", "-p", "-f", "--kill-child"});
    auto outer = Process::start(options);
    const std::string children =
        "/proc/" + std::to_string(outer.pid()) + "/task/" + std::to_string(outer.pid()) + "/children";
    pid_t inner = 0;
    REQUIRE(eventually([&] {
      const std::string text = read_file(children);
      if (!text.empty()) inner = static_cast<pid_t>(std::stol(text));
      return inner != 0 && cpu_seconds(inner) > 0.5;
    }));
    CHECK(read_file("/proc/" + std::to_string(inner) + "/status").find("NSpid:\t" + std::to_string(inner) + "\t1\n") !=
          std::string::npos);
    REQUIRE(::kill(inner, signal) == 0);
    const auto result = outer.wait();
    INFO(result.err);
    CHECK(result.status == 128 + signal);
    CHECK(version_line(place.target) == "clean 1");
  }
}

}  // namespace talos::test
