// ALTER TABLE, CREATE INDEX and DROP INDEX, as far as asking for an ALGORITHM and a LOCK goes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql_token.hpp"

namespace talos::mysql {

struct OnlineStatement {
  /// A word of the statement: ALGORITHM = here.
  struct Value {
    std::string word;  ///< upper case
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  std::string schema;  ///< empty: the default database
  std::string table;
  std::optional<Value> algorithm;  ///< that it states; not DEFAULT
  std::optional<Value> lock;
  std::vector<std::string> references;  ///< tables behind REFERENCES, without a schema
  bool builds = false;                  ///< it adds an index or a constraint
  bool renames = false;                 ///< the table
  bool partitions = false;              ///< PARTITION BY, REMOVE PARTITIONING: all rows move
  bool one_partition = false;           ///< it is about some of the partitions

  bool alter = false;          ///< ALTER TABLE: clauses are separated by commas
  std::size_t clauses_at = 0;  ///< where more clauses go
};

/// Nothing for any other statement.
std::optional<OnlineStatement> read_online(std::string_view statement, LexerModes modes = {});

/// The same statement with these clauses instead of its own; an empty one is left as it is.
std::string with_clauses(std::string_view statement, const OnlineStatement& read, std::string_view algorithm,
                         std::string_view lock);

}  // namespace talos::mysql
