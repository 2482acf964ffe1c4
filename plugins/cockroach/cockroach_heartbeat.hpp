// A thread with a connection of its own, while a lease is held: it renews the lease, sees the schema changes that a
// statement waits for, and whether the server still works on the statement at all (G16).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cockroach_jobs.hpp"
#include "pg_connection.hpp"

namespace talos::cockroach {

class Heartbeat {
 public:
  struct Task {
    pg::Parameters parameters;
    std::string settings;   ///< of its session
    std::string renew_sql;  ///< gives no row if the lease is gone
    std::string user;       ///< whose jobs it looks at
    std::chrono::milliseconds lifetime{0};
    std::chrono::milliseconds stall_timeout{60'000};  ///< 0: none
  };

  /// `renewed_at`: when the lease was taken, by our clock.
  Heartbeat(Task task, std::chrono::steady_clock::time_point renewed_at);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Somebody else has it, or it could not be renewed for so long that somebody may.
  bool lost() const;
  /// In words, where it is lost.
  std::string why_lost() const;

  /// Of a statement that runs on a session of ours since then (UTC): follow it.
  void follow(const std::string& session, const std::string& since);
  void rest();

  struct Findings {
    std::vector<Job> jobs;
    std::string stalled;  ///< why the statement's answer need not be waited for any longer; empty: it may come
  };
  Findings latest() const;
  /// The server has taken something of the statement, or said something.
  void saw_life();

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void serve(pg::Connection& connection);
  bool renew(pg::Connection& connection);
  bool look(pg::Connection& connection);
  pg::Connection::WhileWaiting patience() const;
  bool pause(std::chrono::milliseconds duration);
  std::chrono::milliseconds renew_every() const { return task_.lifetime / 3; }

  const Task task_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Under the mutex:
  Clock::time_point renewed_at_;
  bool taken_ = false;
  std::string trouble_;  ///< of the last attempt to renew
  std::string session_;
  std::string since_;
  Clock::time_point last_answer_;
  Clock::time_point last_check_;
  int idle_answers_ = 0;
  Findings findings_;
  std::thread thread_;  ///< the last: it uses all of them
};

}  // namespace talos::cockroach
