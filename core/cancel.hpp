// The wish to stop: set by the signal thread, seen by whoever waits or works.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

namespace talos {

class Session;

/// Thread-safe. One per run.
class CancelToken {
 public:
  /// Asks to stop; wakes waiters and cancels the attached session. Not for use inside a signal handler.
  /// `reason`: "stopped by SIGTERM".
  void request(std::string_view reason = "stopped");
  std::string reason();
  bool requested() const { return stop_.load(std::memory_order_relaxed); }
  const std::atomic<bool>& flag() const { return stop_; }

  /// Sleeps at most `duration`; false if woken by (or already under) a request.
  bool wait_for(std::chrono::milliseconds duration);
  /// Throws ErrorCode::cancelled under a request.
  void check();

  /// The session to cancel while the returned guard lives.
  class Attachment {
   public:
    Attachment(CancelToken& token, Session& session);
    ~Attachment();
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

   private:
    CancelToken& token_;
  };

 private:
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string reason_;
  Session* session_ = nullptr;
};

}  // namespace talos
