// To look at what became of something although the user wants to stop.
#pragma once

#include <atomic>

namespace talos::common {

/// While it lives, a wish to stop that came before is not heard; one that comes by cancel() meanwhile is. Afterwards
/// both are.
class StopUnheard {
 public:
  StopUnheard(std::atomic<bool>& cancelled, const std::atomic<bool>*& stop)
      : cancelled_(cancelled), stop_(stop), was_cancelled_(cancelled.exchange(false)), old_stop_(stop) {
    stop_ = nullptr;
  }
  ~StopUnheard() {
    if (was_cancelled_) cancelled_ = true;
    stop_ = old_stop_;
  }
  StopUnheard(const StopUnheard&) = delete;
  StopUnheard& operator=(const StopUnheard&) = delete;

 private:
  std::atomic<bool>& cancelled_;
  const std::atomic<bool>*& stop_;
  const bool was_cancelled_;
  const std::atomic<bool>* const old_stop_;
};

}  // namespace talos::common
