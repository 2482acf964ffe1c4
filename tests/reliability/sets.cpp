#include "sets.hpp"

namespace talos::test {

std::string ledger(long version) {
  return "INSERT INTO ledger (what) VALUES ('migration " + std::to_string(version) + "')";
}

std::string unledger(long version) {
  return "DELETE FROM ledger WHERE what = 'migration " + std::to_string(version) + "'";
}

std::string group(const std::vector<std::string>& statements) {
  std::string text = "BEGIN;\n";
  for (const std::string& statement : statements) text += statement + ";\n";
  return text + "COMMIT";
}

TestMigration one_more() { return {13, "one_more", {ledger(13)}, {unledger(13)}, false}; }

TestSet repeatable_set(long count) {
  TestSet set;
  for (long version = 1; version <= count; ++version) {
    const std::string number = std::to_string(version);
    auto event = [&](const std::string& what) {
      return "INSERT INTO events (version, what) VALUES (" + number + ", '" + what + "')";
    };
    set.push_back({version,
                   "step_" + number,
                   {repeatable_up(version), event("up")},
                   {repeatable_down(version), event("down")},
                   false});
  }
  return set;
}

}  // namespace talos::test
