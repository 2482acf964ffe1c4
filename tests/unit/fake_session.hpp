// A database in memory, and a session and a driver on it: what the core's tests run against.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "talos/driver.hpp"
#include "talos/lock_wait.hpp"
#include "talos/settlement.hpp"

namespace talos::test {

/// How a unit fails. What it leaves behind follows from `outcome`: a transaction that is not unknown leaves nothing.
struct Failure {
  ErrorCode code = ErrorCode::statement;
  Outcome outcome = Outcome::not_applied;
  std::string message = "no such table: t";
  /// Of the body's text from which the error's offset is taken; empty: no offset.
  std::string at = {};
  std::string leftover = {};
};

/// What all sessions of a test share, and the settings of what is to happen.
struct FakeDatabase {
  bool exists = true;
  std::vector<TrackerRow> tracker;
  std::vector<LogRow> log;
  std::vector<JournalRow> journal;               ///< open rows
  std::vector<JournalWriteKind> journal_writes;  ///< in order
  std::vector<std::string> ran;                  ///< committed bodies, in order

  Capabilities capabilities{.transactional_ddl = true, .atomic_statements = true, .run_lock = true, .cancel = true};
  bool no_transaction_default = false;
  std::optional<LockHolder> foreign_lock;  ///< another process holds the run lock
  bool locked = false;                     ///< one of our sessions does
  bool unlock_fails = false;
  int refused_connections = 0;                 ///< so many connects fail before one succeeds
  std::map<std::size_t, Failure> failures;     ///< by number of the unit, counted from 0 over all execute() calls
  std::function<void(std::size_t)> on_unit;    ///< called with that number before the unit begins
  std::function<void(std::size_t)> on_commit;  ///< … and after it is committed
  std::function<void()> on_read;               ///< called before each read_state()
  std::vector<TrackerRow> tracker_after_unit;  ///< the tracker after each committed unit; version -1 clean = no row

  std::optional<Settlement::Finding> finding;  ///< what the ability Settlement says; none: no such ability
  std::vector<std::string> asked;              ///< texts it was asked about, and what `before` was
  std::vector<std::string> cleared;            ///< texts whose leftovers were removed

  /// What the ability LockWait answers, given how long it may wait; none: no such ability. It never sleeps.
  std::function<bool(std::chrono::milliseconds)> on_lock_wait;

  std::size_t units = 0;  ///< units begun so far
  int calls = 0;          ///< of execute()
  int sessions = 0;       ///< open ones
  int lock_attempts = 0;
  int reads = 0;
  int cancels = 0;
  std::vector<Access> connects;

  std::optional<TrackerRow> row() const;
  /// Rows of the log that are no failed attempt, as "up 1", "force 2" …
  std::vector<std::string> history() const;
  std::vector<LogRow> failed_attempts() const;
};

class FakeSettlement : public Settlement {
 public:
  explicit FakeSettlement(FakeDatabase& database) : database_(database) {}

 private:
  Finding do_settle(const ScriptPart& statement, std::string_view before) override;
  void do_clear(const ScriptPart& statement, std::string_view before, ExecuteObserver& observer) override;

  FakeDatabase& database_;
};

class FakeLockWait : public LockWait {
 public:
  explicit FakeLockWait(FakeDatabase& database) : database_(database) {}

 private:
  bool do_await(std::chrono::milliseconds at_most) override { return database_.on_lock_wait(at_most); }

  FakeDatabase& database_;
};

class FakeSession : public Session {
 public:
  explicit FakeSession(FakeDatabase& database) : database_(database), settlement_(database), lock_wait_(database) {
    ++database_.sessions;
  }
  ~FakeSession() override;

 private:
  SessionInfo do_info() const override;
  Capabilities do_capabilities() const override { return database_.capabilities; }
  State do_read_state(LogDepth depth) override;
  bool do_try_lock() override;
  void do_unlock() override;
  LockStatus do_observe_lock() override;
  /// Cuts at ';' outside of quotes and classes by the first word.
  std::uint64_t do_split(std::string_view text, const StatementSink& sink) override;
  ExecuteResult do_execute(std::span<const Unit> units, ExecuteObserver& observer) override;
  void do_cancel() noexcept override;
  void do_resume() override { cancelled_ = false; }
  Ability* do_ability(std::string_view id) override;

  void run_unit(const Unit& unit, std::size_t number);
  void write_rows(const Unit& unit);

  FakeDatabase& database_;
  FakeSettlement settlement_;
  FakeLockWait lock_wait_;
  bool holds_lock_ = false;
  bool cancelled_ = false;
};

class FakeDriver : public Driver {
 public:
  explicit FakeDriver(FakeDatabase& database) : database_(database) {}

 private:
  std::string do_describe(std::string_view /*dsn*/) const override { return "fake"; }
  std::unique_ptr<Session> do_connect(const ConnectRequest& request) override;

  FakeDatabase& database_;
};

}  // namespace talos::test
