#include "cockroach_backup.hpp"

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

constexpr std::chrono::milliseconds look_every{250};

// Where in the collection, in SQL: what the server calls the last one, where its job did not say.
std::string place_in_sql(const std::string& path) { return path.empty() ? "LATEST" : pg::literal(path); }

}  // namespace

// A backup takes as long as it takes.
pg::SideConnection CockroachBackup::connect(std::function<bool()> stop) const {
  pg::SideConnection connection(parameters_, dsn_, std::move(stop));
  // Times of backups have no zone in some releases.
  connection.ask(joined(session_settings(dsn_, server_.version, std::chrono::milliseconds(0))) +
                 "; SET TimeZone = 'UTC'");
  return connection;
}

// Detached: its number is known before it has done anything, and does not depend on our connection.
std::string CockroachBackup::start(pg::SideConnection& connection, const StorageUrl& url) const {
  const std::string sql =
      "BACKUP DATABASE " + pg::quoted_name(server_.database) + " INTO " + pg::literal(url.text()) + " WITH detached";
  try {
    return connection.ask(sql).at(0).value();
  } catch (Error& error) {
    if (error.native_code == pg::sqlstate::insufficient_privilege && error.hint.empty())
      error.hint = "grant this user the right: GRANT BACKUP ON DATABASE " + pg::quoted_name(server_.database) + " TO …";
    throw;
  }
}

// Gives the job's description, when it has succeeded.
std::string CockroachBackup::follow(pg::SideConnection& connection, const std::string& job,
                                    ExecuteObserver& observer) const {
  const std::string sql =
      "SELECT status, fraction_completed::text, description, error FROM [SHOW JOBS] WHERE job_id = " + job;
  for (;;) {
    const pg::Table answer = connection.ask(sql).at(0);
    if (answer.rows.empty())
      throw Error(ErrorCode::connection, "the backup job " + job + " cannot be seen by this user")
          .with_hint("see what became of it with: SHOW JOB " + job);
    const pg::Row& row = answer.rows.front();
    const std::string status = row.at(0).value_or("");
    if (status == "succeeded") return row.at(2).value_or("");
    if (status == "paused" || status == "pause-requested")
      throw Error(ErrorCode::connection, "the backup job " + job + " is paused")
          .with_hint("let it go on with: RESUME JOB " + job + "; or give it up with: CANCEL JOB " + job);
    if (status == "failed" || status == "canceled" || status == "revert-failed")
      throw Error(ErrorCode::connection, "the backup job " + job + " has " + (status == "canceled" ? "been " : "") +
                                             status + ": " + row.at(3).value_or(""));
    observer.progress(row.at(1) ? std::strtod(row[1]->c_str(), nullptr) : -1, "backup job " + job + " is " + status);
    if (stop_()) throw Error(ErrorCode::cancelled, "stopped");
    std::this_thread::sleep_for(look_every);
  }
}

// Read by the cluster, which is to restore it: that all its files are there, and that it is this database's, of now.
void CockroachBackup::check(pg::SideConnection& connection, const StorageUrl& url, const std::string& place,
                            const std::string& since) const {
  const auto answer = connection.ask(
      "SELECT count(*), coalesce(bool_and(end_time::timestamptz >= " + pg::literal(since) +
      "::timestamptz - INTERVAL '2 seconds'), false) FROM [SHOW BACKUP FROM " + place + " IN " +
      pg::literal(url.text()) + " WITH check_files] WHERE database_name = " + pg::literal(server_.database) +
      " OR (object_type = 'database' AND object_name = " + pg::literal(server_.database) + ")");
  const pg::Row& row = answer.at(0).rows.at(0);
  if (row.at(0).value_or("0") == "0")
    throw Error(ErrorCode::connection, "what can be read back does not hold the database " + server_.database);
  if (row.at(1).value_or("") != "t")
    throw Error(ErrorCode::connection, "what can be read back is an older backup than the one that was made");
}

// What a job that was left behind needs, in words.
std::string CockroachBackup::after(const std::string& job, bool cancelled) const {
  if (!cancelled) return "see what became of it with: SHOW JOB " + job;
  try {
    connect({}).ask("CANCEL JOB " + job);
    return "the backup job " + job + " was cancelled";
  } catch (const Error&) {
    return "the backup job " + job + " goes on; to end it: CANCEL JOB " + job;
  }
}

Backup::Report CockroachBackup::do_write(const std::string& destination, ExecuteObserver& observer) {
  const StorageUrl url(destination);
  std::string job;
  std::string path;
  bool running = false;
  try {
    pg::SideConnection connection = connect(stop_);
    const std::string since = connection.ask("SELECT clock_timestamp()::text").at(0).value();
    job = start(connection, url);
    running = true;
    path = find_backup_path(follow(connection, job, observer));
    running = false;
    observer.progress(-1, "reading it back");
    check(connection, url, place_in_sql(path), since);
  } catch (const Error& error) {
    Error told = url.redacted(error);
    if (told.code == ErrorCode::statement) told.code = ErrorCode::connection;
    if (running && told.hint.empty()) told.hint = after(job, told.code == ErrorCode::cancelled);
    throw Error(told);
  }
  Report report;
  report.how = "BACKUP DATABASE, read back with check_files";
  report.reference = job;
  report.restore = "RESTORE DATABASE " + pg::quoted_name(server_.database) + " FROM " + place_in_sql(path) +
                   " IN '(the storage URL)'";
  return report;
}

}  // namespace talos::cockroach
