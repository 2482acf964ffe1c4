// The terminal's side of stderr: whole lines, and below them one live line that is redrawn.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "options.hpp"

namespace talos::app {

/// Escape sequences, or nothing where colour is not wanted.
struct Palette {
  std::string_view bold, red, green, yellow, dim, reset;
};

/// A terminal that obeys escape sequences.
bool is_terminal(int fd);

/// For `fd` under --color and NO_COLOR.
Palette palette(Color color, int fd);

/// Thread-safe. Failures to write to stderr are passed over: there is nowhere to report them.
class Console {
 public:
  explicit Console(bool live);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  bool is_live() const { return live_; }
  /// Writes the line (a newline is added) above the live line.
  void line(std::string_view text);
  /// Calls `text` every `period` on another thread until clear() or the next watch(). On a terminal what it gives is
  /// the live line; elsewhere it is written as a line of its own.
  void watch(std::function<std::string()> text);
  void clear();

 private:
  void tick();
  void draw();
  void erase();

  const bool live_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::function<std::string()> text_;
  unsigned generation_ = 0;  ///< of text_
  bool drawn_ = false;
  bool stop_ = false;
  std::thread ticker_;  ///< started by the first watch()
};

}  // namespace talos::app
