#include "operation.hpp"

#include <algorithm>

#include "run_lock.hpp"

namespace talos {

namespace {
using Clock = std::chrono::steady_clock;
}  // namespace

std::unique_ptr<Session> connect(Driver& driver, const RunOptions& options, Access access, Reporter& reporter,
                                 CancelToken& cancel) {
  ConnectRequest request = options.connect;
  request.access = access;
  request.stop = &cancel.flag();
  const auto deadline = Clock::now() + options.wait;
  PollDelay delay(std::chrono::milliseconds(1000));
  for (;;) {
    cancel.check();
    try {
      return driver.connect(request);
    } catch (const Error& error) {
      if (error.code != ErrorCode::connection || Clock::now() >= deadline) throw;
      reporter.connecting_again(error.what());
    }
    cancel.wait_for(delay.next());
  }
}

std::unique_ptr<Session> connect_to_look(Driver& driver, RunOptions options, Reporter& reporter, CancelToken& cancel) {
  constexpr std::chrono::milliseconds patience{5000};
  options.connect.lock_timeout = std::min(options.connect.lock_timeout, patience);
  return connect(driver, options, Access::read, reporter, cancel);
}

void read_version(RunResult& result, const History& history) {
  result.to = history.current();
  result.dirty = history.dirty();
}

RunResult with_session(Driver& driver, Access access, const RunOptions& options, Reporter& reporter,
                       CancelToken& cancel, const std::function<void(Session&, RunResult&)>& work) {
  RunResult result;
  try {
    const auto session = access == Access::read ? connect_to_look(driver, options, reporter, cancel)
                                                : connect(driver, options, access, reporter, cancel);
    const CancelToken::Attachment attachment(cancel, *session);
    result.info = session->info();
    for (const std::string& note : result.info.notes) reporter.note(note);
    work(*session, result);
  } catch (const Error& error) {
    result.error = error;
  }
  return result;
}

void look_again(Driver& driver, const MigrationSet& set, const RunOptions& options, CancelToken& cancel,
                RunResult& result) {
  constexpr std::chrono::seconds patience{10};
  ConnectRequest request = options.connect;
  request.access = Access::write;
  request.stop = &cancel.flag();
  try {
    const auto session = driver.connect(request);
    const CancelToken::Attachment attachment(cancel, *session);
    RunLock lock(*session);
    PollDelay delay;
    const auto deadline = Clock::now() + patience;
    bool final = !session->capabilities().run_lock;
    while (!final && !(final = session->try_lock()) && Clock::now() < deadline && !cancel.requested())
      cancel.wait_for(delay.next());
    const History history = interpret(session->read_state(LogDepth::current), set);
    read_version(result, history);
    result.left_dirty = result.left_dirty && history.dirty();
    result.error->detail +=
        (result.error->detail.empty() ? "" : "\n") + std::string("connected again: the database is at version ") +
        (history.current() == no_version ? "none" : std::to_string(history.current())) +
        (history.dirty() ? ", DIRTY" : ", clean") + (final ? "" : "; another session is still at work");
  } catch (const Error& error) {
    result.left_dirty = false;
    result.error->detail +=
        (result.error->detail.empty() ? "" : "\n") + std::string("what became of it is not known: ") + error.what();
  }
}

}  // namespace talos
