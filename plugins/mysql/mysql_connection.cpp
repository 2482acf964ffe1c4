#include "mysql_connection.hpp"

#include <algorithm>
#include <filesystem>

#include <dlfcn.h>
#include <mysql.h>
#include <poll.h>
#include <sys/socket.h>

namespace talos::mysql {

namespace {

constexpr std::chrono::milliseconds tick{50};

// Connector/C runs its calls on a stack of their own; a TLS handshake, a plugin that is loaded and the resolver need
// more than its default of 60 KiB.
constexpr std::size_t stack_size = std::size_t{1} << 20U;

// Waits for what a call asked for, and tells what came of it; 0 when time is up.
int wait_for(MYSQL* connection, int wanted, std::chrono::milliseconds at_most) {
  short events = 0;
  if ((wanted & MYSQL_WAIT_READ) != 0) events = static_cast<short>(events | POLLIN);
  if ((wanted & MYSQL_WAIT_WRITE) != 0) events = static_cast<short>(events | POLLOUT);
  if ((wanted & MYSQL_WAIT_EXCEPT) != 0) events = static_cast<short>(events | POLLPRI);
  pollfd socket{mysql_get_socket(connection), events, 0};
  if (::poll(&socket, 1, static_cast<int>(std::max<std::int64_t>(at_most.count(), 0))) <= 0) return 0;
  const bool broken = (socket.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  int ready = 0;
  if ((socket.revents & POLLIN) != 0 || broken) ready |= wanted & MYSQL_WAIT_READ;
  if ((socket.revents & POLLOUT) != 0 || broken) ready |= wanted & MYSQL_WAIT_WRITE;
  if ((socket.revents & POLLPRI) != 0) ready |= wanted & MYSQL_WAIT_EXCEPT;
  return ready;
}

Row row_of(MYSQL_RES* result, MYSQL_ROW values) {
  Row row;
  const unsigned long* const lengths = mysql_fetch_lengths(result);
  for (unsigned column = 0; column < mysql_num_fields(result); ++column) {
    if (values[column] == nullptr)
      row.emplace_back();
    else
      row.emplace_back(std::string(values[column], lengths[column]));
  }
  return row;
}

void option_text(MYSQL* connection, mysql_option option, const std::string& value) {
  if (!value.empty()) mysql_optionsv(connection, option, value.c_str());
}

// Connector/C opens ways to log in (caching_sha2_password) by name, from a directory that it was built for. An
// installation that carries its libraries has them beside those: lib/talos/libraries/mariadb, where only who may change
// the plugin and its libraries may write. Empty where there is no such directory.
std::string carried_logins() {
  Dl_info here{};
  if (::dladdr(reinterpret_cast<const void*>(&carried_logins), &here) == 0) return {};
  std::error_code error;
  const std::filesystem::path plugin = std::filesystem::canonical(here.dli_fname, error);
  if (error) return {};
  const std::filesystem::path directory = plugin.parent_path().parent_path() / "libraries" / "mariadb";
  return std::filesystem::is_directory(directory, error) ? directory.string() : std::string();
}

void hang_up(MYSQL* connection) {
  if (const int socket = mysql_get_socket(connection); socket >= 0) ::shutdown(socket, SHUT_RDWR);
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace

void Connection::Close::operator()(st_mysql* connection) const {
  // Without a goodbye, which might block: the server sees the end all the same.
  hang_up(connection);
  mysql_close(connection);
}

void Connection::Free::operator()(st_mysql_res* result) const { mysql_free_result(result); }

Connection::Connection(const Endpoint& endpoint, std::chrono::milliseconds timeout, const std::atomic<bool>* stop)
    : connection_(mysql_init(nullptr)) {
  if (!connection_) throw Error(ErrorCode::connection, "out of memory");
  configure(endpoint, timeout);
  connect(endpoint, timeout, stop);
  id_ = mysql_thread_id(connection_.get());
  // A server without TLS is talked to in plain text whatever was demanded (M3).
  if ((endpoint.tls == Tls::required || endpoint.tls == Tls::verified) &&
      mysql_get_ssl_cipher(connection_.get()) == nullptr)
    throw Error(ErrorCode::connection, "the connection is not encrypted, which the DSN demands")
        .with_hint("enable TLS on the server, or give another tls= in the DSN");
}

Connection::~Connection() {
  if (busy()) give_up("closed");
}

void Connection::configure(const Endpoint& endpoint, std::chrono::milliseconds timeout) {
  MYSQL* const mysql = connection_.get();
  mysql_optionsv(mysql, MYSQL_OPT_NONBLOCK, &stack_size);
  const auto seconds = static_cast<unsigned>((timeout.count() + 999) / 1000);
  mysql_optionsv(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const unsigned protocol = endpoint.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
  // Unless it may not, a server can ask for any file.
  const unsigned local_files = endpoint.local_files ? 1 : 0;
  mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &local_files);
  option_text(mysql, MYSQL_PLUGIN_DIR, carried_logins());
  const std::size_t largest = std::size_t{1} << 30U;
  mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest);
  if (endpoint.compress) mysql_optionsv(mysql, MYSQL_OPT_COMPRESS, nullptr);
  const my_bool encrypted = endpoint.tls == Tls::required || endpoint.tls == Tls::verified ? 1 : 0;
  const my_bool verified = endpoint.tls == Tls::verified ? 1 : 0;
  if (endpoint.tls != Tls::off) {
    mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &encrypted);
    mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verified);
    option_text(mysql, MYSQL_OPT_SSL_CA, endpoint.tls_ca);
    option_text(mysql, MYSQL_OPT_SSL_CERT, endpoint.tls_certificate);
    option_text(mysql, MYSQL_OPT_SSL_KEY, endpoint.tls_key);
    if (endpoint.tls == Tls::preferred) mysql_ssl_set(mysql, nullptr, nullptr, nullptr, nullptr, nullptr);
  }
  option_text(mysql, MYSQL_SERVER_PUBLIC_KEY, endpoint.server_public_key);
  for (const auto& [name, value] : endpoint.attributes)
    mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, name.c_str(), value.c_str());
}

void Connection::connect(const Endpoint& endpoint, std::chrono::milliseconds timeout, const std::atomic<bool>* stop) {
  MYSQL* const mysql = connection_.get();
  const auto deadline = Clock::now() + timeout;
  MYSQL* result = nullptr;
  const bool local = !endpoint.socket.empty();
  // M1: CLIENT_FOUND_ROWS would make a claim that misses look like one that hits.
  int wanted =
      mysql_real_connect_start(&result, mysql, local ? nullptr : endpoint.host.c_str(), endpoint.user.c_str(),
                               endpoint.password.c_str(), or_null(endpoint.database), local ? 0 : endpoint.port,
                               or_null(endpoint.socket), CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS);
  while (wanted != 0) {
    if (stop != nullptr && stop->load()) throw Error(ErrorCode::cancelled, "stopped while connecting");
    if (Clock::now() >= deadline)
      throw Error(ErrorCode::connection,
                  "the server did not answer within " + std::to_string(timeout.count()) + " ms (--connect-timeout)");
    if (const int ready = wait_for(mysql, wanted, tick); ready != 0)
      wanted = mysql_real_connect_cont(&result, mysql, ready);
  }
  if (result == nullptr) throw Error(to_error(last_error(), ErrorCode::connection));
}

ServerError Connection::last_error() const {
  MYSQL* const mysql = connection_.get();
  return {mysql_errno(mysql), mysql_sqlstate(mysql), mysql_error(mysql)};
}

Reply Connection::send(const std::string& sql, const WhileWaiting& waiting, Keep keep, Told told) {
  start(sql, std::move(keep), std::move(told));
  return follow(waiting);
}

Reply Connection::ask(const std::string& sql, const WhileWaiting& waiting) {
  return send(sql, waiting, [](std::size_t) { return true; });
}

Reply Connection::reset(const WhileWaiting& waiting) {
  reply_ = {};
  if (usable()) {
    step_ = Step::reset;
    awaited_ = mysql_reset_connection_start(&outcome_, connection_.get());
  } else {
    reply_.lost = lost_;
  }
  return follow(waiting);
}

void Connection::start(std::string sql, Keep keep, Told told) {
  reply_ = {};
  if (!usable()) {
    reply_.lost = lost_;
    return;
  }
  sql_ = std::move(sql);
  keep_ = std::move(keep);
  told_ = std::move(told);
  step_ = Step::query;
  awaited_ = mysql_real_query_start(&outcome_, connection_.get(), sql_.data(), sql_.size());
}

Reply Connection::follow(const WhileWaiting& waiting) {
  auto last_look = Clock::now();
  while (!advance(tick)) {
    if (Clock::now() - last_look < tick) continue;
    last_look = Clock::now();
    if (const auto why = waiting()) give_up(*why);
  }
  return take();
}

bool Connection::advance(std::chrono::milliseconds at_most) {
  const auto deadline = Clock::now() + at_most;
  while (busy()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (awaited_ == 0) {
      complete();
      // Also where data never stops coming.
      if (left.count() < 0 && busy()) return false;
      continue;
    }
    const int ready = wait_for(connection_.get(), awaited_, left);
    if (ready == 0) return false;
    awaited_ = resume(ready);
  }
  return true;
}

int Connection::resume(int ready) {
  MYSQL* const mysql = connection_.get();
  switch (step_) {
    case Step::none:
      break;
    case Step::reset:
      return mysql_reset_connection_cont(&outcome_, mysql, ready);
    case Step::query:
      return mysql_real_query_cont(&outcome_, mysql, ready);
    case Step::next:
      return mysql_next_result_cont(&outcome_, mysql, ready);
    case Step::row:
      return mysql_fetch_row_cont(&row_, result_.get(), ready);
  }
  return 0;
}

void Connection::complete() {
  switch (step_) {
    case Step::none:
      return;
    case Step::reset:
      return outcome_ == 0 ? finish() : fail();
    case Step::query:
    case Step::next:
      return outcome_ == 0 ? begin_result() : fail();
    case Step::row:
      return take_row();
  }
}

void Connection::begin_result() {
  reply_.tables.emplace_back();
  if (mysql_field_count(connection_.get()) == 0) return end_statement();
  result_.reset(mysql_use_result(connection_.get()));
  if (!result_) return fail();
  begin_row();
}

void Connection::begin_row() {
  step_ = Step::row;
  awaited_ = mysql_fetch_row_start(&row_, result_.get());
}

void Connection::take_row() {
  if (row_ != nullptr) {
    if (keep_ && keep_(reply_.succeeded)) reply_.tables.back().rows.push_back(row_of(result_.get(), row_));
    return begin_row();
  }
  if (mysql_errno(connection_.get()) != 0) return fail();
  // All rows are read, so that this reads nothing.
  result_.reset();
  end_statement();
}

void Connection::end_statement() {
  ++reply_.succeeded;
  reply_.warnings.push_back(mysql_warning_count(connection_.get()));
  if (told_) told_(reply_.succeeded);
  if (mysql_more_results(connection_.get()) == 0) return finish();
  step_ = Step::next;
  awaited_ = mysql_next_result_start(&outcome_, connection_.get());
}

void Connection::fail() {
  const ServerError error = last_error();
  reply_.tables.resize(reply_.succeeded);
  if (error.of_the_client()) return give_up(error.message);
  reply_.error = error;
  result_.reset();
  finish();
  // With these words the server hangs up.
  if (error.ends_connection()) {
    give_up(error.message);
    reply_.lost = lost_;
  }
}

void Connection::finish() {
  step_ = Step::none;
  awaited_ = 0;
  sql_.clear();
  keep_ = {};
  told_ = {};
}

void Connection::give_up(const std::string& why) {
  lost_ = why.empty() ? "the connection was lost" : why;
  if (busy()) reply_.lost = lost_;
  // A call may be under way; it never goes on.
  if (connection_) hang_up(connection_.get());
  // What is left of the rows is nobody's any more: freed without a look at the connection.
  if (result_) result_->handle = nullptr;
  result_.reset();
  connection_.reset();
  finish();
}

bool Connection::alive() {
  if (!usable()) return false;
  if (busy()) return true;
  pollfd socket{mysql_get_socket(connection_.get()), POLLIN, 0};
  // Between messages the server has nothing to say but that it hangs up.
  if (::poll(&socket, 1, 0) > 0) give_up("the server closed the connection");
  return usable();
}

bool Connection::in_transaction() const {
  if (!connection_) return false;
  unsigned status = 0;
  mariadb_get_infov(connection_.get(), MARIADB_CONNECTION_SERVER_STATUS, &status);
  return (status & SERVER_STATUS_IN_TRANS) != 0;
}

}  // namespace talos::mysql
