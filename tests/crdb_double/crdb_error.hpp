// What the double answers when a statement fails.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace talos::test::crdb {

struct SqlError {
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  std::string position;  ///< as PostgreSQL gave it; of its own text
  std::string severity = "ERROR";
};

class SqlFailure : public std::runtime_error {
 public:
  explicit SqlFailure(SqlError error) : std::runtime_error(error.message), error_(std::move(error)) {}
  SqlFailure(std::string sqlstate, std::string message)
      : SqlFailure(SqlError{std::move(sqlstate), std::move(message), "", "", ""}) {}
  const SqlError& error() const { return error_; }

 private:
  SqlError error_;
};

/// 40001 of PostgreSQL's own making, which CockroachDB's server would first try again by itself where it can.
class RetryFailure : public SqlFailure {
 public:
  using SqlFailure::SqlFailure;
};

/// The double does not know what CockroachDB would do: always loud, always kept for CrdbDouble::not_modelled.
class NotModelled : public SqlFailure {
 public:
  explicit NotModelled(const std::string& what) : SqlFailure("0A000", "not modelled by the test double: " + what) {}
};

/// The connection is over, for whatever reason.
struct ConnectionOver {};

}  // namespace talos::test::crdb
