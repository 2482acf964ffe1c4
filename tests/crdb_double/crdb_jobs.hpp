// The jobs of the double: schema changes that run on PostgreSQL sessions of their own, whoever waits for them or not.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "crdb_backend.hpp"
#include "crdb_double.hpp"

namespace talos::test::crdb {

/// What a job is to do.
struct Work {
  std::shared_ptr<Backend> backend;  ///< nobody else uses it until the job is over
  std::string setting;               ///< run before it
  std::string sql;
  std::vector<std::string> tables;   ///< database.schema.table
  std::function<void()> after = {};  ///< when it has run; its SqlFailure is the job's
};

/// One as SHOW JOBS has it. Times are PostgreSQL's text, empty for none.
struct JobRow {
  CrdbJob job;
  std::string statement;
  std::string created;
  std::string finished;
};

bool terminal(const std::string& state);

class Jobs {
 public:
  /// `changed` is called after each change, without any lock held.
  explicit Jobs(std::function<void()> changed);
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  std::int64_t start(const std::string& user, const std::string& description, const Work& work,
                     const std::string& type = "SCHEMA CHANGE");
  /// A job that nobody runs: one that is over already, or one that never will be, as SCHEMA CHANGE GC.
  std::int64_t record(const std::string& type, const std::string& user, const std::string& description,
                      const std::string& statement, const std::string& state, const std::string& error);

  /// A job on one of these tables that is not over, SCHEMA CHANGE GC apart.
  bool busy(const std::vector<std::string>& tables) const;

  std::vector<JobRow> all() const;
  std::optional<JobRow> find(std::int64_t id) const;
  /// How it failed; throws SqlFailure with it. Nothing if it succeeded.
  void rethrow(std::int64_t id) const;

  void hold(std::string part);
  void release();
  void release(std::int64_t id);
  void fail(std::int64_t id, const std::string& state, SqlError error);
  void pause(std::int64_t id);
  void resume(std::int64_t id);
  void cancel(std::int64_t id);

 private:
  struct Job;
  Job& get(std::int64_t id);
  Job& make(const std::string& user, const std::string& description, const std::string& statement);
  void run(Job& job, const Work& work);
  bool wait_released(Job& job);
  void run_statement(Backend& backend, const std::string& sql) const;
  void end(Job& job, const std::string& state, std::optional<SqlError> error);

  mutable std::mutex mutex_;
  std::function<void()> changed_;
  std::list<Job> jobs_;
  std::int64_t next_ = 1'100'000'000'000'000'001;
  std::optional<std::string> held_part_;
  bool stopping_ = false;
};

}  // namespace talos::test::crdb
