#include "crdb_jobs.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>

namespace talos::test::crdb {

namespace {

std::string now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  const std::time_t seconds = microseconds / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(microseconds % 1'000'000));
  return text.data();
}

}  // namespace

bool terminal(const std::string& state) {
  return state == "succeeded" || state == "failed" || state == "canceled" || state == "revert-failed";
}

struct Jobs::Job {
  JobRow row;
  std::vector<std::string> tables;
  std::optional<SqlError> failure;
  std::condition_variable moved;
  Backend* backend = nullptr;  // while its statement runs
  std::thread thread;
};

Jobs::Jobs(std::function<void()> changed) : changed_(std::move(changed)) {}

Jobs::~Jobs() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Job& job : jobs_) {
      job.moved.notify_all();
      if (job.backend != nullptr) job.backend->cancel();
    }
  }
  for (Job& job : jobs_)
    if (job.thread.joinable()) job.thread.join();
}

Jobs::Job& Jobs::get(std::int64_t id) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.row.job.id == id; });
  if (found == jobs_.end()) throw SqlFailure("XXUUU", "job with ID " + std::to_string(id) + " does not exist");
  return *found;
}

Jobs::Job& Jobs::make(const std::string& user, const std::string& description, const std::string& statement) {
  Job& job = jobs_.emplace_back();
  job.row.job = {next_++, "SCHEMA CHANGE", description, user, "running", "", false};
  job.row.statement = statement;
  job.row.created = now();
  return job;
}

std::int64_t Jobs::start(const std::string& user, const std::string& description, const Work& work,
                         const std::string& type) {
  std::int64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    Job& job = make(user, description, work.sql);
    job.row.job.type = type;
    job.row.job.held = held_part_ && description.find(*held_part_) != std::string::npos;
    id = job.row.job.id;
    job.tables = work.tables;
    job.thread = std::thread([this, &job, own = Work(work)]() mutable {
      run(job, own);
      own.backend.reset();
    });
  }
  changed_();
  return id;
}

std::int64_t Jobs::record(const std::string& type, const std::string& user, const std::string& description,
                          const std::string& statement, const std::string& state, const std::string& error) {
  const std::lock_guard lock(mutex_);
  Job& job = make(user, description, statement);
  job.row.job.type = type;
  job.row.job.state = state;
  job.row.job.error = error;
  if (terminal(state)) job.row.finished = job.row.created;
  return job.row.job.id;
}

// False: it is over without having run.
bool Jobs::wait_released(Job& job) {
  std::unique_lock lock(mutex_);
  job.moved.wait(lock, [&] { return stopping_ || terminal(job.row.job.state) || !job.row.job.held; });
  return !stopping_ && !terminal(job.row.job.state);
}

void Jobs::run(Job& job, const Work& work) {
  if (!wait_released(job)) return;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    job.backend = work.backend.get();
  }
  std::optional<SqlError> error;
  try {
    work.backend->run(work.setting);
    run_statement(*work.backend, work.sql);
    if (work.after) work.after();
  } catch (const SqlFailure& failure) {
    error = failure.error();
  }
  {
    const std::lock_guard lock(mutex_);
    job.backend = nullptr;
  }
  end(job, error ? "failed" : "succeeded", error);
}

// A schema change is tried again as often as it must be.
void Jobs::run_statement(Backend& backend, const std::string& sql) const {
  for (;;) {
    try {
      backend.run(sql);
      return;
    } catch (const RetryFailure&) {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
  }
}

void Jobs::end(Job& job, const std::string& state, std::optional<SqlError> error) {
  {
    const std::lock_guard lock(mutex_);
    if (terminal(job.row.job.state)) return;
    job.row.job.state = state;
    job.row.job.held = false;
    job.row.finished = now();
    if (error) job.row.job.error = error->message;
    job.failure = std::move(error);
    job.moved.notify_all();
  }
  changed_();
}

bool Jobs::busy(const std::vector<std::string>& tables) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& job) {
    return !terminal(job.row.job.state) &&
           std::find_first_of(job.tables.begin(), job.tables.end(), tables.begin(), tables.end()) != job.tables.end();
  });
}

std::vector<JobRow> Jobs::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<JobRow> rows;
  for (const Job& job : jobs_) rows.push_back(job.row);
  return rows;
}

std::optional<JobRow> Jobs::find(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  for (const Job& job : jobs_)
    if (job.row.job.id == id) return job.row;
  return std::nullopt;
}

void Jobs::rethrow(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  for (const Job& job : jobs_)
    if (job.row.job.id == id && job.failure) throw SqlFailure(*job.failure);
}

void Jobs::hold(std::string part) {
  const std::lock_guard lock(mutex_);
  held_part_ = std::move(part);
}

void Jobs::release() {
  {
    const std::lock_guard lock(mutex_);
    held_part_.reset();
    for (Job& job : jobs_) {
      job.row.job.held = false;
      if (job.row.job.state == "paused") job.row.job.state = "running";
      job.moved.notify_all();
    }
  }
  changed_();
}

void Jobs::release(std::int64_t id) { resume(id); }

void Jobs::fail(std::int64_t id, const std::string& state, SqlError error) {
  Job* job = nullptr;
  {
    const std::lock_guard lock(mutex_);
    job = &get(id);
  }
  end(*job, state, std::move(error));
}

// A job that has begun its statement ends it first: PostgreSQL cannot stop half-way.
void Jobs::pause(std::int64_t id) {
  {
    const std::lock_guard lock(mutex_);
    Job& job = get(id);
    if (terminal(job.row.job.state))
      throw SqlFailure("XXUUU", "job " + std::to_string(id) + " cannot be paused: it is " + job.row.job.state);
    if (!job.row.job.held) throw NotModelled("PAUSE JOB of a job that is not held");
    job.row.job.state = "paused";
  }
  changed_();
}

void Jobs::resume(std::int64_t id) {
  {
    const std::lock_guard lock(mutex_);
    Job& job = get(id);
    if (terminal(job.row.job.state))
      throw SqlFailure("XXUUU", "job " + std::to_string(id) + " cannot be resumed: it is " + job.row.job.state);
    job.row.job.state = "running";
    job.row.job.held = false;
    job.moved.notify_all();
  }
  changed_();
}

void Jobs::cancel(std::int64_t id) {
  Job* job = nullptr;
  {
    const std::lock_guard lock(mutex_);
    job = &get(id);
    if (terminal(job->row.job.state))
      throw SqlFailure("XXUUU", "job " + std::to_string(id) + " cannot be canceled: it is " + job->row.job.state);
    if (!job->row.job.held) throw NotModelled("CANCEL JOB of a job that is not held");
  }
  end(*job, "canceled", SqlError{"57014", "job canceled by user", "", "", ""});
}

}  // namespace talos::test::crdb
