#include "log.hpp"

#include <mutex>

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <nlohmann/json.hpp>

#include "printable.hpp"
#include "talos/clock.hpp"

namespace talos::app {

namespace {

// Lines go through the console, which knows the live line.
class ConsoleSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ConsoleSink(Console& console) : console_(console) { set_pattern_("%v"); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    console_.line({message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

  Console& console_;
};

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return "trace";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
    case LogLevel::off:
      return "off";
  }
  return "";
}

}  // namespace

Log::Log(Console& console, LogLevel level, Format format, Palette palette)
    : format_(format),
      palette_(palette),
      logger_(std::make_shared<spdlog::logger>("talos", std::make_shared<ConsoleSink>(console))) {
  logger_->set_level(level_of(level));
}

Log::~Log() = default;

bool Log::shows(LogLevel level) const { return logger_->should_log(level_of(level)); }

void Log::event(LogLevel level, std::string_view name, std::string_view text, const nlohmann::ordered_json& fields) {
  if (!shows(level)) return;
  if (!is_json()) {
    std::string prefix;
    if (level == LogLevel::warn) prefix = std::string(palette_.yellow) + "Warning:" + std::string(palette_.reset) + ' ';
    if (level == LogLevel::debug || level == LogLevel::trace) prefix = "debug: ";
    logger_->log(level_of(level), prefix + std::string(text));
    return;
  }
  nlohmann::ordered_json object{{"time", utc_now()}, {"level", name_of(level)}, {"event", name}, {"message", text}};
  object.update(fields);
  logger_->log(level_of(level), object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void Log::write(LogLevel level, std::string_view text) {
  event(level, "message", is_json() ? std::string(text) : printable(text), nlohmann::ordered_json::object());
}

}  // namespace talos::app
