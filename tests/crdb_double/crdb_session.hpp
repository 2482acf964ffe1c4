// One client of the double: its protocol, its transactions, its statements.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crdb_backend.hpp"
#include "crdb_server.hpp"
#include "crdb_sql.hpp"
#include "crdb_wire.hpp"

namespace talos::test::crdb {

/// From the start-up packet to the end of the connection. Never throws.
void run_session(Server& server, Descriptor socket);

class Session {
 public:
  Session(Server& server, Descriptor socket);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Throws ConnectionOver at its end.
  void run();

 private:
  using Clock = std::chrono::steady_clock;
  using Deadline = std::optional<Clock::time_point>;

  // --- crdb_session.cpp: the connection ---
  Message read(bool first);
  /// Until the descriptor may be read (-1: none), something has changed in the double, or the deadline. Throws
  /// ConnectionOver, or SqlFailure where the query was cancelled.
  void wait(int fd, const Deadline& deadline);
  void obey();
  bool start_up();
  void cancel_request(Fields fields);
  void log_in(std::map<std::string, std::string> parameters);
  void apply_options(const std::map<std::string, std::string>& parameters);
  void greet();
  void query(const std::string& text);
  void query_batch(const std::vector<std::string>& statements);
  void fail(const SqlError& error, const std::string& sql);
  [[noreturn]] void drop();
  void stall();

  // --- crdb_session.cpp: statements ---
  /// `alone`: the only statement of its message. `last`: of them.
  void execute(const std::string& text, bool alone, bool last);
  void run_statement(const Statement& statement, bool alone, bool last);
  void dispatch(const Statement& statement, bool alone, bool last);
  void run_plain(const Statement& statement);
  void wait_for_writers(const Statement& statement);
  void refuse_deadlock(const Tables& reads);
  void see_the_past(const Statement& statement);
  void set(const Statement& statement);
  void set_own(const Statement& statement, const CrdbVariable& variable);
  void reset_all();
  std::string settings_for_postgres() const;
  void show(const Statement& statement);
  void report_parameters();
  bool on(const std::string& variable) const;
  std::optional<std::chrono::milliseconds> timeout(const char* setting);
  Deadline deadline(const char* setting);
  void note_idle_timeout();
  Deadline idle_deadline() const;
  static int milliseconds_until(const Deadline& deadline);

  // --- crdb_extended.cpp ---
  struct Prepared {
    std::string sql;
    std::vector<std::uint32_t> types;
  };
  struct Portal {
    Prepared prepared;
    std::vector<std::optional<std::string>> values;
  };
  void extended(const Message& message);
  void extended_step(const Message& message);
  void parse(Fields& fields);
  void bind(Fields& fields);
  void describe_one(Fields& fields);
  void execute_portal(Fields& fields);
  void judge_names(const Prepared& prepared);
  void judge_portal(const Portal& portal) const;
  Prepared& prepared(const std::string& name);

  // --- crdb_transaction.cpp ---
  enum class Phase { none, implicit, open, aborted };
  void begin(const Statement& statement);
  void begin_implicit();
  void commit(const Statement& statement);
  void commit_open(const std::string& tag);
  void commit_doomed();
  void rollback(const Statement& statement);
  void savepoint(const Statement& statement);
  void end_transaction(Phase phase);
  void abandon();
  void remember(const Statement& statement, const std::string& sql);
  bool in_explicit() const { return phase_ == Phase::open || phase_ == Phase::aborted; }
  char status() const;

  // --- crdb_ddl.cpp ---
  void ddl(const Statement& statement, bool alone, bool last);
  void ddl_alone(const Statement& statement);
  void create(const Statement& statement);
  std::string try_out(const std::string& sql);
  Work work(const Statement& statement, const std::string& sql);
  void ddl_in_transaction(const Statement& statement);
  bool atomic_in_transaction(const Statement& statement) const;
  void refuse_locked(const Statement& statement, bool alone);
  void refuse_alter(const Statement& statement);
  void set_schema_lock(const Statement& statement, bool alone);
  void new_tables(const Statement& statement);
  std::string for_postgres(const Statement& statement);
  void run_job(const Statement& statement, const std::string& sql, const std::string& tag);
  void wait_for_job(std::int64_t id);
  void wait_for_other_jobs(const Statement& statement);
  Tables changed_tables(const Statement& statement);
  void notices(const Statement& statement);

  // --- crdb_commands.cpp ---
  void command(const Statement& statement);
  void show_job(const std::vector<std::string>& words, const std::string& text);
  void show_virtual(Virtual table);
  void show_cluster_setting(const std::string& text);
  void control_jobs(const std::vector<std::string>& words, const std::string& text);
  void cancel_others(const std::vector<std::string>& words, const std::string& text);
  void grant_system(const std::vector<std::string>& words);
  std::vector<std::string> ids(const std::string& text, std::size_t skipped_words);
  std::string rows(const Statement::Place& place);
  std::string rows(Virtual table);
  std::string job_rows(Virtual table);
  std::string session_rows();
  std::string query_rows();
  void refuse_internals();
  static std::string column_rows();
  void one_value(const std::string& column, const std::string& value, const std::string& tag);

  // --- crdb_backups.cpp ---
  void backup(const std::string& text);
  std::string backup_rows(const std::string& text);

  Server& server_;
  std::shared_ptr<Client> client_;
  Wire wire_;
  std::optional<Login> login_;
  std::unique_ptr<Backend> backend_;
  std::map<std::string, std::string> variables_;
  std::map<std::string, std::string> variables_at_login_;
  std::string at_login_;  // SET of PostgreSQL's variables that the client gave as it connected
  std::map<std::string, std::string> reported_;
  std::optional<CrdbFault> fault_;  // of the statement that runs

  std::map<std::string, Prepared> prepared_;
  std::map<std::string, Portal> portals_;
  const Portal* portal_ = nullptr;  // whose statement runs
  bool skip_to_sync_ = false;
  bool executed_ = false;  // since the last Sync
  std::shared_ptr<Backend> job_backend_;

  struct Done {
    std::string sql;
    bool schema_change = false;
    std::string description;
  };
  Phase phase_ = Phase::none;
  std::vector<Done> done_;  // in this transaction
  int statements_in_transaction_ = 0;
  bool replayable_ = true;          // nothing in it had parameters
  std::optional<SqlError> doomed_;  // a schema change of this transaction cannot succeed
  Tables created_;                  // in this transaction
  std::map<std::string, std::string> variables_before_;
  bool system_time_ = false;  // the transaction reads the past
  std::chrono::milliseconds past_{0};
  bool after_schema_change_ = false;           // earlier in this message
  std::chrono::milliseconds idle_timeout_{0};  // idle_in_transaction_session_timeout; 0: none
  bool skipped_ = false;                       // PostgreSQL said that there was nothing to do
};

}  // namespace talos::test::crdb
