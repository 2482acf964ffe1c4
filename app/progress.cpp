#include "progress.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "duration.hpp"
#include "printable.hpp"
#include "run_lock.hpp"
#include "talos/clock.hpp"

namespace talos::app {

using nlohmann::ordered_json;

std::string display_name(const Migration& migration) {
  const auto& file = migration.up ? migration.up : migration.down;
  const std::string_view name = file->name;
  return printable(name.substr(0, name.rfind(migration.up ? ".up." : ".down.")));
}

std::string display_name(const Step& step) { return display_name(*step.migration); }

Progress::~Progress() { console_.clear(); }

void Progress::show(std::string what) {
  {
    const std::lock_guard lock(mutex_);
    what_ = std::move(what);
    detail_.clear();
    since_ = Clock::now();
  }
  if (watching_ || !log_.shows(LogLevel::info)) return;
  if (log_.is_json()) {
    console_.watch([this] {
      return ordered_json{{"time", utc_now()}, {"level", "info"}, {"event", "running"}, {"message", running()}}.dump(
          -1, ' ', false, ordered_json::error_handler_t::replace);
    });
  } else {
    console_.watch([this] { return running(); });
  }
  watching_ = true;
}

std::string Progress::running() const {
  const std::lock_guard lock(mutex_);
  const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - since_);
  const std::string time = elapsed.count() > 0 ? " " + format_duration(elapsed) : "";
  return fmt::format("{}{}{} …{}", what_, detail_.empty() ? "" : ", ", detail_, time);
}

void Progress::connecting_again(std::string_view reason) {
  if (!told_connecting_) log_.warn(fmt::format("not connected yet, trying again: {}", reason));
  told_connecting_ = true;
  show("Connecting");
}

// Said once for each holder; the heartbeat says it again.
void Progress::waiting_for_lock(const LockStatus& lock, std::chrono::milliseconds /*waited*/) {
  const std::string holder = printable(describe_holder(lock));
  if (holder == told_holder_ || !lock.held) return;
  told_holder_ = holder;
  log_.event(LogLevel::info, "waiting_for_lock", fmt::format("Waiting for another runner: {}", holder),
             {{"holder", holder}});
  show(fmt::format("Waiting for another runner: {}", holder));
}

void Progress::waiting_for_database(std::string_view reason) {
  if (reason == told_reason_) return;
  told_reason_ = reason;
  log_.info(fmt::format("Waiting: {}", reason));
  show(fmt::format("Waiting: {}", printable(reason)));
}

void Progress::planned(const Plan& plan) {
  log_.event(LogLevel::debug, "planned", fmt::format("{} migrations planned", plan.steps.size()),
             {{"migrations", plan.steps.size()}});
}

void Progress::step_started(const Step& step, std::size_t index, std::size_t count) {
  const char* verb = step.direction == Direction::up ? "Applying" : "Rolling back";
  show(fmt::format("{} {} ({} of {})", verb, display_name(step), index + 1, count));
}

void Progress::statement_started(const Step& step, std::size_t statement, std::size_t statements) {
  log_.event(LogLevel::debug, "statement",
             fmt::format("{}: statement {} of {}", display_name(step), statement, statements),
             {{"version", step.migration->version}, {"statement", statement}, {"statements", statements}});
  const std::lock_guard lock(mutex_);
  detail_ = fmt::format("statement {} of {}", statement, statements);
}

void Progress::statement_progress(double fraction, std::string_view what) {
  const std::lock_guard lock(mutex_);
  detail_ = fraction < 0 ? std::string(what) : fmt::format("{} {:.0f} %", what, fraction * 100);
}

void Progress::step_finished(const Step& step, std::chrono::microseconds took, bool durable) {
  const bool up = step.direction == Direction::up;
  if (step.file() == nullptr)
    return log_.event(
        LogLevel::info, "moved",
        fmt::format("Moved past {}: it has no down file, and nothing was run", printable(display_name(step))),
        {{"version", step.migration->version}, {"title", step.migration->title}, {"durable", durable}});
  log_.event(LogLevel::info, up ? "applied" : "rolled_back",
             fmt::format("{}{}{} {} ({}){}", palette_.green, up ? "Applied" : "Rolled back", palette_.reset,
                         display_name(step), format_duration(took), durable ? "" : ", not yet durable"),
             {{"version", step.migration->version},
              {"title", step.migration->title},
              {"duration_us", took.count()},
              {"durable", durable}});
}

void Progress::note(std::string_view text) {
  log_.event(LogLevel::info, "note", fmt::format("Note: {}", printable(text)), ordered_json::object());
}

void Progress::warning(std::string_view text) { log_.warn(text); }

}  // namespace talos::app
