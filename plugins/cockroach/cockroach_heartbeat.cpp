#include "cockroach_heartbeat.hpp"

#include <algorithm>
#include <utility>

#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

constexpr std::chrono::milliseconds look_every{1'000};
constexpr std::chrono::milliseconds check_every{10'000};
constexpr std::chrono::milliseconds connect_timeout{3'000};

}  // namespace

Heartbeat::Heartbeat(Task task, Clock::time_point renewed_at)
    : task_(std::move(task)),
      renewed_at_(renewed_at),
      last_answer_(Clock::now()),
      last_check_(last_answer_),
      thread_([this] { run(); }) {}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// The lease ends by the server's clock; who could not renew it for two thirds of its time must take it for lost.
bool Heartbeat::lost() const {
  const std::lock_guard lock(mutex_);
  return taken_ || Clock::now() - renewed_at_ > task_.lifetime * 2 / 3;
}

std::string Heartbeat::why_lost() const {
  const std::lock_guard lock(mutex_);
  if (taken_) return "another runner has taken it over";
  return "it could not be renewed for " + std::to_string((task_.lifetime * 2 / 3).count()) + " ms" +
         (trouble_.empty() ? "" : ": " + trouble_);
}

void Heartbeat::follow(const std::string& session, const std::string& since) {
  const std::lock_guard lock(mutex_);
  session_ = session;
  since_ = since;
  last_answer_ = last_check_ = Clock::now();
  idle_answers_ = 0;
  findings_ = {};
}

void Heartbeat::rest() { follow("", ""); }

void Heartbeat::saw_life() {
  const std::lock_guard lock(mutex_);
  last_answer_ = Clock::now();
  idle_answers_ = 0;
}

Heartbeat::Findings Heartbeat::latest() const {
  const std::lock_guard lock(mutex_);
  Findings findings = findings_;
  if (task_.stall_timeout.count() > 0 && Clock::now() - last_answer_ > task_.stall_timeout)
    findings.stalled =
        "the server could not be reached for " + std::to_string(task_.stall_timeout.count()) + " ms (--stall-timeout)";
  return findings;
}

bool Heartbeat::pause(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, duration, [this] { return stop_.load(); });
}

// An answer that takes longer than this is as good as none.
pg::Connection::WhileWaiting Heartbeat::patience() const {
  const auto longest = std::max<Clock::duration>(renew_every(), std::chrono::milliseconds(500));
  return [this, deadline = Clock::now() + longest]() -> std::optional<std::string> {
    if (stop_) return "stopped";
    if (Clock::now() >= deadline) return "no answer in time";
    return std::nullopt;
  };
}

void Heartbeat::run() {
  do {
    try {
      pg::Connection connection(task_.parameters, std::min(connect_timeout, renew_every()), &stop_);
      serve(connection);
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      trouble_ = error.what();
    }
  } while (pause(std::chrono::milliseconds(200)));
}

void Heartbeat::serve(pg::Connection& connection) {
  if (connection.send(task_.settings, patience()).failed()) return;
  Clock::time_point last_look;
  do {
    const auto now = Clock::now();
    {
      const std::lock_guard lock(mutex_);
      if (taken_) return;
    }
    if (now - renewed_at_ >= renew_every() && !renew(connection)) return;
    if (now - last_look >= look_every) {
      if (!look(connection)) return;
      last_look = now;
    }
  } while (pause(std::min(renew_every(), look_every) / 4));
}

// False: the connection is of no use any more.
bool Heartbeat::renew(pg::Connection& connection) {
  const auto sent_at = Clock::now();
  const pg::Reply reply = connection.ask(task_.renew_sql, patience());
  const std::lock_guard lock(mutex_);
  if (!reply.lost.empty()) trouble_ = reply.lost;
  if (reply.error) trouble_ = reply.error->message;
  // 40001 and its like: the next round tries again.
  if (reply.failed()) return reply.lost.empty();
  if (reply.tables.at(0).rows.empty()) taken_ = true;
  renewed_at_ = sent_at;
  trouble_.clear();
  return true;
}

bool Heartbeat::look(pg::Connection& connection) {
  std::string session, since;
  Clock::time_point last_check;
  {
    const std::lock_guard lock(mutex_);
    session = session_;
    since = since_;
    last_check = last_check_;
  }
  if (session.empty()) return true;
  const pg::Reply jobs = connection.ask(live_jobs_sql(since, {task_.user}), patience());
  if (!jobs.lost.empty()) return false;
  const auto check_interval = task_.stall_timeout.count() == 0
                                  ? check_every
                                  : std::min(check_every, task_.stall_timeout / 6 + std::chrono::milliseconds(1));
  std::optional<bool> works;
  if (Clock::now() - last_check >= check_interval) {
    const pg::Reply active = connection.ask(
        "SELECT count(*) FROM [SHOW SESSIONS] WHERE session_id = " + pg::literal(session) + " AND active_queries <> ''",
        patience());
    if (!active.lost.empty()) return false;
    if (!active.failed()) works = active.tables.at(0).value() != "0";
  }
  const std::lock_guard lock(mutex_);
  if (session != session_) return true;
  last_answer_ = Clock::now();
  if (!jobs.failed()) findings_.jobs = read_jobs(jobs.tables.at(0));
  if (!works) return true;
  last_check_ = Clock::now();
  idle_answers_ = *works ? 0 : idle_answers_ + 1;
  if (idle_answers_ >= 3) findings_.stalled = "the server is not at work on the statement, and no answer to it arrived";
  return true;
}

}  // namespace talos::cockroach
