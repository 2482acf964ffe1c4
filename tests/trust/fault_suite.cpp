#include "fault_suite.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "process.hpp"
#include "sqlite_file.hpp"

namespace talos::test {

namespace {

using nlohmann::json;

// What no case may say: it fails everywhere.
constexpr std::string_view broken_statement = "INSERT INTO there_is_no_such_table VALUES (1);\n";

// A whole set, up, down and up again, on a server that takes its time for each schema change.
constexpr std::chrono::minutes patience{5};

std::string name_of(const json& finding) {
  return finding["rule"].get<std::string>() + "@" + finding["version"].dump();
}

std::vector<std::string> statements_of(const std::string& text) {
  std::vector<std::string> statements;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(";\n", at), text.size());
    statements.push_back(text.substr(at, end + 2 - at));
    at = end + 2;
  }
  return statements;
}

class Case {
 public:
  Case(const FaultCase& fault, std::filesystem::path program, std::unique_ptr<TrustPlace> place)
      : fault_(fault), program_(std::move(program)), place_(std::move(place)) {
    for (const FaultCase::File& file : fault_.files) write(file, file.text);
    if (!fault_.old_queries.empty()) write_query("old", fault_.old_queries);
    if (!fault_.new_queries.empty()) write_query("new", fault_.new_queries);
  }

  /// Empty, or what is wrong.
  std::string operator()() {
    if (!fault_.drift.empty()) return drifted();
    return verified();
  }

  /// Of verify.
  json findings() {
    std::vector<std::string> words{"verify", "--format", "json", "--scratch", place_->scratch()};
    words.insert(words.end(), fault_.arguments.begin(), fault_.arguments.end());
    if (std::filesystem::exists(scratch_ / "queries"))
      words.insert(words.end(), {"--queries", (scratch_ / "queries").string()});
    const auto result = migrate(words);
    const json object = json::parse(result.out, nullptr, false);
    if (!object.is_object() || !object.contains("findings"))
      throw std::runtime_error("verify: " + result.err + result.out);
    return object["findings"];
  }

  /// Broken off at this statement of the dirty file (1-based).
  std::string dirty_at(std::size_t statement) {
    const auto file = std::find_if(fault_.files.begin(), fault_.files.end(),
                                   [&](const auto& f) { return f.up && f.version == fault_.dirty; });
    auto statements = statements_of(file->text);
    const std::size_t count = statements.size();
    statements[statement - 1] = broken_statement;
    std::string text;
    for (const std::string& one : statements) text += one;
    write(*file, text);
    const auto up = migrate({"up", "--database", place_->dsn()});
    write(*file, file->text);
    if (up.status != 1) return "up ended with " + std::to_string(up.status) + ": " + up.err;
    return judge_dirty(diagnose(), statement, count);
  }

 private:
  void write(const FaultCase::File& file, const std::string& text) {
    const std::string name = std::to_string(file.version) + "_step." + (file.up ? "up" : "down") + ".sql";
    std::filesystem::create_directories(scratch_ / "migrations");
    write_file(scratch_ / "migrations" / name, text);
  }
  void write_query(const char* release, const std::string& text) {
    std::filesystem::create_directories(scratch_ / "queries" / release);
    write_file(scratch_ / "queries" / release / "all.sql", text);
  }

  ProcessResult migrate(std::vector<std::string> words) {
    ProcessOptions options;
    options.argv = {program_.string(), "migrate"};
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    options.argv.insert(options.argv.end(), {"--migrations", (scratch_ / "migrations").string()});
    options.directory = scratch_.path();
    return run(std::move(options), patience);
  }

  json diagnose() {
    const auto result =
        migrate({"diagnose", "--format", "json", "--database", place_->dsn(), "--scratch", place_->scratch()});
    json object = json::parse(result.out, nullptr, false);
    if (result.status != 0 || !object.is_object()) throw std::runtime_error("diagnose: " + result.err);
    return object;
  }

  std::string verified() {
    std::string said;
    bool found = false;
    for (const json& finding : findings()) {
      if (finding["severity"] == "note") continue;
      said += " " + name_of(finding);
      found = found || (finding["rule"] == fault_.rule && finding["version"] == fault_.version);
    }
    if (fault_.rule == "nothing") return said.empty() ? "" : "said" + said;
    return found ? "" : said.empty() ? "said nothing" : "said" + said;
  }

  std::string drifted() {
    const auto up = migrate({"up", "--database", place_->dsn()});
    if (up.status != 0) return "up: " + up.err;
    place_->run(fault_.drift);
    const json object = diagnose();
    if (!object["schema_versions"].empty()) return "said version " + object["schema_versions"].dump();
    const json& nearest = object["nearest"].at(0);
    const auto& differences = nearest["differences"];
    const bool named = std::find(differences.begin(), differences.end(), fault_.difference) != differences.end();
    return named ? "" : "said " + nearest.dump();
  }

  static std::string judge_dirty(const json& object, std::size_t statement, std::size_t count) {
    if (object["dirty"] != true) return "not dirty";
    if (object["statements"].size() != count) return "said " + object["statements"].dump();
    for (std::size_t i = 0; i < count; ++i) {
      const auto& standing = object["statements"][i]["standing"];
      if (standing != (i + 1 < statement ? "in the schema" : "not in the schema"))
        return "of statement " + std::to_string(i + 1) + ": " + object["statements"][i].dump();
    }
    const json wanted{{"least", statement - 1}, {"most", statement - 1}};
    if (object["equals_after"] != wanted) return "said after " + object["equals_after"].dump();
    if (object["remedies"].empty()) return "no remedy";
    return "";
  }

  const FaultCase& fault_;
  std::filesystem::path program_;
  std::unique_ptr<TrustPlace> place_;
  ScratchDirectory scratch_;
};

class Suite {
 public:
  Suite(std::string dialect, std::filesystem::path program, std::function<std::unique_ptr<TrustPlace>()> make)
      : dialect_(std::move(dialect)), program_(std::move(program)), make_(std::move(make)) {}

  void operator()(const FaultCase& fault) {
    if (fault.dirty == 0) return note(fault.name, fault.rule == "nothing", attempt(fault, 0));
    for (const FaultCase::File& file : fault.files) {
      if (!file.up || file.version != fault.dirty) continue;
      for (std::size_t i = 2; i <= statements_of(file.text).size(); ++i)
        note(fault.name + ", at statement " + std::to_string(i), false, attempt(fault, i));
    }
  }

  // Nothing is said of it, and its file of fingerprints, if it has one, is what would be written now. And that this is
  // no test that cannot fail: of a copy with one breaking migration more it is said.
  void talos_set(const std::filesystem::path& set) {
    const ScratchDirectory scratch;
    const std::filesystem::path copy = scratch / "set";
    std::filesystem::copy(set, copy);
    SetReport report = verify_set(copy);
    if (report.said.empty() && report.status != 0) report.said = "exit " + std::to_string(report.status);
    const bool kept = std::filesystem::exists(set / "fingerprints");
    if (report.said.empty() && kept && read_file(copy / "fingerprints") != read_file(set / "fingerprints"))
      report.said = "its fingerprints are out of date: .ci/fingerprints";
    note("the Talos set", true, report.said);

    write_file(copy / "999999_breaking.up.sql", "ALTER TABLE issued_api_keys DROP COLUMN visibility;\n");
    write_file(copy / "999999_breaking.down.sql",
               "ALTER TABLE issued_api_keys ADD COLUMN visibility INTEGER NOT NULL DEFAULT 1;\n");
    report = verify_set(copy);
    const bool found = report.status == 1 && report.said.find("dropped-column@999999") != std::string::npos;
    note("the Talos set with a migration more that drops a column", false,
         found ? "" : "exit " + std::to_string(report.status) + ", said " + report.said);
  }

  FaultTally tally;

 private:
  struct SetReport {
    int status = 0;
    std::string said;  ///< errors and warnings
  };

  SetReport verify_set(const std::filesystem::path& set) {
    const auto place = make_();
    ProcessOptions options;
    options.argv = {program_.string(), "migrate",        "verify",       "--format",   "json",
                    "--scratch",       place->scratch(), "--migrations", set.string(), "--write-fingerprints"};
    const auto result = run(std::move(options), patience);
    const json object = json::parse(result.out, nullptr, false);
    if (!object.is_object() || !object.contains("findings")) return {result.status, result.err};
    SetReport report{result.status, ""};
    for (const json& finding : object["findings"])
      if (finding["severity"] != "note")
        report.said += " " + name_of(finding) + ": " + finding["message"].get<std::string>();
    return report;
  }

  std::string attempt(const FaultCase& fault, std::size_t statement) {
    try {
      Case one(fault, program_, make_());
      return statement == 0 ? one() : one.dirty_at(statement);
    } catch (const std::exception& failure) {
      return failure.what();
    }
  }

  void note(const std::string& name, bool clean, const std::string& wrong) {
    std::printf("%-10s %-9s %s%s%s\n", dialect_.c_str(),
                clean ? (wrong.empty() ? "silent" : "ALARM") : (wrong.empty() ? "found" : "MISSED"), name.c_str(),
                wrong.empty() ? "" : ": ", wrong.c_str());
    if (!clean) ++tally.faults;
    if (!wrong.empty()) (clean ? tally.false_alarms : tally.missed).push_back(name + ": " + wrong);
  }

  std::string dialect_;
  std::filesystem::path program_;
  std::function<std::unique_ptr<TrustPlace>()> make_;
};

}  // namespace

std::vector<std::string> verify_findings(const FaultCase& fault, const std::filesystem::path& program,
                                         std::unique_ptr<TrustPlace> place) {
  std::vector<std::string> names;
  for (const json& finding : Case(fault, program, std::move(place)).findings())
    if (std::find(names.begin(), names.end(), name_of(finding)) == names.end()) names.push_back(name_of(finding));
  return names;
}

FaultTally run_fault_suite(const std::string& dialect, const std::filesystem::path& program,
                           const std::filesystem::path& cases, const std::filesystem::path& talos_set,
                           const std::function<std::unique_ptr<TrustPlace>()>& make) {
  Suite suite(dialect, program, make);
  for (const FaultCase& fault : read_fault_cases(cases)) suite(fault);
  suite.talos_set(talos_set);
  std::printf("%s: %zu of %zu faults found, %zu false alarms\n", dialect.c_str(),
              suite.tally.faults - suite.tally.missed.size(), suite.tally.faults, suite.tally.false_alarms.size());
  return suite.tally;
}

}  // namespace talos::test
