#include "crdb_session.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <exception>

#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include "crdb_error.hpp"

namespace talos::test::crdb {

namespace {

using Kind = Statement::Kind;
using What = CrdbFault::What;

constexpr std::int32_t protocol_3 = 196608;
constexpr std::int32_t cancel_code = 80877102;
constexpr std::int32_t tls_code = 80877103;
constexpr std::int32_t gss_code = 80877104;

// A server that auto-retries does so many times; this many are enough to tell a conflict from a livelock.
constexpr int server_retries = 50;

constexpr std::chrono::milliseconds look_for_deadlocks_every{200};

constexpr const char* idle_setting = "idle_in_transaction_session_timeout";

// Those of which clients are told when they change (param_status@0d6c10e).
constexpr std::array told{"application_name",     "client_encoding", "DateStyle",
                          "IntervalStyle",        "TimeZone",        "standard_conforming_strings",
                          "integer_datetimes",    "server_encoding", "is_superuser",
                          "session_authorization"};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

SqlFailure aborted() {
  return {"25P02", "current transaction is aborted, commands ignored until end of transaction block"};
}

SqlFailure injected_retry() {
  return {"40001",
          "restart transaction: TransactionRetryWithProtoRefreshError: TransactionRetryError: "
          "retry txn (RETRY_SERIALIZABLE - injected by the double)"};
}

SqlFailure ambiguous() { return {"40003", "result is ambiguous: injected by the double"}; }

}  // namespace

void run_session(Server& server, Descriptor socket) {
  try {
    Session(server, std::move(socket)).run();
  } catch (const ConnectionOver&) {
    // Its end, by whichever side.
  } catch (const std::exception& error) {
    server.note_not_modelled(std::string("the double failed: ") + error.what());
    std::fprintf(stderr, "crdb double: %s\n", error.what());
  }
}

Session::Session(Server& server, Descriptor socket)
    : server_(server), client_(server.join()), wire_(std::move(socket)) {}

Session::~Session() { server_.leave(*client_); }

void Session::run() {
  if (!start_up()) return;
  for (;;) {
    const Message message = read(false);
    switch (message.type) {
      case 'Q':
        // aborted_txn@179b6e8: after an error of the extended protocol it is passed over too.
        if (!skip_to_sync_) query(Fields(message.body).text());
        break;
      case 'X':
        return;
      default:
        extended(message);
    }
    wire_.flush();
  }
}

// --- the connection ---

Message Session::read(bool first) {
  const Deadline idle = idle_deadline();
  for (;;) {
    if (auto message = wire_.take(first)) return *message;
    std::array<pollfd, 2> watched{{{wire_.fd(), POLLIN, 0}, {client_->wake.get(), POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), milliseconds_until(idle)) == 0) {
      wire_.error({"25P03", "terminating connection due to idle-in-transaction timeout", "", "", "", "FATAL"});
      wire_.flush();
      throw ConnectionOver{};
    }
    {
      // Nothing runs that could be cancelled.
      const std::lock_guard lock(server_.mutex);
      client_->cancel_query = false;
    }
    if (watched[1].revents != 0) obey();
    if (watched[0].revents != 0) wire_.receive();
  }
}

void Session::obey() {
  std::uint64_t ignored = 0;
  static_cast<void>(!::read(client_->wake.get(), &ignored, sizeof ignored));
  const std::lock_guard lock(server_.mutex);
  if (client_->over) throw ConnectionOver{};
  if (!std::exchange(client_->cancel_query, false)) return;
  throw SqlFailure("57014", "query execution canceled");
}

void Session::wait(int fd, const Deadline& deadline) {
  std::array<pollfd, 3> watched{{{client_->wake.get(), POLLIN, 0}, {wire_.fd(), POLLRDHUP, 0}, {fd, POLLIN, 0}}};
  ::poll(watched.data(), watched.size(), milliseconds_until(deadline));
  if ((watched[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) throw ConnectionOver{};
  if (watched[0].revents != 0) obey();
}

bool Session::start_up() {
  for (;;) {
    const Message message = read(true);
    Fields fields(message.body);
    switch (fields.int32()) {
      case tls_code:
      case gss_code:
        wire_.raw('N');
        wire_.flush();
        break;
      case cancel_code:
        cancel_request(std::move(fields));
        return false;
      case protocol_3: {
        std::map<std::string, std::string> parameters;
        for (std::string name = fields.text(); !name.empty(); name = fields.text()) parameters[name] = fields.text();
        try {
          log_in(std::move(parameters));
        } catch (const SqlFailure& failure) {
          SqlError error = failure.error();
          error.severity = "FATAL";
          wire_.error(error);
          wire_.flush();
          return false;
        }
        return true;
      }
      default:
        return false;
    }
  }
}

void Session::cancel_request(Fields fields) {
  const int pid = fields.int32();
  server_.cancel_by_key(pid, fields.int32());
}

void Session::log_in(std::map<std::string, std::string> parameters) {
  if (const auto refused = server_.refusal())
    throw SqlFailure(*refused, *refused == "53300" ? "sorry, too many clients already"
                                                   : "server is not accepting clients, try another node");
  Login login{server_.postgres().port(), parameters["user"], "", parameters["database"],
              parameters["application_name"]};
  if (login.database.empty()) login.database = login.user;
  wire_.send('R', std::string("\0\0\0\3", 4));
  wire_.flush();
  const Message password = read(false);
  if (password.type != 'p') throw SqlFailure("08P01", "expected a password");
  login.password = Fields(password.body).text();
  backend_ = std::make_unique<Backend>(login);
  server_.prepare(login.database);
  backend_->wait_with([this](int fd) { wait(fd, std::nullopt); });
  backend_->on_notice([this](const SqlError& notice) {
    skipped_ = skipped_ || notice.message.find("skipping") != std::string::npos;
    if (notice.sqlstate != "25P01" && notice.sqlstate != "25001") wire_.notice(notice);
  });
  for (const CrdbVariable& variable : crdb_variables())
    if (crdb_variable(server_.profile(), variable.name) != nullptr)
      variables_[std::string(variable.name)] = initial_value(variable, server_.profile());
  variables_["crdb_version"] = crdb_version(server_.profile());
  variables_["session_id"] = client_->id;
  backend_->run(settings_for_postgres());
  login_ = login;
  {
    const std::lock_guard lock(server_.mutex);
    client_->user = login.user;
    client_->database = login.database;
    client_->application = login.application;
    client_->pid = backend_->pid();
  }
  apply_options(parameters);
  greet();
}

// options=-c name=value, and parameters of the start-up packet that are variables.
void Session::apply_options(const std::map<std::string, std::string>& parameters) {
  std::map<std::string, std::string> given;
  for (const auto& [name, value] : parameters) {
    if (name == "options") {
      std::string word;
      for (const char c : value + " ") {
        if (c != ' ') {
          word += c;
          continue;
        }
        if (word.starts_with("-c")) word.erase(0, 2);
        if (word.starts_with("--")) word.erase(0, 2);
        if (const auto equals = word.find('='); equals != std::string::npos)
          given[word.substr(0, equals)] = word.substr(equals + 1);
        word.clear();
      }
    } else if (name != "user" && name != "database" && name != "application_name" && name != "replication") {
      given[name] = value;
    }
  }
  for (const auto& [name, value] : given) {
    Statement statement;
    statement.kind = Kind::set;
    statement.variable = lower(name);
    statement.value = value;
    statement.pg = "SET " + name + " = " + sql_literal(value);
    set(statement);
    if (shared_variable(statement.variable)) at_login_ += statement.pg + ";";
  }
  variables_at_login_ = variables_;
  // Nothing is answered before AuthenticationOk; the parameters are told again after it.
  wire_.forget(0);
  reported_.clear();
}

// current_setting() finds the double's own variables under this prefix.
std::string Session::settings_for_postgres() const {
  std::string settings;
  for (const auto& [name, value] : variables_) settings += "SET crdb." + name + " = " + sql_literal(value) + ";";
  return settings;
}

void Session::reset_all() {
  variables_ = variables_at_login_;
  backend_->run("RESET ALL;" + at_login_ + settings_for_postgres());
  note_idle_timeout();
  report_parameters();
  wire_.complete("RESET");
}

void Session::greet() {
  wire_.send('R', std::string(4, '\0'));
  report_parameters();
  wire_.parameter("server_version", "13.0.0");
  // Its name and where it stands: param_status@0d6c10e, and the list of parameters that CockroachDB reports.
  wire_.parameter("crdb_version", variables_["crdb_version"]);
  std::string key;
  for (const int value : {client_->pid, client_->secret})
    for (int i = 3; i >= 0; --i) key += static_cast<char>(static_cast<unsigned>(value) >> static_cast<unsigned>(8 * i));
  wire_.send('K', key);
  wire_.ready('I');
  wire_.flush();
}

void Session::report_parameters() {
  for (const char* name : told) {
    const std::string value = backend_->parameter(name);
    if (reported_[name] == value) continue;
    reported_[name] = value;
    wire_.parameter(name, value);
  }
}

void Session::query(const std::string& text) {
  try {
    const std::vector<std::string> statements = split(text);
    if (statements.empty())
      wire_.send('I', "");
    else
      query_batch(statements);
  } catch (const SqlFailure& failure) {
    fail(failure.error(), text);
  }
  wire_.ready(status());
}

// One implicit transaction, but for what begins, commits or is DDL (batch_stmt@1fcc5ab). What PostgreSQL refuses with
// 40001 is tried again from where it began, as the server does while it holds the results back.
void Session::query_batch(const std::vector<std::string>& statements) {
  after_schema_change_ = false;
  std::size_t began = 0;
  std::size_t mark = wire_.pending();
  int tries = 0;
  for (std::size_t i = 0; i < statements.size();) {
    const bool free = phase_ == Phase::none;
    if (free) {
      began = i;
      mark = wire_.pending();
    }
    const bool last = i + 1 == statements.size();
    try {
      execute(statements[i], statements.size() == 1, last);
      if (last && phase_ == Phase::implicit) commit_open("");
    } catch (const RetryFailure& failure) {
      if (in_explicit() || ++tries > server_retries) return fail(failure.error(), statements[i]);
      abandon();
      wire_.forget(mark);
      i = began;
      continue;
    } catch (const SqlFailure& failure) {
      return fail(failure.error(), statements[i]);
    }
    ++i;
  }
}

void Session::fail(const SqlError& error, const std::string& sql) {
  if (error.message.find("not modelled") != std::string::npos) server_.note_not_modelled(sql);
  wire_.error(error);
  if (error.sqlstate == "08006") {
    wire_.flush();
    throw ConnectionOver{};
  }
  if (phase_ == Phase::open) phase_ = Phase::aborted;
  if (phase_ == Phase::implicit) abandon();
}

void Session::drop() { throw ConnectionOver{}; }

// What the client sent has not come, or it takes no answer: as it is idle its transaction may end.
void Session::stall() {
  const int before = server_.release_count();
  const Deadline idle = idle_deadline();
  {
    const std::lock_guard lock(server_.mutex);
    client_->stalled = true;
  }
  if (fault_->what == What::late) wire_.hang_up();
  while (server_.release_count() == before) {
    if (idle && Clock::now() >= *idle) drop();
    try {
      wait(-1, idle);
    } catch (const SqlFailure&) {
      // A stalled server does not answer a request to cancel either.
    }
  }
  const std::lock_guard lock(server_.mutex);
  client_->stalled = false;
}

// --- statements ---

void Session::execute(const std::string& text, bool alone, bool last) {
  CrdbStatement seen;
  seen.connection = client_->number;
  seen.user = client_->user;
  seen.application = client_->application;
  seen.sql = text;
  seen.in_transaction = in_explicit();
  seen.more_follow = !last;
  std::optional<Statement> statement;
  std::optional<SqlFailure> refusal;
  try {
    statement = read_statement(text, server_.profile());
  } catch (const SqlFailure& failure) {
    refusal = failure;
  }
  seen.ends_transaction = statement && statement->kind == Kind::commit && phase_ == Phase::open;
  seen.schema_change = statement && statement->kind == Kind::schema_change;
  fault_ = server_.take_up(seen);
  {
    const std::lock_guard lock(server_.mutex);
    client_->query_id = client_->id.substr(0, 24) + std::to_string(10000000 + seen.number);
    client_->active_query = text;
    client_->query_started = timestamp();
    client_->in_transaction = in_explicit();
  }
  const auto idle = [&] {
    const std::lock_guard lock(server_.mutex);
    client_->query_id.clear();
    client_->last_query = std::exchange(client_->active_query, "");
    client_->in_transaction = in_explicit();
  };
  try {
    if (refusal && phase_ == Phase::aborted) throw aborted();
    if (refusal) throw SqlFailure(*refusal);
    run_statement(*statement, alone, last);
  } catch (...) {
    idle();
    throw;
  }
  idle();
}

// The faults of a statement are here, but those of COMMIT and of a schema change's job, which know more.
void Session::run_statement(const Statement& statement, bool alone, bool last) {
  const bool commits = statement.kind == Kind::commit && phase_ == Phase::open;
  const bool outside = phase_ == Phase::none || phase_ == Phase::implicit;
  if (fault_) {
    switch (fault_->what) {
      case What::drop_before:
        drop();
      case What::late:
      case What::stall_before:
        stall();
        break;
      case What::retry:
        if (commits) {
          backend_->run("ROLLBACK");
          end_transaction(Phase::none);
          if (fault_->status_after_commit == 'E') phase_ = Phase::aborted;
        } else if (in_explicit()) {
          backend_->run("ROLLBACK");
          backend_->run("BEGIN");
        }
        throw injected_retry();
      case What::ambiguous_before:
        if (commits) {
          backend_->run("ROLLBACK");
          end_transaction(Phase::none);
        }
        throw ambiguous();
      default:
        break;
    }
  }
  const std::size_t mark = wire_.pending();
  dispatch(statement, alone, last);
  if (!fault_) return;
  if (last && phase_ == Phase::implicit && outside) commit_open("");
  switch (fault_->what) {
    case What::ambiguous_after:
      wire_.forget(std::min(mark, wire_.pending()));
      throw ambiguous();
    case What::drop_after:
    case What::drop_during:
    case What::late:
      drop();
    case What::stall_after:
      stall();
      break;
    default:
      break;
  }
}

void Session::dispatch(const Statement& statement, bool alone, bool last) {
  if (phase_ == Phase::aborted && statement.kind != Kind::rollback && statement.kind != Kind::commit &&
      statement.kind != Kind::savepoint)
    throw aborted();
  ++statements_in_transaction_;
  // The schema change and what follows it in the message are one transaction there, two here.
  if (after_schema_change_ && !statement.ddl())
    throw NotModelled("a schema change that is followed by other statements in one message");
  switch (statement.kind) {
    case Kind::begin:
      return begin(statement);
    case Kind::commit:
      return commit(statement);
    case Kind::rollback:
      return rollback(statement);
    case Kind::savepoint:
      return savepoint(statement);
    case Kind::set:
      return set(statement);
    case Kind::reset_all:
      return reset_all();
    case Kind::show:
      return show(statement);
    case Kind::command:
      return command(statement);
    case Kind::create:
    case Kind::schema_change:
    case Kind::lock_setting:
      return ddl(statement, alone, last);
    case Kind::set_transaction:
    case Kind::read:
    case Kind::write:
    case Kind::privileges:
      if (phase_ == Phase::none && !last && on("enable_implicit_transaction_for_batch_statements")) begin_implicit();
      return run_plain(statement);
  }
}

void Session::run_plain(const Statement& statement) {
  if (on("sql_safe_updates") && statement.kind == Kind::write) throw NotModelled("sql_safe_updates = on");
  if (statement.kind == Kind::set_transaction && phase_ == Phase::none &&
      first_words(statement.text, 2).at(1) == "TRANSACTION")
    throw SqlFailure("25P01", "there is no transaction in progress");
  wait_for_writers(statement);
  if (!statement.writes.empty() && in_explicit()) {
    const std::lock_guard lock(server_.mutex);
    client_->writes.insert(statement.writes.begin(), statement.writes.end());
  }
  const std::string sql = statement.render([this](const Statement::Place& place) { return rows(place); });
  const Result result =
      portal_ != nullptr ? backend_->run(sql, portal_->values, portal_->prepared.types) : backend_->run(sql);
  if (portal_ != nullptr && !portal_->values.empty() && phase_ != Phase::none) replayable_ = false;
  remember(statement, sql);
  wire_.result(result.get());
}

// C2: a plain read meets the intents of a transaction that is still open and waits for its end. The double knows tables
// only, so it waits more often than CockroachDB. What reads the past does not wait.
void Session::wait_for_writers(const Statement& statement) {
  if (statement.as_of_system_time || system_time_) return see_the_past(statement);
  if (statement.locks_rows) return;
  Tables reads = statement.reads;
  for (const std::string& target : statement.writes) reads.erase(target);
  if (reads.empty() || server_.writers(*client_, reads).empty()) return;
  const Deadline lock_deadline = deadline("lock_timeout");
  const Deadline statement_deadline = deadline("statement_timeout");
  const auto waiting = [&](Tables tables) {
    const std::lock_guard lock(server_.mutex);
    client_->awaited = std::move(tables);
  };
  waiting(reads);
  try {
    while (!server_.writers(*client_, reads).empty()) {
      if (lock_deadline && Clock::now() >= *lock_deadline)
        throw SqlFailure("55P03", "canceling statement due to lock timeout on row in table '" + *reads.begin() + "'");
      if (statement_deadline && Clock::now() >= *statement_deadline)
        throw SqlFailure("57014", "query execution canceled due to statement timeout");
      refuse_deadlock(reads);
      Deadline until = Clock::now() + look_for_deadlocks_every;
      if (lock_deadline) until = std::min(*until, *lock_deadline);
      if (statement_deadline) until = std::min(*until, *statement_deadline);
      wait(-1, until);
    }
  } catch (...) {
    waiting({});
    throw;
  }
  waiting({});
}

// Two that wait for each other: the double sees who waits for a read, PostgreSQL who waits for a row.
void Session::refuse_deadlock(const Tables& reads) {
  for (const auto& writer : server_.writers(*client_, reads)) {
    const bool waits = server_.waits_for(*writer, *client_);
    if (!waits && backend_->value("SELECT " + std::to_string(backend_->pid()) + " = ANY (pg_blocking_pids(" +
                                  std::to_string(writer->pid) + "))") != "t")
      continue;
    throw SqlFailure("40001",
                     "restart transaction: TransactionRetryWithProtoRefreshError: TransactionAbortedError: two "
                     "transactions wait for each other");
  }
}

// A table that is younger than the moment that is read is not there yet.
void Session::see_the_past(const Statement& statement) {
  const auto past = statement.as_of_system_time ? statement.past : past_;
  for (const std::string& table : statement.reads)
    if (server_.age(client_->database + "." + table) < past)
      throw SqlFailure("42P01", "relation \"" + table.substr(table.find('.') + 1) + "\" does not exist");
}

bool Session::on(const std::string& variable) const {
  const auto found = variables_.find(variable);
  return found != variables_.end() && found->second == "on";
}

std::optional<std::chrono::milliseconds> Session::timeout(const char* setting) {
  const std::string value = backend_->value("SELECT setting FROM pg_settings WHERE name = " + sql_literal(setting));
  if (value.empty() || value == "0") return std::nullopt;
  return std::chrono::milliseconds(std::stol(value));
}

void Session::note_idle_timeout() { idle_timeout_ = timeout(idle_setting).value_or(std::chrono::milliseconds(0)); }

Session::Deadline Session::idle_deadline() const {
  const bool ends = in_explicit() && idle_timeout_.count() > 0;
  return ends ? Deadline(Clock::now() + idle_timeout_) : std::nullopt;
}

int Session::milliseconds_until(const Deadline& deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
  return std::max(0, static_cast<int>(left.count()));
}

Session::Deadline Session::deadline(const char* setting) {
  const auto time = timeout(setting);
  return time ? Deadline(Clock::now() + *time) : std::nullopt;
}

void Session::set(const Statement& statement) {
  const CrdbVariable* variable = crdb_variable(server_.profile(), statement.variable);
  if (variable != nullptr) {
    set_own(statement, *variable);
  } else if (shared_variable(statement.variable)) {
    backend_->run(statement.pg);
    report_parameters();
    if (statement.variable == idle_setting) note_idle_timeout();
    if (statement.variable == "application_name") {
      const std::lock_guard lock(server_.mutex);
      client_->application = backend_->parameter("application_name");
    }
  } else {
    throw SqlFailure("42704", "unrecognized configuration parameter \"" + statement.variable + "\"");
  }
  wire_.complete(statement.reset ? "RESET" : "SET");
}

void Session::set_own(const Statement& statement, const CrdbVariable& variable) {
  if (variable.kind == CrdbVariable::Kind::read_only)
    throw SqlFailure("55P02", "parameter \"" + statement.variable + "\" cannot be changed");
  if (statement.local) throw NotModelled("SET LOCAL of " + statement.variable);
  std::string value = statement.reset ? std::string(initial_value(variable, server_.profile())) : statement.value;
  if (variable.kind == CrdbVariable::Kind::boolean) {
    const std::string given = lower(value);
    const bool yes = given == "on" || given == "true" || given == "t" || given == "1" || given == "yes";
    const bool no = given == "off" || given == "false" || given == "f" || given == "0" || given == "no";
    if (!yes && !no) throw SqlFailure("22023", "parameter \"" + statement.variable + "\" requires a Boolean value");
    value = yes ? "on" : "off";
  }
  backend_->run("SET crdb." + statement.variable + " = " + sql_literal(value));
  variables_[statement.variable] = value;
}

void Session::show(const Statement& statement) {
  if (crdb_variable(server_.profile(), statement.variable) != nullptr)
    return one_value(statement.variable, variables_[statement.variable], "SHOW 1");
  if (!shared_variable(statement.variable))
    throw SqlFailure("42704", "unrecognized configuration parameter \"" + statement.variable + "\"");
  wire_.result(backend_->run(statement.pg).get());
}

}  // namespace talos::test::crdb
