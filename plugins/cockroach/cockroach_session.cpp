#include "cockroach_session.hpp"

#include <algorithm>
#include <utility>

#include "cockroach_lexer.hpp"
#include "common/backoff.hpp"
#include "common/checksum.hpp"
#include "common/pause.hpp"
#include "pg_connect.hpp"
#include "pg_lexer.hpp"
#include "pg_text.hpp"

namespace talos::cockroach {

namespace {

// How far the past lies that is read without waiting for writers (C2), and what a read then waits so that it sees
// everything that was committed before it was asked for.
constexpr std::chrono::milliseconds past{100};
constexpr std::chrono::milliseconds until_past{110};
constexpr const char* begin_in_past = "BEGIN AS OF SYSTEM TIME '-100ms'";
constexpr const char* begin_now = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY";
// Of status and history.
constexpr std::chrono::milliseconds read_timeout{10'000};
// Of jobs: whenever they began.
constexpr const char* ever = "1970-01-02T00:00:00Z";
// A waiter's look at rows that somebody may be writing.
constexpr std::chrono::milliseconds short_look{300};

static_assert(until_past > past);

// golang-migrate hashes the URL's path with its slash when opened by a URL, and without it when opened as a library.
std::vector<std::int64_t> golang_migrate_ids(const std::string& database, std::string dsn_database) {
  if (dsn_database.starts_with('/')) dsn_database.erase(0, 1);
  std::vector<std::int64_t> ids;
  for (const std::string& name : {database, dsn_database}) {
    if (name.empty()) continue;
    for (const std::string& spelling : {"/" + name, name}) {
      const std::int64_t id = common::golang_migrate_number(spelling);
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace

CockroachSession::CockroachSession(pg::PgDsn dsn, const ConnectRequest& request)
    : dsn_(std::move(dsn)),
      access_(request.access),
      runner_(request.runner),
      connect_timeout_(request.connect_timeout),
      statement_timeout_(request.statement_timeout.count() > 0
                             ? request.statement_timeout
                             : dsn_.statement_timeout.value_or(std::chrono::milliseconds(0))),
      lock_timeout_(request.lock_timeout),
      stall_timeout_(request.stall_timeout),
      stop_(request.stop),
      settlement_(
          [this](const ScriptPart& statement, std::string_view before) { return settle_statement(statement, before); }),
      parameters_(pg::connection_parameters(dsn_, request)) {
  const std::string table = !request.table.empty() ? request.table
                            : dsn_.table.empty()   ? "schema_migrations"
                                                   : dsn_.table;
  foreign_name_ = dsn_.lock_table.empty() ? "schema_lock" : dsn_.lock_table;
  if (!is_table_name(table) || !is_table_name(foreign_name_))
    throw Error(ErrorCode::usage, "a table's name must be letters, digits, _ and $, at most 55 bytes");
  base_ = connect();
  parameters_ = pg::parameters_to(*base_, std::move(parameters_));
  server_ = describe_server(
      *base_, [this](const std::string& sql) { return inquire(sql, patiently()); }, dsn_, base_timeout());
  tables_.emplace(server_.schema, table, server_.database);
  foreign_table_ =
      pg::quoted_name(server_.database) + "." + pg::quoted_name(server_.schema) + "." + pg::quoted_name(foreign_name_);
  foreign_ids_ = golang_migrate_ids(server_.database, dsn_.path_database);
  introspection_.emplace(asking(), server_, *tables_, foreign_name_);
  const auto stop = [this] { return stop_requested(); };
  const auto settings = session_settings(dsn_, server_.version, std::chrono::milliseconds(0));
  scratch_.emplace(CockroachScratch::Place{parameters_, dsn_, server_.schema, settings});
  trial_.emplace(CockroachTrial::Place{parameters_, dsn_, server_.schema, settings, stop});
  backup_.emplace(parameters_, dsn_, server_, stop);
  lease_.emplace(tables_->lease(), runner_, server_.user, dsn_.lease_ttl.value_or(default_lease_lifetime));
}

CockroachSession::~CockroachSession() {
  try {
    release_lease();
  } catch (const Error&) {
    // It ends by itself, if not so soon.
  }
}

// A node with too many clients, or on its way up, may let us in a moment later.
std::unique_ptr<pg::Connection> CockroachSession::connect() const {
  const auto deadline = Clock::now() + connect_timeout_;
  for (int attempt = 1;; ++attempt) {
    try {
      return pg::connect(parameters_, dsn_, connect_timeout_, stop_);
    } catch (const Error& error) {
      const auto delay = common::retry_delay(attempt);
      if (!is_passing_refusal(error) || Clock::now() + delay >= deadline || !pause_for(delay)) throw;
    }
  }
}

void CockroachSession::set_up(pg::Connection& connection, std::chrono::milliseconds statement_timeout) const {
  const pg::Reply reply = say(connection, joined(session_settings(dsn_, server_.version, statement_timeout)), firmly());
  if (!reply.lost.empty()) throw_lost(connection);
  if (reply.error) throw Error(pg::to_error(*reply.error, ErrorCode::connection));
}

std::chrono::milliseconds CockroachSession::base_timeout() const {
  return access_ == Access::read ? read_timeout : std::chrono::milliseconds(0);
}

// Nothing of ours lives in its session: another is as good. What was sent on the one before is fenced.
pg::Connection& CockroachSession::base() {
  if (base_->usable()) return *base_;
  auto connection = connect();
  set_up(*connection, base_timeout());
  base_ = std::move(connection);
  return *base_;
}

std::string CockroachSession::session_of(pg::Connection& connection) const {
  const pg::Reply reply = say(connection, "SHOW session_id", firmly());
  if (!reply.lost.empty()) throw_lost(connection);
  if (reply.error) throw Error(pg::to_error(*reply.error, ErrorCode::connection));
  return reply.tables.at(0).value();
}

// C3: whoever takes over finds it in the lease before it has done anything.
pg::Connection& CockroachSession::worker() {
  if (worker_ && worker_->usable() && reset_due_) reset_worker();
  if (worker_ && worker_->usable()) return *worker_;
  drop_worker();
  auto connection = connect();
  set_up(*connection, statement_timeout_);
  if (lease_->held()) {
    sessions_.push_back(session_of(*connection));
    const pg::Reply reply = inquire(lease_->remember_sessions_sql(sessions_), firmly());
    if (!reply.lost.empty()) throw_lost(*base_);
    if (reply.error) throw Error(pg::to_error(*reply.error, ErrorCode::connection));
    if (reply.tables.at(0).rows.empty()) throw Error(lease_lost());
  }
  worker_ = std::move(connection);
  return *worker_;
}

// G6: functions that a script called may have changed settings. Those that the script itself changed end with their
// session.
void CockroachSession::reset_worker() {
  const std::string settings = joined(session_settings(dsn_, server_.version, statement_timeout_));
  if (worker_->send("RESET ALL; " + settings, firmly()).failed()) worker_.reset();
  reset_due_ = false;
}

void CockroachSession::drop_worker() {
  if (heartbeat_) heartbeat_->rest();
  worker_.reset();
  reset_due_ = false;
}

SessionInfo CockroachSession::do_info() const {
  return {dsn_.describe(), server_.name, tables_->table(), false, server_.notes};
}

Capabilities CockroachSession::do_capabilities() const {
  Capabilities capabilities;
  capabilities.atomic_statements = true;
  capabilities.run_lock = true;
  capabilities.cancel = true;
  capabilities.statement_timeout = true;
  return capabilities;
}

bool CockroachSession::stop_requested() const { return cancelled_ || (stop_ != nullptr && stop_->load()); }

void CockroachSession::do_resume() {
  cancelled_ = false;
  stop_ = nullptr;
}

Ability* CockroachSession::do_ability(std::string_view id) {
  if (id == Settlement::id) return &settlement_;
  if (id == Introspection::id) return &*introspection_;
  if (id == Scratch::id) return &*scratch_;
  if (id == Trial::id) return &*trial_;
  if (id == Backup::id) return &*backup_;
  return nullptr;
}

void CockroachSession::throw_lost(const pg::Connection& connection) const {
  throw Error(ErrorCode::connection, "the connection to " + dsn_.describe() + " was lost: " + connection.why_lost());
}

bool CockroachSession::pause_for(std::chrono::milliseconds duration) const {
  return common::pause_for(duration, [this] { return stop_requested(); });
}

// For what the server answers at once, and what may be left undone. It may be slow, but not for longer than the stall
// timeout.
pg::Connection::WhileWaiting CockroachSession::patiently() const {
  return [this, deadline = Clock::now() + stall_timeout_]() -> std::optional<std::string> {
    if (stall_timeout_.count() > 0 && Clock::now() >= deadline)
      return "the server did not answer within " + std::to_string(stall_timeout_.count()) + " ms (--stall-timeout)";
    if (stop_requested()) return "stopped";
    return std::nullopt;
  };
}

// For what belongs to a migration's end: a stop waits for it.
pg::Connection::WhileWaiting CockroachSession::firmly() const {
  static constexpr std::chrono::seconds grace{10};
  return [this, deadline = Clock::now() + stall_timeout_,
          stop_deadline = std::optional<Clock::time_point>()]() mutable -> std::optional<std::string> {
    const auto now = Clock::now();
    if (stall_timeout_.count() > 0 && now >= deadline)
      return "the server did not answer within " + std::to_string(stall_timeout_.count()) + " ms (--stall-timeout)";
    if (!stop_deadline && stop_requested()) stop_deadline = now + grace;
    if (stop_deadline && now >= *stop_deadline) return "the server did not answer, and a stop was asked for";
    return std::nullopt;
  };
}

// What is a transaction by itself, and was rolled back only because of somebody else, is said again.
pg::Reply CockroachSession::say(pg::Connection& connection, const std::string& sql,
                                const pg::Connection::WhileWaiting& waiting) const {
  constexpr int most_attempts = 10;
  for (int attempt = 1;; ++attempt) {
    pg::Reply reply = connection.ask(sql, waiting);
    const bool again = reply.error && reply.lost.empty() && fate_of(*reply.error) == Fate::restart &&
                       !connection.in_transaction() && attempt < most_attempts;
    if (!again || !pause_for(common::retry_delay(attempt) / 4)) return reply;
  }
}

// After an error the session is either out of its transaction or of no more use.
pg::Reply CockroachSession::inquire(const std::string& sql, const pg::Connection::WhileWaiting& waiting) {
  pg::Connection& connection = base();
  pg::Reply reply = sql.starts_with("BEGIN") || connection.in_transaction() ? connection.ask(sql, waiting)
                                                                            : say(connection, sql, waiting);
  if (!reply.error || !connection.usable() || !connection.in_transaction()) return reply;
  connection.send("ROLLBACK", firmly());
  if (connection.usable() && connection.in_transaction()) connection.give_up("its transaction could not be ended");
  return reply;
}

// Reads, and writes that do nothing the second time: what was rolled back only because of somebody else is said again.
std::vector<pg::Table> CockroachSession::ask(const std::string& sql) {
  constexpr int most_attempts = 10;
  for (int attempt = 1;; ++attempt) {
    pg::Reply reply = inquire(sql, patiently());
    if (!reply.failed()) return std::move(reply.tables);
    if (!reply.lost.empty()) {
      if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped");
      throw_lost(*base_);
    }
    const bool again = fate_of(*reply.error) == Fate::restart || reply.error->is("40003");
    if (again && attempt < most_attempts && pause_for(common::retry_delay(attempt) / 4)) continue;
    Error error = pg::to_error(*reply.error, ErrorCode::connection);
    if (reply.error->is(pg::sqlstate::insufficient_privilege)) error.hint = "grant this user what the message names";
    throw Error(error);
  }
}

void CockroachSession::look_for_tables() { existing_ = pg::Bookkeeping::existing(ask(tables_->existing_sql()).at(0)); }

// C2: reading the past waits for nobody. That it holds all that was committed before this call is what we wait for.
std::string CockroachSession::wait_for_past() const {
  pause_for(until_past);
  return begin_in_past;
}

State CockroachSession::do_read_state(LogDepth depth) {
  if (access_ == Access::read) return tables_->read(asking(), depth, existing_, wait_for_past());
  // As long as the runner before us may be at work its rows may be locked.
  if (lease_->held() && !predecessor_) return tables_->read(asking(), depth, existing_, begin_now);
  return read_as_of_now(depth);
}

// Of a runner that waits, or has not begun: somebody may be in the middle of a transaction on these rows, for as long
// as it likes. Then the state before it is as good.
State CockroachSession::read_as_of_now(LogDepth depth) {
  const auto set_timeout = [&](std::chrono::milliseconds timeout) {
    ask("SET statement_timeout = " + pg::setting(timeout));
  };
  set_timeout(short_look);
  std::optional<State> state;
  try {
    state = tables_->read(asking(), depth, existing_, begin_now);
  } catch (const Error& error) {
    const bool in_the_way =
        error.native_code == pg::sqlstate::query_canceled || error.native_code == pg::sqlstate::lock_not_available;
    if (!in_the_way) throw;
  }
  set_timeout(std::chrono::milliseconds(0));
  return state ? std::move(*state) : tables_->read(asking(), depth, existing_, wait_for_past());
}

std::uint64_t CockroachSession::do_split(std::string_view text, const StatementSink& sink) {
  return split_sql(text, sink);
}

// Nothing where the server does not tell.
std::optional<std::vector<Job>> CockroachSession::live_jobs(const std::string& since,
                                                            const std::vector<std::string>& users) {
  const pg::Reply reply = inquire(live_jobs_sql(since, users), firmly());
  if (!reply.lost.empty()) throw_lost(*base_);
  if (reply.error) return std::nullopt;
  return read_jobs(reply.tables.at(0));
}

Settlement::Finding CockroachSession::settle_statement(const ScriptPart& statement, std::string_view before) {
  // Where its unqualified names led, only its session knew.
  const bool moved = (statement.script->traits & pg::trait_session_state) != 0;
  if (moved && verify_query(statement.script->text).empty())
    return {Settlement::Verdict::unknown, "the file changes settings that its names may depend on", {}};
  const auto jobs = live_jobs(ever, {server_.user});
  if (!jobs) return {Settlement::Verdict::unknown, "this user cannot see whether a schema change is still at work", {}};
  if (!jobs->empty()) {
    const std::string what_to_do = advice(jobs->front());
    return {Settlement::Verdict::unknown, jobs->front().told() + (what_to_do.empty() ? "" : ": " + what_to_do), {}};
  }
  return settle(statement, before, asking(), server_.schema);
}

}  // namespace talos::cockroach
