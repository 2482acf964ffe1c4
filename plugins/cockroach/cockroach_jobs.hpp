// Schema changes as jobs: a statement waits for its job, but the job does not end with the statement.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pg_bookkeeping.hpp"
#include "pg_connection.hpp"

namespace talos::cockroach {

struct Job {
  std::string id;
  std::string status;
  double fraction = -1;     ///< 0 … 1; negative if unknown
  std::string description;  ///< without literals

  /// It goes nowhere without somebody's help.
  bool is_stuck() const { return status == "paused" || status == "pause-requested"; }
  /// "schema change job 7 (ALTER TABLE t …) is running".
  std::string told() const;
};

/// These users' schema changes that are not over, of those that began at `since` (UTC, RFC 3339) or later; without the
/// collection of what is no longer used, which nobody waits for. Some seconds before `since` count, too: clocks differ.
/// SHOW JOBS, because crdb_internal is closed to us from 26.1 on.
/// Of whichever database: their descriptions do not say for certain.
std::string live_jobs_sql(std::string_view since, const std::vector<std::string>& users);
/// Those that were given up in the middle since then: they need somebody.
std::string failed_jobs_sql(std::string_view since, const std::vector<std::string>& users);
std::vector<Job> read_jobs(const pg::Table& answer);

/// What an operator can do about it; empty where there is nothing to do but wait.
std::string advice(const Job& job);

}  // namespace talos::cockroach
