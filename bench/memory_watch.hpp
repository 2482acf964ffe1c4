// How much memory a process takes at most.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <thread>

namespace talos::bench {

/// Looks every few milliseconds: the kernel keeps a peak only of all that is resident, mapped files with it.
class MemoryWatch {
 public:
  explicit MemoryWatch(pid_t process);
  /// Bytes; the most RssAnon so far.
  std::size_t peak() const { return peak_; }

 private:
  std::atomic<std::size_t> peak_ = 0;
  std::jthread thread_;  // the last member: it uses those before it
};

}  // namespace talos::bench
