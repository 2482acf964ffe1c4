// What the MySQL tests of one database and one set have in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mysql_database.hpp"
#include "sets.hpp"

namespace talos::test {

inline bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// The database is of the program's shared server unless another is given.
struct MysqlPlace {
  explicit MysqlPlace(const TestSet& its_set, MysqlServer& server = *shared_mysql_or_skip())
      : database(server), set(its_set) {
    write_set(migrations, set);
  }

  Target target() const { return database.target(migrations); }
  /// As the program is given it by that DSN.
  Target target(const std::string& dsn) const { return {commercial_program(), dsn, migrations}; }

  std::string state() const {
    const auto status = status_of(target(database.dsn()));
    return status.at("status").get<std::string>() + " " + status.at("current").dump();
  }

  /// All that the server holds in this database: bookkeeping, too.
  std::string everything() const {
    std::string text = database.picture();
    for (const char* suffix : {"", "_log", "_journal", "_lock"})
      if (const std::string table = std::string("schema_migrations") + suffix; database.has_table(table))
        for (const std::string& row : database.rows("SELECT * FROM " + table + " ORDER BY 1, 2"))
          text += table + row + "\n";
    return text;
  }

  std::string activity() const {
    std::string text;
    for (const std::string& line : database.at_work()) text += line + "\n";
    return text;
  }

  ScratchDirectory scratch;
  MysqlDatabase database;
  std::filesystem::path migrations = scratch / "migrations";
  TestSet set;
};

}  // namespace talos::test
