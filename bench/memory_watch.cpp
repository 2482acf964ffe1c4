#include "memory_watch.hpp"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>

namespace talos::bench {

namespace {

// 0 where there is none, as when the process has ended.
std::size_t anonymous_of(const std::string& status_file) {
  std::ifstream stream(status_file);
  for (std::string word; stream >> word;) {
    std::size_t kibibytes = 0;
    if (word == "RssAnon:" && stream >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

MemoryWatch::MemoryWatch(pid_t process)
    : thread_([this, file = "/proc/" + std::to_string(process) + "/status"](const std::stop_token& stop) {
        // Signals are for the thread that waits for the process.
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        while (!stop.stop_requested()) {
          peak_ = std::max(peak_.load(), anonymous_of(file));
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
      }) {}

}  // namespace talos::bench
