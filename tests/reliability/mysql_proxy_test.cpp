// R3 on MySQL: the connection cut, or stalled, at every message of a run. Never a false success, never a hang, and
// what the program says became of it is true.
//
// Every fault with TALOS_TEST_ALL_FAULTS=1; else some of each kind, chosen by the seed.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_place.hpp"
#include "mysql_proxy.hpp"
#include "proxy_faults.hpp"

namespace talos::test {

namespace {

using nlohmann::json;

// Of one run with a fault. The longest way: an answer, an end of the old connection and its statement are waited for.
constexpr std::chrono::seconds run_deadline{45};

TestSet rows_mostly() {
  return {
      {1, "step", {"CREATE TABLE ledger (what VARCHAR(100) PRIMARY KEY)"}, {"DROP TABLE ledger"}, false},
      {2, "step", {"CREATE TABLE items (id INT PRIMARY KEY, half INT)"}, {"DROP TABLE items"}, false},
      {3,
       "step",
       {"INSERT INTO items (id) VALUES (1), (2), (3)", "INSERT INTO ledger SELECT CONCAT('slept ', SLEEP(0.6))",
        ledger(3)},
       {"DELETE FROM ledger", "DELETE FROM items"},
       false},
      {4, "step", {"UPDATE items SET half = id / 2", ledger(4)}, {"UPDATE items SET half = NULL", unledger(4)}, false},
  };
}

TestSet schema_and_rows() {
  return {
      {1,
       "step",
       {"CREATE TABLE ledger (what VARCHAR(100) PRIMARY KEY)", "CREATE TABLE items (id INT PRIMARY KEY, half INT)",
        ledger(1)},
       {"DROP TABLE items", "DROP TABLE ledger"},
       false},
      {2,
       "step",
       {"INSERT INTO items (id) VALUES (1), (2), (3)", "ALTER TABLE items ADD COLUMN more INT, ADD INDEX (half)",
        group({"INSERT INTO ledger SELECT CONCAT('slept ', SLEEP(0.6))", "UPDATE items SET half = id / 2"}),
        "CREATE VIEW halves AS SELECT half FROM items", ledger(2)},
       {"DROP VIEW halves", "DELETE FROM ledger WHERE what LIKE 'slept%'",
        "ALTER TABLE items DROP COLUMN more, DROP INDEX half", "DELETE FROM items", unledger(2)},
       true},
      {3, "step", {"ALTER TABLE items MODIFY COLUMN half BIGINT"}, {"ALTER TABLE items MODIFY COLUMN half INT"}, false},
  };
}

struct Scenario {
  std::string name;
  TestSet set;
  std::vector<std::string> words;
  /// Makes the database that each run begins with, of an empty one.
  void (*prepare)(const Scenario&, const MysqlDatabase&);
  long goal;           ///< the tracker's version after success
  bool blind = false;  ///< soon after the fault nobody can connect any more
};

ProcessOptions options(std::vector<std::string> words, const MysqlDatabase& database, int port,
                       const std::filesystem::path& files) {
  words.insert(words.end(), {"--connect-timeout", "1s"});
  return migrate_options({commercial_program(), database.server().login(database.name(), port).dsn(), files},
                         std::move(words));
}

/// Version and state as the program writes them; "-1, clean" for nothing.
std::string tracker(const MysqlDatabase& database) {
  if (!database.has_table("schema_migrations")) return "-1, clean";
  const auto rows = database.tracker();
  if (rows.empty()) return "-1, clean";
  const auto bar = rows[0].find('|');
  return rows[0].substr(0, bar) + (rows[0].ends_with("|1") ? ", DIRTY" : ", clean");
}

std::vector<std::string> history(const MysqlDatabase& database) {
  if (!database.has_table("schema_migrations_log")) return {};
  return database.rows("SELECT CONCAT(action, ' ', version) FROM schema_migrations_log WHERE NOT failed ORDER BY id");
}

/// Everything one scenario's runs share.
class Bench {
 public:
  explicit Bench(const Scenario& scenario) : scenario_(scenario), start_(*shared_mysql_or_skip()) {
    write_set(files_.path(), scenario.set);
    if (scenario.prepare != nullptr) scenario.prepare(scenario, start_);
    const MysqlDatabase undisturbed(start_.server(), start_);
    recover(undisturbed);
    wanted_ = undisturbed.picture();
  }

  /// The messages of a run that nothing disturbs.
  std::vector<ProxyCounts> count() const;
  /// What is wrong; empty if nothing.
  std::string run(const ProxyFault& fault);

  std::atomic<int> happened{0};

 private:
  std::vector<std::string> words() const {
    auto words = scenario_.words;
    words.insert(words.end(), {"--stall-timeout", "1s"});
    if (words[0] != "status") words.insert(words.end(), {"--lock-timeout", "2s"});
    return words;
  }
  std::string run_and_judge(const ProxyFault& fault, const MysqlDatabase& database);
  std::string judge(const ProcessResult& result, const std::string& before, const MysqlDatabase& database) const;
  void recover(const MysqlDatabase& database) const;

  const Scenario& scenario_;
  ScratchDirectory files_;
  MysqlDatabase start_;
  std::string wanted_;
};

std::vector<ProxyCounts> Bench::count() const {
  const MysqlDatabase database(start_.server(), start_);
  const MysqlProxy proxy(database.server().port());
  const ProcessResult result = test::run(options(words(), database, proxy.port(), files_.path()));
  if (result.status != 0) throw std::runtime_error(scenario_.name + ": undisturbed: " + result.out + result.err);
  std::vector<ProxyCounts> counts;
  for (int i = 1; i <= proxy.connections(); ++i) counts.push_back(proxy.counts(i));
  return counts;
}

// While the fault still stands, so that nothing has ended that the program has not waited for.
std::string Bench::judge(const ProcessResult& result, const std::string& before, const MysqlDatabase& database) const {
  std::string faults;
  if (result.status < 0) return "ended by signal " + std::to_string(result.signal) + "\n";
  const std::string now = tracker(database);
  const auto entries = history(database);
  const bool status = scenario_.words[0] == "status";
  if (result.status == 0 && now != std::to_string(scenario_.goal) + ", clean")
    faults += "exit 0, and the database is at " + now + "\n";
  if (status && result.status == 0 && json::parse(result.out).at("current").get<long>() != scenario_.goal)
    faults += "status says something else\n";
  if (status && now != before) faults += "status changed the database\n";
  const std::string text = result.out + result.err;
  const std::regex applied("(Applied|Rolled back) 0*([0-9]+)_step");
  std::size_t said = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), applied), end; it != end; ++it) {
    ++said;
    const std::string entry = ((*it)[1] == "Applied" ? "up " : "down ") + (*it)[2].str();
    if (std::find(entries.begin(), entries.end(), entry) == entries.end())
      faults += "said, and not in history: " + entry + "\n";
  }
  const std::regex again("connected again: the database is at version (-?[0-9]+|none), (DIRTY|clean)(; another)?");
  std::smatch match;
  const bool looked = std::regex_search(text, match, again);
  const std::string version = match[1].str() == "none" ? "-1" : match[1].str();
  if (looked && !match[3].matched && version + ", " + match[2].str() != now)
    faults += "said: " + match[0].str() + ", and the database is at " + now + "\n";
  const bool told = looked || text.find("what became of it is not known") != std::string::npos ||
                    text.find("dirty at version") != std::string::npos;
  if (result.status != 0 && now != before && !told && !status)
    faults += "nothing said of what became of it, and the database is now at " + now + "\n";
  // The connection that waits for nothing records that the other one broke; never of what has happened after all.
  if (scenario_.words[0] == "up" && now.ends_with("clean") && database.has_table("schema_migrations_log") &&
      database.value("SELECT COUNT(*) FROM schema_migrations_log WHERE failed AND version IN (SELECT version FROM"
                     " schema_migrations)") != "0")
    faults += "a failure in history, of what has happened\n";
  if (text.find("now dirty at version") != std::string::npos && now.ends_with("clean"))
    faults += "said to be dirty, and it is clean\n";
  return faults;
}

std::string Bench::run_and_judge(const ProxyFault& fault, const MysqlDatabase& database) {
  MysqlProxy proxy(database.server().port());
  const std::string before = tracker(database);
  proxy.add(fault);
  Process process = Process::start(options(words(), database, proxy.port(), files_.path()));
  if (scenario_.blind) {
    eventually([&] { return proxy.happened() > 0 || !process.running(); }, run_deadline);
    proxy.refuse(true);
  }
  ProcessResult result;
  try {
    result = process.wait(run_deadline);
  } catch (const std::exception& error) {
    return std::string("a hang: ") + error.what() + "\n" + process.out_so_far() + process.err_so_far();
  }
  happened += proxy.happened() > 0 ? 1 : 0;
  const std::string faults = judge(result, before, database);
  if (faults.empty()) return "";
  return faults + "of a run with\nexit " + std::to_string(result.status) + "\n" + result.out + result.err;
}

void Bench::recover(const MysqlDatabase& database) const {
  if (scenario_.words[0] == "force") {
    const ProcessResult forced = migrate(database.target(files_.path()), scenario_.words);
    if (forced.status != 0) throw std::runtime_error("force afterwards: " + forced.err);
  }
  up_with_resumes(database, files_.path(), scenario_.set);
}

std::string Bench::run(const ProxyFault& fault) {
  std::string faults;
  try {
    const MysqlDatabase database(start_.server(), start_);
    faults = run_and_judge(fault, database);
    database.settle();
    faults += database.faults(scenario_.set);
    recover(database);
    faults += database.faults(scenario_.set);
    if (const std::string now = database.picture(); now != wanted_)
      faults += "another schema or other rows:\n" + now + "wanted:\n" + wanted_;
  } catch (const std::exception& error) {
    faults += std::string(error.what()) + "\n";
  }
  return faults.empty() ? "" : scenario_.name + ": " + name_of(fault) + ":\n" + faults;
}

void try_scenario(const Scenario& scenario, std::size_t cuts, std::size_t stalls) {
  if (!database_or_skip()) return;
  const std::uint64_t seed = test_seed(scenario.name);
  Bench bench(scenario);
  const auto counts = bench.count();
  // The long ones first.
  auto faults = some_of(every_stall(counts, seed), stalls, seed);
  const auto cutting = some_of(every_cut(counts), cuts, seed);
  faults.insert(faults.end(), cutting.begin(), cutting.end());
  const auto wrong = try_all(faults, 6, [&](const ProxyFault& fault) { return bench.run(fault); });
  std::printf("%s: messages of each connection, client's + server's: %s; %zu faults, %d happened, %zu wrong\n",
              scenario.name.c_str(), name_of(counts).c_str(), faults.size(), bench.happened.load(), wrong.size());
  for (const std::string& text : wrong) FAIL_CHECK(text);
  CHECK(bench.happened > 0);
}

void all_up(const Scenario& scenario, const MysqlDatabase& database) {
  const ScratchDirectory files;
  write_set(files.path(), scenario.set);
  const ProcessResult result = migrate(database.target(files.path()), {"up"});
  if (result.status != 0) throw std::runtime_error(result.out + result.err);
}

// Dirty in migration 2; what forcing to 1 promises is then done by hand.
void left_dirty(const Scenario& scenario, const MysqlDatabase& database) {
  const ScratchDirectory files;
  TestSet set = scenario.set;
  set[1].up[2] = "INSERT INTO nowhere VALUES (1)";
  write_set(files.path(), set);
  const ProcessResult result = migrate(database.target(files.path()), {"up"});
  if (result.status != 1) throw std::runtime_error("not dirty: " + result.out + result.err);
  database.rows("ALTER TABLE items DROP COLUMN more, DROP INDEX half; DELETE FROM items");
}

}  // namespace

TEST_CASE("R3: MySQL: up of files that are transactions or lone schema changes, cut or stalled anywhere") {
  try_scenario({"up", rows_mostly(), {"up"}, nullptr, 4}, 10, 5);
}

TEST_CASE("R3: MySQL: up, cut anywhere, and no way to look again") {
  try_scenario({"up, no network afterwards", rows_mostly(), {"up"}, nullptr, 4, true}, 5, 0);
}

TEST_CASE("R3: MySQL: up with files of schema changes among rows") {
  try_scenario({"up, statement by statement", schema_and_rows(), {"up"}, nullptr, 3}, 10, 5);
}

TEST_CASE("R3: MySQL: down") { try_scenario({"down", schema_and_rows(), {"down", "--steps", "2"}, all_up, 1}, 5, 3); }

TEST_CASE("R3: MySQL: force") { try_scenario({"force", schema_and_rows(), {"force", "1"}, left_dirty, 1}, 4, 2); }

TEST_CASE("R3: MySQL: status") {
  try_scenario({"status", schema_and_rows(), {"status", "--format", "json"}, all_up, 3}, 4, 2);
}

}  // namespace talos::test
