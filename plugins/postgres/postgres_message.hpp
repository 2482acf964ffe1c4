// One message of SQL: the statements around a migration's text, and which of them an error belongs to.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg_connection.hpp"

namespace talos::postgres {

class Message {
 public:
  /// One statement of ours, without a semicolon at its end.
  void add(std::string_view statement);
  void add(const std::vector<std::string>& statements);
  /// The migration's text; it may end in a comment. Once.
  void add_body(std::string_view text);

  /// What was added so far claims, and does nothing yet.
  void end_guard() { guard_ = before_; }
  /// What follows comes after a body that travelled in messages of its own.
  void mark_after_body() { has_body_ = true; }

  const std::string& sql() const { return sql_; }

  enum class Part { before, body, after };
  /// Where the statement that failed after `succeeded` others stands; `body_statements` says how many the body has.
  Part part(std::size_t succeeded, std::size_t body_statements) const;
  /// 0-based number of it within the body.
  std::size_t number_in_body(std::size_t succeeded) const { return succeeded - before_; }
  /// Its last statement is COMMIT.
  bool commits() const { return sql_.ends_with("\nCOMMIT;\n"); }

  /// The byte of the body that a server's position means; nothing if it means another part.
  std::optional<std::size_t> offset_in_body(const pg::ServerError& error) const;

 private:
  std::string sql_;
  std::size_t before_ = 0;            ///< statements before the body
  std::optional<std::size_t> guard_;  ///< of them, those that only claim
  bool has_body_ = false;
  std::size_t body_begin_ = 0;
  std::size_t body_size_ = 0;
};

}  // namespace talos::postgres
