// What goes to stderr: messages by level, as text or as one JSON object a line.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "console.hpp"
#include "options.hpp"

namespace spdlog {
class logger;
}

namespace talos::app {

class Log {
 public:
  Log(Console& console, LogLevel level, Format format, Palette palette);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool is_json() const { return format_ == Format::json; }
  bool shows(LogLevel level) const;

  void debug(std::string_view text) { write(LogLevel::debug, text); }
  void info(std::string_view text) { write(LogLevel::info, text); }
  void warn(std::string_view text) { write(LogLevel::warn, text); }
  /// In text `text`; in JSON an object with time, level, event, message and `fields`.
  void event(LogLevel level, std::string_view name, std::string_view text, const nlohmann::ordered_json& fields);

 private:
  void write(LogLevel level, std::string_view text);

  Format format_;
  Palette palette_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace talos::app
