// A strict test double for CockroachDB, not yet run against a live CockroachDB: a proxy in front of a PostgreSQL server
// that speaks the client's protocol itself and imposes what README.md lists. One header for those who test with it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crdb_fault.hpp"
#include "crdb_profile.hpp"
#include "postgres_server.hpp"

namespace talos::test {

struct CrdbJob {
  std::int64_t id = 0;
  std::string type;         ///< SCHEMA CHANGE
  std::string description;  ///< the statement, with names written out as database.schema.name
  std::string user;
  std::string state;  ///< pending, running, paused, reverting, succeeded, failed, canceled
  std::string error;
  bool held = false;  ///< it waits for the test
};

/// A golden case refuses every schema change on a locked table (57000); the documentation of 26.1 says that the lock is
/// lifted for the change by itself. No evidence here decides, so tests can have either.
enum class SchemaLockReading { golden, documentation };

/// A schema change on a table whose job is not over: it waits for that job, or is refused (55000, "try again later").
enum class BusyTable { wait, refuse };

enum class CrdbPrivilege { cancel_query, view_activity, view_job, control_job, backup };

/// On a port of its own of 127.0.0.1, without TLS, a thread for each connection. All members may be called from any
/// thread. When the object goes every connection is cut and every job ended. The server must outlive it, and its users'
/// passwords are theirs in PostgreSQL.
class CrdbDouble {
 public:
  CrdbDouble(PostgresServer& server, CrdbProfile profile);
  ~CrdbDouble();
  CrdbDouble(const CrdbDouble&) = delete;
  CrdbDouble& operator=(const CrdbDouble&) = delete;

  int port() const;
  CrdbProfile profile() const;

  /// cockroach://root:…@127.0.0.1:port/database?sslmode=disable: root is an admin.
  std::string dsn(std::string_view database) const;
  /// The same for libpq (postgresql://).
  std::string libpq_dsn(std::string_view database) const;
  /// A new user who is no admin, may connect and see the schema public; its DSN. Give it more with SQL as root.
  std::string create_user(const std::string& name, std::string_view database);
  /// Of a user made by create_user.
  std::string libpq_dsn(std::string_view database, const std::string& user) const;

  // --- faults ---
  void add(CrdbFault fault);
  void clear_faults();
  /// How many have happened.
  int happened() const;
  /// Every statement so far; their numbers are the fault points.
  std::vector<CrdbStatement> statements() const;
  /// How many connections are stalled now. A fault has happened a moment before its connection is.
  int stalled() const;
  /// What is stalled moves again.
  void release_stalled();
  /// The next `times` connections are refused: 53300 or 57P03.
  void refuse_connections(std::string sqlstate, int times);
  /// Closes every client's socket.
  void cut_all();
  int open_connections() const;

  // --- jobs ---
  std::vector<CrdbJob> jobs() const;
  /// From now on a job whose description has this in it does nothing until it is released.
  void hold_jobs(std::string part_of_description = "");
  /// Nothing is held any more, and what was held goes on.
  void release_jobs();
  void release_job(std::int64_t id);
  /// For a held job: it ends so, as failed or revert-failed, and its statement was never run.
  void fail_job(std::int64_t id, std::string sqlstate, std::string message, std::string state = "failed");
  void pause_job(std::int64_t id);

  // --- backups ---
  /// Collection and path of each, in the order in which they were made: "s3://bucket/dir /2026/11/26-101500.25".
  std::vector<std::string> backups() const;
  /// WITH check_files finds that a file is missing.
  void lose_backup_files();

  // --- what users may do ---
  void grant(const std::string& user, CrdbPrivilege privilege);
  void revoke(const std::string& user, CrdbPrivilege privilege);
  /// CANCEL SESSION and CANCEL QUERY are refused (42501) to everybody, also for their own sessions.
  void forbid_cancel(bool forbid);
  void read_schema_lock_as(SchemaLockReading reading);
  void when_table_is_busy(BusyTable what);

  /// SQL that the double would not judge (each was refused with "not modelled"): a test asserts that there is none.
  std::vector<std::string> not_modelled() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a pass against the double does not say; printed at the head of the tests' log.
std::string_view crdb_double_limits();

}  // namespace talos::test
