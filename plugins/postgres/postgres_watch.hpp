// A second connection, beside the one that works: it sees how far a long statement is, who blocks it, whether the
// backend still runs it at all (G16), and renews a lease.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "pg_connection.hpp"

namespace talos::postgres {

struct WatchTask {
  int backend_pid = 0;  ///< whose statement to follow; 0: whichever backend a pooler gave to this application
  std::chrono::milliseconds stall_timeout{60'000};  ///< 0: none
  std::string renew_sql;                            ///< empty: no lease
  std::chrono::milliseconds renew_every{0};
};

/// What is known now.
struct Findings {
  double fraction = -1;  ///< of the running statement, 0 … 1; negative if unknown
  std::string phase;     ///< of it, in the server's words
  std::string blockers;  ///< "pid 812 (psql, user bob): SELECT …"; empty if nothing blocks it
  std::string lost;      ///< the work connection is not to be waited for any longer: why
  std::string refused;   ///< the server grants no second connection: why
  bool lease_lost = false;
};

/// Works in a thread of its own from construction to destruction. All functions may be called from any thread.
class Watch {
 public:
  Watch(pg::Parameters parameters, WatchTask task);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  Findings latest();

  /// Another message was sent: what was seen before it says nothing of it.
  void restart();
  /// The work connection moves, whatever was seen from here.
  void saw_life();

 private:
  using Clock = std::chrono::steady_clock;
  class Connection;

  void run();
  void follow(Connection& connection);
  void look(Connection& connection);
  std::string backend(Connection& connection) const;
  bool sees_names(Connection& connection) const;
  std::string progress_sql(const std::string& pid) const;
  void check_backend(bool works);
  std::chrono::milliseconds check_interval() const;
  void renew(Connection& connection);
  bool pause(std::chrono::milliseconds duration);
  void answered();

  const pg::Parameters parameters_;
  const std::string application_name_;
  const WatchTask task_;
  std::mutex mutex_;  ///< for all that follows
  std::condition_variable wake_;
  bool stop_ = false;
  int socket_ = -1;  ///< to end a query that hangs
  Findings findings_;
  Clock::time_point last_answer_ = Clock::now();
  Clock::time_point last_check_ = Clock::now();
  Clock::time_point last_renewal_ = Clock::now();
  int idle_answers_ = 0;
  std::thread thread_;
};

}  // namespace talos::postgres
