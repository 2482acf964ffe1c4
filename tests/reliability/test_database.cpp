#include "test_database.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>
#include <stdexcept>

namespace talos::test {

using nlohmann::json;

namespace {

struct LogEntry {
  std::string action;
  long version;
  long tracker;
};

std::vector<LogEntry> history_of(const TestDatabase& db) {
  std::vector<LogEntry> entries;
  // Where a schema change commits by itself, a killed server has the one table and not yet the other.
  if (!db.has_table("schema_migrations_log")) return entries;
  for (const std::string& row : db.rows("SELECT action, version, tracker_version FROM schema_migrations_log "
                                        "WHERE NOT failed ORDER BY id")) {
    std::istringstream fields(row);
    LogEntry entry;
    std::string version, tracker;
    std::getline(fields, entry.action, '|');
    std::getline(fields, version, '|');
    std::getline(fields, tracker, '|');
    entry.version = std::stol(version);
    entry.tracker = std::stol(tracker);
    entries.push_back(entry);
  }
  return entries;
}

// The rows of history in their order, as G1 reads them.
class Replay {
 public:
  explicit Replay(const TestSet& set) {
    for (const TestMigration& migration : set) all_.insert(migration.version);
  }

  void add(const LogEntry& entry) {
    if (entry.action == "up") {
      const auto pending = std::find_if(all_.begin(), all_.end(), [&](long v) { return !applied_.contains(v); });
      if (pending == all_.end() || *pending != entry.version) fault("up", entry, "was not the next one");
      applied_.insert(entry.version);
    } else if (entry.action == "down") {
      if (highest() != entry.version) fault("down", entry, "was not the highest");
      applied_.erase(entry.version);
    } else {
      applied_.clear();
      for (const long version : all_)
        if (version <= entry.version) applied_.insert(version);
    }
    if (entry.tracker != highest())
      fault(entry.action, entry, "left the tracker at " + std::to_string(entry.tracker) + " by its own row");
  }

  long highest() const { return applied_.empty() ? -1 : *applied_.rbegin(); }
  std::string faults;

 private:
  void fault(const std::string& action, const LogEntry& entry, const std::string& what) {
    faults += "history: " + action + " " + std::to_string(entry.version) + " " + what + "\n";
  }

  std::set<long> all_;
  std::set<long> applied_;
};

long& unknown_count() {
  static long count = 0;
  return count;
}

}  // namespace

std::string TestDatabase::value(const std::string& sql) const {
  const auto all = rows(sql);
  return all.empty() ? "" : all.front().substr(0, all.front().find('|'));
}

std::vector<std::string> TestDatabase::tracker() const {
  return rows("SELECT version, CASE WHEN dirty THEN 1 ELSE 0 END FROM schema_migrations");
}

bool TestDatabase::is_dirty() const {
  if (!has_table("schema_migrations")) return false;
  const auto all = tracker();
  return !all.empty() && all.front().ends_with("|1");
}

long TestDatabase::count_history(std::string_view action, long version) const {
  return std::stol(value("SELECT count(*) FROM schema_migrations_log WHERE NOT failed AND action = '" +
                         std::string(action) + "' AND version = " + std::to_string(version)));
}

std::string TestDatabase::faults(const TestSet& set) const {
  const bool dirty = is_dirty();
  std::string faults = own_faults(dirty);
  if (!has_table("schema_migrations")) return faults;
  Replay replay(set);
  for (const LogEntry& entry : history_of(*this)) replay.add(entry);
  faults += replay.faults;
  const auto rows = tracker();
  if (rows.size() > 1) faults += "the tracker has " + std::to_string(rows.size()) + " rows\n";
  const std::string version = rows.empty() ? "-1" : rows[0].substr(0, rows[0].find('|'));
  if (!dirty && version != std::to_string(replay.highest()))
    faults += "the tracker is at " + version + ", history says " + std::to_string(replay.highest()) + "\n";
  if (!dirty && has_table("schema_migrations_journal") &&
      value("SELECT count(*) FROM schema_migrations_journal WHERE NOT closed") != "0")
    faults += "clean, but the journal has open rows\n";
  return faults;
}

void resume(const TestDatabase& database, const std::filesystem::path& migrations) {
  const Target target = database.target(migrations);
  const json status = status_of(target);
  if (status.at("status") != "dirty") throw std::runtime_error("not dirty: " + status.dump(2));
  std::vector<std::string> words{"resume"};
  const json& dirty = status.at("dirty");
  if (!dirty.at("resume").at("possible").get<bool>() && dirty.at("finding").is_object() &&
      dirty.at("finding").at("verdict") == "unknown") {
    const bool happened = database.happened(dirty.at("statements").back().at("text").get<std::string>());
    ++unknown_count();
    std::printf("unknown: %s: %s\n", dirty.at("statements").back().at("text").get<std::string>().c_str(),
                dirty.at("finding").at("reason").get<std::string>().c_str());
    words.insert(words.end(), {"--assume", happened ? "applied" : "not-applied"});
  }
  const ProcessResult resumed = migrate(target, words);
  if (resumed.status != 0)
    throw std::runtime_error("resume: exit " + std::to_string(resumed.status) + "\n" + resumed.err + "\n" +
                             status.dump(2));
}

long unknown_outcomes() { return unknown_count(); }

bool TestDatabase::happened(const std::string& statement) const {
  throw std::runtime_error("nothing tells whether this happened: " + statement);
}

void up_with_resumes(const TestDatabase& database, const std::filesystem::path& migrations, const TestSet& set) {
  const Target target = database.target(migrations);
  for (std::size_t i = 0; i <= set.size(); ++i) {
    const ProcessResult result = migrate(target, {"up"});
    if (result.status == 0) return;
    if (result.status != 3)
      throw std::runtime_error("up: exit " + std::to_string(result.status) + ", signal " +
                               std::to_string(result.signal) + "\n" + result.err);
    resume(database, migrations);
  }
  throw std::runtime_error("dirty more often than there are migrations");
}

}  // namespace talos::test
