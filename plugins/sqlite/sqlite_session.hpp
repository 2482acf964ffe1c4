// A session on one SQLite database: reads state, runs units, cancels.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/polled_lock_wait.hpp"
#include "common/units.hpp"
#include "sqlite_backup.hpp"
#include "sqlite_db.hpp"
#include "sqlite_dsn.hpp"
#include "sqlite_introspection.hpp"
#include "sqlite_run_lock.hpp"
#include "sqlite_scratch.hpp"
#include "sqlite_settlement.hpp"
#include "sqlite_tables.hpp"
#include "sqlite_trial.hpp"
#include "talos/driver.hpp"

namespace talos::sqlite {

class SqliteSession : public Session {
 public:
  SqliteSession(SqliteDsn dsn, const ConnectRequest& request);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t no_unit = static_cast<std::size_t>(-1);

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

  // Opening (sqlite_open.cpp)
  void open();
  void open_for_reading();
  Database connect(int flags, bool immutable);
  void install_handlers(Database& db);
  void apply_pragmas(Database& db);
  bool may_read_immutable() const;
  Error cannot_open(const Error& error) const;

  // Running (sqlite_session.cpp)
  void run_next(std::span<const Unit> units, std::size_t& completed, ExecuteObserver& observer);
  std::span<const Unit> group_at(std::span<const Unit> units, std::size_t first) const;
  bool run_group(std::span<const Unit> group, std::size_t& completed, ExecuteObserver& observer);
  bool give_up_group(const std::optional<Error>& error);
  void run_unit(const Unit& unit, std::size_t& completed, ExecuteObserver& observer);
  void run_inside(const Unit& unit, const std::string& started_at, Clock::time_point started);
  void check_stop() const;
  bool has_deferred_violations() const;
  void run_transaction(const Unit& unit);
  void run_bookkeeping(const Unit& unit, const std::string& started_at, Clock::time_point started);
  void run_body(const Unit& unit, bool foreign_keys_pragmas_only);
  void run_statement(const std::string& sql, std::size_t offset);
  void prepare_commit_safety();
  void begin();
  /// Rows without their parent, by table and parent.
  using Violations = std::map<std::pair<std::string, std::string>, std::int64_t>;
  void commit(bool foreign_keys_were_off, const Violations& violations_before);
  void prepare_rebuild(const Unit& unit);
  void roll_back() noexcept;
  void start_clean(const Script* script);
  Violations foreign_key_violations();
  Error failed(Error error) const;
  bool stop_requested() const;
  bool stop_wanted() const;

  static int on_progress(void* self);
  static int on_busy(void* self, int attempt);
  static int on_authorize(void* self, int action, const char* first, const char* second, const char* database,
                          const char* trigger);

  SqliteDsn dsn_;
  Access access_;
  Runner runner_;
  Tables tables_;
  std::optional<RunLockFile> lock_;
  common::PolledLockWait lock_wait_;
  std::optional<Database> db_;      ///< empty while the file does not exist
  bool missing_ = false;            ///< there was no file when the session began
  std::size_t suspect_ = no_unit;   ///< failed in its group: runs alone, to be named
  std::vector<std::string> notes_;  ///< about how the database was opened
  std::chrono::milliseconds busy_timeout_;
  std::chrono::milliseconds statement_timeout_;
  const std::atomic<bool>* stop_;
  std::atomic<bool> cancelled_{false};

  common::StepClock steps_;
  const Script* script_ = nullptr;  ///< whose units ran last
  bool session_touched_ = false;    ///< it may have left pragmas, attached databases, temporary objects
  Violations violations_before_script_;
  bool in_file_ = false;  ///< statements of a file are being prepared: the authorizer is strict
  bool wal_ = false;
  int synchronous_ = -1;       ///< as last set; -1 = unknown
  bool foreign_keys_ = false;  ///< of a fresh connection
  Clock::time_point statement_deadline_ = Clock::time_point::max();
  Clock::time_point busy_since_{};
  bool timed_out_ = false;
  SqliteSettlement settlement_;
  SqliteIntrospection introspection_{db_, tables_};
  SqliteTrial trial_{db_};
  SqliteScratch scratch_;
  SqliteBackup backup_{dsn_, db_, busy_timeout_, [this] { check_stop(); }};
};

}  // namespace talos::sqlite
