#include "mysql_pursuit.hpp"

#include <thread>
#include <utility>

#include "mysql_locks.hpp"

namespace talos::mysql {

namespace {

// For the server to answer that it has stopped; a statement that is rolling back may need some time.
constexpr std::chrono::seconds kill_patience{10};
// A request that came between two statements had no effect.
constexpr std::chrono::seconds kill_again_after{1};
constexpr std::chrono::milliseconds errand_timeout{3'000};
constexpr std::chrono::milliseconds kill_poll{10};

// For what must be sent also under a request to stop, but not waited for without end.
Connection::WhileWaiting briefly() {
  return [deadline = Connection::Clock::now() + errand_timeout]() -> std::optional<std::string> {
    if (Connection::Clock::now() < deadline) return std::nullopt;
    return "the server does not answer";
  };
}

// Finishes what runs there, if it does so in time.
bool is_free(Connection& connection) {
  const auto deadline = Connection::Clock::now() + errand_timeout;
  while (connection.usable() && !connection.advance(std::chrono::milliseconds(50)))
    if (Connection::Clock::now() > deadline) return false;
  return connection.usable();
}

}  // namespace

bool end_connection(Connection& by, std::uint64_t connection) {
  const std::string id = std::to_string(connection);
  by.send("KILL " + id, briefly());
  const auto deadline = Connection::Clock::now() + errand_timeout;
  for (;;) {
    const Reply reply = by.ask("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = " + id, briefly());
    if (reply.failed()) return false;
    if (reply.tables.at(0).rows.empty()) return true;
    if (Connection::Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kill_poll);
  }
}

Pursuit::Pursuit(Connection& worker, Connection& base, const ServerInfo& server, ExecuteObserver& observer,
                 std::function<bool()> stop_requested, Settings settings)
    : worker_(worker),
      base_(base),
      observer_(observer),
      stop_requested_(std::move(stop_requested)),
      settings_(std::move(settings)),
      watch_(base, worker.id(), server, settings_.stall_timeout) {}

Reply Pursuit::send(const std::string& sql, Connection::Keep keep, Connection::Told told) {
  watch_.restart();
  statement_began_ = Clock::now();
  statements_seen_ = 0;
  const Reply reply = worker_.send(
      sql, [this] { return look(); }, std::move(keep), std::move(told));
  // The watch's last question is answered before anything else is asked there.
  if (base_.busy() && !is_free(base_)) base_.give_up("the server does not answer");
  calm_down(reply);
  if (!reply.lost.empty()) end_worker();
  return reply;
}

std::optional<std::string> Pursuit::look() {
  const auto now = Clock::now();
  if (worker_.so_far().succeeded != statements_seen_) {
    statements_seen_ = worker_.so_far().succeeded;
    statement_began_ = now;
    watch_.forget_blockers();
  }
  stopped_ = stopped_ || stop_requested_();
  timed_out_ = timed_out_ || (!stopped_ && settings_.statement_timeout.count() > 0 &&
                              now - statement_began_ > settings_.statement_timeout);
  if (stopped_ || timed_out_) {
    if (!killed_at_) killed_at_ = now;
    if (now - *killed_at_ > kill_patience) return "the server did not answer the request to stop";
    if (last_kill_ == Clock::time_point() || now - last_kill_ > kill_again_after) kill();
    return std::nullopt;
  }
  if (now - statement_began_ < settings_.watch_after) return std::nullopt;
  watch_.step();
  const Findings& findings = watch_.findings();
  if (!findings.phase.empty()) observer_.progress(findings.fraction, findings.phase);
  if (!findings.lost.empty()) return findings.lost;
  return std::nullopt;
}

// First what keeps the transaction from committing, then what ends its statement: some statements (SLEEP) end well
// when they are interrupted, and the message would go on.
void Pursuit::kill() {
  last_kill_ = Clock::now();
  const std::string lock = stop_lock(worker_.id());
  // Once: who takes a lock twice must release it twice.
  const std::string sql = "DO IF(IS_USED_LOCK(" + lock + ") IS NULL, GET_LOCK(" + lock + ", 0), 1); KILL QUERY " +
                          std::to_string(worker_.id());
  if (is_free(base_)) {
    base_.send(sql, briefly());
    return;
  }
  try {
    Connection third(settings_.endpoint, errand_timeout, nullptr);
    third.send("KILL QUERY " + std::to_string(worker_.id()), briefly());
  } catch (const Error&) {
    // Tried again until patience ends; then the connection is given up, and said so.
  }
}

// Nobody hears of its end, and it would go on, perhaps for hours. Over when this returns, or out of reach: then its
// transaction does not commit without the lock, and nobody begins before it is done.
void Pursuit::end_worker() {
  try {
    Connection third(settings_.endpoint, errand_timeout, nullptr);
    end_connection(third, worker_.id());
  } catch (const Error&) {
    // No way there: whoever looks again says so.
  }
}

// The server may have taken note of the request when nothing ran any more: then it hits this.
void Pursuit::calm_down(const Reply& reply) {
  if (!std::exchange(killed_at_, std::nullopt)) return;
  last_kill_ = {};
  if (base_.usable()) base_.send("DO RELEASE_LOCK(" + stop_lock(worker_.id()) + ")", briefly());
  if (reply.lost.empty()) worker_.send("DO 0", briefly());
}

}  // namespace talos::mysql
