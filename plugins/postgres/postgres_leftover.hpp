// What a statement that commits by itself more than once leaves half-made when it fails (P8).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg_bookkeeping.hpp"
#include "pg_index.hpp"
#include "pg_token.hpp"

namespace talos::postgres {

struct Leftover {
  std::string what;    ///< "the INVALID index i"
  std::string state;   ///< "the index i is INVALID"
  std::string remedy;  ///< ends in SQL
};

/// Under the search_path that the statement runs with.
class LeftoverSearch {
 public:
  explicit LeftoverSearch(std::string_view statement);

  /// What is there already is not its doing: one SELECT that is to be answered before the statement runs; empty if
  /// none.
  std::string before_sql() const;
  void set_before(const pg::Table& answer);

  /// The statement may leave something at all.
  bool possible() const { return index_ || partition_; }
  /// After it.
  std::optional<Leftover> find(const pg::Ask& ask) const;
  /// An expression that is true where find() would find something.
  std::string found_sql() const;

 private:
  std::optional<pg::IndexTarget> index_;
  std::optional<pg::QualifiedName> partition_;
  std::vector<std::string> before_;  ///< indexes that were invalid, or the partition that was pending
};

}  // namespace talos::postgres
