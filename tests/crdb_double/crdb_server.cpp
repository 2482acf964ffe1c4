#include "crdb_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <system_error>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crdb_session.hpp"
#include "pg_client.hpp"

namespace talos::test::crdb {

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void signal_event(const Descriptor& event) {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event.get(), &one, sizeof one));
}

std::string hex(unsigned value) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%024x%08x", value, 1U);
  return text.data();
}

bool meet(const Tables& one, const Tables& other) {
  return std::any_of(one.begin(), one.end(), [&](const std::string& table) { return other.contains(table); });
}

// PostgreSQL's own functions are replaced in that database. The planner puts such a function's body in the place of the
// call; where it cannot (a strict function, one in FROM) the built-in one would be called by its number.
std::string functions(CrdbProfile profile) {
  return R"(SET allow_system_table_mods = on;
CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql STABLE AS $f$SELECT ')" +
         crdb_version(profile) + R"('::text$f$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_try_advisory_lock(bigint) RETURNS boolean LANGUAGE sql VOLATILE
  AS 'SELECT true';
CREATE OR REPLACE FUNCTION pg_catalog.pg_try_advisory_lock(integer, integer) RETURNS boolean LANGUAGE sql VOLATILE
  AS 'SELECT true';
CREATE OR REPLACE FUNCTION pg_catalog.pg_advisory_unlock(bigint) RETURNS boolean LANGUAGE sql VOLATILE
  AS 'SELECT true';
CREATE OR REPLACE FUNCTION pg_catalog.pg_advisory_unlock(integer, integer) RETURNS boolean LANGUAGE sql VOLATILE
  AS 'SELECT true';
CREATE OR REPLACE FUNCTION pg_catalog.crdb_double_setting(text, boolean) RETURNS text LANGUAGE internal STABLE STRICT
  AS 'show_config_by_name_missing_ok';
CREATE OR REPLACE FUNCTION pg_catalog.current_setting(text, boolean) RETURNS text LANGUAGE sql STABLE
  AS $f$SELECT coalesce(crdb_double_setting('crdb.' || lower($1), true), crdb_double_setting($1, $2))$f$;
CREATE OR REPLACE FUNCTION pg_catalog.current_setting(text) RETURNS text LANGUAGE sql STABLE
  AS $f$SELECT coalesce(crdb_double_setting('crdb.' || lower($1), true), crdb_double_setting($1, false))$f$;
CREATE OR REPLACE FUNCTION pg_catalog.unique_rowid() RETURNS bigint LANGUAGE sql VOLATILE
  AS $f$SELECT ((extract(epoch FROM clock_timestamp()) * 100000)::bigint << 15) + floor(random() * 32768)::bigint$f$;
CREATE OR REPLACE FUNCTION pg_catalog.cluster_logical_timestamp() RETURNS numeric LANGUAGE sql VOLATILE
  AS $f$SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::numeric(30, 0)$f$;
RESET allow_system_table_mods)";
}

}  // namespace

std::string timestamp() {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  std::tm parts{};
  ::gmtime_r(&at.tv_sec, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02d %02d:%02d:%02d.%06ld+00", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, at.tv_nsec / 1000);
  return text.data();
}

Server::Server(PostgresServer& postgres, CrdbProfile profile)
    : postgres_(postgres),
      profile_(profile),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      jobs_([this] { wake_all(); }) {
  PgClient admin(postgres.dsn());
  passwords["root"] = postgres.password();
  if (admin.value("SELECT count(*) FROM pg_roles WHERE rolname = 'root'") == "0")
    admin.run("CREATE ROLE root SUPERUSER LOGIN PASSWORD " + sql_literal(postgres.password()));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  void* raw = &address;
  if (!listener_ || !stop_ || ::bind(listener_.get(), static_cast<sockaddr*>(raw), size) != 0 ||
      ::listen(listener_.get(), 128) != 0 || ::getsockname(listener_.get(), static_cast<sockaddr*>(raw), &size) != 0)
    fail("the double of CockroachDB");
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

Server::~Server() {
  {
    const std::lock_guard lock(mutex);
    stopping_ = true;
    signal_event(stop_);
  }
  accepting_.join();
  cut_all();
  for (Running& running : running_) running.thread.join();
}

void Server::accept_all() {
  // Signals are for the test's own threads.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    std::array<pollfd, 2> watched{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(watched.data(), watched.size(), -1);
    {
      const std::lock_guard lock(mutex);
      if (stopping_) return;
    }
    reap();
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) continue;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto done = std::make_shared<bool>(false);
    running_.push_back({done, std::thread([this, done, moved = std::make_shared<Descriptor>(std::move(socket))] {
                          run_session(*this, std::move(*moved));
                          const std::lock_guard lock(mutex);
                          *done = true;
                        })});
  }
}

void Server::reap() {
  for (auto running = running_.begin(); running != running_.end();) {
    bool done = false;
    {
      const std::lock_guard lock(mutex);
      done = *running->done;
    }
    if (done) running->thread.join();
    running = done ? running_.erase(running) : std::next(running);
  }
}

std::shared_ptr<Client> Server::join() {
  const std::lock_guard lock(mutex);
  auto client = std::make_shared<Client>();
  client->number = ++joined_;
  client->id = hex(static_cast<unsigned>(client->number) + 0x18000000U);
  client->started = timestamp();
  client->secret = client->number * 7919;
  client->wake = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  client->over = stopping_;
  clients_.push_back(client);
  return client;
}

void Server::leave(const Client& client) {
  {
    const std::lock_guard lock(mutex);
    clients_.remove_if([&](const auto& one) { return one.get() == &client; });
  }
  wake_all();
}

std::vector<std::shared_ptr<Client>> Server::clients() const {
  const std::lock_guard lock(mutex);
  return {clients_.begin(), clients_.end()};
}

void Server::wake_all() const {
  const std::lock_guard lock(mutex);
  for (const auto& client : clients_) signal_event(client->wake);
}

void Server::cut_all() {
  {
    const std::lock_guard lock(mutex);
    for (const auto& client : clients_) client->over = true;
  }
  wake_all();
}

void Server::cancel_by_key(int pid, int secret) {
  {
    const std::lock_guard lock(mutex);
    for (const auto& client : clients_)
      if (client->pid == pid && client->secret == secret && !client->query_id.empty()) client->cancel_query = true;
  }
  wake_all();
}

std::optional<CrdbFault> Server::take_up(CrdbStatement& statement) {
  const std::lock_guard lock(mutex);
  statement.number = static_cast<int>(statements.size()) + 1;
  statements.push_back(statement);
  const auto found = std::find_if(faults.begin(), faults.end(), [&](const auto& one) {
    const CrdbFault& fault = one.first;
    const bool ambiguous =
        fault.what == CrdbFault::What::ambiguous_before || fault.what == CrdbFault::What::ambiguous_after;
    if (ambiguous && !statement.decides()) return false;
    return fault.statement != 0 ? fault.statement == statement.number : fault.matches && fault.matches(statement);
  });
  if (found == faults.end()) return std::nullopt;
  CrdbFault fault = found->first;
  if (--found->second <= 0) faults.erase(found);
  ++happened;
  return fault;
}

std::optional<std::string> Server::refusal() {
  const std::lock_guard lock(mutex);
  if (refusals.empty()) return std::nullopt;
  std::string state = refusals.front();
  refusals.pop_front();
  return state;
}

int Server::release_count() const {
  const std::lock_guard lock(mutex);
  return releases;
}

void Server::note_not_modelled(const std::string& sql) {
  const std::lock_guard lock(mutex);
  unknown.push_back(sql);
}

void Server::prepare(const std::string& database) {
  const std::lock_guard lock(prepare_mutex_);
  if (prepared_.contains(database)) return;
  PgClient(postgres_.dsn(database)).run(functions(profile_));
  prepared_.insert(database);
}

bool Server::privileged(const std::string& user, CrdbPrivilege privilege) const {
  const std::lock_guard lock(mutex);
  const auto found = privileges.find(user);
  return admin(user) || (found != privileges.end() && found->second.contains(privilege));
}

bool Server::schema_locked(const std::string& table) const {
  const std::lock_guard lock(mutex);
  return locked_tables_.contains(table);
}

void Server::lock_schema(const std::string& table, bool lock) {
  const std::lock_guard guard(mutex);
  if (lock)
    locked_tables_.insert(table);
  else
    locked_tables_.erase(table);
}

std::chrono::milliseconds Server::age(const std::string& table) const {
  const std::lock_guard lock(mutex);
  const auto found = made_.find(table);
  if (found == made_.end()) return std::chrono::hours(24 * 365);
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - found->second);
}

void Server::made(const std::string& table) {
  const std::lock_guard lock(mutex);
  made_[table] = std::chrono::steady_clock::now();
}

std::vector<std::shared_ptr<Client>> Server::writers(const Client& client, const Tables& tables) const {
  const std::lock_guard lock(mutex);
  std::vector<std::shared_ptr<Client>> found;
  for (const auto& other : clients_)
    if (other.get() != &client && other->database == client.database && meet(other->writes, tables))
      found.push_back(other);
  return found;
}

bool Server::waits_for(const Client& one, const Client& other) const {
  const std::lock_guard lock(mutex);
  return meet(one.awaited, other.writes);
}

}  // namespace talos::test::crdb
