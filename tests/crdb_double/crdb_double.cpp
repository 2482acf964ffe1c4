#include "crdb_double.hpp"

#include <algorithm>

#include "crdb_server.hpp"

namespace talos::test {

struct CrdbDouble::State {
  State(PostgresServer& postgres, CrdbProfile profile) : server(postgres, profile) {}
  crdb::Server server;
};

CrdbDouble::CrdbDouble(PostgresServer& server, CrdbProfile profile)
    : state_(std::make_unique<State>(server, profile)) {}
CrdbDouble::~CrdbDouble() = default;

int CrdbDouble::port() const { return state_->server.port(); }
CrdbProfile CrdbDouble::profile() const { return state_->server.profile(); }

std::string CrdbDouble::dsn(std::string_view database) const { return "cockroach" + libpq_dsn(database).substr(10); }

std::string CrdbDouble::libpq_dsn(std::string_view database) const { return libpq_dsn(database, "root"); }

std::string CrdbDouble::libpq_dsn(std::string_view database, const std::string& user) const {
  const std::lock_guard lock(state_->server.mutex);
  return "postgresql://" + user + ":" + state_->server.passwords.at(user) + "@127.0.0.1:" + std::to_string(port()) +
         "/" + std::string(database) + "?sslmode=disable";
}

std::string CrdbDouble::create_user(const std::string& name, std::string_view database) {
  const std::string dsn = state_->server.postgres().create_role(name, database);
  const auto begin = dsn.find(name + ":") + name.size() + 1;
  {
    const std::lock_guard lock(state_->server.mutex);
    state_->server.passwords[name] = dsn.substr(begin, dsn.find('@', begin) - begin);
  }
  return "cockroach" + libpq_dsn(database, name).substr(10);
}

void CrdbDouble::add(CrdbFault fault) {
  const std::lock_guard lock(state_->server.mutex);
  const int times = fault.times;
  state_->server.faults.emplace_back(std::move(fault), times);
}

void CrdbDouble::clear_faults() {
  const std::lock_guard lock(state_->server.mutex);
  state_->server.faults.clear();
  state_->server.refusals.clear();
}

int CrdbDouble::happened() const {
  const std::lock_guard lock(state_->server.mutex);
  return state_->server.happened;
}

std::vector<CrdbStatement> CrdbDouble::statements() const {
  const std::lock_guard lock(state_->server.mutex);
  return state_->server.statements;
}

int CrdbDouble::stalled() const {
  const auto clients = state_->server.clients();
  const std::lock_guard lock(state_->server.mutex);
  return static_cast<int>(
      std::count_if(clients.begin(), clients.end(), [](const auto& client) { return client->stalled; }));
}

void CrdbDouble::release_stalled() {
  {
    const std::lock_guard lock(state_->server.mutex);
    ++state_->server.releases;
  }
  state_->server.wake_all();
}

void CrdbDouble::refuse_connections(std::string sqlstate, int times) {
  const std::lock_guard lock(state_->server.mutex);
  for (int i = 0; i < times; ++i) state_->server.refusals.push_back(sqlstate);
}

void CrdbDouble::cut_all() { state_->server.cut_all(); }
int CrdbDouble::open_connections() const { return static_cast<int>(state_->server.clients().size()); }

std::vector<CrdbJob> CrdbDouble::jobs() const {
  std::vector<CrdbJob> jobs;
  for (const crdb::JobRow& row : state_->server.jobs().all()) jobs.push_back(row.job);
  return jobs;
}

void CrdbDouble::hold_jobs(std::string part_of_description) {
  state_->server.jobs().hold(std::move(part_of_description));
}
void CrdbDouble::release_jobs() { state_->server.jobs().release(); }
void CrdbDouble::release_job(std::int64_t id) { state_->server.jobs().release(id); }
void CrdbDouble::fail_job(std::int64_t id, std::string sqlstate, std::string message, std::string state) {
  state_->server.jobs().fail(id, std::move(state), {std::move(sqlstate), std::move(message), "", "", ""});
}
void CrdbDouble::pause_job(std::int64_t id) { state_->server.jobs().pause(id); }

std::vector<std::string> CrdbDouble::backups() const {
  const std::lock_guard lock(state_->server.mutex);
  std::vector<std::string> found;
  for (const auto& [collection, stored] : state_->server.backups)
    for (const crdb::StoredBackup& one : stored) found.push_back(collection + " " + one.path);
  return found;
}

void CrdbDouble::lose_backup_files() {
  const std::lock_guard lock(state_->server.mutex);
  state_->server.backup_files_lost = true;
}

void CrdbDouble::grant(const std::string& user, CrdbPrivilege privilege) {
  const std::lock_guard lock(state_->server.mutex);
  state_->server.privileges[user].insert(privilege);
}

void CrdbDouble::revoke(const std::string& user, CrdbPrivilege privilege) {
  const std::lock_guard lock(state_->server.mutex);
  state_->server.privileges[user].erase(privilege);
}

void CrdbDouble::forbid_cancel(bool forbid) {
  const std::lock_guard lock(state_->server.mutex);
  state_->server.cancel_forbidden = forbid;
}

void CrdbDouble::read_schema_lock_as(SchemaLockReading reading) {
  const std::lock_guard lock(state_->server.mutex);
  state_->server.lock_reading = reading;
}

void CrdbDouble::when_table_is_busy(BusyTable what) {
  const std::lock_guard lock(state_->server.mutex);
  state_->server.busy_table = what;
}

std::vector<std::string> CrdbDouble::not_modelled() const {
  const std::lock_guard lock(state_->server.mutex);
  return state_->server.unknown;
}

std::string_view crdb_double_limits() {
  return "The double of CockroachDB, not yet run against a live CockroachDB. A pass means \"agrees with our reading of "
         "the cited evidence\", not \"works on CockroachDB\". Parser, type rules, optimizer, locks of rows, leases, "
         "clock "
         "skew, TLS, and jobs' durations and reversals are PostgreSQL's or invented. tests/crdb_double/README.md has "
         "the "
         "rest.";
}

}  // namespace talos::test
