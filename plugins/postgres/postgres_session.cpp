#include "postgres_session.hpp"

#include <algorithm>
#include <utility>

#include "pg_connect.hpp"
#include "pg_text.hpp"
#include "postgres_keys.hpp"

namespace talos::postgres {

namespace {

constexpr std::chrono::milliseconds default_lease{15'000};

// Nobody cancels these messages: it was a request that came too late for the one before.
bool was_cancelled(const pg::Reply& reply) {
  return reply.lost.empty() && reply.error && reply.error->is(pg::sqlstate::query_canceled);
}

}  // namespace

PostgresSession::PostgresSession(pg::PgDsn dsn, const ConnectRequest& request)
    : dsn_(std::move(dsn)),
      access_(request.access),
      runner_(request.runner),
      statement_timeout_(request.statement_timeout.count() > 0
                             ? request.statement_timeout
                             : dsn_.statement_timeout.value_or(std::chrono::milliseconds(0))),
      ddl_lock_timeout_(request.ddl_lock_timeout),
      lock_timeout_(request.lock_timeout),
      stall_timeout_(request.stall_timeout),
      ddl_lock_retries_(request.ddl_lock_retries),
      stop_(request.stop),
      parameters_(pg::connection_parameters(dsn_, request)) {
  connection_ = pg::connect(parameters_, dsn_, request.connect_timeout, stop_);
  parameters_ = pg::parameters_to(*connection_, std::move(parameters_));
  const std::string table = !request.table.empty() ? request.table
                            : dsn_.table.empty()   ? "schema_migrations"
                                                   : dsn_.table;
  if (!is_table_name(table))
    throw Error(ErrorCode::usage, "the tracker table's name must be letters, digits, _ and $, at most 55 bytes");
  FirstLook look = describe_server(asking(), dsn_, table, connection_->announced_pid());
  server_ = std::move(look.server);
  may_have_event_triggers_ = server_.event_triggers;
  existing_ = look.existing;
  if (access_ != Access::read) refuse_standby();
  tables_.emplace(server_.schema, table);
  locks_.emplace(own_key(server_.schema, table),
                 golang_migrate_keys(server_.schema, table, server_.database, dsn_.path_database));
  lease_.emplace(tables_->lease(), runner_, dsn_.lease_ttl.value_or(default_lease));
  settlement_.emplace(*this, asking(), server_.schema);
  introspection_.emplace(asking(), server_, *tables_);
  const auto stop = [this] { return stop_requested(); };
  lock_wait_.emplace(*connection_, asking(), locks_->channel(), stop);
  const auto settings = [this](bool local) { return session_settings(dsn_, server_, statement_timeout_, local); };
  scratch_.emplace(PostgresScratch::Place{parameters_, dsn_, server_, settings(false), stop});
  trial_.emplace(PostgresTrial::Place{parameters_, dsn_, settings(true), *tables_, stop});
  backup_.emplace([this] { return parameters_in_force(); }, dsn_, server_.major(), stop);
}

void PostgresSession::refuse_standby() const {
  if (server_.standby)
    throw Error(ErrorCode::connection, dsn_.describe() + " is a standby: it takes no writes")
        .with_hint("name the primary, or several hosts with ?target_session_attrs=read-write");
}

SessionInfo PostgresSession::do_info() const {
  SessionInfo info{dsn_.describe(), "PostgreSQL " + server_.version, tables_->table(), false};
  if (server_.pooled)
    info.notes.push_back("a connection pooler stands before the server: migrations are guarded by transaction locks, " +
                         std::string("files that run without a transaction by a lease"));
  return info;
}

Capabilities PostgresSession::do_capabilities() const {
  Capabilities capabilities;
  capabilities.transactional_ddl = true;
  capabilities.atomic_statements = true;
  capabilities.run_lock = true;
  capabilities.cancel = true;
  capabilities.statement_timeout = true;
  capabilities.ddl_lock_timeout = true;
  return capabilities;
}

bool PostgresSession::stop_requested() const { return cancelled_ || (stop_ != nullptr && stop_->load()); }

void PostgresSession::do_resume() {
  cancelled_ = false;
  stop_ = nullptr;
}

Ability* PostgresSession::do_ability(std::string_view id) {
  if (id == Settlement::id) return &*settlement_;
  if (id == Introspection::id) return &*introspection_;
  if (id == Scratch::id) return &*scratch_;
  if (id == Trial::id) return &*trial_;
  if (id == Backup::id) return &*backup_;
  if (id == LockWait::id && !server_.pooled) return &*lock_wait_;
  return nullptr;
}

void PostgresSession::throw_lost() const {
  throw Error(ErrorCode::connection, "the connection to " + dsn_.describe() + " was lost: " + connection_->why_lost());
}

pg::Parameters PostgresSession::parameters_in_force() const {
  if (!connection_->usable()) throw_lost();
  return pg::parameters_to(*connection_, connection_->in_force());
}

pg::Connection::WhileWaiting PostgresSession::briefly() {
  constexpr std::chrono::seconds longest{10};
  return [deadline = Clock::now() + longest]() -> std::optional<std::string> {
    if (Clock::now() < deadline) return std::nullopt;
    return "the server does not answer";
  };
}

void PostgresSession::tidy(const std::string& sql) {
  pg::Reply reply = connection_->send(sql, briefly());
  if (was_cancelled(reply)) reply = connection_->send(sql, briefly());
  if (!reply.lost.empty()) throw_lost();
  if (reply.error) throw Error(pg::to_error(*reply.error, ErrorCode::connection));
}

// For what the server answers at once. It may be slow, but not for longer than the stall timeout.
std::vector<pg::Table> PostgresSession::ask(const std::string& sql) {
  if (renewal_due_) renew();
  return ask_as_is(sql);
}

std::vector<pg::Table> PostgresSession::ask_as_is(const std::string& sql) {
  const auto deadline = Clock::now() + stall_timeout_;
  const pg::Connection::WhileWaiting waiting = [&]() -> std::optional<std::string> {
    if (stall_timeout_.count() > 0 && Clock::now() >= deadline)
      return "the server did not answer within " + std::to_string(stall_timeout_.count()) + " ms (--stall-timeout)";
    if (stop_requested()) return "stopped";
    return std::nullopt;
  };
  const auto roll_back_failed = [&](const pg::Reply& reply) {
    if (reply.error && connection_->usable() && connection_->in_transaction()) connection_->send("ROLLBACK", briefly());
  };
  pg::Reply reply = connection_->ask(sql, waiting);
  roll_back_failed(reply);
  if (was_cancelled(reply)) {
    reply = connection_->ask(sql, waiting);
    roll_back_failed(reply);
  }
  if (reply.error) {
    Error error = pg::to_error(*reply.error, ErrorCode::connection);
    if (reply.error->is(pg::sqlstate::insufficient_privilege)) error.hint = "grant this role what the message names";
    throw Error(error);
  }
  if (!reply.lost.empty()) {
    if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped");
    throw_lost();
  }
  return std::move(reply.tables);
}

State PostgresSession::do_read_state(LogDepth depth) {
  auto ahead = std::exchange(read_ahead_, std::nullopt);
  if (ahead && depth == LogDepth::current) return std::move(*ahead);
  return tables_->read_at_once(asking(), depth, existing_);
}

bool PostgresSession::do_try_lock() {
  read_ahead_.reset();
  refuse_standby();
  if (server_.pooled) return try_pooled_lock();
  if (locks_->held()) return true;
  // Most often the first attempt succeeds, and what is read with it is of use. The others come often.
  const bool again = lock_was_taken_;
  lock_was_taken_ = !locks_->tried(asking(), again ? ask(locks_->try_sql()).at(0) : try_and_read());
  if (lock_was_taken_) return false;
  if (again || lock_wait_->listens()) look_after_waiting();
  // A runner behind a pooler has no lock of a session.
  if (!existing_.lease || !lease_->observe(asking()).held) return true;
  locks_->unlock(asking(), false);
  return false;
}

// Meanwhile the tables may have been made; and no script is to find a channel that is listened to.
void PostgresSession::look_after_waiting() {
  const std::string end = lock_wait_->listens() ? lock_wait_->end_sql() + ";" : "";
  existing_ = pg::Bookkeeping::existing(ask(end + tables_->existing_sql()).back());
  lock_wait_->ended();
}

// Whoever tries reads next, whether it has the lock or not: both in one message. The answer to the first.
pg::Table PostgresSession::try_and_read() {
  // A new session is what every script finds but for our settings, which need no message of their own. A timeout that
  // is meant for scripts must not end what we read before them, though.
  const bool sets_up = place_.condition == Condition::connected && statement_timeout_.count() == 0;
  std::vector<std::string> before;
  if (sets_up) before = session_settings(dsn_, server_, statement_timeout_, false);
  // What is read is read after it, by a snapshot of its own.
  before.insert(before.end(), {"BEGIN", locks_->try_sql(), "COMMIT"});
  std::string sql;
  for (const std::string& statement : before) sql += statement + ";";
  std::optional<pg::Table> tried;
  const pg::Ask ask_both = [&](const std::string& reading) {
    if (tried) return ask(reading);
    auto answers = ask(sql + reading);
    tried = std::move(answers.at(before.size() - 2));
    return std::vector(answers.begin() + static_cast<std::ptrdiff_t>(before.size()), answers.end());
  };
  read_ahead_ = tables_->read_at_once(ask_both, LogDepth::current, existing_);
  if (sets_up) place_.condition = Condition::fresh;
  return *tried;
}

// Only a look: a lock that is taken for a moment would stand in the way of whoever works.
bool PostgresSession::try_pooled_lock() {
  const LockStatus lock = do_observe_lock();
  return !lock.held || lock.ours;
}

void PostgresSession::do_unlock() {
  read_ahead_.reset();
  release_lease();
  if (!connection_->usable()) return;
  // Most often the session ends with this: what the last script left behind need not go, if it can be no settings.
  const pg::Ask as_is = [this](const std::string& sql) { return ask_as_is(sql); };
  locks_->unlock(place_.settings_touched ? asking() : as_is, worked_);
}

LockStatus PostgresSession::do_observe_lock() {
  LockStatus status = locks_->observe(asking());
  if (status.held) return status;
  // Another runner may have made the lease's table since the last look.
  if (!existing_.lease) existing_ = pg::Bookkeeping::existing(ask(tables_->existing_sql()).at(0));
  return existing_.lease ? lease_->observe(asking()) : status;
}

std::uint64_t PostgresSession::do_split(std::string_view text, const StatementSink& sink) {
  return pg::split_sql(text, sink);
}

}  // namespace talos::postgres
