// One libpq connection, never blocking for longer than its owner wants: connect, send a message of SQL, follow the
// answers, cancel.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pg_error.hpp"

struct pg_conn;

namespace talos::pg {

using Parameters = std::vector<std::pair<std::string, std::string>>;
using Row = std::vector<std::optional<std::string>>;

/// The rows of one statement.
struct Table {
  std::vector<Row> rows;
  /// The text of the first row's first column; empty without one, or for NULL.
  std::string value() const { return rows.empty() || rows[0].empty() ? "" : rows[0][0].value_or(""); }
};

/// What became of one message of SQL.
struct Reply {
  std::size_t succeeded = 0;         ///< statements that ended well, in order
  std::string last_tag;              ///< CommandComplete of the last of them: "COMMIT"
  std::vector<Table> tables;         ///< of those whose rows were asked for
  std::optional<ServerError> error;  ///< of the statement after them
  std::string lost;                  ///< the connection broke before the message was answered: why; else empty
  bool failed() const { return error.has_value() || !lost.empty(); }
};

class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  using Notice = std::function<void(const ServerError&)>;
  /// Asked about every 50 ms while an answer is awaited. A text gives the connection up: it says why.
  using WhileWaiting = std::function<std::optional<std::string>()>;
  /// Told of each statement that ended well, as soon as its answer is here: what there is of the reply so far.
  using AfterEach = std::function<void(const Reply&)>;
  /// Whether to keep the rows of the statement that is answered now.
  using Keep = std::function<bool()>;

  /// Tries the hosts in turn, each for at most `timeout`. `stop`, if not null, ends it (ErrorCode::cancelled).
  /// Throws ErrorCode::connection with the server's SQLSTATE, if it gave one; the message holds what libpq says, never
  /// a password.
  Connection(const Parameters& parameters, std::chrono::milliseconds timeout, const std::atomic<bool>* stop);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Warnings and notices of the server, while a message runs.
  void on_notice(Notice notice) { notice_ = std::move(notice); }

  /// Sends `sql` as one message and follows it to its end. Never throws for what the server or the network does.
  /// A request to cancel the message before is over by then, or was not within some seconds: then it may hit this one,
  /// and the message after that waits again.
  Reply send(const std::string& sql, const WhileWaiting& waiting, const AfterEach& after_each = {},
             const Keep& keep = {});
  /// As send(), and keeps the rows.
  Reply ask(const std::string& sql, const WhileWaiting& waiting);

  /// Has one statement parsed and its names looked up, with parameters ($1) or without, and runs nothing. With a name
  /// it stays in the session until it is deallocated; without one it is gone with the next message.
  Reply prepare(const std::string& statement, const WhileWaiting& waiting, const std::string& name = {});

  /// Waits for a notification of a channel that was listened to: true as soon as there is one, also one that has come
  /// since the last time; false after `at_most`, under `stop`, or when the connection breaks. No message may be under
  /// way.
  bool await_notification(std::chrono::milliseconds at_most, const std::function<bool()>& stop);

  /// Asks the server to stop what runs; the answer to the message then says so. Returns at once.
  void cancel();
  /// Whether more of the running message has left for the server since this was asked last.
  bool sent_more();
  /// Of no use any more; every later message is answered with this as `lost`.
  void give_up(const std::string& why);
  bool usable() const { return lost_.empty(); }
  const std::string& why_lost() const { return lost_; }

  /// Where it leads, of all that the parameters leave open or give a choice of: host, hostaddr and port.
  Parameters place() const;
  /// All of libpq's parameters that are in force, wherever they came from, the password included: never print it.
  Parameters in_force() const;
  /// The backend's process as the server announced it: a pooler announces another.
  int announced_pid() const;
  /// What the server told of itself when it let us in; empty if it did not.
  std::string parameter_status(const char* name) const;
  /// Inside a transaction block, also a failed one.
  bool in_transaction() const;

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };

  class CancelRequest;

  void await_cancel();
  void connect(const Parameters& parameters, std::chrono::milliseconds timeout, const std::atomic<bool>* stop);
  Reply follow(bool sent, const WhileWaiting& waiting, const AfterEach& after_each, const Keep& keep, bool row_by_row);
  bool flush(const WhileWaiting& waiting);
  bool await_answer(const WhileWaiting& waiting);
  bool take_notifications();
  bool wait_readable(bool or_writable, const WhileWaiting& waiting);
  std::string last_error() const;

  std::unique_ptr<pg_conn, Close> connection_;
  Notice notice_;
  std::string lost_;
  Clock::time_point last_look_;  ///< when WhileWaiting was asked last
  std::shared_ptr<CancelRequest> cancel_request_;
  bool cancel_is_late_ = false;  ///< it was waited for in vain
  bool accepted_ = false;        ///< the kernel took bytes of the message since sent_more() was asked
  int in_kernel_ = 0;            ///< bytes that it had yet to bring over then
};

}  // namespace talos::pg
