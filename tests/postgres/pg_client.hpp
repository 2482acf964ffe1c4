// A connection of the test's own to a PostgreSQL server, through libpq.
#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "process.hpp"

struct pg_conn;

namespace talos::test {

/// The server's message, with its SQLSTATE where it gave one.
class PgFailure : public std::runtime_error {
 public:
  PgFailure(const std::string& message, std::string sqlstate);
  const std::string& sqlstate() const { return sqlstate_; }

 private:
  std::string sqlstate_;
};

/// Every failure throws PgFailure. Nothing waits longer than the deadline.
class PgClient {
 public:
  explicit PgClient(const std::string& dsn);

  /// Runs every statement; the rows of all of them, each as `a|b|c`, NULL as `NULL`.
  std::vector<std::string> rows(const std::string& sql);
  void run(const std::string& sql);

  /// The first column of the first row; empty without one.
  std::string value(const std::string& sql);

  /// Sends and does not wait; `finish` waits for the end and gives the rows.
  void send(const std::string& sql);
  std::vector<std::string> finish(std::chrono::milliseconds deadline = default_deadline);
  /// Whether what was sent is still running.
  bool busy();
  /// Asks the server to cancel what is running.
  void cancel();

  /// The channel of a notification that has come since this was asked last; empty without one.
  std::string notified();

  /// 0 behind a pooler that has not told.
  int backend_pid() const;
  /// 'I', 'T' or 'E' as in ReadyForQuery; '?' without a connection.
  char transaction_status() const;
  /// Messages of the notices and warnings so far.
  const std::vector<std::string>& notices() const { return *notices_; }

  pg_conn* raw() const { return connection_.get(); }

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  [[noreturn]] void fail() const;
  bool wait_readable(std::chrono::steady_clock::time_point until) const;
  void flush(std::chrono::steady_clock::time_point until);

  std::unique_ptr<std::vector<std::string>> notices_;
  std::unique_ptr<pg_conn, Close> connection_;
};

/// Whether that backend waits for a lock, as another session sees it.
bool waits_in_lock(PgClient& observer, int backend_pid);

/// Short forms that open, ask and close.
std::vector<std::string> pg_rows(const std::string& dsn, const std::string& sql);
std::string pg_value(const std::string& dsn, const std::string& sql);
void pg_run(const std::string& dsn, const std::string& sql);

}  // namespace talos::test
