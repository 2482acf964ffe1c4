// A session on one CockroachDB database: reads state, holds the lease, runs units, cancels, settles.
//
// Three connections. The base reads, and writes all rows of our own that stand alone; no migration's statement ever
// runs there. The worker is made for the first statement of a migration, and anew after every error and after a script
// that changed its session (G6); its session is recorded in the lease before it is used, so that a successor can end it
// (C3). The heartbeat renews the lease.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cockroach_backup.hpp"
#include "cockroach_fate.hpp"
#include "cockroach_heartbeat.hpp"
#include "cockroach_introspection.hpp"
#include "cockroach_lease.hpp"
#include "cockroach_pursuit.hpp"
#include "cockroach_scratch.hpp"
#include "cockroach_server.hpp"
#include "cockroach_settlement.hpp"
#include "cockroach_trial.hpp"
#include "pg_bookkeeping.hpp"
#include "pg_connection.hpp"
#include "pg_dsn.hpp"
#include "talos/driver.hpp"

namespace talos::cockroach {

/// What the fences and claims depend on, whatever the role's default.
inline constexpr const char* begin_serializable = "BEGIN ISOLATION LEVEL SERIALIZABLE";

class CockroachSession : public Session {
 public:
  CockroachSession(pg::PgDsn dsn, const ConnectRequest& request);
  ~CockroachSession() override;

 private:
  using Clock = std::chrono::steady_clock;

  /// Why a unit did not happen.
  struct Failure {
    Error error;
    Outcome outcome = Outcome::not_applied;
    bool may_pass = false;  ///< the same again may succeed
  };
  /// Where in its unit a statement stands.
  enum class Part { setting, guard, claim, body, tracker, ending, commit };
  /// A statement of ours. Those with `must` give one row, or the unit is not to happen.
  struct Step {
    Part part = Part::ending;
    std::string sql;
    bool must = false;
  };
  /// The runner before us, as long as it is not known to be through.
  struct Predecessor {
    std::string runner;
    std::vector<std::string> sessions;
    std::vector<std::string> users;
    std::string jobs_since;
    std::string obstacle;  ///< what we wait for, in words
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

  // Connections, and messages that are over at once (cockroach_session.cpp)
  std::unique_ptr<pg::Connection> connect() const;
  void set_up(pg::Connection& connection, std::chrono::milliseconds statement_timeout) const;
  std::chrono::milliseconds base_timeout() const;
  pg::Connection& base();
  pg::Connection& worker();
  void reset_worker();
  void drop_worker();
  std::string session_of(pg::Connection& connection) const;
  pg::Connection::WhileWaiting patiently() const;
  pg::Connection::WhileWaiting firmly() const;
  pg::Reply say(pg::Connection& connection, const std::string& sql, const pg::Connection::WhileWaiting& waiting) const;
  pg::Reply inquire(const std::string& sql, const pg::Connection::WhileWaiting& waiting);
  std::vector<pg::Table> ask(const std::string& sql);
  pg::Ask asking() {
    return [this](const std::string& sql) { return ask(sql); };
  }
  void look_for_tables();
  State read_as_of_now(LogDepth depth);
  std::string wait_for_past() const;
  bool stop_requested() const;
  bool pause_for(std::chrono::milliseconds duration) const;
  [[noreturn]] void throw_lost(const pg::Connection& connection) const;
  std::optional<std::vector<Job>> live_jobs(const std::string& since, const std::vector<std::string>& users);
  Settlement::Finding settle_statement(const ScriptPart& statement, std::string_view before);

  // The lock (cockroach_lock.cpp)
  void make_lease_table();
  void refuse_foreign_lease_table();
  bool somebody_has_it();
  bool take_lease();
  std::optional<bool> try_take();
  bool predecessor_is_through();
  std::string predecessor_obstacle();
  bool end_session(const std::string& session);
  void release_lease();
  void start_heartbeat(Clock::time_point taken_at);
  LockStatus status_of(const LeaseRows& rows) const;

  // Units (cockroach_execute.cpp)
  std::optional<Failure> run_unit(const Unit& unit, ExecuteObserver& observer);
  std::optional<Failure> run_once(const Unit& unit, ExecuteObserver& observer);
  std::optional<Failure> run_bookkeeping(const Unit& unit);
  std::optional<Failure> run_transaction(const Unit& unit, ExecuteObserver& observer);
  std::optional<Failure> run_body(const Unit& unit, Pursuit& pursuit);
  std::optional<Failure> send_piece(const Unit& unit, std::size_t begin, const std::vector<std::size_t>& statements,
                                    std::size_t end, Pursuit& pursuit);
  std::optional<Failure> run_bare(const Unit& unit, ExecuteObserver& observer);
  std::optional<Failure> run_steps(pg::Connection& connection, const std::vector<Step>& steps,
                                   const pg::Connection::WhileWaiting& waiting);
  std::optional<Failure> commit(const Unit& unit, pg::Connection& connection);
  std::optional<Failure> before_statement();
  void roll_back(pg::Connection& connection) const;
  bool wait_before_retry(Failure& failure, int attempt, ExecuteObserver& observer) const;
  void create_table(const std::string& sql);
  void create_tables(const Unit& unit);
  void begin_script(const Script* script);
  std::vector<JournalWrite> with_images(const Unit& unit);
  std::vector<Step> beginning(const Unit& unit, bool on_worker) const;
  std::vector<Step> ending(const Unit& unit, bool on_worker) const;

  // Failures, and what became of what was sent (cockroach_judge.cpp)
  Failure lost(const pg::Connection& connection);
  Failure refused(const pg::ServerError& said, Part part) const;
  Failure missed(Part part) const;
  Error lease_lost() const;
  bool lease_is_gone();
  void blame(Failure& failure, const Pursuit& pursuit) const;
  std::optional<Failure> settle_commit(const Unit& unit, Failure failure, bool may_retry);
  std::optional<bool> poison(const Unit& unit);
  std::string evidence_sql(const Unit& unit) const;
  std::optional<Failure> settle_schema_change(const Unit& unit, Failure failure, bool may_retry, bool look_once,
                                              ExecuteObserver& observer);
  bool schema_change_happened(const Unit& unit, Failure& failure, bool may_retry, bool look_once,
                              ExecuteObserver& observer);
  void await_session_end(const std::string& session, bool look_once);
  std::optional<Job> wait_for_jobs(const std::string& since, bool look_once, ExecuteObserver& observer);

  pg::PgDsn dsn_;
  Access access_;
  Runner runner_;
  std::chrono::milliseconds connect_timeout_;
  std::chrono::milliseconds statement_timeout_;
  std::chrono::milliseconds lock_timeout_;
  std::chrono::milliseconds stall_timeout_;
  const std::atomic<bool>* stop_;
  std::atomic<bool> cancelled_{false};
  SessionSettlement settlement_;

  pg::Parameters parameters_;
  std::unique_ptr<pg::Connection> base_;
  std::unique_ptr<pg::Connection> worker_;
  ServerInfo server_;
  std::optional<pg::Bookkeeping> tables_;
  std::optional<CockroachIntrospection> introspection_;
  std::optional<CockroachScratch> scratch_;
  std::optional<CockroachTrial> trial_;
  std::optional<CockroachBackup> backup_;
  std::string foreign_name_;               ///< golang-migrate's lock table …
  std::string foreign_table_;              ///< … quoted, with database and schema
  std::vector<std::int64_t> foreign_ids_;  ///< of its rows
  bool foreign_exists_ = false;
  bool lease_table_known_ = false;
  pg::Existing existing_;

  std::optional<Lease> lease_;
  std::unique_ptr<Heartbeat> heartbeat_;  ///< while the lease is held
  std::optional<Predecessor> predecessor_;
  std::vector<std::string> sessions_;  ///< of our workers, the last one last
  bool unsettled_ = false;             ///< one of them may still be at work
  std::vector<std::int64_t> foreign_held_;

  const Script* script_ = nullptr;  ///< whose units run
  bool reset_due_ = false;          ///< another script ran on the worker
  std::string started_at_;          ///< of the unit that runs
  Clock::time_point unit_began_;
  std::string statement_since_;  ///< when the last bare statement began, by the server's clock
  std::size_t image_of_ = 0;     ///< end of the statement that `image_` was made before
  std::string image_;
};

}  // namespace talos::cockroach
