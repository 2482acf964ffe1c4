#include "console.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace talos::app {

namespace {

// How often the live line is redrawn, and how often a line says that a long statement still runs.
constexpr std::chrono::milliseconds frame{100};
constexpr std::chrono::seconds heartbeat{10};

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::size_t columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

// At most `width` code points, so that the line does not wrap and can be erased.
std::string_view fitting(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  for (std::size_t points = 0; at < text.size(); ++at)
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && ++points > width) break;
  return text.substr(0, at);
}

}  // namespace

bool is_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

Palette palette(Color color, int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool wanted = color == Color::always ||
                      (color == Color::automatic && (no_color == nullptr || *no_color == '\0') && is_terminal(fd));
  if (!wanted) return {};
  return {"\033[1m", "\033[31m", "\033[32m", "\033[33m", "\033[2m", "\033[0m"};
}

Console::Console(bool live) : live_(live) {}

Console::~Console() {
  clear();
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_all();
  }
  if (ticker_.joinable()) ticker_.join();
}

void Console::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  erase();
  write_all(std::string(text) + '\n');
  if (text_ && live_) draw();
}

void Console::watch(std::function<std::string()> text) {
  const std::lock_guard lock(mutex_);
  text_ = std::move(text);
  ++generation_;
  if (!ticker_.joinable()) ticker_ = std::thread([this] { tick(); });
  // A live line is first drawn after a frame, so that quick work does not flicker.
  wake_.notify_all();
}

void Console::clear() {
  const std::lock_guard lock(mutex_);
  text_ = nullptr;
  ++generation_;
  erase();
}

void Console::tick() {
  std::unique_lock lock(mutex_);
  unsigned seen = generation_;
  while (!stop_) {
    const auto period = live_ ? std::chrono::duration_cast<std::chrono::milliseconds>(frame)
                              : std::chrono::duration_cast<std::chrono::milliseconds>(heartbeat);
    const bool changed = wake_.wait_for(lock, period, [&] { return stop_ || generation_ != seen; });
    seen = generation_;
    if (changed || !text_) continue;
    if (live_) {
      erase();
      draw();
    } else if (const std::string text = text_(); !text.empty()) {
      write_all(text + '\n');
    }
  }
}

void Console::draw() {
  const std::string text = text_();
  if (text.empty()) return;
  write_all("\r\033[K" + std::string(fitting(text, columns() - 1)));
  drawn_ = true;
}

void Console::erase() {
  if (drawn_) write_all("\r\033[K");
  drawn_ = false;
}

}  // namespace talos::app
