#include "cockroach_lease.hpp"

#include <algorithm>
#include <charconv>

#include "pg_runner.hpp"
#include "pg_text.hpp"
#include "talos/bookkeeping.hpp"

namespace talos::cockroach {

namespace {

// Clocks of a cluster's nodes differ by 500 ms at most: a lease is over only when it is by everybody's.
constexpr const char* grace = "INTERVAL '1500 milliseconds'";

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(' ', at), list.size());
    if (end > at) parts.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string list;
  for (const std::string& part : parts) list += (list.empty() ? "" : " ") + part;
  return list;
}

std::string joined(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> parts;
  for (const std::int64_t one : numbers) parts.push_back(std::to_string(one));
  return joined(parts);
}

std::string time_or_null(const std::string& time) {
  return time.empty() ? "NULL" : pg::literal(time) + "::timestamptz";
}

}  // namespace

Lease::Lease(std::string table, const Runner& runner, std::string user, std::chrono::milliseconds lifetime)
    : table_(std::move(table)),
      owner_(pg::random_owner(runner)),
      runner_(pg::application_name(runner)),
      user_(std::move(user)),
      lifetime_(lifetime) {}

const std::vector<std::string>& Lease::columns() {
  static const std::vector<std::string> names{"id",       "layout", "owner",      "epoch",         "runner",    "since",
                                              "sessions", "users",  "jobs_since", "foreign_locks", "expires_at"};
  return names;
}

std::string Lease::create_sql() const {
  return "CREATE TABLE IF NOT EXISTS " + table_ +
         " (id bigint NOT NULL PRIMARY KEY, layout bigint NOT NULL, owner text NOT NULL, epoch bigint NOT NULL,"
         " runner text, since timestamptz, sessions text, users text, jobs_since timestamptz, foreign_locks text,"
         " expires_at timestamptz)";
}

std::string Lease::ends() const {
  return "clock_timestamp() + INTERVAL '" + std::to_string(lifetime_.count()) + " milliseconds'";
}

std::string Lease::mine() const {
  return "id = 1 AND owner = " + pg::literal(owner_) + " AND epoch = " + std::to_string(epoch_);
}

std::string Lease::look_sql() const {
  return "SELECT w.owner, w.epoch, w.runner, " + pg::milliseconds_of("w.since") + ", w.sessions, " +
         pg::milliseconds_of("w.jobs_since") +
         ", w.foreign_locks, w.owner <> '' AND e.expires_at > clock_timestamp()," +
         " w.owner = '' OR e.expires_at < clock_timestamp() - " + grace + ", w.users FROM " + table_ + " AS w JOIN " +
         table_ + " AS e ON e.id = 2 WHERE w.id = 1";
}

std::optional<LeaseRows> Lease::read(const pg::Table& answer) {
  if (answer.rows.empty()) return std::nullopt;
  const pg::Row& row = answer.rows.front();
  const auto text = [&](std::size_t column) { return row.at(column).value_or(""); };
  LeaseRows rows;
  rows.owner = text(0);
  rows.epoch = number(text(1));
  rows.runner = text(2);
  rows.since = pg::time_of(text(3));
  rows.sessions = split(text(4));
  rows.jobs_since = pg::time_of(text(5));
  for (const std::string& one : split(text(6))) rows.foreign.push_back(number(one));
  rows.running = text(7) == "t" || text(7) == "true";
  rows.claimable = text(8) == "t" || text(8) == "true";
  rows.users = split(text(9));
  return rows;
}

std::vector<std::string> Lease::take_sql(const std::optional<LeaseRows>& rows,
                                         const std::vector<std::int64_t>& foreign) const {
  const std::string layout = std::to_string(bookkeeping_layout);
  const std::string name = pg::literal(pg::valid_utf8(runner_));
  if (!rows)
    return {"INSERT INTO " + table_ +
            " (id, layout, owner, epoch, runner, since, sessions, users, foreign_locks, expires_at)" + " VALUES (1, " +
            layout + ", " + pg::literal(owner_) + ", 1, " + name + ", clock_timestamp(), '', " + pg::literal(user_) +
            ", " + pg::literal(joined(foreign)) + ", NULL), (2, " + layout + ", " + pg::literal(owner_) +
            ", 0, NULL, NULL, NULL, NULL, NULL, " + ends() + ") RETURNING 1"};
  // What the one before left behind stays known until it is seen to be over, also if this runner dies first.
  const std::string jobs_since = rows->sessions.empty()     ? ""
                                 : rows->jobs_since.empty() ? rows->since
                                                            : rows->jobs_since;
  std::vector<std::string> users = rows->sessions.empty() ? std::vector<std::string>() : rows->users;
  if (std::find(users.begin(), users.end(), user_) == users.end()) users.push_back(user_);
  return {"UPDATE " + table_ + " SET owner = " + pg::literal(owner_) + ", epoch = epoch + 1, runner = " + name +
              ", since = clock_timestamp(), users = " + pg::literal(joined(users)) +
              ", jobs_since = " + time_or_null(jobs_since) + ", foreign_locks = " + pg::literal(joined(foreign)) +
              " WHERE id = 1 AND owner = " + pg::literal(rows->owner) + " AND epoch = " + std::to_string(rows->epoch) +
              " RETURNING 1",
          "UPDATE " + table_ + " SET owner = " + pg::literal(owner_) + ", expires_at = " + ends() +
              " WHERE id = 2 RETURNING 1"};
}

// Whoever takes it changes the owner, so that an own one that is overdue is still nobody else's.
std::string Lease::renew_sql() const {
  return "UPDATE " + table_ + " SET expires_at = " + ends() + " WHERE id = 2 AND owner = " + pg::literal(owner_) +
         " RETURNING 1";
}

std::vector<std::string> Lease::release_sql(const std::vector<std::string>& sessions) const {
  const std::string jobs_since = sessions.empty() ? "NULL" : "coalesce(jobs_since, since)";
  return {"UPDATE " + table_ + " SET owner = '', foreign_locks = '', sessions = " + pg::literal(joined(sessions)) +
              ", jobs_since = " + jobs_since + " WHERE " + mine() + " RETURNING 1",
          "UPDATE " + table_ + " SET owner = '', expires_at = clock_timestamp() WHERE id = 2 AND owner = " +
              pg::literal(owner_) + " RETURNING 1"};
}

std::string Lease::remember_sessions_sql(const std::vector<std::string>& sessions) const {
  return "UPDATE " + table_ + " SET sessions = " + pg::literal(joined(sessions)) + " WHERE " + mine() + " RETURNING 1";
}

std::string Lease::forget_sql() const {
  return "UPDATE " + table_ + " SET sessions = '', users = " + pg::literal(user_) + ", jobs_since = NULL WHERE " +
         mine() + " RETURNING 1";
}

std::string Lease::poison_sql() const {
  return "UPDATE " + table_ + " SET epoch = epoch + 1 WHERE " + mine() + " RETURNING 1";
}

std::string Lease::fence() const {
  if (!held()) return "true";
  return "EXISTS (SELECT 1 FROM " + table_ + " WHERE " + mine() + ")";
}

std::string Lease::fence_now() const {
  if (!held()) return "true";
  return fence() + " AND EXISTS (SELECT 1 FROM " + table_ + " WHERE id = 2 AND owner = " + pg::literal(owner_) +
         " AND expires_at > clock_timestamp())";
}

}  // namespace talos::cockroach
