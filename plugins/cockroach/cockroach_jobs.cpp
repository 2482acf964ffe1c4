#include "cockroach_jobs.hpp"

#include <cstdlib>

#include "pg_redact.hpp"
#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

constexpr std::string_view columns = "job_id::text, status, fraction_completed::text, description";

std::string jobs_sql(std::string_view since, const std::vector<std::string>& users, std::string_view states) {
  std::string names;
  for (const std::string& user : users) names += (names.empty() ? "" : ", ") + pg::literal(user);
  return "SELECT " + std::string(columns) + " FROM [SHOW JOBS] WHERE job_type LIKE '%SCHEMA CHANGE' AND status " +
         std::string(states) + " AND user_name IN (" + names + ") AND created >= " + pg::literal(since) +
         "::timestamptz - INTERVAL '2 seconds' ORDER BY created";
}

}  // namespace

std::string Job::told() const {
  return "schema change job " + id + (description.empty() ? "" : " (" + description + ")") + " is " + status;
}

std::string live_jobs_sql(std::string_view since, const std::vector<std::string>& users) {
  return jobs_sql(since, users, "NOT IN ('succeeded', 'failed', 'canceled', 'revert-failed')");
}

std::string failed_jobs_sql(std::string_view since, const std::vector<std::string>& users) {
  return jobs_sql(since, users, "= 'revert-failed'");
}

std::vector<Job> read_jobs(const pg::Table& answer) {
  std::vector<Job> jobs;
  for (const pg::Row& row : answer.rows) {
    Job job;
    job.id = row.at(0).value_or("");
    job.status = row.at(1).value_or("");
    if (row.at(2)) job.fraction = std::strtod(row[2]->c_str(), nullptr);
    job.description = pg::without_literals(row.at(3).value_or(""));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::string advice(const Job& job) {
  if (job.is_stuck())
    return "let it go on with: RESUME JOB " + job.id + "; or have it undone with: CANCEL JOB " + job.id +
           "; then: migrate resume";
  if (job.status == "revert-failed")
    return "the change was neither made nor undone: see SHOW JOB " + job.id +
           " and the table, and ask the cluster's support before you go on";
  return {};
}

}  // namespace talos::cockroach
