// The lease that keeps runners apart: two rows of <table>_lock. Texts of SQL, and the state behind them.
//
// Row 1 says who holds it and changes when that does; row 2 says until when and is renewed all the time. Apart, because
// a transaction that has read a row is restarted when it changes: one that takes longer than the time between two
// renewals depends on row 1 alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg_connection.hpp"
#include "talos/driver.hpp"

namespace talos::cockroach {

inline constexpr std::chrono::milliseconds default_lease_lifetime{30'000};

/// What the two rows say.
struct LeaseRows {
  std::string owner;  ///< empty: released
  std::int64_t epoch = 0;
  std::string runner;                 ///< as pg::application_name() gives it
  std::string since;                  ///< UTC, RFC 3339
  std::vector<std::string> sessions;  ///< of runners whose statements may still be at work
  std::vector<std::string> users;     ///< as whom those runners, and the last one, were here
  std::string jobs_since;             ///< since when their schema changes may have begun; UTC, RFC 3339; may be empty
  std::vector<std::int64_t> foreign;  ///< golang-migrate's lock rows that were inserted with it
  bool running = false;               ///< its time is not up
  bool claimable = false;             ///< nobody's: released, or its time was up a while ago
};

class Lease {
 public:
  /// `table` is quoted, with database and schema.
  Lease(std::string table, const Runner& runner, std::string user, std::chrono::milliseconds lifetime);

  std::chrono::milliseconds lifetime() const { return lifetime_; }
  const std::string& owner() const { return owner_; }
  std::int64_t epoch() const { return epoch_; }
  bool held() const { return epoch_ != 0; }
  /// It is ours, at this epoch; 0: it is not.
  void set_epoch(std::int64_t epoch) { epoch_ = epoch; }

  // Single statements. Those that write give one row for each row they wrote.

  std::string create_sql() const;
  /// The columns that the table must have.
  static const std::vector<std::string>& columns();
  /// For read().
  std::string look_sql() const;
  static std::optional<LeaseRows> read(const pg::Table& answer);
  bool is_ours(const LeaseRows& rows) const { return rows.owner == owner_; }

  /// Takes it over from `rows`, which are claimable, or makes the first; two rows are written in all, or none by the
  /// first statement if somebody else was faster. The new epoch is rows' + 1.
  std::vector<std::string> take_sql(const std::optional<LeaseRows>& rows,
                                    const std::vector<std::int64_t>& foreign) const;
  std::string renew_sql() const;
  /// Keeps sessions and the time of their jobs only where they are given.
  std::vector<std::string> release_sql(const std::vector<std::string>& sessions) const;
  std::string remember_sessions_sql(const std::vector<std::string>& sessions) const;
  /// The runners before are through.
  std::string forget_sql() const;
  /// C4: whoever relies on the epoch of now can write no more.
  std::string poison_sql() const;

  // Conditions; true without a lease, where the tracker alone guards.

  /// Ours at this epoch: what a write of ours depends on. Locks nothing.
  std::string fence() const;
  /// And its time is not up.
  std::string fence_now() const;

 private:
  std::string ends() const;
  std::string mine() const;

  std::string table_;
  std::string owner_;
  std::string runner_;
  std::string user_;
  std::chrono::milliseconds lifetime_;
  std::int64_t epoch_ = 0;
};

}  // namespace talos::cockroach
