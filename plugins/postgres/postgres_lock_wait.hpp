// The ability LockWait: whoever gave the locks up says so on a channel, so that nobody need try for them often.
#pragma once

#include <functional>
#include <string>

#include "pg_bookkeeping.hpp"
#include "pg_connection.hpp"
#include "talos/lock_wait.hpp"

namespace talos::postgres {

/// A session that listens holds no snapshot. Not for one behind a pooler, which has no channel of its own.
class PostgresLockWait : public LockWait {
 public:
  PostgresLockWait(pg::Connection& connection, pg::Ask ask, std::string channel, std::function<bool()> stop);

  bool listens() const { return listens_; }
  /// The statement after which the session is as if it had not waited. Whoever has sent it says so.
  std::string end_sql() const { return "UNLISTEN " + channel_; }
  void ended() { listens_ = false; }

 private:
  bool do_await(std::chrono::milliseconds at_most) override;
  void listen();

  pg::Connection& connection_;
  pg::Ask ask_;
  std::string channel_;  ///< quoted
  std::function<bool()> stop_;
  bool listens_ = false;
  bool refused_ = false;  ///< something before the server knows no LISTEN
};

}  // namespace talos::postgres
