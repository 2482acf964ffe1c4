// The advisory locks that keep runners apart: this program's own, and those of golang-migrate's runners (P1, P2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pg_bookkeeping.hpp"
#include "talos/driver.hpp"

namespace talos::postgres {

class AdvisoryLocks {
 public:
  AdvisoryLocks(std::int64_t own, std::vector<std::int64_t> foreign);

  // Of the session. Each is polled by the caller: a session that waits in pg_advisory_lock() holds a snapshot, and
  // CREATE INDEX CONCURRENTLY in the holder would wait for it: a deadlock.

  /// All or none: one SELECT that tries, and what came of it.
  std::string try_sql() const;
  bool tried(const pg::Ask& ask, const pg::Table& answer);
  /// `tells`: those who wait hear of it.
  void unlock(const pg::Ask& ask, bool tells);
  bool held() const { return held_; }
  bool foreign_held() const { return foreign_held_; }

  /// The channel, quoted, on which a runner that has done something tells that it gave the locks up.
  std::string channel() const;

  /// golang-migrate's runners block in pg_advisory_lock(), so their keys must be free while a statement waits for
  /// all snapshots. Only the program's own key stays.
  void release_foreign(const pg::Ask& ask);
  bool try_foreign(const pg::Ask& ask);
  // The same as a part of other messages. Whoever has sent one says what came of it.
  /// One SELECT; empty where there is nothing that could be released.
  std::string release_foreign_sql() const;
  /// The statements of a PL/pgSQL block that declares `talos_keys integer`: it takes all, or none and raises `state`.
  std::string take_foreign_sql(std::string_view state) const;
  void foreign_released() { foreign_held_ = false; }
  void foreign_taken() { foreign_held_ = held_; }

  /// An expression that takes all of them for the current transaction: true if it could.
  std::string try_in_transaction() const;

  /// Who holds any of them, the program's own first. `ours` where it is the asking session.
  LockStatus observe(const pg::Ask& ask) const;

 private:
  std::vector<std::int64_t> all() const;

  std::int64_t own_;
  std::vector<std::int64_t> foreign_;
  bool held_ = false;
  bool foreign_held_ = false;
};

}  // namespace talos::postgres
