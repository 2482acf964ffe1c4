// Shows what the core reports while it works: a live line on a terminal, plain lines and a heartbeat elsewhere, events
// where stderr is JSON.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "console.hpp"
#include "log.hpp"
#include "reporter.hpp"

namespace talos::app {

class Progress : public Reporter {
 public:
  Progress(Console& console, Log& log, Palette palette) : console_(console), log_(log), palette_(palette) {}
  ~Progress() override;

  void connecting_again(std::string_view reason) override;
  void waiting_for_lock(const LockStatus& lock, std::chrono::milliseconds waited) override;
  void planned(const Plan& plan) override;
  void step_started(const Step& step, std::size_t index, std::size_t count) override;
  void statement_started(const Step& step, std::size_t statement, std::size_t statements) override;
  void statement_progress(double fraction, std::string_view what) override;
  void step_finished(const Step& step, std::chrono::microseconds took, bool durable) override;
  void note(std::string_view text) override;
  void warning(std::string_view text) override;

  /// status --block: said once for each reason.
  void waiting_for_database(std::string_view reason);
  /// Takes the live line away: data follows.
  void done() { console_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;

  void show(std::string what);
  std::string running() const;

  Console& console_;
  Log& log_;
  Palette palette_;
  mutable std::mutex mutex_;  ///< the console's thread reads what follows
  std::string what_;
  std::string detail_;
  Clock::time_point since_;
  bool watching_ = false;
  bool told_connecting_ = false;
  std::string told_holder_;
  std::string told_reason_;
};

/// "000003_shirts": what a migration is called everywhere.
std::string display_name(const Step& step);
std::string display_name(const Migration& migration);

}  // namespace talos::app
