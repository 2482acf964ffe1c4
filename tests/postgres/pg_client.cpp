#include "pg_client.hpp"

#include <array>
#include <utility>

#include <libpq-fe.h>
#include <poll.h>

namespace talos::test {

namespace {

using Clock = std::chrono::steady_clock;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

void keep_notice(void* list, const PGresult* notice) {
  const char* text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  static_cast<std::vector<std::string>*>(list)->emplace_back(text == nullptr ? "" : text);
}

void add_rows(const PGresult* result, std::vector<std::string>& rows) {
  for (int row = 0; row < PQntuples(result); ++row) {
    std::string line;
    for (int column = 0; column < PQnfields(result); ++column) {
      if (column > 0) line += '|';
      line += PQgetisnull(result, row, column) != 0 ? "NULL" : PQgetvalue(result, row, column);
    }
    rows.push_back(line);
  }
}

bool is_failure(ExecStatusType status) {
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

PgFailure failure_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string sqlstate = state == nullptr ? "" : state;
  return {std::string(PQresultErrorMessage(result)) + (sqlstate.empty() ? "" : "SQLSTATE " + sqlstate), sqlstate};
}

}  // namespace

PgFailure::PgFailure(const std::string& message, std::string sqlstate)
    : std::runtime_error(message), sqlstate_(std::move(sqlstate)) {}

void PgClient::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

PgClient::PgClient(const std::string& dsn) : notices_(std::make_unique<std::vector<std::string>>()) {
  const std::array<const char*, 4> keywords{"connect_timeout", "client_encoding", "dbname", nullptr};
  const std::array<const char*, 4> values{"30", "UTF8", dsn.c_str(), nullptr};
  connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 1));
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail();
  PQsetNoticeReceiver(connection_.get(), keep_notice, notices_.get());
}

void PgClient::fail() const { throw PgFailure(PQerrorMessage(connection_.get()), ""); }

bool PgClient::wait_readable(Clock::time_point until) const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
  pollfd watched{PQsocket(connection_.get()), POLLIN, 0};
  return left > 0 && ::poll(&watched, 1, static_cast<int>(left)) != 0;
}

void PgClient::flush(Clock::time_point until) {
  for (int left = 1; left != 0;) {
    left = PQflush(connection_.get());
    if (left < 0 || Clock::now() >= until) fail();
    if (left > 0 && PQconsumeInput(connection_.get()) == 0) fail();
  }
}

void PgClient::send(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) fail();
  flush(Clock::now() + default_deadline);
}

std::vector<std::string> PgClient::finish(std::chrono::milliseconds deadline) {
  const auto until = Clock::now() + deadline;
  std::vector<std::string> rows;
  std::unique_ptr<PgFailure> failure;
  for (;;) {
    while (PQisBusy(connection_.get()) != 0) {
      if (!wait_readable(until)) throw PgFailure("no answer in time", "");
      if (PQconsumeInput(connection_.get()) == 0) break;
    }
    const Result result(PQgetResult(connection_.get()), PQclear);
    if (!result) break;
    if (is_failure(PQresultStatus(result.get())) && !failure)
      failure = std::make_unique<PgFailure>(failure_of(result.get()));
    if (PQresultStatus(result.get()) == PGRES_COPY_IN) PQputCopyEnd(connection_.get(), "not offered here");
    add_rows(result.get(), rows);
  }
  if (failure) throw *failure;
  return rows;
}

bool PgClient::busy() {
  if (PQconsumeInput(connection_.get()) == 0) return false;
  return PQtransactionStatus(connection_.get()) == PQTRANS_ACTIVE && PQisBusy(connection_.get()) != 0;
}

void PgClient::cancel() {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> request(PQgetCancel(connection_.get()), PQfreeCancel);
  std::array<char, 256> error{};
  if (PQcancel(request.get(), error.data(), error.size()) == 0) throw PgFailure(error.data(), "");
}

std::string PgClient::notified() {
  // The server sends what is there before it answers.
  run("SELECT 1");
  std::string channel;
  while (PGnotify* const notification = PQnotifies(connection_.get())) {
    channel = notification->relname;
    PQfreemem(notification);
  }
  return channel;
}

std::vector<std::string> PgClient::rows(const std::string& sql) {
  send(sql);
  return finish();
}

void PgClient::run(const std::string& sql) { rows(sql); }

std::string PgClient::value(const std::string& sql) {
  const auto all = rows(sql);
  return all.empty() ? "" : all.front().substr(0, all.front().find('|'));
}

int PgClient::backend_pid() const { return PQbackendPID(connection_.get()); }

char PgClient::transaction_status() const {
  switch (PQtransactionStatus(connection_.get())) {
    case PQTRANS_IDLE:
      return 'I';
    case PQTRANS_INTRANS:
    case PQTRANS_ACTIVE:
      return 'T';
    case PQTRANS_INERROR:
      return 'E';
    case PQTRANS_UNKNOWN:
      break;
  }
  return '?';
}

bool waits_in_lock(PgClient& observer, int backend_pid) {
  return observer.value("SELECT wait_event_type FROM pg_stat_activity WHERE pid = " + std::to_string(backend_pid)) ==
         "Lock";
}

std::vector<std::string> pg_rows(const std::string& dsn, const std::string& sql) { return PgClient(dsn).rows(sql); }
std::string pg_value(const std::string& dsn, const std::string& sql) { return PgClient(dsn).value(sql); }
void pg_run(const std::string& dsn, const std::string& sql) { PgClient(dsn).run(sql); }

}  // namespace talos::test
