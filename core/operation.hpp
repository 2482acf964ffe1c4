// What the operations of migrate.hpp share: a session that is had with patience, a result that takes every error, a
// look after a broken connection.
#pragma once

#include <functional>
#include <memory>

#include "migrate.hpp"

namespace talos {

/// --wait: the first connection is tried again while the server does not answer.
std::unique_ptr<Session> connect(Driver& driver, const RunOptions& options, Access access, Reporter& reporter,
                                 CancelToken& cancel);

/// For who only looks: by Access::read, and without much patience with a writer.
std::unique_ptr<Session> connect_to_look(Driver& driver, RunOptions options, Reporter& reporter, CancelToken& cancel);

/// Runs `work` on a fresh session; any talos::Error lands in the result.
RunResult with_session(Driver& driver, Access access, const RunOptions& options, Reporter& reporter,
                       CancelToken& cancel, const std::function<void(Session&, RunResult&)>& work);

/// What was under way when the connection broke may still have been committed. Once the lock is free the server has
/// ended the old session, and what the database says is final: that becomes part of the result.
void look_again(Driver& driver, const MigrationSet& set, const RunOptions& options, CancelToken& cancel,
                RunResult& result);

/// Version and dirtiness of `result` are the history's.
void read_version(RunResult& result, const History& history);

/// Passes on progress and warnings of units that are no step of a plan.
class SilentObserver : public ExecuteObserver {
 public:
  explicit SilentObserver(Reporter& reporter) : reporter_(reporter) {}
  void unit_started(std::size_t /*unit*/) override {}
  void unit_committed(std::size_t /*unit*/, std::chrono::microseconds /*took*/, bool /*durable*/) override {}
  void progress(double fraction, std::string_view what) override { reporter_.statement_progress(fraction, what); }
  void warning(std::string_view text) override { reporter_.warning(text); }

 private:
  Reporter& reporter_;
};

}  // namespace talos
