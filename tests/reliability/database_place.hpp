// What the tests of one database and one set have in common, whatever the server.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sets.hpp"
#include "test_database.hpp"

namespace talos::test {

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// All that the server holds in this database: bookkeeping, too.
inline std::string everything_in(const TestDatabase& database) {
  std::string text = database.picture();
  for (const char* suffix : {"", "_log", "_journal", "_lock"})
    if (const std::string table = std::string("schema_migrations") + suffix; database.has_table(table))
      for (const std::string& row : database.rows("SELECT * FROM " + table + " ORDER BY 1, 2"))
        text += table + row + "\n";
  return text;
}

/// `Database` is a TestDatabase with a server, a name, and a DSN of who may do everything.
template <class Database>
struct DatabasePlace {
  template <class Server>
  DatabasePlace(const TestSet& its_set, Server& server) : database(server), set(its_set) {
    write_set(migrations, set);
  }

  Target target() const { return database.target(migrations); }
  /// As the program is given it by that DSN.
  Target target(const std::string& dsn) const { return {target().program, dsn, migrations}; }

  std::string state() const { return state_by(database.dsn()); }

  std::string everything() const { return everything_in(database); }

  void migrate_to(const std::string& version) const {
    const ProcessResult up = migrate(target(), {"up", "--to", version});
    if (up.status != 0) throw std::runtime_error("up: exit " + std::to_string(up.status) + "\n" + up.err);
  }

  ScratchDirectory scratch;
  Database database;
  std::filesystem::path migrations = scratch / "migrations";
  TestSet set;

 protected:
  std::string state_by(const std::string& dsn) const {
    const auto status = status_of(target(dsn));
    return status.at("status").template get<std::string>() + " " + status.at("current").dump();
  }
};

}  // namespace talos::test
