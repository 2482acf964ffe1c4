#include "postgres_lease.hpp"

#include "pg_runner.hpp"
#include "pg_text.hpp"

namespace talos::postgres {

Lease::Lease(std::string table, const Runner& runner, std::chrono::milliseconds lifetime)
    : table_(std::move(table)),
      owner_(pg::random_owner(runner)),
      runner_(pg::application_name(runner)),
      lifetime_(lifetime) {}

std::string Lease::ends() const {
  return "pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => " +
         std::to_string(static_cast<double>(lifetime_.count()) / 1000) + ")";
}

std::string Lease::held_by_other() const {
  return "EXISTS (SELECT 1 FROM " + table_ + " WHERE id = 1 AND owner <> " + pg::literal(owner_) +
         " AND expires_at > pg_catalog.clock_timestamp())";
}

// Whoever takes it changes the owner, so an own one that is overdue is still nobody else's.
std::string Lease::is_ours() const {
  return "EXISTS (SELECT 1 FROM " + table_ + " WHERE id = 1 AND owner = " + pg::literal(owner_) + ")";
}

std::string Lease::take() const {
  return "INSERT INTO " + table_ + " AS l (id, layout, owner, epoch, runner, since, expires_at) VALUES (1, " +
         std::to_string(bookkeeping_layout) + ", " + pg::literal(owner_) + ", 1, " +
         pg::literal(pg::valid_utf8(runner_)) + ", pg_catalog.clock_timestamp(), " + ends() +
         ") ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1, runner = excluded.runner,"
         " since = excluded.since, expires_at = excluded.expires_at;";
}

std::string Lease::renew_sql() const {
  return "UPDATE " + table_ + " SET expires_at = " + ends() + " WHERE id = 1 AND owner = " + pg::literal(owner_);
}

std::string Lease::release_sql() const {
  return "UPDATE " + table_ +
         " SET owner = '', expires_at = '-infinity' WHERE id = 1 AND owner = " + pg::literal(owner_);
}

LockStatus Lease::observe(const pg::Ask& ask) const {
  const auto answer =
      ask("SELECT runner, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), owner = " +
          pg::literal(owner_) + " FROM " + table_ + " WHERE id = 1 AND expires_at > pg_catalog.clock_timestamp()");
  LockStatus status;
  if (answer.at(0).rows.empty()) return status;
  const pg::Row& row = answer[0].rows[0];
  status.held = true;
  status.ours = row.at(2).value_or("") == "t";
  status.holder = pg::runner_behind(row.at(0).value_or("")).value_or(LockHolder{});
  status.holder->since = row.at(1).value_or("");
  status.holder->detail = "by a lease, behind a connection pooler";
  return status;
}

}  // namespace talos::postgres
