#include "cockroach_pursuit.hpp"

#include <utility>

namespace talos::cockroach {

namespace {

// For the server to answer that it has stopped.
constexpr std::chrono::seconds cancel_patience{10};
// The server keeps the statement's own time, though before 24.3 not while it waits for a job.
constexpr std::chrono::milliseconds beyond_timeout{500};

}  // namespace

Pursuit::Pursuit(pg::Connection& connection, Heartbeat* heartbeat, ExecuteObserver& observer,
                 std::function<bool()> stop_requested, std::chrono::milliseconds statement_timeout)
    : connection_(connection),
      heartbeat_(heartbeat),
      observer_(observer),
      stop_requested_(std::move(stop_requested)),
      statement_timeout_(statement_timeout) {}

pg::Connection::WhileWaiting Pursuit::waiting() {
  return [this] { return look(); };
}

std::optional<std::string> Pursuit::look() {
  const auto now = Clock::now();
  if (!cancelled_at_) {
    stopped_ = stop_requested_();
    timed_out_ = statement_timeout_.count() > 0 && now - began_ > statement_timeout_ + beyond_timeout;
    lease_lost_ = heartbeat_ != nullptr && heartbeat_->lost();
    if (stopped_ || timed_out_ || lease_lost_) {
      cancelled_at_ = now;
      connection_.cancel();
    }
  } else if (now - *cancelled_at_ > cancel_patience) {
    return "the server did not answer the request to cancel";
  }
  if (heartbeat_ == nullptr) return std::nullopt;
  if (connection_.sent_more()) heartbeat_->saw_life();
  const Heartbeat::Findings findings = heartbeat_->latest();
  tell_jobs(findings.jobs);
  if (!findings.stalled.empty()) return findings.stalled;
  return std::nullopt;
}

void Pursuit::tell_jobs(const std::vector<Job>& jobs) {
  if (jobs.empty()) return;
  observer_.progress(jobs.front().fraction, jobs.front().told());
  for (const Job& job : jobs) {
    if (!job.is_stuck() || warned_ == job.id) continue;
    warned_ = job.id;
    observer_.warning(job.told() + ": " + advice(job));
  }
}

}  // namespace talos::cockroach
