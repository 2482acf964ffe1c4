// How the answer to a message that runs a migration is waited for: stop requests, time limits, progress, stalls.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "mysql_connection.hpp"
#include "mysql_watch.hpp"
#include "talos/driver.hpp"

namespace talos::mysql {

/// Kills it, by another one; true if the server says that it is gone, which may take a moment.
bool end_connection(Connection& by, std::uint64_t connection);

/// One message's.
class Pursuit {
 public:
  struct Settings {
    Endpoint endpoint;  ///< for a third connection, where the second one is of no use to stop a statement
    std::chrono::milliseconds watch_after{1'000};  ///< of a statement
    std::chrono::milliseconds stall_timeout{60'000};
    std::chrono::milliseconds statement_timeout{0};  ///< 0 = none
  };

  /// `base` is the second connection. Nobody else uses it while a message is waited for.
  Pursuit(Connection& worker, Connection& base, const ServerInfo& server, ExecuteObserver& observer,
          std::function<bool()> stop_requested, Settings settings);

  /// Sends a message and waits for its answer. A request to stop it has had its effect, or never will have any, when
  /// this returns: it cannot hit what is sent next (M5).
  Reply send(const std::string& sql, Connection::Keep keep, Connection::Told told = {});

  bool stopped() const { return stopped_; }
  bool timed_out() const { return timed_out_; }
  /// Who blocked the statement, as last seen; empty if unknown.
  const std::string& blockers() const { return watch_.findings().blockers; }

 private:
  using Clock = Connection::Clock;

  std::optional<std::string> look();
  void kill();
  void calm_down(const Reply& reply);
  void end_worker();

  Connection& worker_;
  Connection& base_;
  ExecuteObserver& observer_;
  std::function<bool()> stop_requested_;
  Settings settings_;
  Watch watch_;
  std::size_t statements_seen_ = 0;
  Clock::time_point statement_began_ = Clock::now();
  std::optional<Clock::time_point> killed_at_;
  Clock::time_point last_kill_;
  bool stopped_ = false;
  bool timed_out_ = false;
};

}  // namespace talos::mysql
