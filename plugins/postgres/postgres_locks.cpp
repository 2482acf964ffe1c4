#include "postgres_locks.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "pg_runner.hpp"
#include "pg_text.hpp"

namespace talos::postgres {

namespace {

// Tries the keys in order and stops at the first that is taken: how many it got.
std::string count_obtained(const std::vector<std::int64_t>& keys, const char* function) {
  std::string sql = "CASE";
  for (std::size_t i = 0; i < keys.size(); ++i)
    sql +=
        " WHEN NOT pg_catalog." + std::string(function) + "(" + std::to_string(keys[i]) + ") THEN " + std::to_string(i);
  return sql + " ELSE " + std::to_string(keys.size()) + " END";
}

std::string try_all(const std::vector<std::int64_t>& keys) {
  return "SELECT " + count_obtained(keys, "pg_try_advisory_lock");
}

std::string unlock_call(std::int64_t key) { return "pg_catalog.pg_advisory_unlock(" + std::to_string(key) + ")"; }

std::string unlock_first_sql(const std::vector<std::int64_t>& keys, std::size_t count) {
  std::string sql;
  for (std::size_t i = 0; i < count; ++i) sql += (i == 0 ? "SELECT " : ", ") + unlock_call(keys[i]);
  return sql;
}

void unlock_first(const pg::Ask& ask, const std::vector<std::int64_t>& keys, std::size_t count) {
  if (count > 0) ask(unlock_first_sql(keys, count));
}

// `answer` is that to try_all().
bool all_obtained(const pg::Ask& ask, const std::vector<std::int64_t>& keys, const pg::Table& answer) {
  const std::size_t obtained = std::strtoull(answer.value().c_str(), nullptr, 10);
  if (obtained == keys.size()) return true;
  unlock_first(ask, keys, obtained);
  return false;
}

}  // namespace

AdvisoryLocks::AdvisoryLocks(std::int64_t own, std::vector<std::int64_t> foreign)
    : own_(own), foreign_(std::move(foreign)) {}

std::vector<std::int64_t> AdvisoryLocks::all() const {
  std::vector<std::int64_t> keys{own_};
  keys.insert(keys.end(), foreign_.begin(), foreign_.end());
  return keys;
}

std::string AdvisoryLocks::try_sql() const { return try_all(all()); }

bool AdvisoryLocks::tried(const pg::Ask& ask, const pg::Table& answer) {
  held_ = foreign_held_ = all_obtained(ask, all(), answer);
  return held_;
}

void AdvisoryLocks::unlock(const pg::Ask& ask, bool tells) {
  if (!held_) return release_foreign(ask);
  const std::vector<std::int64_t> keys = all();
  held_ = false;
  // A notification is a commit like any other, but nobody minds if a crash of the server loses it, nor if it is not
  // made because others hold the queue for long.
  const std::string news = tells
                               ? "; BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = '1s'; NOTIFY " +
                                     channel() + "; COMMIT"
                               : "";
  ask(unlock_first_sql(keys, std::exchange(foreign_held_, false) ? keys.size() : 1) + news);
}

std::string AdvisoryLocks::channel() const { return pg::quoted_name("talos " + std::to_string(own_)); }

void AdvisoryLocks::release_foreign(const pg::Ask& ask) {
  if (!foreign_held_) return;
  foreign_held_ = false;
  unlock_first(ask, foreign_, foreign_.size());
}

bool AdvisoryLocks::try_foreign(const pg::Ask& ask) {
  if (!foreign_held_) foreign_held_ = all_obtained(ask, foreign_, ask(try_all(foreign_)).at(0));
  return foreign_held_;
}

std::string AdvisoryLocks::release_foreign_sql() const { return unlock_first_sql(foreign_, foreign_.size()); }

std::string AdvisoryLocks::take_foreign_sql(std::string_view state) const {
  if (!held_ || foreign_held_ || foreign_.empty()) return "";
  std::string sql = "talos_keys := " + count_obtained(foreign_, "pg_try_advisory_lock") + "; ";
  sql += "IF talos_keys < " + std::to_string(foreign_.size()) + " THEN ";
  for (std::size_t i = 0; i + 1 < foreign_.size(); ++i)
    sql += "IF talos_keys > " + std::to_string(i) + " THEN PERFORM " + unlock_call(foreign_[i]) + "; END IF; ";
  return sql + "RAISE EXCEPTION 'talos' USING ERRCODE = '" + std::string(state) + "'; END IF; ";
}

std::string AdvisoryLocks::try_in_transaction() const {
  const std::vector<std::int64_t> keys = all();
  return count_obtained(keys, "pg_try_advisory_xact_lock") + " = " + std::to_string(keys.size());
}

LockStatus AdvisoryLocks::observe(const pg::Ask& ask) const {
  std::string keys = std::to_string(own_);
  for (const std::int64_t key : foreign_) keys += ", " + std::to_string(key);
  const std::string key = "((l.classid::bigint << 32) | l.objid::bigint)";
  const auto answer =
      ask("SELECT l.pid, a.application_name, a.usename,"
          " to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
          " l.pid = pg_catalog.pg_backend_pid()"
          " FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
          " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database ="
          " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
          " AND " +
          key + " IN (" + keys + ") ORDER BY " + key + " <> " + std::to_string(own_) + " LIMIT 1");
  if (answer.at(0).rows.empty()) return {};
  const pg::Row& row = answer[0].rows[0];
  const auto text = [&](std::size_t column) { return row.at(column).value_or(""); };
  LockStatus status;
  status.held = true;
  status.ours = text(4) == "t";
  auto holder = pg::runner_behind(text(1));
  if (!holder) {
    holder.emplace();
    holder->pid = std::atoll(text(0).c_str());
    holder->host = "the database server";
    holder->detail = text(1) + (text(2).empty() ? "" : " of user " + text(2));
  }
  holder->since = text(3);
  status.holder = std::move(holder);
  return status;
}

}  // namespace talos::postgres
