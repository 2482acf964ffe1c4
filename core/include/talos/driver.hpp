// SDK. The two interfaces that a plugin implements: Driver and Session.
//
// Public functions are not virtual: they turn any exception but talos::Error into one, and call the private virtual
// of the same name with do_ before it. A plugin overrides those. Every one of them may throw talos::Error.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "talos/bookkeeping.hpp"
#include "talos/error.hpp"
#include "talos/migration.hpp"

namespace talos {

/// What a connection is for.
enum class Access {
  read,    ///< status, history, dry run: nothing is written, nothing is created, no lock is taken
  write,   ///< down, force: the database must exist
  create,  ///< up: an engine whose databases are files may create the file (never its directory)
};

/// Who runs: written where others look for the holder of the lock.
struct Runner {
  std::string program;  ///< name and version
  std::int64_t pid = 0;
  std::string host;
  std::string user;
  std::string started_at;  ///< UTC, RFC 3339
};

struct ConnectRequest {
  std::string_view dsn;  ///< as the user gave it, password included: never print it
  Access access = Access::read;
  std::string table;  ///< tracker table; empty: the DSN's, or else schema_migrations
  Runner runner;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds lock_timeout{60'000};  ///< also how long to wait for writers that are no runners
  std::chrono::milliseconds statement_timeout{0};  ///< 0 = none
  std::chrono::milliseconds ddl_lock_timeout{2'000};
  int ddl_lock_retries = 30;
  std::chrono::milliseconds stall_timeout{60'000};
  /// Set by the program when the user wants to stop, also while connect() runs; cancel() follows as soon as there is
  /// a session. May be null.
  const std::atomic<bool>* stop = nullptr;
};

/// What a session can do. The program decides by these, never by the name of a dialect.
struct Capabilities {
  /// Schema changes roll back with their transaction: a file and its bookkeeping are one transaction.
  bool transactional_ddl = false;
  /// A statement that failed outside a transaction left nothing behind, but what its error names.
  bool atomic_statements = false;
  /// try_lock() keeps other runners out, for the whole run or (a lease) for each migration that can be left half-way.
  /// Without it the compare-and-set alone protects, and try_lock() is not called.
  bool run_lock = false;
  /// cancel() stops a statement that runs. Without it, it takes effect between statements or not at all.
  bool cancel = false;
  /// ConnectRequest::statement_timeout is kept: a statement that runs longer fails with ErrorCode::statement.
  bool statement_timeout = false;
  /// ConnectRequest::ddl_lock_timeout and ddl_lock_retries are kept. Without it they are ignored.
  bool ddl_lock_timeout = false;
  /// Largest number of bytes of SQL that one execute() should carry; 0 = any.
  std::size_t max_batch_bytes = 0;
};

struct SessionInfo {
  std::string database;  ///< as Driver::describe() names it: no password
  std::string server;    ///< "SQLite 3.40.1": engine and version
  std::string table;     ///< the tracker table in force, unquoted
  /// The DSN asks that files run statement by statement unless they are one transaction by themselves.
  bool no_transaction_default = false;
  std::vector<std::string> notes = {};  ///< sentences for the operator about this connection
};

/// Somebody who holds the run lock. Empty members are unknown.
struct LockHolder {
  std::int64_t pid = 0;
  std::string host;
  std::string since;   ///< UTC, RFC 3339
  std::string detail;  ///< anything the engine adds (what it is running)
};

struct LockStatus {
  bool held = false;
  std::optional<LockHolder> holder;
  bool ours = false;  ///< by this session; an engine that cannot see its own hold says `held = false` instead
};

/// The smallest piece of work that is done whole or not at all (`transaction`), or one bare statement outside a
/// transaction. Inside, the order is: tables, claim, body, journal, log. One with none of them only makes durable what
/// was committed before it.
struct Unit {
  std::size_t step = 0;     ///< the caller's number for the migration; the units of one stand together
  bool transaction = true;  ///< false: the body is one statement, run bare, and nothing else is set
  bool durable = true;      ///< the commit must survive a crash of the machine once it is reported
  /// Create the tracker and the log (and the journal, if `journal` adds or updates a row) where they are missing.
  bool create_tables = false;
  std::optional<Claim> claim;
  const Script* script = nullptr;  ///< null: no body
  std::size_t begin = 0;           ///< the body is script->text[begin, end): whole statements
  std::size_t end = 0;
  std::string_view begin_text;  ///< the BEGIN of the file to open the transaction with; empty: a plain one
  std::vector<JournalWrite> journal;
  std::optional<LogRow> log;
};

/// What became of the unit that failed.
enum class Outcome {
  not_applied,  ///< nothing of it is in the database
  /// Some of it may be. Where Capabilities::atomic_statements, the error's `leftover` names what (an index that is not
  /// valid); without that it counts as unknown.
  partial,
  unknown,  ///< it was sent and no answer came: nothing is claimed of it, the caller connects anew and looks
};

struct ExecuteResult {
  std::size_t completed = 0;  ///< units that are committed; fewer than given if and only if `error` is set
  std::optional<Error> error;
  Outcome outcome = Outcome::not_applied;  ///< of unit number `completed`
};

/// Told by execute(), on the thread that called it, as things happen. Must not throw.
class ExecuteObserver {
 public:
  virtual ~ExecuteObserver() = default;
  /// May come again for a unit that is run anew after its group of commits failed.
  virtual void unit_started(std::size_t unit) = 0;
  /// Committed, after `took`, and durable if `durable`; a later durable commit makes the earlier ones durable.
  virtual void unit_committed(std::size_t unit, std::chrono::microseconds took, bool durable) = 0;
  /// `fraction` of the running statement in 0 … 1, negative if unknown; `what` names the phase.
  virtual void progress(double fraction, std::string_view what) = 0;
  virtual void warning(std::string_view text) = 0;
};

/// An optional ability of a session: an abstract class with `static constexpr std::string_view id`, implemented
/// beside Session and handed out by do_ability(). It lets abilities be added without a change of this interface.
class Ability {
 public:
  virtual ~Ability() = default;
};

using StatementSink = std::function<void(const Statement&)>;

namespace detail {
/// Runs `call`; lets only talos::Error out.
template <class Call>
decltype(auto) guarded(std::string_view what, Call&& call) {
  try {
    return call();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error(ErrorCode::internal, std::string(what) + ": " + e.what());
  } catch (...) {
    throw Error(ErrorCode::internal, std::string(what) + ": unknown exception");
  }
}
}  // namespace detail

/// One connection to one database. All functions are called on one thread, but cancel().
class Session {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  SessionInfo info() const {
    return detail::guarded("info", [&] { return do_info(); });
  }
  Capabilities capabilities() const {
    return detail::guarded("capabilities", [&] { return do_capabilities(); });
  }

  /// Reads tracker, log and open journal rows in one consistent look. Writes nothing, creates nothing, takes no lock.
  /// Refuses (policy) side tables that are not ours or have a higher layout. Any read error is thrown, never taken
  /// for "nothing there".
  State read_state(LogDepth depth) {
    return detail::guarded("read_state", [&] { return do_read_state(depth); });
  }

  /// One attempt at the run lock, at once: true if this session may work now, also if it might before. The caller
  /// polls, and asks again whenever a claim was lost. Where a lease protects only what can be left half-way, true means
  /// that nobody else's is in force; the claim that makes the tracker dirty takes it, the one that cleans releases it.
  bool try_lock() {
    return detail::guarded("try_lock", [&] { return do_try_lock(); });
  }
  /// Gives the lock up; nothing if it is not held. The destructor does so too.
  void unlock() {
    detail::guarded("unlock", [&] { do_unlock(); });
  }
  /// Who holds the run lock, without taking it.
  LockStatus observe_lock() {
    return detail::guarded("observe_lock", [&] { return do_observe_lock(); });
  }

  /// Cuts `text` into statements, in order, without running anything. Streams: keeps nothing of the text. Returns
  /// traits for Script::traits. Throws (usage, with offset) on NUL, an unclosed quote or comment, invalid encoding.
  std::uint64_t split(std::string_view text, const StatementSink& sink) {
    return detail::guarded("split", [&] { return do_split(text, sink); });
  }

  /// Runs the units in order and stops at the first that fails. How many travel in one message, and whether commits
  /// are grouped, is the plugin's business as long as each unit is atomic and none is reported before it is
  /// committed. Error::offset counts in the whole Script::text, not in the unit's part of it. The first unit of another
  /// step starts in the state a fresh connection has, whatever the script before it left behind, and our own rows are
  /// never written under what a script set. Failures of units are returned; it throws only for defects.
  ExecuteResult execute(std::span<const Unit> units, ExecuteObserver& observer) {
    return detail::guarded("execute", [&] { return do_execute(units, observer); });
  }

  /// Stops what runs, from any thread: execute() then returns ErrorCode::cancelled. Stays in force until resume().
  void cancel() noexcept { do_cancel(); }
  /// Lets the session work again after cancel(), to clean up and to record why it stopped. Same thread as execute().
  void resume() { do_resume(); }

  /// The optional ability T, or null if this plugin lacks it. Owned by the session.
  template <class T>
  T* ability() {
    return dynamic_cast<T*>(do_ability(T::id));
  }

 private:
  virtual SessionInfo do_info() const = 0;
  virtual Capabilities do_capabilities() const = 0;
  virtual State do_read_state(LogDepth depth) = 0;
  virtual bool do_try_lock() = 0;
  virtual void do_unlock() = 0;
  virtual LockStatus do_observe_lock() = 0;
  virtual std::uint64_t do_split(std::string_view text, const StatementSink& sink) = 0;
  virtual ExecuteResult do_execute(std::span<const Unit> units, ExecuteObserver& observer) = 0;
  virtual void do_cancel() noexcept = 0;
  virtual void do_resume() = 0;
  virtual Ability* do_ability(std::string_view /*id*/) { return nullptr; }
};

/// A dialect. One object per plugin, made once, destroyed at exit; its functions may be called from any thread.
class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;

  /// The database that `dsn` names, for people: no password, no parameter that could hold one. Throws (usage) for a
  /// DSN that this dialect cannot read, with a message that quotes nothing of it. No I/O.
  std::string describe(std::string_view dsn) const {
    return detail::guarded("describe", [&] { return do_describe(dsn); });
  }

  /// Connects. For Access::read on an engine whose databases are files, a missing file is not an error: the
  /// session's read_state() says so. Throws (connection) with a message that holds no password.
  std::unique_ptr<Session> connect(const ConnectRequest& request) {
    return detail::guarded("connect", [&] { return do_connect(request); });
  }

 private:
  virtual std::string do_describe(std::string_view dsn) const = 0;
  virtual std::unique_ptr<Session> do_connect(const ConnectRequest& request) = 0;
};

}  // namespace talos
