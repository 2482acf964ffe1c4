// How the answer to a message that runs a migration is waited for: stop requests, timeouts, progress, a lost lease.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "cockroach_heartbeat.hpp"
#include "pg_connection.hpp"
#include "talos/driver.hpp"

namespace talos::cockroach {

/// One message's. `heartbeat` may be null.
class Pursuit {
 public:
  Pursuit(pg::Connection& connection, Heartbeat* heartbeat, ExecuteObserver& observer,
          std::function<bool()> stop_requested, std::chrono::milliseconds statement_timeout);

  /// For Connection::send().
  pg::Connection::WhileWaiting waiting();

  // We have asked the server to stop, for one of these reasons.
  bool stopped() const { return stopped_; }
  bool timed_out() const { return timed_out_; }
  bool lease_lost() const { return lease_lost_; }
  bool cancelled() const { return cancelled_at_.has_value(); }

 private:
  using Clock = pg::Connection::Clock;

  std::optional<std::string> look();
  void tell_jobs(const std::vector<Job>& jobs);

  pg::Connection& connection_;
  Heartbeat* heartbeat_;
  ExecuteObserver& observer_;
  std::function<bool()> stop_requested_;
  std::chrono::milliseconds statement_timeout_;
  Clock::time_point began_ = Clock::now();
  std::optional<Clock::time_point> cancelled_at_;
  bool stopped_ = false;
  bool timed_out_ = false;
  bool lease_lost_ = false;
  std::string warned_;
};

}  // namespace talos::cockroach
