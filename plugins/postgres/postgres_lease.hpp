// The lease that stands in for the lock of a session where a pooler gives every transaction another session: a row of
// <table>_lock with an owner, an epoch and a time at which it ends unless it is renewed (P3).
#pragma once

#include <chrono>
#include <string>

#include "pg_bookkeeping.hpp"
#include "talos/driver.hpp"

namespace talos::postgres {

class Lease {
 public:
  Lease(std::string table, const Runner& runner, std::chrono::milliseconds lifetime);

  std::chrono::milliseconds lifetime() const { return lifetime_; }

  // Statements of a PL/pgSQL block.
  /// A condition: somebody else's lease is in force.
  std::string held_by_other() const;
  /// A condition: this runner's own is. Locks nothing: a long transaction would stop its own renewals.
  std::string is_ours() const;
  /// Takes it; under the transaction lock, and after held_by_other().
  std::string take() const;

  /// A single UPDATE, which changes no row if the lease is lost.
  std::string renew_sql() const;
  std::string release_sql() const;

  /// Who holds it, of an existing table.
  LockStatus observe(const pg::Ask& ask) const;

 private:
  std::string ends() const;
  std::string table_;  ///< quoted, with its schema
  std::string owner_;  ///< random: no other process has it
  std::string runner_;
  std::chrono::milliseconds lifetime_;
};

}  // namespace talos::postgres
