#include "mysql_locks.hpp"

#include <charconv>
#include <utility>

#include "talos/clock.hpp"

namespace talos::mysql {

NamedLocks::NamedLocks(std::string own, std::string golang_migrate)
    : own_(stored(own)), golang_migrate_(stored(golang_migrate)), work_(stored(own + "_work")) {}

bool NamedLocks::try_lock(const Ask& ask) {
  if (held_) return true;
  // The same connection may take a lock twice, and must then release it twice: never asked for when held.
  const std::string got = ask("SELECT IF(GET_LOCK(" + own_ + ", 0) = 1, IF(GET_LOCK(" + golang_migrate_ +
                              ", 0) = 1, IF(IS_FREE_LOCK(" + work_ + ") = 1, 3, 2), 1), 0)")
                              .at(0)
                              .value();
  if (got == "1" || got == "2") ask("DO RELEASE_LOCK(" + own_ + ")");
  if (got == "2") ask("DO RELEASE_LOCK(" + golang_migrate_ + ")");
  held_ = got == "3";
  return held_;
}

void NamedLocks::unlock(const Ask& ask) {
  if (!std::exchange(held_, false)) return;
  ask("DO RELEASE_LOCK(" + golang_migrate_ + "), RELEASE_LOCK(" + own_ + ")");
}

bool NamedLocks::free(const Ask& ask) const { return ask("SELECT " + holder_sql() + " IS NULL").at(0).value() == "1"; }

std::string NamedLocks::holder_sql() const {
  return "COALESCE(IS_USED_LOCK(" + own_ + "), IS_USED_LOCK(" + golang_migrate_ + "), IS_USED_LOCK(" + work_ + "))";
}

std::string NamedLocks::is_held_by(std::uint64_t connection) const {
  return "IS_USED_LOCK(" + own_ + ") <=> " + std::to_string(connection);
}

// The one before, which was told to end, may take a moment.
std::string NamedLocks::says_it_works() const { return "GET_LOCK(" + work_ + ", 5) <=> 1"; }

std::string NamedLocks::says_it_rests() const { return "DO RELEASE_LOCK(" + work_ + ")"; }

LockStatus NamedLocks::observe(const Ask& ask, const ServerInfo& server, const Bookkeeping& tables,
                               bool lock_table) const {
  const auto answer = ask("SELECT " + holder_sql() + ", CONNECTION_ID()");
  const Row& row = answer.at(0).rows.at(0);
  LockStatus status;
  if (!row.at(0)) return status;
  status.held = true;
  status.ours = row[0] == row.at(1);
  status.holder = runner(ask, server, tables, lock_table, *row[0]);
  if (status.holder) return status;
  // Some other program; of another user's connection nothing may be seen.
  const auto other = ask("SELECT USER, HOST FROM information_schema.PROCESSLIST WHERE ID = " + *row[0]);
  status.holder.emplace();
  status.holder->pid = std::strtoll(row[0]->c_str(), nullptr, 10);
  status.holder->host = "the database server";
  if (!other.at(0).rows.empty())
    status.holder->detail =
        "connection of user " + other[0].rows[0].at(0).value_or("") + " from " + other[0].rows[0].at(1).value_or("");
  return status;
}

std::optional<LockHolder> NamedLocks::runner(const Ask& ask, const ServerInfo& server, const Bookkeeping& tables,
                                             bool lock_table, const std::string& connection) const {
  std::string sql;
  if (server.shows_attributes)
    sql =
        "SELECT MAX(IF(ATTR_NAME = 'program_name', ATTR_VALUE, NULL)), MAX(IF(ATTR_NAME = 'talos_since', ATTR_VALUE,"
        " NULL)) FROM performance_schema.session_account_connect_attrs WHERE PROCESSLIST_ID = " +
        connection;
  else if (lock_table)
    sql =
        "SELECT `runner`, CONCAT(DATE_FORMAT(`since`, '%Y-%m-%dT%H:%i:%s.'), LPAD(MICROSECOND(`since`) DIV 1000, 3,"
        " '0'), 'Z') FROM " +
        tables.lock() + " WHERE `id` = 1 AND `connection_id` = " + connection;
  if (sql.empty()) return std::nullopt;
  const auto answer = ask(sql);
  if (answer.at(0).rows.empty()) return std::nullopt;
  auto holder = runner_behind(answer[0].value());
  if (holder) holder->since = answer[0].rows[0].at(1).value_or("");
  return holder;
}

std::string sign_lock_sql(const Bookkeeping& tables, std::uint64_t connection, const Runner& runner) {
  std::string since = utc_now();
  since.replace(since.find('T'), 1, " ");
  since.pop_back();
  return "REPLACE INTO " + tables.lock() + " (`id`, `layout`, `connection_id`, `runner`, `since`) VALUES (1, " +
         std::to_string(bookkeeping_layout) + ", " + std::to_string(connection) + ", " + stored(program_name(runner)) +
         ", " + stored(since) + ")";
}

std::string program_name(const Runner& runner) {
  return runner.program + " " + std::to_string(runner.pid) + "@" + runner.host;
}

std::optional<LockHolder> runner_behind(const std::string& program_name) {
  const auto at = program_name.rfind('@');
  if (!program_name.starts_with("talos") || at == std::string::npos) return std::nullopt;
  const auto blank = program_name.rfind(' ', at);
  if (blank == std::string::npos) return std::nullopt;
  LockHolder holder;
  const char* const end = program_name.data() + at;
  const auto parsed = std::from_chars(program_name.data() + blank + 1, end, holder.pid);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  holder.host = program_name.substr(at + 1);
  return holder;
}

std::string stop_lock(std::uint64_t connection) { return "'talos.stop." + std::to_string(connection) + "'"; }

}  // namespace talos::mysql
