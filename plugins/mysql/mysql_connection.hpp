// One connection by Connector/C's non-blocking calls, never blocking for longer than its owner wants: connect, send a
// message of one or more statements, follow the answers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mysql_error.hpp"

struct st_mysql;
struct st_mysql_res;

namespace talos::mysql {

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
  std::vector<Table> tables;         ///< one for each of them; without rows where they were not asked for
  std::vector<unsigned> warnings;    ///< how many each of them gave
  std::optional<ServerError> error;  ///< of the statement after them
  std::string lost;                  ///< the connection broke before the message was answered: why; else empty
  bool failed() const { return error.has_value() || !lost.empty(); }
};

enum class Tls {
  off,
  preferred,  ///< if the server has it
  required,   ///< without a look at the certificate
  verified,   ///< certificate and host name
};

/// Where to, and as whom.
struct Endpoint {
  std::string host;  ///< for TCP
  unsigned port = 3306;
  std::string socket;  ///< of a Unix domain; empty: TCP
  std::string user;
  std::string password;
  std::string database;
  Tls tls = Tls::preferred;
  std::string tls_ca;
  std::string tls_certificate;
  std::string tls_key;
  std::string server_public_key;  ///< file, for passwords on connections without TLS
  bool compress = false;
  bool local_files = false;  ///< the server may ask for the files of LOAD DATA LOCAL
  /// Names and values that the server keeps for others to see.
  std::vector<std::pair<std::string, std::string>> attributes;
};

class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  /// Asked about every 50 ms while an answer is awaited. A text gives the connection up: it says why.
  using WhileWaiting = std::function<std::optional<std::string>()>;
  /// Whether to keep the rows of the statement with this number, from 0.
  using Keep = std::function<bool(std::size_t)>;
  /// Told, as each statement is answered, how many are. Must neither throw nor use the connection.
  using Told = std::function<void(std::size_t succeeded)>;

  /// `stop`, if not null, ends it (ErrorCode::cancelled). Throws ErrorCode::connection with the server's or the
  /// library's words, which never hold a password.
  Connection(const Endpoint& endpoint, std::chrono::milliseconds timeout, const std::atomic<bool>* stop);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Sends `sql` as one message and follows it to its end. Never throws for what the server or the network does.
  Reply send(const std::string& sql, const WhileWaiting& waiting, Keep keep = {}, Told told = {});
  /// As send(), and keeps all rows.
  Reply ask(const std::string& sql, const WhileWaiting& waiting);
  /// The session as if it had just begun, but for its database and its locks of tables and names: they are gone, too.
  Reply reset(const WhileWaiting& waiting);

  // The same in steps, for who has other things to do meanwhile.
  void start(std::string sql, Keep keep, Told told = {});
  /// To its end, as send() does.
  Reply follow(const WhileWaiting& waiting);
  /// Goes on for at most so long; true when the message is answered, or never will be.
  bool advance(std::chrono::milliseconds at_most);
  bool busy() const { return step_ != Step::none; }
  /// Of the message that runs: what has come so far.
  const Reply& so_far() const { return reply_; }
  /// Of the message that is over.
  Reply take() { return std::exchange(reply_, {}); }

  /// Of no use any more; every later message is answered with this as `lost`.
  void give_up(const std::string& why);
  bool usable() const { return lost_.empty(); }
  const std::string& why_lost() const { return lost_; }
  /// Usable, and the other end has not hung up meanwhile. Sends nothing.
  bool alive();

  std::uint64_t id() const { return id_; }
  /// Inside a transaction, as the server said last.
  bool in_transaction() const;

 private:
  enum class Step { none, reset, query, next, row };
  struct Close {
    void operator()(st_mysql* connection) const;
  };
  struct Free {
    void operator()(st_mysql_res* result) const;
  };

  void configure(const Endpoint& endpoint, std::chrono::milliseconds timeout);
  void connect(const Endpoint& endpoint, std::chrono::milliseconds timeout, const std::atomic<bool>* stop);
  ServerError last_error() const;
  int resume(int ready);
  void complete();
  void begin_result();
  void begin_row();
  void take_row();
  void end_statement();
  void fail();
  void finish();

  std::unique_ptr<st_mysql, Close> connection_;
  std::unique_ptr<st_mysql_res, Free> result_;
  std::uint64_t id_ = 0;
  std::string lost_;

  Step step_ = Step::none;
  int awaited_ = 0;       ///< what the step waits for on the socket; 0: it is over
  int outcome_ = 0;       ///< of a step
  char** row_ = nullptr;  ///< of Step::row
  std::string sql_;       ///< must live until it is sent
  Keep keep_;
  Told told_;
  Reply reply_;
};

}  // namespace talos::mysql
