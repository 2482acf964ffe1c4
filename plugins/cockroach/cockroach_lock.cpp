// The run lock: the lease, golang-migrate's rows with it (C1), and the runner before us (C3).
#include <algorithm>

#include "cockroach_session.hpp"
#include "common/backoff.hpp"
#include "pg_runner.hpp"
#include "pg_text.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::cockroach {

namespace {

std::string list(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

bool contains(const std::vector<std::int64_t>& numbers, std::int64_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

}  // namespace

bool CockroachSession::do_try_lock() {
  // It was lost while nothing of ours ran: a lease is taken anew like anybody's.
  if (lease_->held() && heartbeat_ && heartbeat_->lost()) {
    drop_worker();
    heartbeat_.reset();
    lease_->set_epoch(0);
  }
  if (!lease_->held()) {
    if (lease_table_known_ && somebody_has_it()) return false;
    make_lease_table();
    if (!take_lease()) return false;
  }
  return predecessor_is_through();
}

void CockroachSession::make_lease_table() {
  look_for_tables();
  const auto found = ask("SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = " + pg::literal(server_.schema) +
                         " AND tablename = " + pg::literal(foreign_name_));
  foreign_exists_ = found.at(0).value() != "0";
  if (!existing_.lease) {
    create_table(lease_->create_sql());
    look_for_tables();
  }
  refuse_foreign_lease_table();
  lease_table_known_ = true;
}

// What a waiter asks again and again.
bool CockroachSession::somebody_has_it() {
  const auto rows = Lease::read(ask(lease_->look_sql()).at(0));
  return rows && !rows->claimable && !lease_->is_ours(*rows);
}

// G17.
void CockroachSession::refuse_foreign_lease_table() {
  std::string names;
  for (const std::string& column : Lease::columns()) names += (names.empty() ? "" : ", ") + column;
  const std::string select = "SELECT " + names + " FROM " + tables_->lease() + " WHERE false";
  const pg::Reply reply = inquire(select, patiently());
  constexpr std::string_view undefined_column = "42703";
  if (reply.error && reply.error->is(undefined_column))
    throw Error(ErrorCode::policy,
                "the table " + tables_->table() + "_lock is not this program's: " + reply.error->message)
        .with_hint("choose another tracker table with --table");
  if (reply.failed()) ask(select);
}

bool CockroachSession::take_lease() {
  constexpr int most_attempts = 10;
  for (int attempt = 1; attempt <= most_attempts; ++attempt) {
    const auto asked_at = Clock::now();
    if (const auto taken = try_take()) {
      if (!*taken) return false;
      start_heartbeat(asked_at);
      return true;
    }
    if (!pause_for(common::retry_delay(attempt) / 4)) throw Error(ErrorCode::cancelled, "stopped");
  }
  return false;
}

// One attempt. Nothing: it was rolled back for somebody's sake, or nobody knows: look again.
std::optional<bool> CockroachSession::try_take() {
  // SELECT … FOR UPDATE promises nothing here; that both rows are as they were read does SERIALIZABLE.
  std::string look = std::string(begin_serializable) + "; " + lease_->look_sql();
  if (foreign_exists_)
    look += "; SELECT lock_id FROM " + foreign_table_ + " WHERE lock_id IN (" + list(foreign_ids_) + ")";
  const pg::Reply looked = inquire(look, patiently());
  const auto give_up = [&](bool result) -> std::optional<bool> {
    inquire("ROLLBACK", firmly());
    return result;
  };
  const auto failed = [&](const pg::Reply& reply) -> std::optional<bool> {
    if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped");
    if (reply.error && fate_of(*reply.error) == Fate::refused)
      throw Error(pg::to_error(*reply.error, ErrorCode::connection));
    return std::nullopt;
  };
  if (looked.failed()) return failed(looked);
  const auto rows = Lease::read(looked.tables.at(1));
  // Ours after all: the answer to the COMMIT before was lost.
  if (rows && lease_->is_ours(*rows)) {
    give_up(true);
    lease_->set_epoch(rows->epoch);
    return true;
  }
  if (rows && !rows->claimable) return give_up(false);
  std::vector<std::int64_t> missing;
  if (foreign_exists_) {
    std::vector<std::int64_t> there;
    for (const pg::Row& row : looked.tables.at(2).rows) there.push_back(std::stoll(row.at(0).value_or("0")));
    for (const std::int64_t id : foreign_ids_) {
      // C1: the runner before us may have left it behind; whose else it is, is waited for.
      if (contains(there, id) && !(rows && contains(rows->foreign, id))) return give_up(false);
      if (!contains(there, id)) missing.push_back(id);
    }
  }
  foreign_held_ = foreign_exists_ ? foreign_ids_ : std::vector<std::int64_t>();
  std::string take;
  for (const std::string& statement : lease_->take_sql(rows, foreign_held_)) take += statement + "; ";
  for (const std::int64_t id : missing)
    take += "INSERT INTO " + foreign_table_ + " (lock_id) VALUES (" + std::to_string(id) + ") RETURNING 1; ";
  const pg::Reply taken = inquire(take, firmly());
  if (taken.failed()) {
    // golang-migrate's own insert was faster.
    if (taken.error && taken.error->is(pg::sqlstate::unique_violation)) return false;
    return failed(taken);
  }
  for (const pg::Table& table : taken.tables)
    if (table.rows.empty()) return give_up(false);
  fail_point("cockroach before lease committed");
  const pg::Reply committed = inquire("COMMIT", firmly());
  fail_point("cockroach after lease committed");
  if (committed.failed()) return committed.lost.empty() ? failed(committed) : std::nullopt;
  if (committed.last_tag != "COMMIT") return std::nullopt;
  lease_->set_epoch(rows ? rows->epoch + 1 : 1);
  sessions_ = rows ? rows->sessions : std::vector<std::string>();
  if (!sessions_.empty())
    predecessor_ = Predecessor{
        rows->runner, sessions_, rows->users, rows->jobs_since.empty() ? rows->since : rows->jobs_since, {}};
  return true;
}

void CockroachSession::start_heartbeat(Clock::time_point taken_at) {
  // One from before is not recorded in the lease.
  drop_worker();
  Heartbeat::Task task;
  task.parameters = parameters_;
  task.settings = joined(session_settings(dsn_, server_.version, std::chrono::milliseconds(0)));
  task.renew_sql = lease_->renew_sql();
  task.user = server_.user;
  task.lifetime = lease_->lifetime();
  task.stall_timeout = stall_timeout_;
  heartbeat_ = std::make_unique<Heartbeat>(std::move(task), taken_at);
}

// C3: its statement may still run, and its schema change go on after that. Asked again and again by whoever waits for
// the lock.
bool CockroachSession::predecessor_is_through() {
  if (!predecessor_) return true;
  predecessor_->obstacle = predecessor_obstacle();
  if (!predecessor_->obstacle.empty()) return false;
  if (ask(lease_->forget_sql()).at(0).rows.empty()) return false;
  sessions_.clear();
  predecessor_.reset();
  return true;
}

// Why it may still be at work; empty: it is not.
std::string CockroachSession::predecessor_obstacle() {
  for (const std::string& session : predecessor_->sessions)
    if (!end_session(session))
      return "its lease is over, but its session " + session +
             " is still there and cannot be ended by this user (CANCEL SESSION)";
  // A user sees its own; that others' are not seen says nothing.
  for (const std::string& user : predecessor_->users)
    if (user != server_.user && !server_.is_admin)
      return "its lease is over, but it was here as the user " + user +
             ", and this user cannot see whether its statements and schema changes are: run this as that user or as an "
             "admin; or, when nothing of it is at work any more, clear it with: UPDATE " +
             tables_->lease() + " SET sessions = '' WHERE id = 1 AND owner = ''";
  const auto jobs = live_jobs(predecessor_->jobs_since, predecessor_->users);
  if (!jobs) return "its lease is over, but its jobs cannot be seen";
  if (jobs->empty()) return {};
  const std::string what_to_do = advice(jobs->front());
  return "its lease is over, but " + jobs->front().told() + (what_to_do.empty() ? "" : ": " + what_to_do);
}

// True if it is gone. That it may not be cancelled is no error: it may go by itself.
bool CockroachSession::end_session(const std::string& session) {
  const std::string count = "SELECT count(*) FROM [SHOW SESSIONS] WHERE session_id = " + pg::literal(session);
  if (ask(count).at(0).value() == "0") return true;
  const pg::Reply reply = inquire("CANCEL SESSION IF EXISTS " + pg::literal(session), firmly());
  if (!reply.lost.empty()) throw_lost(*base_);
  return ask(count).at(0).value() == "0";
}

void CockroachSession::do_unlock() { release_lease(); }

void CockroachSession::release_lease() {
  if (!lease_ || !lease_->held()) return;
  // A session that has ended is nobody's concern, unless the schema change that it began is.
  const bool left = unsettled_ || predecessor_;
  drop_worker();
  const bool lost = heartbeat_ && heartbeat_->lost();
  heartbeat_.reset();
  std::string release = std::string(begin_serializable);
  for (const std::string& statement : lease_->release_sql(left ? sessions_ : std::vector<std::string>()))
    release += "; " + statement;
  // Only if the lease was still ours: whoever took it over has taken the rows over, too.
  if (!foreign_held_.empty())
    release += "; DELETE FROM " + foreign_table_ + " WHERE lock_id IN (" + list(foreign_held_) +
               ") AND EXISTS (SELECT 1 FROM " + tables_->lease() +
               " WHERE id = 1 AND owner = '' AND epoch = " + std::to_string(lease_->epoch()) + ")";
  lease_->set_epoch(0);
  predecessor_.reset();
  sessions_.clear();
  foreign_held_.clear();
  unsettled_ = false;
  if (lost) return;
  constexpr int most_attempts = 5;
  for (int attempt = 1; attempt <= most_attempts; ++attempt) {
    fail_point("cockroach before release");
    pg::Reply reply = inquire(release, firmly());
    if (!reply.failed()) reply = inquire("COMMIT", firmly());
    if (!reply.error || fate_of(*reply.error) != Fate::restart) return;
  }
}

LockStatus CockroachSession::status_of(const LeaseRows& rows) const {
  LockStatus status;
  status.held = rows.running;
  if (!status.held) return status;
  status.ours = lease_->is_ours(rows);
  status.holder = pg::runner_behind(rows.runner).value_or(LockHolder{});
  status.holder->since = rows.since;
  return status;
}

LockStatus CockroachSession::do_observe_lock() {
  if (predecessor_) {
    LockStatus status;
    status.held = true;
    status.holder = pg::runner_behind(predecessor_->runner).value_or(LockHolder{});
    status.holder->detail = predecessor_->obstacle;
    return status;
  }
  const std::string begin_reading = lease_->held() ? std::string(begin_serializable) : wait_for_past();
  const auto answer =
      ask(begin_reading + "; " + tables_->existing_sql() +
          "; SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = " + pg::literal(server_.schema) +
          " AND tablename = " + pg::literal(foreign_name_) + "; COMMIT");
  const bool lease_exists = pg::Bookkeeping::existing(answer.at(1)).lease;
  const bool rows_exist = answer.at(2).value() != "0";
  if (!lease_exists && !rows_exist) return {};
  std::string look = lease_->held() ? std::string(begin_serializable) : "BEGIN AS OF SYSTEM TIME '-100ms'";
  if (lease_exists) look += "; " + lease_->look_sql();
  if (rows_exist) look += "; SELECT lock_id FROM " + foreign_table_ + " WHERE lock_id IN (" + list(foreign_ids_) + ")";
  const auto rows = ask(look + "; COMMIT");
  std::optional<LeaseRows> lease;
  if (lease_exists) lease = Lease::read(rows.at(1));
  if (lease && lease->running) return status_of(*lease);
  if (!rows_exist) return {};
  std::vector<std::int64_t> foreign;
  for (const pg::Row& row : rows.at(lease_exists ? 2 : 1).rows) {
    const std::int64_t id = std::stoll(row.at(0).value_or("0"));
    if (!lease || !contains(lease->foreign, id)) foreign.push_back(id);
  }
  if (foreign.empty()) return {};
  LockStatus status;
  status.held = true;
  status.holder.emplace();
  status.holder->detail =
      "golang-migrate, by its row in " + foreign_table_ +
      "; if no such runner is at work, it was left by one that crashed: remove it with: DELETE FROM " + foreign_table_ +
      " WHERE lock_id IN (" + list(foreign) + ")";
  return status;
}

}  // namespace talos::cockroach
