#include "proxy_bench.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include <doctest/doctest.h>

#include "proxy_faults.hpp"
#include "untruths.hpp"

namespace talos::test {

namespace {

// Of one run with a fault. The longest way: an answer, an end of the old connection and its statement are waited for.
constexpr std::chrono::seconds run_deadline{45};

ProcessOptions options(std::vector<std::string> words, const TestDatabase& database, const MessageProxy& proxy,
                       const std::filesystem::path& files) {
  Target target = database.target(files);
  target.dsn = dsn_by(proxy, database);
  return migrate_options(target, std::move(words));
}

/// Version and state as the program writes them; "-1, clean" for nothing.
std::string tracker(const TestDatabase& database) {
  if (!database.has_table("schema_migrations")) return "-1, clean";
  const auto rows = database.tracker();
  if (rows.empty()) return "-1, clean";
  const auto bar = rows[0].find('|');
  return rows[0].substr(0, bar) + (rows[0].ends_with("|1") ? ", DIRTY" : ", clean");
}

std::vector<std::string> history(const TestDatabase& database) {
  if (!database.has_table("schema_migrations_log")) return {};
  return database.rows("SELECT CONCAT(action, ' ', version) FROM schema_migrations_log WHERE NOT failed ORDER BY id");
}

/// Everything one scenario's runs share.
class Bench {
 public:
  explicit Bench(const ProxyScenario& scenario) : scenario_(scenario), start_(new_database()) {
    write_set(files_.path(), scenario.set);
    if (scenario.prepare != nullptr) scenario.prepare(scenario, *start_);
    const auto undisturbed = copy_of(*start_);
    recover(*undisturbed);
    wanted_ = undisturbed->picture();
  }

  /// The messages of a run that nothing disturbs.
  std::vector<ProxyCounts> count() const;
  /// What is wrong; empty if nothing.
  std::string run(const ProxyFault& fault);

  std::atomic<int> happened{0};

 private:
  /// Where nothing is broken a busy machine may take longer than a fault is worth waiting for.
  std::vector<std::string> words(const std::string& timeout) const {
    auto words = scenario_.words;
    words.insert(words.end(), {"--connect-timeout", timeout, "--stall-timeout", timeout});
    if (words[0] != "status") words.insert(words.end(), {"--lock-timeout", "2s"});
    return words;
  }
  std::string run_and_judge(const ProxyFault& fault, const TestDatabase& database);
  std::string judge(const ProcessResult& result, const std::string& before, const TestDatabase& database) const;
  void recover(const TestDatabase& database) const;

  const ProxyScenario& scenario_;
  ScratchDirectory files_;
  std::unique_ptr<TestDatabase> start_;
  std::string wanted_;
};

std::vector<ProxyCounts> Bench::count() const {
  const auto database = copy_of(*start_);
  const auto proxy = new_proxy();
  const ProcessResult result = test::run(options(words("1m"), *database, *proxy, files_.path()));
  if (result.status != 0) throw std::runtime_error(scenario_.name + ": undisturbed: " + result.out + result.err);
  std::vector<ProxyCounts> counts;
  for (int i = 1; i <= proxy->connections(); ++i) counts.push_back(proxy->counts(i));
  return counts;
}

// While the fault still stands, so that nothing has ended that the program has not waited for.
std::string Bench::judge(const ProcessResult& result, const std::string& before, const TestDatabase& database) const {
  const std::string now = tracker(database);
  std::string faults =
      untruths({result, before, now, history(database), scenario_.goal, scenario_.words[0] == "status"});
  // A connection that waits for nothing records that another one broke; never of what has happened after all.
  if (scenario_.words[0] == "up" && now.ends_with("clean") && database.has_table("schema_migrations_log") &&
      database.value("SELECT COUNT(*) FROM schema_migrations_log WHERE failed AND version IN (SELECT version FROM"
                     " schema_migrations)") != "0")
    faults += "a failure in history, of what has happened\n";
  if ((result.out + result.err).find("now dirty at version") != std::string::npos && now.ends_with("clean"))
    faults += "said to be dirty, and it is clean\n";
  return faults;
}

std::string Bench::run_and_judge(const ProxyFault& fault, const TestDatabase& database) {
  const auto proxy = new_proxy();
  const std::string before = tracker(database);
  proxy->add(fault);
  Process process = Process::start(options(words("1s"), database, *proxy, files_.path()));
  if (scenario_.blind) {
    eventually([&] { return proxy->happened() > 0 || !process.running(); }, run_deadline);
    proxy->refuse(true);
  }
  ProcessResult result;
  try {
    result = process.wait(run_deadline);
  } catch (const std::exception& error) {
    return std::string("a hang: ") + error.what() + "\n" + process.out_so_far() + process.err_so_far();
  }
  happened += proxy->happened() > 0 ? 1 : 0;
  const std::string faults = judge(result, before, database);
  if (faults.empty()) return "";
  return faults + "of a run with\nexit " + std::to_string(result.status) + "\n" + result.out + result.err;
}

void Bench::recover(const TestDatabase& database) const {
  if (scenario_.words[0] == "force") {
    const ProcessResult forced = migrate(database.target(files_.path()), scenario_.words);
    if (forced.status != 0) throw std::runtime_error("force afterwards: " + forced.err);
  }
  up_with_resumes(database, files_.path(), scenario_.set);
}

std::string Bench::run(const ProxyFault& fault) {
  std::string faults;
  try {
    const auto database = copy_of(*start_);
    faults = run_and_judge(fault, *database);
    database->settle();
    faults += database->faults(scenario_.set);
    recover(*database);
    faults += database->faults(scenario_.set);
    if (const std::string now = database->picture(); now != wanted_)
      faults += "another schema or other rows:\n" + now + "wanted:\n" + wanted_;
  } catch (const std::exception& error) {
    faults += std::string(error.what()) + "\n";
  }
  return faults.empty() ? "" : scenario_.name + ": " + name_of(fault) + ":\n" + faults;
}

}  // namespace

void try_scenario(const ProxyScenario& scenario, std::size_t cuts, std::size_t stalls) {
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

void all_up(const ProxyScenario& scenario, const TestDatabase& database) {
  const ScratchDirectory files;
  write_set(files.path(), scenario.set);
  const ProcessResult result = migrate(database.target(files.path()), {"up"});
  if (result.status != 0) throw std::runtime_error(result.out + result.err);
}

}  // namespace talos::test
