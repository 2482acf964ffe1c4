#include "postgres_lock_wait.hpp"

#include <utility>

namespace talos::postgres {

PostgresLockWait::PostgresLockWait(pg::Connection& connection, pg::Ask ask, std::string channel,
                                   std::function<bool()> stop)
    : connection_(connection), ask_(std::move(ask)), channel_(std::move(channel)), stop_(std::move(stop)) {}

// What is told before the first LISTEN is not heard: the next attempt at the lock, soon after it, makes up for that.
bool PostgresLockWait::do_await(std::chrono::milliseconds at_most) {
  if (!listens_ && !refused_) listen();
  return listens_ && connection_.await_notification(at_most, stop_);
}

void PostgresLockWait::listen() {
  try {
    ask_("LISTEN " + channel_);
    listens_ = true;
  } catch (const Error&) {
    if (!connection_.usable()) throw;
    refused_ = true;
  }
}

}  // namespace talos::postgres
