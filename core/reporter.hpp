// How progress travels from the core to whoever shows it. Called on the thread that runs the migrations.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "plan.hpp"
#include "talos/driver.hpp"

namespace talos {

class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void connecting_again(std::string_view reason) = 0;  ///< --wait: the database did not answer yet
  virtual void waiting_for_lock(const LockStatus& lock, std::chrono::milliseconds waited) = 0;  ///< each poll
  virtual void planned(const Plan& plan) = 0;
  virtual void step_started(const Step& step, std::size_t index, std::size_t count) = 0;
  virtual void statement_started(const Step& step, std::size_t statement, std::size_t statements) = 0;
  virtual void statement_progress(double fraction, std::string_view what) = 0;
  /// Called once a step is durable; with `durable` false only at the end of a run whose last commit could not be.
  virtual void step_finished(const Step& step, std::chrono::microseconds took, bool durable) = 0;
  virtual void note(std::string_view text) = 0;
  virtual void warning(std::string_view text) = 0;
};

}  // namespace talos
