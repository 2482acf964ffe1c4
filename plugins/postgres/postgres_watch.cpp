#include "postgres_watch.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <sys/socket.h>

#include <pqxx/pqxx>

#include "pg_connect.hpp"
#include "pg_redact.hpp"
#include "pg_text.hpp"

namespace talos::postgres {

namespace {

constexpr std::chrono::milliseconds look_every{1'000};
constexpr std::chrono::milliseconds check_every{10'000};
// Short: the end of the work waits for an attempt that is under way.
constexpr const char* connect_timeout_s = "3";

std::string conninfo(pg::Parameters parameters) {
  std::erase_if(parameters, [](const auto& one) { return one.first == "connect_timeout"; });
  parameters.emplace_back("connect_timeout", connect_timeout_s);
  // Behind a pooler the name tells the connection that works from this one.
  for (auto& [key, value] : parameters)
    if (key == "application_name") value += " watch";
  return pg::conninfo(parameters);
}

std::string application_name_of(const pg::Parameters& parameters) {
  constexpr std::size_t longest = 63;  // the server cuts it there
  for (const auto& [key, value] : parameters)
    if (key == "application_name") return value.substr(0, longest);
  return {};
}

}  // namespace

// libpqxx before 7 connects again by itself after the backend died: to another backend, without a word.
class Watch::Connection {
 public:
  explicit Connection(const std::string& options) : connection_(options), quiet_(connection_) {
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    connection_.inhibit_reactivation(true);
#pragma GCC diagnostic pop
#endif
  }
  int socket() const { return connection_.sock(); }
  pqxx::result ask(const std::string& sql) {
    pqxx::nontransaction work(connection_);
    return work.exec(sql);
  }

 private:
  pqxx::connection connection_;
  pqxx::quiet_errorhandler quiet_;
};

Watch::Watch(pg::Parameters parameters, WatchTask task)
    : parameters_(std::move(parameters)),
      application_name_(application_name_of(parameters_)),
      task_(std::move(task)),
      thread_([this] { run(); }) {}

Watch::~Watch() {
  constexpr std::chrono::seconds patience{1};
  {
    std::unique_lock lock(mutex_);
    stop_ = true;
    wake_.notify_all();
    // Its queries are over at once, unless the network stands still.
    wake_.wait_for(lock, patience, [this] { return socket_ < 0; });
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  }
  thread_.join();
}

Findings Watch::latest() {
  const std::lock_guard lock(mutex_);
  Findings findings = findings_;
  if (task_.stall_timeout.count() > 0 && findings.lost.empty() && findings.refused.empty() &&
      Clock::now() - last_answer_ > task_.stall_timeout)
    findings.lost =
        "the server could not be reached for " + std::to_string(task_.stall_timeout.count()) + " ms (--stall-timeout)";
  // The lease ends by the server's clock; who could not renew it for so long must take it for lost.
  if (!task_.renew_sql.empty() && Clock::now() - last_renewal_ > 2 * task_.renew_every) findings.lease_lost = true;
  return findings;
}

void Watch::restart() {
  const std::lock_guard lock(mutex_);
  findings_.lost.clear();
  idle_answers_ = 0;
  last_check_ = Clock::now();
}

void Watch::saw_life() {
  restart();
  answered();
}

bool Watch::pause(std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, duration, [this] { return stop_; });
}

void Watch::answered() {
  const std::lock_guard lock(mutex_);
  last_answer_ = Clock::now();
}

void Watch::run() {
  const std::string options = conninfo(parameters_);
  do {
    try {
      Connection connection(options);
      {
        // Who wants us to stop has found no socket to close while we were connecting.
        const std::lock_guard lock(mutex_);
        if (stop_) return;
        socket_ = connection.socket();
      }
      answered();
      follow(connection);
      const std::lock_guard lock(mutex_);
      socket_ = -1;
      wake_.notify_all();
    } catch (const std::exception& error) {
      const std::string text = error.what();
      const std::lock_guard lock(mutex_);
      socket_ = -1;
      // The server answered: it does not want us twice. Anything else may pass.
      if (const auto fatal = text.find("FATAL:"); fatal != std::string::npos && task_.renew_sql.empty()) {
        findings_.refused = text.substr(fatal, text.find('\n', fatal) - fatal);
        return;
      }
    }
  } while (pause(std::chrono::milliseconds(500)));
}

void Watch::follow(Connection& connection) {
  const auto rest = std::min({look_every, check_interval(), task_.renew_sql.empty() ? look_every : task_.renew_every});
  do {
    look(connection);
    if (!task_.renew_sql.empty() && Clock::now() - last_renewal_ >= task_.renew_every) renew(connection);
    answered();
  } while (pause(rest));
}

// The server process that runs our statement; empty if none does.
std::string Watch::backend(Connection& connection) const {
  const std::string which =
      task_.backend_pid != 0
          ? "pid = " + std::to_string(task_.backend_pid)
          : "datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid() AND application_name = " +
                pg::literal(application_name_);
  // The state of another role's session is hidden, or not kept at all: it counts as at work.
  const pqxx::result result = connection.ask("SELECT pid FROM pg_catalog.pg_stat_activity WHERE " + which +
                                             " AND coalesce(state, '') NOT LIKE 'idle%' LIMIT 1");
  return result.empty() ? "" : result[0][0].c_str();
}

std::string Watch::progress_sql(const std::string& pid) const {
  const auto view = [&](const char* name, const char* phase, const char* done, const char* total) {
    return "SELECT " + std::string(phase) + "::text AS phase, (" + done + ")::float8 AS done, (" + total +
           ")::float8 AS total FROM pg_catalog.pg_stat_progress_" + name + " WHERE pid = " + pid;
  };
  return view("create_index", "phase", "CASE WHEN blocks_total > 0 THEN blocks_done ELSE tuples_done END",
              "CASE WHEN blocks_total > 0 THEN blocks_total ELSE tuples_total END") +
         " UNION ALL " + view("vacuum", "phase", "heap_blks_scanned", "heap_blks_total") + " UNION ALL " +
         view("cluster", "phase", "heap_blks_scanned", "heap_blks_total") + " UNION ALL " +
         view("copy", "command", "bytes_processed", "bytes_total");
}

// A pooler may keep our names from the server: then nothing follows from not finding one there.
bool Watch::sees_names(Connection& connection) const {
  if (task_.backend_pid != 0) return true;
  const pqxx::result result =
      connection.ask("SELECT pg_catalog.starts_with(application_name, " + pg::literal(application_name_) +
                     ") FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()");
  return !result.empty() && std::string_view(result[0][0].c_str()) == "t";
}

void Watch::look(Connection& connection) {
  const std::string pid = backend(connection);
  if (pid.empty()) {
    if (!sees_names(connection)) return;
    const std::lock_guard lock(mutex_);
    return check_backend(false);
  }
  const pqxx::result progress = connection.ask(progress_sql(pid));
  const pqxx::result blockers = connection.ask(
      "SELECT pid, application_name, usename, coalesce(left(query, 200), '') FROM pg_catalog.pg_stat_activity"
      " WHERE pid = ANY (pg_catalog.pg_blocking_pids(" +
      pid + ")) ORDER BY pid LIMIT 3");
  std::string names;
  for (const auto& row : blockers) {
    names += (names.empty() ? "pid " : "; pid ") + std::string(row[0].c_str()) + " (";
    if (*row[1].c_str() != 0) names += std::string(row[1].c_str()) + ", ";
    names += "user " + std::string(row[2].c_str()) + ")";
    if (*row[3].c_str() != 0) names += ": " + pg::without_literals(row[3].c_str());
  }
  const std::lock_guard lock(mutex_);
  // Kept once known: after the lock's timeout nobody blocks us any more, and that is when it is asked for.
  if (!names.empty()) findings_.blockers = names;
  findings_.fraction = -1;
  findings_.phase = names.empty() ? "" : "waiting for " + names;
  if (!progress.empty()) {
    findings_.phase = progress[0][0].c_str();
    const double total = progress[0][2].as<double>(0);
    if (total > 0) findings_.fraction = std::clamp(progress[0][1].as<double>(0) / total, 0.0, 1.0);
  }
  check_backend(true);
}

std::chrono::milliseconds Watch::check_interval() const {
  if (task_.stall_timeout.count() == 0) return check_every;
  return std::min(check_every, task_.stall_timeout / 6 + std::chrono::milliseconds(1));
}

// Under the mutex.
void Watch::check_backend(bool works) {
  const auto now = Clock::now();
  if (works) idle_answers_ = 0;
  if (works || now - last_check_ < check_interval()) return;
  last_check_ = now;
  if (++idle_answers_ >= 3) findings_.lost = "the server is not at work on the statement, and no answer to it arrived";
}

void Watch::renew(Connection& connection) {
  const pqxx::result result = connection.ask(task_.renew_sql);
  const std::lock_guard lock(mutex_);
  if (result.affected_rows() == 0) findings_.lease_lost = true;
  last_renewal_ = Clock::now();
}

}  // namespace talos::postgres
