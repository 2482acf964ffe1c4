#include "pg_connection.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <libpq-fe.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

namespace talos::pg {

namespace {

using Clock = Connection::Clock;

constexpr std::chrono::milliseconds tick{50};

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

// libpq writes several lines, some of them indented.
std::string in_one_line(std::string_view text) {
  std::string line;
  bool gap = false;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '\t' || (gap && c == ' ')) {
      gap = true;
      continue;
    }
    if (gap && !line.empty()) line += ' ';
    gap = false;
    line += c;
  }
  return line;
}

// Why the server let nobody in, with its SQLSTATE, which libpq tells only in a text of its own:
// "… FATAL:  53300: sorry, too many clients already\nLOCATION:  …".
Error refusal(std::string text) {
  text.erase(std::min(text.find("\nLOCATION:"), text.size()));
  constexpr std::size_t code_size = 5;
  std::string code;
  for (const std::string_view severity : {"FATAL:  ", "ERROR:  ", "PANIC:  "}) {
    const auto at = text.find(severity);
    if (at == std::string::npos || text.find(": ", at + severity.size()) != at + severity.size() + code_size) continue;
    code = text.substr(at + severity.size(), code_size);
    text.erase(at + severity.size(), code_size + 2);
  }
  return Error(ErrorCode::connection, in_one_line(text)).with_native_code(code);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

const std::string* find(const Parameters& parameters, std::string_view key) {
  for (const auto& [name, value] : parameters)
    if (name == key) return &value;
  return nullptr;
}

// A set of parameters for each host: libpq alone would spend the whole time on the first that does not answer.
std::vector<Parameters> by_host(const Parameters& parameters) {
  const std::string* attributes = find(parameters, "target_session_attrs");
  const std::string* hosts = find(parameters, find(parameters, "hostaddr") != nullptr ? "hostaddr" : "host");
  // prefer-standby looks at all hosts twice: libpq's own walk.
  if (hosts == nullptr || hosts->find(',') == std::string::npos ||
      (attributes != nullptr && *attributes == "prefer-standby"))
    return {parameters};
  std::vector<Parameters> result;
  for (std::size_t i = 0; i < split(*hosts).size(); ++i) {
    Parameters one;
    for (const auto& [name, value] : parameters) {
      const auto parts = split(value);
      const bool listed = name == "host" || name == "hostaddr" || name == "port";
      one.emplace_back(name, listed ? parts[parts.size() == 1 ? 0 : std::min(i, parts.size() - 1)] : value);
    }
    result.push_back(std::move(one));
  }
  return result;
}

void add_rows(const PGresult* result, Table& table) {
  for (int row = 0; row < PQntuples(result); ++row) {
    Row values;
    for (int column = 0; column < PQnfields(result); ++column) {
      if (PQgetisnull(result, row, column) != 0)
        values.emplace_back();
      else
        values.emplace_back(
            std::string(PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))));
    }
    table.rows.push_back(std::move(values));
  }
}

void receive_notice(void* self, const PGresult* result) {
  if (const auto& notice = *static_cast<Connection::Notice*>(self)) notice(server_error(result));
}

// Waits for what PQconnectPoll asked for; false when time is up.
bool wait_for_socket(PGconn* connection, PostgresPollingStatusType wanted, Clock::time_point deadline,
                     const std::atomic<bool>* stop) {
  for (;;) {
    if (stop != nullptr && stop->load()) throw Error(ErrorCode::cancelled, "stopped while connecting");
    if (Clock::now() >= deadline) return false;
    pollfd socket{PQsocket(connection), static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    if (::poll(&socket, 1, static_cast<int>(tick.count())) != 0) return true;
  }
}

}  // namespace

// libpq sends it on a connection of its own and blocks for as long as the network wants. Hence a thread that is not
// joined, so that a network that stands still does not hold up the program's end; it shares the ownership of all it
// touches.
class Connection::CancelRequest {
 public:
  explicit CancelRequest(pg_conn* connection) : request_(PQgetCancel(connection), PQfreeCancel) {}

  static void start(const std::shared_ptr<CancelRequest>& self) {
    std::thread([self] { self->send(); }).detach();
  }

  /// False if it is still under way then.
  bool wait_until(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return ended_.wait_until(lock, deadline, [this] { return over_; });
  }

 private:
  void send() {
    std::array<char, 256> why{};
    if (request_) PQcancel(request_.get(), why.data(), static_cast<int>(why.size()));
    const std::lock_guard lock(mutex_);
    over_ = true;
    ended_.notify_all();
  }

  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> request_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
};

void Connection::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Connection::Connection(const Parameters& parameters, std::chrono::milliseconds timeout, const std::atomic<bool>* stop) {
  const std::vector<Parameters> hosts = by_host(parameters);
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    try {
      connect(hosts[i], timeout, stop);
      return;
    } catch (const Error& error) {
      if (error.code != ErrorCode::connection || i + 1 == hosts.size()) throw;
    }
  }
}

void Connection::connect(const Parameters& parameters, std::chrono::milliseconds timeout,
                         const std::atomic<bool>* stop) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  const auto deadline = Clock::now() + timeout;
  connection_.reset(PQconnectStartParams(keys.data(), values.data(), 0));
  if (!connection_) throw Error(ErrorCode::connection, "out of memory");
  PQsetNoticeReceiver(connection_.get(), receive_notice, &notice_);
  PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);
  auto status = PQstatus(connection_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK) {
    if (status == PGRES_POLLING_FAILED) throw Error(refusal(PQerrorMessage(connection_.get())));
    if (!wait_for_socket(connection_.get(), status, deadline, stop))
      throw Error(ErrorCode::connection,
                  "the server did not answer within " + std::to_string(timeout.count()) + " ms (--connect-timeout)");
    status = PQconnectPoll(connection_.get());
  }
  PQsetErrorVerbosity(connection_.get(), PQERRORS_DEFAULT);
  PQsetnonblocking(connection_.get(), 1);
}

Connection::~Connection() = default;

std::string Connection::last_error() const { return in_one_line(PQerrorMessage(connection_.get())); }

Reply Connection::send(const std::string& sql, const WhileWaiting& waiting, const AfterEach& after_each,
                       const Keep& keep) {
  await_cancel();
  // Rows that nobody reads are dropped one by one instead of being collected.
  return follow(usable() && PQsendQuery(connection_.get(), sql.c_str()) != 0, waiting, after_each, keep, true);
}

Reply Connection::ask(const std::string& sql, const WhileWaiting& waiting) {
  await_cancel();
  const Keep all = [] { return true; };
  return follow(usable() && PQsendQuery(connection_.get(), sql.c_str()) != 0, waiting, {}, all, false);
}

Reply Connection::prepare(const std::string& statement, const WhileWaiting& waiting, const std::string& name) {
  await_cancel();
  return follow(usable() && PQsendPrepare(connection_.get(), name.c_str(), statement.c_str(), 0, nullptr) != 0, waiting,
                {}, {}, true);
}

Reply Connection::follow(bool sent, const WhileWaiting& waiting, const AfterEach& after_each, const Keep& keep,
                         bool row_by_row) {
  Reply reply;
  accepted_ = true;
  if (!sent) {
    if (usable()) give_up(last_error());
    reply.lost = lost_;
    return reply;
  }
  if (row_by_row) PQsetSingleRowMode(connection_.get());
  Table table;
  bool alive = flush(waiting);
  while (alive) {
    alive = await_answer(waiting);
    if (!alive) break;
    const Result result(PQgetResult(connection_.get()));
    if (!result) break;
    switch (PQresultStatus(result.get())) {
      case PGRES_SINGLE_TUPLE:
        if (keep && keep()) add_rows(result.get(), table);
        break;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        ++reply.succeeded;
        reply.last_tag = PQcmdStatus(result.get());
        if (keep && keep()) {
          add_rows(result.get(), table);
          reply.tables.push_back(std::exchange(table, {}));
        }
        if (after_each) after_each(reply);
        break;
      case PGRES_EMPTY_QUERY:
        break;
      case PGRES_COPY_IN:
        PQputCopyEnd(connection_.get(), "COPY FROM STDIN gets no data from a migration");
        break;
      case PGRES_COPY_OUT: {
        // Dropped, row by row.
        char* row = nullptr;
        while (alive && PQgetCopyData(connection_.get(), &row, 1) >= 0) {
          if (row == nullptr)
            alive = wait_readable(false, waiting) && PQconsumeInput(connection_.get()) != 0;
          else
            PQfreemem(std::exchange(row, nullptr));
        }
        break;
      }
      default:
        if (reply.error) break;
        reply.error = server_error(result.get());
        // A request sends the backend two signals, and what is sent between them is hit as well. So the next message
        // waits for the request's end again.
        if (reply.error->is(sqlstate::query_canceled)) cancel_is_late_ = false;
        // libpq's own word that the connection broke: the server has said nothing of the statement.
        if (reply.error->sqlstate.empty() && PQstatus(connection_.get()) == CONNECTION_BAD) {
          give_up(reply.error->message.substr(0, reply.error->message.find('\n')));
          reply.error.reset();
          alive = false;
        }
    }
  }
  if (alive && PQstatus(connection_.get()) == CONNECTION_BAD) alive = false;
  if (!alive) {
    if (usable()) give_up(reply.error ? reply.error->message : last_error());
    reply.lost = lost_;
  }
  return reply;
}

bool Connection::flush(const WhileWaiting& waiting) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left == 0) return true;
    if (left < 0 || !wait_readable(true, waiting)) return false;
    if (PQconsumeInput(connection_.get()) == 0) return false;
  }
}

bool Connection::await_answer(const WhileWaiting& waiting) {
  while (PQisBusy(connection_.get()) != 0) {
    if (!wait_readable(false, waiting)) return false;
    // What came before the end of the connection is still read: PQgetResult() makes the failure a result.
    if (PQconsumeInput(connection_.get()) == 0) return PQisBusy(connection_.get()) == 0;
  }
  return true;
}

bool Connection::wait_readable(bool or_writable, const WhileWaiting& waiting) {
  const auto events = static_cast<short>(POLLIN | (or_writable ? POLLOUT : 0));
  for (;;) {
    pollfd socket{PQsocket(connection_.get()), events, 0};
    const bool ready = ::poll(&socket, 1, static_cast<int>(tick.count())) > 0;
    accepted_ = accepted_ || (socket.revents & POLLOUT) != 0;
    // Also where data never stops coming.
    if (ready && Clock::now() - last_look_ < tick) return true;
    last_look_ = Clock::now();
    const auto why = waiting();
    if (!why && ready) return true;
    if (why) {
      give_up(*why);
      return false;
    }
  }
}

bool Connection::await_notification(std::chrono::milliseconds at_most, const std::function<bool()>& stop) {
  const auto deadline = Clock::now() + at_most;
  while (usable() && !stop()) {
    if (take_notifications()) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&socket, 1, static_cast<int>(std::min(left, tick).count())) > 0 &&
        PQconsumeInput(connection_.get()) == 0)
      give_up(last_error());
  }
  return false;
}

bool Connection::take_notifications() {
  bool any = false;
  while (PGnotify* const notification = PQnotifies(connection_.get())) {
    PQfreemem(notification);
    any = true;
  }
  return any;
}

void Connection::cancel() {
  cancel_request_ = std::make_shared<CancelRequest>(connection_.get());
  cancel_is_late_ = false;
  CancelRequest::start(cancel_request_);
}

// The server closes a request's connection once it has sent the backend its signals.
void Connection::await_cancel() {
  if (!cancel_request_) return;
  const std::chrono::seconds patience(cancel_is_late_ ? 0 : 5);
  cancel_is_late_ = !cancel_request_->wait_until(Clock::now() + patience);
  if (!cancel_is_late_) cancel_request_.reset();
}

void Connection::give_up(const std::string& why) {
  lost_ = why.empty() ? "the connection was lost" : why;
  // Closes the socket: the server rolls back, and nobody waits for it.
  connection_.reset();
}

bool Connection::sent_more() {
  int in_kernel = 0;
  if (!connection_ || ::ioctl(PQsocket(connection_.get()), SIOCOUTQ, &in_kernel) != 0) in_kernel = 0;
  const bool less = in_kernel < std::exchange(in_kernel_, in_kernel);
  return std::exchange(accepted_, false) || less;
}

Parameters Connection::place() const {
  Parameters place;
  const auto add = [&](const char* key, const char* value) {
    if (value != nullptr && *value != 0) place.emplace_back(key, value);
  };
  add("host", PQhost(connection_.get()));
  add("hostaddr", PQhostaddr(connection_.get()));
  add("port", PQport(connection_.get()));
  return place;
}

Parameters Connection::in_force() const {
  Parameters parameters;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      connection_ ? PQconninfo(connection_.get()) : nullptr, PQconninfoFree);
  for (const PQconninfoOption* one = options.get(); one != nullptr && one->keyword != nullptr; ++one)
    if (one->val != nullptr && *one->val != 0) parameters.emplace_back(one->keyword, one->val);
  if (!connection_) return parameters;
  // It may have come from a password file, and of several hosts one was taken.
  std::erase_if(parameters, [](const auto& one) { return one.first == "password"; });
  if (const char* password = PQpass(connection_.get()); password != nullptr && *password != 0)
    parameters.emplace_back("password", password);
  return parameters;
}

int Connection::announced_pid() const { return connection_ ? PQbackendPID(connection_.get()) : 0; }

std::string Connection::parameter_status(const char* name) const {
  const char* const value = connection_ ? PQparameterStatus(connection_.get(), name) : nullptr;
  return value == nullptr ? "" : value;
}

bool Connection::in_transaction() const {
  return connection_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
}

}  // namespace talos::pg
