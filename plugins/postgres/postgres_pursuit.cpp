#include "postgres_pursuit.hpp"

#include <utility>

namespace talos::postgres {

namespace {

// For the server to answer that it has stopped; a statement in the middle of a sync may need some time.
constexpr std::chrono::seconds cancel_patience{10};

}  // namespace

Pursuit::Pursuit(pg::Connection& connection, ExecuteObserver& observer, std::function<bool()> stop_requested,
                 Watch* heartbeat, Settings settings)
    : connection_(connection),
      observer_(observer),
      stop_requested_(std::move(stop_requested)),
      heartbeat_(heartbeat),
      settings_(std::move(settings)) {}

pg::Connection::WhileWaiting Pursuit::waiting() {
  if (heartbeat_ != nullptr) heartbeat_->restart();
  if (watch_) watch_->restart();
  return [this] { return look(); };
}

void Pursuit::restart() {
  began_ = Clock::now();
  watch_.reset();
}

void Pursuit::cancel() {
  cancelled_at_ = Clock::now();
  connection_.cancel();
}

std::optional<std::string> Pursuit::look() {
  const auto now = Clock::now();
  if (!cancelled_at_) {
    stopped_ = stop_requested_();
    timed_out_ = settings_.statement_timeout.count() > 0 && now - began_ > settings_.statement_timeout;
    lease_lost_ = heartbeat_ != nullptr && heartbeat_->latest().lease_lost;
    if (stopped_ || timed_out_ || lease_lost_) cancel();
  } else if (now - *cancelled_at_ > cancel_patience) {
    return "the server did not answer the request to cancel";
  }
  if (heartbeat_ == nullptr && !watch_ && settings_.may_watch && now - began_ > settings_.watch_after)
    watch_ = std::make_unique<Watch>(settings_.parameters, settings_.watch);
  Watch* const watch = heartbeat_ != nullptr ? heartbeat_ : watch_.get();
  if (watch == nullptr) return std::nullopt;
  // The server has nothing to be at work on before it has all of the message.
  if (connection_.sent_more()) watch->saw_life();
  return consult(*watch);
}

std::optional<std::string> Pursuit::consult(Watch& watch) {
  const Findings findings = watch.latest();
  if (!findings.blockers.empty()) blockers_ = findings.blockers;
  if (!findings.phase.empty()) observer_.progress(findings.fraction, findings.phase);
  if (!findings.refused.empty() && !watch_refused_) {
    watch_refused_ = true;
    settings_.may_watch = false;
    observer_.warning("there is no second connection to watch long statements by: " + findings.refused);
  }
  if (!findings.lost.empty()) return findings.lost;
  return std::nullopt;
}

}  // namespace talos::postgres
