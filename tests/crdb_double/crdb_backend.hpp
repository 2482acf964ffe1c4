// One session on the PostgreSQL server behind the double.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdb_error.hpp"

struct pg_conn;
struct pg_result;

namespace talos::test::crdb {

struct Clear {
  void operator()(pg_result* result) const;
};
using Result = std::unique_ptr<pg_result, Clear>;

struct Login {
  int port = 0;
  std::string user;
  std::string password;
  std::string database;
  std::string application;
};

class Backend {
 public:
  /// Waits until the descriptor may be read; throws to give the answer up.
  using Wait = std::function<void(int fd)>;

  /// Throws SqlFailure (FATAL) for what the server refuses. Serializable, time zone UTC.
  explicit Backend(const Login& login);

  void wait_with(Wait wait) { wait_ = std::move(wait); }
  void on_notice(std::function<void(const SqlError&)> notice);

  /// One statement. A failure throws SqlFailure, or RetryFailure, in CockroachDB's words where they are known. If
  /// `wait` throws, the statement is cancelled first and its end awaited.
  Result run(const std::string& sql);
  /// The same through the extended protocol, text only.
  Result run(const std::string& sql, const std::vector<std::optional<std::string>>& values,
             const std::vector<std::uint32_t>& types);
  /// What the server says of a statement without running it: parameters and columns.
  Result describe(const std::string& sql, const std::vector<std::uint32_t>& types);

  /// The first column of the first row; empty without one.
  std::string value(const std::string& sql);

  /// From another thread.
  void cancel() const;
  int pid() const;
  std::string parameter(const char* name) const;

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  Result finish();
  void drain();

  std::unique_ptr<pg_conn, Close> connection_;
  std::function<void(const SqlError&)> notice_;
  Wait wait_;
};

/// For SQL: 'it''s'.
std::string sql_literal(const std::string& text);

}  // namespace talos::test::crdb
