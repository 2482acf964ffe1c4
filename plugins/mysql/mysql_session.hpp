// A session on one database: reads state, locks, runs units, cancels, settles.
//
// Two connections. The first reads and holds the locks; no migration's statement ever runs there, so that no setting of
// a migration reaches what is written there and no KILL QUERY hits it. The second is made for the first statement of a
// migration; it can be reset for every script, which a connection that holds locks cannot (M4, M5, G6). Rows of our own
// that stand alone travel there, in front of the next statement, as long as no script has left traces; else, and when
// they failed there, they are written by the first.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/polled_lock_wait.hpp"
#include "mysql_backup.hpp"
#include "mysql_batch.hpp"
#include "mysql_bookkeeping.hpp"
#include "mysql_connection.hpp"
#include "mysql_dsn.hpp"
#include "mysql_introspection.hpp"
#include "mysql_lexer.hpp"
#include "mysql_locks.hpp"
#include "mysql_message.hpp"
#include "mysql_pursuit.hpp"
#include "mysql_scratch.hpp"
#include "mysql_server.hpp"
#include "mysql_settlement.hpp"
#include "mysql_trial.hpp"
#include "talos/driver.hpp"
#include "talos/settlement.hpp"

namespace talos::mysql {

class MySqlSession : public Session {
 public:
  MySqlSession(MySqlDsn dsn, const ConnectRequest& request);

 private:
  using Clock = std::chrono::steady_clock;

  /// Why a unit did not happen.
  struct Failure {
    Error error;
    Outcome outcome;
    bool may_pass = false;  ///< a lock, a deadlock: the same again may succeed
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

  // Connections, and messages that are over at once (mysql_session.cpp)
  std::unique_ptr<Connection> connect() const;
  std::vector<std::string> worker_settings() const;
  void add_work_lock(Message& message) const;
  Connection& worker();
  Connection::WhileWaiting patiently() const;
  Connection::WhileWaiting firmly() const;
  std::vector<Table> ask(const std::string& sql, const Connection::WhileWaiting& waiting);
  std::vector<Table> answers(Reply reply);
  Ask asking() {
    return [this](const std::string& sql) { return ask(sql, patiently()); };
  }
  Ask asking_firmly() {
    return [this](const std::string& sql) { return ask(sql, firmly()); };
  }
  Inquiry inquiring(Connection& connection) const;
  std::string default_database();
  Settlement::Finding settle_statement(const ScriptPart& statement, std::string_view before) const;
  bool stop_requested() const;
  void refuse_read_only() const;
  void look_for_tables();
  void sign_lock();
  [[noreturn]] void throw_lost(const Connection& connection) const;

  // For the abilities (mysql_trust.cpp)
  DumpSource dump_source();
  std::string fill(std::string_view from, std::string_view table, const std::string& to) const;
  std::unique_ptr<Connection> connect_like_worker() const;
  void check_stop() const;

  // Units (mysql_execute.cpp)
  std::optional<Error> too_large(std::span<const Unit> units);
  std::optional<Failure> run_unit(const Unit& unit, ExecuteObserver& observer, int attempt = 1);
  std::optional<Failure> run_once(const Unit& unit, ExecuteObserver& observer, std::string& blockers);
  std::optional<Failure> run_bookkeeping(const Unit& unit);
  std::optional<Failure> run_transaction(const Unit& unit, Pursuit& pursuit, ExecuteObserver& observer);
  std::optional<Failure> run_in_pieces(const Unit& unit, Pursuit& pursuit, ExecuteObserver& observer);
  std::optional<Failure> run_bare(const Unit& unit, Pursuit& pursuit, ExecuteObserver& observer);
  std::optional<Failure> send(const Unit& unit, const Message& message, Pursuit& pursuit, ExecuteObserver& observer);
  bool wait_for_guard(Failure& failure, int attempt) const;
  bool wait_before_retry(Failure& failure, int attempt, const std::string& blockers, ExecuteObserver& observer);
  bool pause_for(std::chrono::milliseconds duration) const;
  Pursuit pursuit(ExecuteObserver& observer);
  std::vector<std::string> missing_tables(const Unit& unit) const;
  void create_tables(const Unit& unit);
  void begin_script(const Script* script);
  void renew_worker();
  void for_each_statement(const Unit& unit, const StatementSink& sink);
  bool has_statements(const Unit& unit);
  bool may_leave_traces(const Unit& unit) const;
  bool may_be_partial(std::string_view text, const Ddl& ddl) const;
  static bool wants_image(const JournalWrite& write);
  std::vector<JournalWrite> with_images(const Unit& unit);

  // Our rows and a statement in one message (mysql_batch.cpp)
  void check_way(bool finishing);
  void take_unit(Progress& progress);
  bool prepare(Progress& progress, const Unit& unit, bool opens);
  void write_waiting(Progress& progress);
  bool can_carry(const Unit& unit) const;
  void run_statements(Progress& progress, const Unit& unit);
  static void finish(Progress& progress, std::optional<Failure> failure);
  void run_batch(Progress& progress, const Unit& unit);
  Reply send_batch(const Batch& batch, Progress& progress, Pursuit& chase);
  std::size_t done_after_loss(const Batch& batch, const Progress& progress);
  void rows_failed(Progress& progress, const Batch& batch, const Reply& reply, Pursuit& chase);
  bool lock_is_gone();
  void tell_all_warnings(const Progress& progress, const Batch& batch, const Reply& reply);

  // What travels together (mysql_chain.cpp)
  Batch compose_batch(const Progress& progress, const Unit& unit);
  void add_links(Batch& batch, const Progress& progress);
  void add_names(const Unit& unit, Names& names) const;
  std::optional<std::size_t> rows_from(const Progress& progress, std::size_t first);
  std::optional<Link> next_link(const Progress& progress, const Batch& batch);
  std::optional<NamedObject> made_by(const JournalWrite& write, const Progress& progress, const Batch& batch) const;
  void set_absence(Unit& unit, const Link& link) const;
  void add_waiting(Batch& batch, const Progress& progress);
  void add_rows(Message& message, const Progress& progress, const Link& link, const std::string& sent);
  void add_bare(Message& message, const Unit& unit) const;
  void add_transaction(Message& message, const Unit& unit);
  bool must_be_last(const Unit& unit) const;
  std::optional<std::string> next_look(const Progress& progress, const Batch& batch) const;
  Inquiry remembering();

  // Messages (mysql_compose.cpp)
  void add_beginning(Message& message, const Unit& unit, bool on_worker) const;
  static void add_isolation(Message& message);
  void add_body(Message& message, const Unit& unit);
  void add_end(Message& message, const Unit& unit, const std::string& started_at, bool on_worker) const;
  static RowTimes times_here(const Unit& unit, const std::string& started_at, bool on_worker);
  static RowTimes times_there(const std::string& sent);
  void add_records(Message& message, const Unit& unit, const RowTimes& times) const;
  void add_commit(Message& message, bool on_worker) const;
  std::string nobody_stops() const;
  static bool asks_for_diagnostics(std::string_view text);
  bool shows_warnings(const Unit& unit);

  // Failures (mysql_judge.cpp)
  std::optional<Failure> judge(const Unit& unit, const Message& message, const Reply& reply, Connection& connection,
                               const Pursuit* pursuit) const;
  Failure lost(const Unit& unit, const Message& message, const Reply& reply) const;
  Failure refused(const Unit& unit, const Message& message, const Reply& reply, const Pursuit* pursuit) const;
  static Error lock_lost();
  static void interrupted(Error& error, const Pursuit* pursuit);
  void roll_back(Connection& connection, Failure& failure) const;
  void judge_part(const Ddl& ddl, const std::vector<Sight>& before, Failure& failure);
  void tell_warnings(const Unit& unit, std::size_t offset, const Table& warnings, ExecuteObserver& observer) const;

  const std::string dsn_text_;  ///< as it was given: never print it
  MySqlDsn dsn_;
  Access access_;
  Runner runner_;
  std::chrono::milliseconds connect_timeout_;
  std::chrono::milliseconds statement_timeout_;
  std::chrono::milliseconds ddl_lock_timeout_;
  std::chrono::milliseconds lock_timeout_;
  std::chrono::milliseconds stall_timeout_;
  int ddl_lock_retries_;
  const std::atomic<bool>* stop_;
  std::atomic<bool> cancelled_{false};
  SessionSettlement settlement_;

  Endpoint endpoint_;
  std::unique_ptr<Connection> base_;
  std::unique_ptr<Connection> worker_;
  std::uint64_t last_worker_ = 0;  ///< its number, also when it is gone
  ServerInfo server_;
  LexerModes modes_;  ///< that a script begins in
  std::optional<Bookkeeping> tables_;
  std::optional<NamedLocks> locks_;
  common::PolledLockWait lock_wait_;
  Existing existing_;

  MySqlIntrospection introspection_;
  MySqlScratch scratch_;
  MySqlTrial trial_;
  MySqlBackup backup_;

  const Script* script_ = nullptr;     ///< whose units run
  std::vector<Statement> statements_;  ///< of it, unless it is very large
  bool keeps_statements_ = false;
  bool script_asks_ = false;    ///< it may ask for the diagnostics of its statements
  bool shows_as_base_ = false;  ///< definitions read the same on the worker, until a script sets something
  std::optional<KeptLook> look_;
  bool used_ = false;          ///< something ran on the worker that may have left traces in its session
  bool settings_due_ = false;  ///< the worker's next message begins with its settings
};

}  // namespace talos::mysql
