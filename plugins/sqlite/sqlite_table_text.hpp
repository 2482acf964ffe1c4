// What SQLite keeps of a table nowhere but in the text that made it: checks, collations, generating expressions,
// conflict clauses, deferred keys.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace talos::sqlite {

struct TableText {
  struct Check {
    std::string name;  ///< empty: it has none
    std::string expression;
  };
  std::vector<Check> checks;
  std::map<std::string, std::string> attributes;  ///< by column, lower case: what is said of it and nowhere else
  std::map<std::string, std::string> keys;        ///< by the columns "(a, b)" of a key, a unique or a foreign one
  std::string options;                            ///< "strict", "without rowid"
};

/// Of sqlite_schema.sql. What cannot be read as CREATE TABLE gives nothing.
TableText read_table_text(std::string_view sql);

}  // namespace talos::sqlite
