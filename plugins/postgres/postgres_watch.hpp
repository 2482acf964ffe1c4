// A second connection, beside the one that works: it sees how far a long statement is, who blocks it, whether the
// backend still runs it at all (G16), and renews a lease.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "pg_connection.hpp"

namespace talos::postgres {

struct WatchTask {
  int backend_pid = 0;  ///< whose statement to follow; 0: nobody's (behind a pooler it may be any)
  int server_version = 0;
  std::chrono::milliseconds stall_timeout{60'000};
  std::string renew_sql;  ///< empty: no lease
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

  /// Behind a pooler: what was just sent, known again by its beginning, wherever it runs. Empty: nothing. What was lost
  /// before is forgotten.
  void expect(std::string_view sql);

 private:
  using Clock = std::chrono::steady_clock;
  class Connection;

  void run();
  void follow(Connection& connection);
  void look(Connection& connection);
  void check_backend(const std::string& state);
  void look_for_statement(Connection& connection);
  void renew(Connection& connection);
  bool pause(std::chrono::milliseconds duration);
  void answered();

  const pg::Parameters parameters_;
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
  std::string expected_;  ///< how the statement begins that is to be looked for
  std::thread thread_;
};

}  // namespace talos::postgres
