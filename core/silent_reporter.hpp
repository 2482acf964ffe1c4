// Of runs on scratch databases: their steps are nobody's business, only what keeps them waiting is passed on.
#pragma once

#include "reporter.hpp"

namespace talos {

class SilentReporter : public Reporter {
 public:
  explicit SilentReporter(Reporter& reporter) : reporter_(reporter) {}
  void connecting_again(std::string_view reason) override { reporter_.connecting_again(reason); }
  void waiting_for_lock(const LockStatus& lock, std::chrono::milliseconds waited) override {
    reporter_.waiting_for_lock(lock, waited);
  }
  void planned(const Plan& /*plan*/) override {}
  void step_started(const Step& /*step*/, std::size_t /*index*/, std::size_t /*count*/) override {}
  void statement_started(const Step& /*step*/, std::size_t /*statement*/, std::size_t /*statements*/) override {}
  void statement_progress(double fraction, std::string_view what) override {
    reporter_.statement_progress(fraction, what);
  }
  void step_finished(const Step& /*step*/, std::chrono::microseconds /*took*/, bool /*durable*/) override {}
  void note(std::string_view /*text*/) override {}
  void warning(std::string_view /*text*/) override {}

 private:
  Reporter& reporter_;
};

}  // namespace talos
