// What the MySQL tests of one database and one set have in common.
#pragma once

#include "database_place.hpp"
#include "mysql_database.hpp"

namespace talos::test {

/// The database is of the program's shared server unless another is given.
struct MysqlPlace : DatabasePlace<MysqlDatabase> {
  explicit MysqlPlace(const TestSet& its_set, MysqlServer& server = *shared_mysql_or_skip())
      : DatabasePlace(its_set, server) {}

  std::string activity() const {
    std::string text;
    for (const std::string& line : database.at_work()) text += line + "\n";
    return text;
  }
};

}  // namespace talos::test
