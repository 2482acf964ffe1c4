#include "diagnoses.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace talos::test {

using nlohmann::json;

namespace {

constexpr long nothing_applied = -1;

std::string said_as(const json& value) { return " (said " + value.dump() + ")"; }

// Times and names of runners change nothing.
std::string situation_of(const json& dirty) {
  json situation = json::array({dirty.at("direction"), dirty.at("version"), dirty.at("journal"), dirty.at("finding")});
  for (const json& statement : dirty.at("statements"))
    situation.push_back(json::array({statement.at("statement"), statement.at("state")}));
  return situation.dump();
}

}  // namespace

std::string Diagnoses::wrong(const TestDatabase& database, const json& status) {
  const std::vector<std::string> scratch = database.scratch_words();
  if (scratch.empty()) return {};
  const json& dirty = status.at("dirty");
  const std::string schema = database.schema();
  if (!met_.emplace(schema, situation_of(dirty)).second) return {};
  prepare(database);
  ++asked_;
  std::vector<std::string> words{"diagnose", "--format", "json"};
  words.insert(words.end(), scratch.begin(), scratch.end());
  const ProcessResult result = migrate(database.target(directory_), words);
  const json said = json::parse(result.out, nullptr, false);
  if (result.status != 0 || !said.is_object()) return "diagnose: exit " + std::to_string(result.status) + result.err;
  const Truth truth = truth_of(schema, dirty.at("direction"), dirty.at("version"));
  const std::string fault = judge(said, dirty, truth);
  return fault.empty() ? "" : "diagnose: " + fault + "\n" + said.dump(2) + "\nof\n" + schema;
}

std::string Diagnoses::summary() const {
  return std::to_string(asked_) + " different dirty states diagnosed: " + std::to_string(at_a_version_) +
         " have the schema of a version, " + std::to_string(between_) + " one between two versions, " +
         std::to_string(neither_) + " none that whole statements make";
}

// ---- What the test knows

void Diagnoses::prepare(const TestDatabase& like) {
  if (prepared_) return;
  prepared_ = true;
  const auto database = new_database();
  versions_[nothing_applied] = database->schema();
  long reached = nothing_applied;
  try {
    for (const TestMigration& migration : set_) {
      see(*database, migration, "up");
      reached = migration.version;
    }
  } catch (const std::exception&) {
    // A set with a fault: as far as it goes.
  }
  if (reached != set_.back().version) return;
  for (auto migration = set_.rbegin(); migration != set_.rend(); ++migration) see(*database, *migration, "down");
  std::vector<std::string> words{"verify", "--write-fingerprints", "--since", std::to_string(reached)};
  const std::vector<std::string> scratch = like.scratch_words();
  words.insert(words.end(), scratch.begin(), scratch.end());
  Target target = like.target(directory_);
  words.insert(words.begin(), {target.program.string(), "migrate"});
  words.insert(words.end(), {"--migrations", target.migrations.string()});
  ProcessOptions options;
  options.argv = std::move(words);
  const ProcessResult verified = run(std::move(options));
  if (verified.status != 0)
    throw std::runtime_error("verify: exit " + std::to_string(verified.status) + verified.out + verified.err);
}

// Runs the file's statements without the program, and looks after each.
void Diagnoses::see(TestDatabase& database, const TestMigration& migration, const std::string& direction) {
  const bool up = direction == "up";
  const auto before =
      std::find_if(set_.begin(), set_.end(), [&](const auto& m) { return m.version == migration.version; });
  const long below = before == set_.begin() ? nothing_applied : std::prev(before)->version;
  const auto look = [&](std::size_t statements) {
    return seen_[{direction, migration.version, statements}] = database.schema();
  };
  const auto is_version = [&](long version, const std::string& schema) {
    join(versions_.emplace(version, schema).first->second, schema);
  };
  is_version(up ? below : migration.version, look(0));
  const auto& statements = up ? migration.up : migration.down;
  std::string last;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    database.rows(statements[i]);
    last = look(i + 1);
  }
  is_version(up ? migration.version : below, last);
}

std::string& Diagnoses::root(const std::string& schema) {
  std::string& parent = parent_.emplace(schema, schema).first->second;
  return parent == schema ? parent : root(parent);
}

void Diagnoses::join(const std::string& one, const std::string& other) {
  const std::string kept = root(other);
  root(one) = kept;
}

Diagnoses::Truth Diagnoses::truth_of(const std::string& schema, const std::string& direction, long version) {
  Truth truth;
  const std::string live = root(schema);
  for (const auto& [number, its] : versions_)
    if (root(its) == live) truth.versions.insert(number);
  for (const auto& [point, its] : seen_)
    if (point.direction == direction && point.version == version && root(its) == live)
      truth.statements.push_back(point.statements);
  return truth;
}

// ---- What is said

std::string Diagnoses::judge(const json& said, const json& dirty, const Truth& truth) {
  std::set<long> versions;
  for (const json& version : said.at("schema_versions"))
    versions.insert(version.is_null() ? nothing_applied : version.get<long>());
  ++(!truth.versions.empty() ? at_a_version_ : !truth.statements.empty() ? between_ : neither_);
  if (said.at("dirty") != true) return "it is dirty";
  if (versions != truth.versions) {
    std::string right;
    for (const long version : truth.versions) right += " " + std::to_string(version);
    return "the schema is that of" + (right.empty() ? " no version" : right) + said_as(said.at("schema_versions"));
  }
  if (versions.empty() && said.at("nearest").empty()) return "no version is near";
  const std::string fault = judge_statements(said, truth);
  return fault.empty() ? judge_remedies(said, dirty, truth) : fault;
}

std::string Diagnoses::judge_statements(const json& said, const Truth& truth) {
  if (truth.statements.empty())
    return said.at("equals_after").is_null() ? ""
                                             : "no number of statements makes it" + said_as(said.at("equals_after"));
  const auto [fewest, most] = std::minmax_element(truth.statements.begin(), truth.statements.end());
  const json right{{"least", *fewest}, {"most", *most}};
  if (said.at("equals_after") != right) return "it is after " + right.dump() + said_as(said.at("equals_after"));
  for (const json& one : said.at("statements")) {
    const auto number = one.at("statement").get<std::size_t>();
    const bool present = one.at("standing") == "in the schema";
    const bool absent = one.at("standing") == "not in the schema";
    if ((present && number > *most) || (absent && number <= *fewest)) return "not so" + said_as(one);
    if (!present && !absent && one.at("why").get<std::string>().empty()) return "without a reason" + said_as(one);
  }
  return {};
}

// What it offers fits what is there.
std::string Diagnoses::judge_remedies(const json& said, const json& dirty, const Truth& truth) {
  for (const json& remedy : said.at("remedies")) {
    const auto command = remedy.get<std::string>();
    if (command.starts_with("migrate force ") && !truth.versions.contains(std::stol(command.substr(14))))
      return "not the version" + said_as(remedy);
    if (!command.starts_with("migrate resume --assume ")) continue;
    const auto doubted = dirty.at("statements").back().at("statement").get<std::size_t>();
    const bool applied = command.ends_with(" applied");
    const auto fits = [&](std::size_t statements) { return (statements >= doubted) == applied; };
    if (!std::any_of(truth.statements.begin(), truth.statements.end(), fits)) return "not so" + said_as(remedy);
  }
  return {};
}

}  // namespace talos::test
