// How the answer to a message that runs a migration is waited for: stop requests, progress, stalls, a lost lease.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pg_connection.hpp"
#include "postgres_watch.hpp"
#include "talos/driver.hpp"

namespace talos::postgres {

/// One message's, or one unit's. `heartbeat`, if not null, already watches: no second watch is begun then.
class Pursuit {
 public:
  struct Settings {
    pg::Parameters parameters;  ///< for the second connection
    WatchTask watch;
    std::chrono::milliseconds watch_after{1'000};
    /// Kept here where the server cannot keep it; 0 = none.
    std::chrono::milliseconds statement_timeout{0};
    bool may_watch = true;
  };

  Pursuit(pg::Connection& connection, ExecuteObserver& observer, std::function<bool()> stop_requested, Watch* heartbeat,
          Settings settings);

  /// For Connection::send() of the next message.
  pg::Connection::WhileWaiting waiting();
  /// Another message begins.
  void restart();

  /// We have asked the server to stop, for one of these reasons.
  bool cancelled() const { return cancelled_at_.has_value(); }
  bool stopped() const { return stopped_; }
  bool timed_out() const { return timed_out_; }
  bool lease_lost() const { return lease_lost_; }
  /// Who blocked the statement, as last seen; empty if unknown.
  const std::string& blockers() const { return blockers_; }
  bool watch_refused() const { return watch_refused_; }

 private:
  using Clock = pg::Connection::Clock;

  std::optional<std::string> look();
  void cancel();
  std::optional<std::string> consult(Watch& watch);

  pg::Connection& connection_;
  ExecuteObserver& observer_;
  std::function<bool()> stop_requested_;
  Watch* heartbeat_;
  Settings settings_;
  std::unique_ptr<Watch> watch_;
  Clock::time_point began_ = Clock::now();
  std::optional<Clock::time_point> cancelled_at_;
  bool stopped_ = false;
  bool timed_out_ = false;
  bool lease_lost_ = false;
  bool watch_refused_ = false;
  std::string blockers_;
};

}  // namespace talos::postgres
