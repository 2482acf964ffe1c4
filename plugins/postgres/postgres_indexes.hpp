// What CREATE INDEX CONCURRENTLY and its like leave behind when they fail: indexes that cost every write and serve no
// query (P8).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pg_bookkeeping.hpp"
#include "pg_index.hpp"

namespace talos::postgres {

/// A SELECT of the names, for SQL, of the invalid indexes that `target` may have left, but those that some session is
/// building now; for the search_path that the statement runs with.
std::string invalid_indexes_sql(const pg::IndexTarget& target);
/// Them, in order.
std::vector<std::string> invalid_indexes(const pg::Ask& ask, const pg::IndexTarget& target);

}  // namespace talos::postgres
