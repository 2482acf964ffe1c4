#include "mysql_watch.hpp"

#include <algorithm>
#include <cstdlib>

#include "mysql_redact.hpp"

namespace talos::mysql {

namespace {

constexpr std::chrono::milliseconds look_every{1'000};
constexpr std::chrono::milliseconds check_every{10'000};

std::string text(const Row& row, std::size_t column) { return row.at(column).value_or(""); }

// Since MySQL 8.0 the server's own view of connections is here, and the older one slows it down.
constexpr int first_with_processlist_table = 80022;
constexpr int first_with_lock_tables = 80000;

std::string processlist(const ServerInfo& server) {
  const bool table =
      !server.mariadb && server.performance_schema && server.version_number >= first_with_processlist_table;
  return table ? "performance_schema.processlist" : "information_schema.PROCESSLIST";
}

// Connections that hold what the worker waits for. Where the server does not say so: any that has a transaction open.
std::string blockers_sql(const ServerInfo& server, const std::string& worker) {
  const std::string columns = "SELECT DISTINCT p.ID, p.USER, p.HOST, LEFT(IFNULL(p.INFO, ''), 200) FROM ";
  const std::string order = " ORDER BY p.ID LIMIT 3";
  if (server.mariadb || !server.performance_schema || server.version_number < first_with_lock_tables)
    return columns +
           "information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID ="
           " t.trx_mysql_thread_id WHERE p.ID NOT IN (" +
           worker + ", CONNECTION_ID())" + order;
  return columns + processlist(server) +
         " p JOIN performance_schema.threads t ON t.PROCESSLIST_ID = p.ID WHERE t.THREAD_ID IN ("
         "SELECT g.OWNER_THREAD_ID FROM performance_schema.metadata_locks w JOIN performance_schema.threads me ON"
         " me.THREAD_ID = w.OWNER_THREAD_ID AND me.PROCESSLIST_ID = " +
         worker +
         " JOIN performance_schema.metadata_locks g ON g.OBJECT_TYPE = w.OBJECT_TYPE AND g.OBJECT_SCHEMA <=>"
         " w.OBJECT_SCHEMA AND g.OBJECT_NAME <=> w.OBJECT_NAME AND g.LOCK_STATUS = 'GRANTED' AND g.OWNER_THREAD_ID <>"
         " w.OWNER_THREAD_ID WHERE w.LOCK_STATUS = 'PENDING'"
         " UNION SELECT d.BLOCKING_THREAD_ID FROM performance_schema.data_lock_waits d JOIN performance_schema.threads"
         " me ON me.THREAD_ID = d.REQUESTING_THREAD_ID AND me.PROCESSLIST_ID = " +
         worker + ")" + order;
}

}  // namespace

Watch::Watch(Connection& watching, std::uint64_t worker, const ServerInfo& server,
             std::chrono::milliseconds stall_timeout)
    : watching_(watching), worker_(std::to_string(worker)), server_(server), stall_timeout_(stall_timeout) {}

void Watch::restart() {
  findings_.lost.clear();
  idle_answers_ = 0;
  last_check_ = Clock::now();
}

void Watch::step() {
  if (!watching_.usable()) {
    findings_.lost = "the second connection, which holds the run lock, is gone: " + watching_.why_lost();
    return;
  }
  if (question_ == Question::none) {
    if (Clock::now() < next_look_ || watching_.busy()) return;
    next_look_ = Clock::now() + std::min(look_every, check_interval());
    ask_next();
  }
  if (!watching_.advance(std::chrono::milliseconds(0))) {
    if (stall_timeout_.count() > 0 && Clock::now() - asked_ > stall_timeout_)
      findings_.lost =
          "the server could not be reached for " + std::to_string(stall_timeout_.count()) + " ms (--stall-timeout)";
    return;
  }
  answered(watching_.take());
}

void Watch::ask_next() {
  switch (question_) {
    case Question::none:
      question_ = Question::process;
      break;
    case Question::process:
      // MariaDB tells of the progress where it tells of the process.
      question_ =
          !server_.mariadb && server_.performance_schema && may_ask_progress_ ? Question::progress : Question::blockers;
      break;
    case Question::progress:
      question_ = Question::blockers;
      break;
    case Question::blockers:
      question_ = Question::none;
      return;
  }
  // Whoever waits for locks says so.
  const bool waits = state_.find("aiting for") != std::string::npos || state_ == "updating" || state_ == "Updating";
  if (question_ == Question::blockers && !(may_ask_blockers_ && waits)) {
    question_ = Question::none;
    return;
  }
  asked_ = Clock::now();
  watching_.start(question_sql(question_), [](std::size_t) { return true; });
}

std::string Watch::question_sql(Question question) const {
  switch (question) {
    case Question::progress:
      return "SELECT s.EVENT_NAME, s.WORK_COMPLETED, s.WORK_ESTIMATED FROM performance_schema.events_stages_current s"
             " JOIN performance_schema.threads t ON t.THREAD_ID = s.THREAD_ID WHERE t.PROCESSLIST_ID = " +
             worker_ + " AND s.WORK_ESTIMATED > 0";
    case Question::blockers:
      return blockers_sql(server_, worker_);
    case Question::none:
    case Question::process:
      break;
  }
  return "SELECT COMMAND, IFNULL(STATE, '')" + std::string(server_.mariadb ? ", STAGE, MAX_STAGE, PROGRESS" : "") +
         " FROM " + processlist(server_) + " WHERE ID = " + worker_;
}

void Watch::answered(const Reply& reply) {
  if (!reply.lost.empty()) return;  // the next step says so
  const Question question = question_;
  if (reply.error) {
    // Not for this user, or not on this server.
    if (question == Question::progress) may_ask_progress_ = false;
    if (question == Question::blockers) may_ask_blockers_ = false;
  } else if (question == Question::process) {
    see_process(reply);
  } else if (question == Question::progress) {
    see_progress(reply.tables.at(0));
  } else if (question == Question::blockers) {
    see_blockers(reply.tables.at(0));
  }
  ask_next();
}

void Watch::see_process(const Reply& reply) {
  const Table& table = reply.tables.at(0);
  const bool works = !table.rows.empty() && text(table.rows[0], 0) != "Sleep";
  state_ = table.rows.empty() ? "" : text(table.rows[0], 1);
  stage_.clear();
  findings_.fraction = -1;
  if (works && server_.mariadb) {
    const Row& row = table.rows[0];
    const double stages = std::max(std::strtod(text(row, 3).c_str(), nullptr), 1.0);
    const double stage = std::max(std::strtod(text(row, 2).c_str(), nullptr), 1.0);
    const double percent = std::strtod(text(row, 4).c_str(), nullptr);
    if (percent > 0) findings_.fraction = std::clamp((stage - 1 + percent / 100) / stages, 0.0, 1.0);
  }
  findings_.phase = phase();
  if (works) idle_answers_ = 0;
  if (works || Clock::now() - last_check_ < check_interval()) return;
  last_check_ = Clock::now();
  if (++idle_answers_ >= 3) findings_.lost = "the server is not at work on the statement, and no answer to it arrived";
}

void Watch::see_progress(const Table& table) {
  if (table.rows.empty()) return;
  const double done = std::strtod(text(table.rows[0], 1).c_str(), nullptr);
  const double total = std::strtod(text(table.rows[0], 2).c_str(), nullptr);
  if (total > 0) findings_.fraction = std::clamp(done / total, 0.0, 1.0);
  stage_ = text(table.rows[0], 0);
  if (const auto slash = stage_.rfind('/'); slash != std::string::npos) stage_.erase(0, slash + 1);
  findings_.phase = phase();
}

void Watch::see_blockers(const Table& table) {
  std::string names;
  for (const Row& row : table.rows) {
    names += (names.empty() ? "connection " : "; connection ") + text(row, 0) + " (user " + text(row, 1) + " from " +
             text(row, 2) + ")";
    if (!text(row, 3).empty()) names += ": " + without_literals(text(row, 3));
  }
  // Kept once known: after the lock's timeout nobody blocks us any more, and that is when it is asked for.
  if (!names.empty()) findings_.blockers = names;
  if (!names.empty()) findings_.phase = "waiting for " + names;
}

std::string Watch::phase() const { return stage_.empty() ? state_ : stage_; }

std::chrono::milliseconds Watch::check_interval() const {
  if (stall_timeout_.count() == 0) return check_every;
  return std::min(check_every, stall_timeout_ / 6 + std::chrono::milliseconds(1));
}

}  // namespace talos::mysql
