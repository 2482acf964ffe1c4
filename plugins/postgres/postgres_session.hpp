// A session on one PostgreSQL database: reads state, locks, runs units, cancels.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/units.hpp"
#include "pg_bookkeeping.hpp"
#include "pg_connection.hpp"
#include "pg_dsn.hpp"
#include "pg_lexer.hpp"
#include "postgres_backup.hpp"
#include "postgres_introspection.hpp"
#include "postgres_lease.hpp"
#include "postgres_leftover.hpp"
#include "postgres_lock_wait.hpp"
#include "postgres_locks.hpp"
#include "postgres_message.hpp"
#include "postgres_pursuit.hpp"
#include "postgres_scratch.hpp"
#include "postgres_server.hpp"
#include "postgres_settlement.hpp"
#include "postgres_trial.hpp"
#include "postgres_watch.hpp"
#include "talos/driver.hpp"

namespace talos::postgres {

/// Its text speaks of settings or of other things that last as long as a session.
bool touches_session(const Script* script);

class PostgresSession : public Session {
 public:
  PostgresSession(pg::PgDsn dsn, const ConnectRequest& request);

 private:
  using Clock = std::chrono::steady_clock;

  /// Why a unit did not happen.
  struct Failure {
    Error error;
    Outcome outcome;
    bool may_pass = false;        ///< a lock, a deadlock: the same again may succeed
    std::string name_taken = {};  ///< a table of ours could not be made, because there is something: the server's words
  };

  SessionInfo do_info() const override;
  Capabilities do_capabilities() const override;
  State do_read_state(LogDepth depth) override;
  bool do_try_lock() override;
  void do_unlock() override;
  LockStatus do_observe_lock() override;
  std::uint64_t do_split(std::string_view text, const StatementSink& sink) override;
  ExecuteResult do_execute(std::span<const Unit> units, ExecuteObserver& observer) override;
  void do_cancel() noexcept override { cancelled_ = true; }
  void do_resume() override;
  Ability* do_ability(std::string_view id) override;

  // Messages that are over at once (postgres_session.cpp)
  std::vector<pg::Table> ask(const std::string& sql);
  std::vector<pg::Table> ask_as_is(const std::string& sql);
  pg::Ask asking() {
    return [this](const std::string& sql) { return ask(sql); };
  }
  bool stop_requested() const;
  /// For what must be sent also under a request to stop, but not waited for without end.
  static pg::Connection::WhileWaiting briefly();
  void tidy(const std::string& sql);
  [[noreturn]] void throw_lost() const;
  void refuse_standby() const;
  pg::Parameters parameters_in_force() const;
  bool try_pooled_lock();
  void look_after_waiting();
  pg::Table try_and_read();

  /// Of the server's session, without a pooler: `fresh` is what every script finds.
  enum class Condition {
    connected,  ///< fresh but for our settings
    fresh,
    touched,  ///< a script has run
  };

  /// Where an execute() has come to, for the message that is to be sent next.
  struct Place {
    common::StepClock steps;
    const Script* script = nullptr;  ///< whose units ran last
    Condition condition = Condition::connected;
    bool fresh_due = false;         ///< the next message first takes back what the script before left behind
    bool settings_touched = false;  ///< the script that touched the session speaks of its settings
  };

  /// A bare statement that was sent and answered, and what is left to look at.
  struct BareRun {
    const Unit& unit;
    const Message& message;
    const pg::Reply& reply;
    const LeftoverSearch& leftovers;
    const Pursuit& chase;
    Clock::time_point began;
  };

  /// Of the units of an execute().
  struct Progress {
    std::span<const Unit> units;
    ExecuteObserver& observer;
    std::size_t completed = 0;
    std::size_t alone_before = 0;  ///< the units before this one are not batched
    const Unit& next() const { return units[completed]; }
    bool begins_step() const { return completed == 0 || units[completed - 1].step != next().step; }
  };

  // Several units in one message (postgres_batch.cpp)
  class Batch;
  bool may_travel_with_others(const Unit& unit) const;
  bool ends_batch(const Batch& batch, const Unit& unit) const;
  Batch batch_from(const Progress& progress, const BareRun* bare);
  void end_before(const Unit& next, bool takes_locks, Batch& batch) const;
  std::optional<Failure> run_batch(Progress& progress, const BareRun* bare);
  pg::Reply send_batch(const Batch& batch, Progress& progress, const BareRun* bare, Pursuit& chase);
  std::optional<Failure> settle_batch(const Batch& batch, std::size_t at, const pg::Reply& reply, Progress& progress,
                                      const Pursuit& chase);

  // Statements outside of transactions (postgres_bare.cpp)
  std::optional<Failure> run_bare(Progress& progress);
  LeftoverSearch prepare_bare(std::string_view text);
  bool next_may_confirm(const Progress& progress) const;
  std::string confirmation(const BareRun& bare) const;
  std::optional<Failure> confirm(const BareRun& bare, Progress& progress);
  std::optional<Failure> judge_bare(const BareRun& bare);
  void retake_foreign_locks(ExecuteObserver& observer);

  // Units (postgres_execute.cpp)
  std::optional<Failure> run_next(Progress& progress);
  std::optional<Failure> run_alone(Progress& progress, int attempt);
  void committed(Progress& progress, Clock::time_point began);
  std::optional<Failure> run_unit(const Unit& unit, ExecuteObserver& observer, int attempt);
  std::optional<Failure> run_transaction(const Unit& unit, Pursuit& pursuit);
  std::optional<Failure> run_in_pieces(const Unit& unit, Pursuit& pursuit, const std::string& sent_at);
  std::optional<Failure> send_piece(const Unit& unit, std::size_t begin, std::size_t end, Pursuit& pursuit);
  void begin_unit(const Unit& unit);
  bool may_touch_session(const Script* script) const;
  void renew();
  void blame_taken_name(Failure& failure);
  bool wait_for_guard(Failure& failure, int attempt) const;
  bool wait_before_retry(Failure& failure, int attempt, const Pursuit& chase, ExecuteObserver& observer);
  Pursuit pursuit(const Unit& unit, ExecuteObserver& observer);
  WatchTask watch_task() const;
  static void note_tables(const Unit& unit, pg::Existing& existing);
  void settle_lease(const Unit& unit);
  void release_lease() noexcept;
  void roll_back();

  // Messages (postgres_compose.cpp)
  /// `tells`: the client is to hear at once of all that was done before it in the same message.
  Message compose(const Unit& unit, const std::string& sent_at, bool tells = false) const;
  std::vector<std::string> renewed_session() const;
  void add_beginning(Message& message, const Unit& unit, bool tells) const;
  void add_end(Message& message, const Unit& unit, const std::string& sent_at) const;
  std::string claim_block(const Unit& unit, bool tells) const;
  bool needs_guard(const Unit& unit) const;
  bool takes_lease(const Unit& unit) const;
  bool releases_lease(const Unit& unit) const;

  // Failures (postgres_judge.cpp)
  std::optional<Failure> judge(const Unit& unit, const Message& message, const pg::Reply& reply,
                               const Pursuit& pursuit) const;
  Failure lost(const Unit& unit, const Message& message, const pg::Reply& reply, const Pursuit& pursuit) const;
  Failure refused(const Unit& unit, const Message& message, const pg::Reply& reply, const Pursuit& pursuit) const;

  pg::PgDsn dsn_;
  Access access_;
  Runner runner_;
  std::chrono::milliseconds statement_timeout_;
  std::chrono::milliseconds ddl_lock_timeout_;
  std::chrono::milliseconds lock_timeout_;
  std::chrono::milliseconds stall_timeout_;
  int ddl_lock_retries_;
  const std::atomic<bool>* stop_;
  std::atomic<bool> cancelled_{false};

  pg::Parameters parameters_;
  std::unique_ptr<pg::Connection> connection_;
  ServerInfo server_;
  std::optional<pg::Bookkeeping> tables_;
  std::optional<AdvisoryLocks> locks_;
  std::optional<PostgresLockWait> lock_wait_;
  std::optional<Lease> lease_;
  std::optional<PostgresSettlement> settlement_;
  std::optional<PostgresIntrospection> introspection_;
  std::optional<PostgresScratch> scratch_;
  std::optional<PostgresTrial> trial_;
  std::optional<PostgresBackup> backup_;
  pg::Existing existing_;
  bool worked_ = false;                   ///< something was to be done, and others may wait for its end
  bool lock_was_taken_ = false;           ///< at the last attempt, by somebody else
  std::optional<pg::Table> before_bare_;  ///< what LeftoverSearch asks before the bare statement that comes next
  std::optional<State> read_ahead_;       ///< by the message that tried for the lock, if nothing was sent since

  Place place_;
  bool may_have_event_triggers_ = false;  ///< there were some, or a script with the right to may have made some
  bool renewal_due_ = false;  ///< what is not a script's needs a message before it that takes back what one left
  std::unique_ptr<Watch> heartbeat_;  ///< while a lease is held
  bool watch_refused_ = false;
};

}  // namespace talos::postgres
