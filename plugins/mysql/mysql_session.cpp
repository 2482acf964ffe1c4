#include "mysql_session.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "mysql_keys.hpp"
#include "mysql_text.hpp"
#include "talos/clock.hpp"

namespace talos::mysql {

namespace {

// Of MySQL and MariaDB, on Linux; also of lock_wait_timeout.
constexpr std::int64_t longest_seconds = 31'536'000;

std::string seconds(std::chrono::milliseconds timeout) {
  if (timeout.count() <= 0) return std::to_string(longest_seconds);
  return std::to_string(std::clamp<std::int64_t>((timeout.count() + 999) / 1000, 1, longest_seconds));
}

std::string socket_of(const MySqlDsn& dsn) {
  if (dsn.network != MySqlDsn::Network::unix_socket || dsn.sockets.empty()) return {};
  for (const std::string& path : dsn.sockets) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return path;
  }
  return dsn.sockets.front();
}

Tls tls_of(MySqlDsn::Tls tls) {
  switch (tls) {
    case MySqlDsn::Tls::off:
      return Tls::off;
    case MySqlDsn::Tls::preferred:
      return Tls::preferred;
    case MySqlDsn::Tls::required:
      return Tls::required;
    case MySqlDsn::Tls::verify:
      break;
  }
  return Tls::verified;
}

Endpoint endpoint_of(const MySqlDsn& dsn, const Runner& runner) {
  Endpoint endpoint;
  endpoint.host = dsn.host;
  endpoint.port = dsn.port;
  endpoint.socket = socket_of(dsn);
  endpoint.user = dsn.user;
  endpoint.password = dsn.password;
  endpoint.database = dsn.database;
  endpoint.tls = tls_of(dsn.tls);
  endpoint.tls_ca = dsn.tls_ca;
  endpoint.tls_certificate = dsn.tls_cert;
  endpoint.tls_key = dsn.tls_key;
  endpoint.server_public_key = dsn.server_public_key;
  endpoint.compress = dsn.compress;
  endpoint.local_files = dsn.local_infile;
  endpoint.attributes = dsn.connection_attributes;
  endpoint.attributes.emplace_back("program_name", program_name(runner));
  endpoint.attributes.emplace_back("talos_since", utc_now());
  return endpoint;
}

// No script speaks here: everything is as our own rows need it, whatever the server's defaults are.
std::string base_settings(std::chrono::milliseconds ddl_lock_timeout) {
  return "SET NAMES utf8mb4; SET SESSION sql_mode = 'STRICT_ALL_TABLES', autocommit = 1, wait_timeout = " +
         std::to_string(longest_seconds) + ", lock_wait_timeout = " + seconds(ddl_lock_timeout) +
         ", innodb_lock_wait_timeout = " + seconds(ddl_lock_timeout) +
         "; SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET SESSION TRANSACTION READ WRITE";
}

std::string hint_for(const Error& error) {
  const std::string& code = error.native_code;
  if (code.starts_with("1045") || code.starts_with("1698") || code.starts_with("1251") || code.starts_with("2059"))
    return "check the user and the password of the DSN, and from where the server lets that user in";
  if (code.starts_with("1049")) return "migrations go into an existing database: create it first";
  if (code.starts_with("1044")) return "grant this user the database";
  if (code.starts_with("2026")) return "check the DSN's tls= and its certificate files";
  return "see that the server runs and that the DSN names its host and port; --wait keeps trying";
}

std::string sql_mode_of(const MySqlDsn& dsn, const std::string& of_server) {
  for (const auto& [name, value] : dsn.settings)
    if (lower(name) == "sql_mode") return value;
  return of_server;
}

// What a fresh session of this DSN shows of an object is what one with our own settings shows.
bool shows_as_base(const MySqlDsn& dsn, const std::string& of_server) {
  constexpr std::string_view harmless[] = {"sql_mode", "foreign_key_checks", "unique_checks"};
  const auto is_harmless = [&](const auto& setting) {
    return std::find(std::begin(harmless), std::end(harmless), lower(setting.first)) != std::end(harmless);
  };
  return dsn.collation.empty() && std::all_of(dsn.settings.begin(), dsn.settings.end(), is_harmless) &&
         shows_plainly(sql_mode_of(dsn, of_server));
}

}  // namespace

MySqlSession::MySqlSession(MySqlDsn dsn, const ConnectRequest& request)
    : dsn_text_(request.dsn),
      dsn_(std::move(dsn)),
      access_(request.access),
      runner_(request.runner),
      connect_timeout_(dsn_.connect_timeout.value_or(request.connect_timeout)),
      statement_timeout_(request.statement_timeout.count() > 0
                             ? request.statement_timeout
                             : dsn_.statement_timeout.value_or(std::chrono::milliseconds(0))),
      ddl_lock_timeout_(request.ddl_lock_timeout),
      lock_timeout_(request.lock_timeout),
      stall_timeout_(request.stall_timeout),
      ddl_lock_retries_(request.ddl_lock_retries),
      stop_(request.stop),
      settlement_(
          [this](const ScriptPart& statement, std::string_view before) { return settle_statement(statement, before); }),
      endpoint_(endpoint_of(dsn_, request.runner)),
      lock_wait_(
          std::chrono::milliseconds(10), [this] { return locks_->free(asking()); },
          [this] { return stop_requested(); }),
      introspection_(asking(), server_, tables_),
      scratch_(dsn_text_, asking(), asking_firmly(),
               [this](std::string_view from, std::string_view table, const std::string& to) {
                 return fill(from, table, to);
               }),
      trial_([this] { return connect_like_worker(); }, [this] { return patiently(); }, server_, modes_),
      backup_([this] { return dump_source(); }, asking(), [this] { check_stop(); }) {
  const std::string table = !request.table.empty() ? request.table
                            : dsn_.table.empty()   ? "schema_migrations"
                                                   : dsn_.table;
  if (!is_table_name(table))
    throw Error(ErrorCode::usage, "the tracker table's name must be letters, digits, _ and $, at most 55 bytes");
  try {
    base_ = connect();
  } catch (const Error& error) {
    // golang-migrate decodes user and password, go-sql-driver takes them as they stand.
    if (!error.native_code.starts_with("1045") || !dsn_.has_raw_spelling()) throw;
    endpoint_.user = dsn_.user_raw;
    endpoint_.password = dsn_.password_raw;
    base_ = connect();
  }
  server_ = describe_server(asking(), base_settings(ddl_lock_timeout_), dsn_.describe());
  modes_ = lexer_modes(sql_mode_of(dsn_, server_.sql_mode));
  shows_as_base_ = shows_as_base(dsn_, server_.sql_mode);
  if (access_ != Access::read) refuse_read_only();
  tables_.emplace(server_.database, table);
  locks_.emplace(own_lock_name(server_.database, table), golang_migrate_lock_name(dsn_.database, table));
}

std::unique_ptr<Connection> MySqlSession::connect() const {
  try {
    return std::make_unique<Connection>(endpoint_, connect_timeout_, stop_);
  } catch (const Error& error) {
    if (error.code != ErrorCode::connection) throw;
    Error told = error.retold("cannot connect to " + dsn_.describe() + ": " + error.what());
    if (told.hint.empty()) told.hint = hint_for(error);
    throw Error(told);
  }
}

void MySqlSession::refuse_read_only() const {
  if (server_.read_only)
    throw Error(ErrorCode::connection,
                dsn_.describe() + " is read-only (read_only, super_read_only): it takes no writes")
        .with_hint("name the primary, or switch read_only off");
}

SessionInfo MySqlSession::do_info() const {
  SessionInfo info{dsn_.describe(), server_.name(), tables_->table(), dsn_.no_transaction};
  if (server_.galera || server_.group_member)
    info.notes.push_back(std::string("the server is a node of a ") +
                         (server_.galera ? "Galera" : "replication group's") +
                         " cluster: its locks do not reach the other nodes, so let all runners use this one");
  if (dsn_.no_lock) info.notes.push_back("x-no-lock: no run lock is taken, only the tracker's row guards");
  return info;
}

Capabilities MySqlSession::do_capabilities() const {
  Capabilities capabilities;
  capabilities.atomic_statements = true;
  capabilities.run_lock = !dsn_.no_lock;
  capabilities.cancel = true;
  capabilities.statement_timeout = true;
  capabilities.ddl_lock_timeout = true;
  capabilities.max_batch_bytes = server_.max_allowed_packet;
  return capabilities;
}

bool MySqlSession::stop_requested() const { return cancelled_ || (stop_ != nullptr && stop_->load()); }

void MySqlSession::do_resume() {
  cancelled_ = false;
  stop_ = nullptr;
}

Ability* MySqlSession::do_ability(std::string_view id) {
  if (id == Settlement::id) return &settlement_;
  if (id == LockWait::id && !dsn_.no_lock) return &lock_wait_;
  if (id == Introspection::id) return &introspection_;
  if (id == Scratch::id) return &scratch_;
  if (id == Trial::id) return &trial_;
  if (id == Backup::id) return &backup_;
  return nullptr;
}

void MySqlSession::throw_lost(const Connection& connection) const {
  throw Error(ErrorCode::connection, "the connection to " + dsn_.describe() + " was lost: " + connection.why_lost());
}

// For what the server answers at once, and what may be left undone. It may be slow, but not for longer than the stall
// timeout.
Connection::WhileWaiting MySqlSession::patiently() const {
  return [this, deadline = Clock::now() + stall_timeout_]() -> std::optional<std::string> {
    if (stall_timeout_.count() > 0 && Clock::now() >= deadline)
      return "the server did not answer within " + std::to_string(stall_timeout_.count()) + " ms (--stall-timeout)";
    if (stop_requested()) return "stopped";
    return std::nullopt;
  };
}

// For what belongs to a migration's end: a stop waits for it.
Connection::WhileWaiting MySqlSession::firmly() const {
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

std::vector<Table> MySqlSession::ask(const std::string& sql, const Connection::WhileWaiting& waiting) {
  return answers(base_->ask(sql, waiting));
}

// Of the base connection; throws what went wrong.
std::vector<Table> MySqlSession::answers(Reply reply) {
  if (!reply.lost.empty()) {
    if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped");
    throw_lost(*base_);
  }
  if (reply.error) {
    if (base_->in_transaction()) base_->send("ROLLBACK", firmly());
    Error error = to_error(*reply.error, ErrorCode::connection);
    if (reply.error->is_one_of(
            {number::table_access_denied, number::access_denied_to_database, number::access_denied_for_privilege}))
      error.hint = "grant this user what the message names";
    throw Error(error);
  }
  return std::move(reply.tables);
}

Inquiry MySqlSession::inquiring(Connection& connection) const {
  return [this, &connection](const std::string& sql) { return connection.ask(sql, firmly()); };
}

// What every script finds: the DSN's settings and ours.
std::vector<std::string> MySqlSession::worker_settings() const {
  std::vector<std::string> statements;
  statements.push_back("SET NAMES utf8mb4" +
                       (dsn_.collation.empty() ? std::string() : " COLLATE '" + dsn_.collation + "'"));
  // Idle while other rows are written, a long statement before it.
  statements.push_back("SET SESSION wait_timeout = " + std::to_string(longest_seconds) + ", lock_wait_timeout = " +
                       seconds(ddl_lock_timeout_) + ", innodb_lock_wait_timeout = " + seconds(ddl_lock_timeout_));
  for (const auto& [name, value] : dsn_.settings) statements.push_back("SET SESSION " + name + " = " + value);
  statements.push_back("USE " + quoted_name(server_.database));
  return statements;
}

// Where the script's unqualified names are now.
std::string MySqlSession::default_database() {
  const bool moves = script_ != nullptr && (script_->traits & trait_default_database) != 0;
  if (!moves) return server_.database;
  const Reply reply = worker_->ask("SELECT DATABASE()", firmly());
  return reply.failed() ? server_.database : reply.tables.at(0).value();
}

Connection& MySqlSession::worker() {
  if (worker_ && worker_->usable()) return *worker_;
  // One that was given up may still be there, and say that it works.
  if (last_worker_ != 0) base_->send("KILL " + std::to_string(last_worker_), firmly());
  worker_ = connect();
  last_worker_ = worker_->id();
  used_ = false;
  settings_due_ = true;
  return *worker_;
}

void MySqlSession::look_for_tables() { existing_ = tables_->existing(asking()(tables_->existing_sql()).at(0)); }

State MySqlSession::do_read_state(LogDepth depth) { return tables_->read(asking(), depth, existing_); }

bool MySqlSession::do_try_lock() {
  refuse_read_only();
  if (dsn_.no_lock || locks_->held()) return true;
  if (!locks_->try_lock(asking())) return false;
  if (!existing_.known) look_for_tables();
  sign_lock();
  return true;
}

// Best effort: the lock itself is what counts.
void MySqlSession::sign_lock() {
  if (server_.shows_attributes || !existing_.lock || !locks_->held()) return;
  base_->send(sign_lock_sql(*tables_, base_->id(), runner_), firmly());
}

void MySqlSession::do_unlock() {
  // Both at once: one turn.
  const bool rests = locks_->held() && worker_ && worker_->usable();
  if (rests) worker_->start(locks_->says_it_rests(), {});
  try {
    if (base_->usable()) locks_->unlock(asking_firmly());
  } catch (const Error&) {
    if (rests) worker_->give_up("the lock could not be given up");
    throw;
  }
  if (!rests) return;
  worker_->follow(firmly());
  settings_due_ = true;
}

LockStatus MySqlSession::do_observe_lock() {
  // Another runner may have made the table since the last look.
  if (!server_.shows_attributes && !existing_.lock) look_for_tables();
  return locks_->observe(asking(), server_, *tables_, existing_.lock);
}

std::uint64_t MySqlSession::do_split(std::string_view text, const StatementSink& sink) {
  return split_sql(text, modes_, sink);
}

Settlement::Finding MySqlSession::settle_statement(const ScriptPart& statement, std::string_view before) const {
  // A default database of the script's own cannot be known here.
  const bool elsewhere = (statement.script->traits & trait_default_database) != 0;
  if (elsewhere) return {Settlement::Verdict::unknown, "the file changes the default database", {}};
  return settle(statement.text(), modes_, before, inquiring(*base_), server_);
}

}  // namespace talos::mysql
