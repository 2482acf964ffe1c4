// The index that a CONCURRENTLY statement makes, drops or builds anew: an interrupted one leaves it INVALID.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace talos::pg {

/// Names are as the server stores them: folded, unquoted, cut. Empty: not said, or not known.
struct IndexTarget {
  enum class Action { create, drop, reindex };
  Action action = Action::create;
  std::string schema;  ///< of the index; for REINDEX SCHEMA the schema
  std::string name;    ///< empty: the server chooses it, or the statement is about a table's indexes or more
  std::string table_schema;
  std::string table;
};

/// Of CREATE INDEX CONCURRENTLY, DROP INDEX CONCURRENTLY and REINDEX … CONCURRENTLY; nothing for any other statement.
std::optional<IndexTarget> concurrent_index(std::string_view statement);

}  // namespace talos::pg
