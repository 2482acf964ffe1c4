#include "crdb_backend.hpp"

#include <array>

#include <libpq-fe.h>
#include <poll.h>

namespace talos::test::crdb {

namespace {

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

SqlError error_of(const PGresult* result) {
  SqlError error{field(result, PG_DIAG_SQLSTATE),           field(result, PG_DIAG_MESSAGE_PRIMARY),
                 field(result, PG_DIAG_MESSAGE_DETAIL),     field(result, PG_DIAG_MESSAGE_HINT),
                 field(result, PG_DIAG_STATEMENT_POSITION), field(result, PG_DIAG_SEVERITY)};
  return error;
}

// txn@c97b116 gives the beginning of 40001's text.
[[noreturn]] void fail(SqlError error) {
  if (error.sqlstate.empty())
    throw SqlFailure("08006", "the PostgreSQL server behind the double is gone: " + error.message);
  if (error.sqlstate == "40001" || error.sqlstate == "40P01") {
    error.message = "restart transaction: TransactionRetryWithProtoRefreshError: " + error.message;
    error.sqlstate = "40001";
    error.hint = "See: the transaction retry error reference";
    throw RetryFailure(error);
  }
  if (error.sqlstate == "57014" && error.message.find("statement timeout") != std::string::npos)
    error.message = "query execution canceled due to statement timeout";
  else if (error.sqlstate == "57014")
    error.message = "query execution canceled";
  throw SqlFailure(error);
}

std::string login_state(const std::string& message) {
  if (message.find("password authentication failed") != std::string::npos) return "28P01";
  if (message.find("does not exist") != std::string::npos)
    return message.find("database") != std::string::npos ? "3D000" : "28P01";
  if (message.find("permission denied") != std::string::npos) return "42501";
  return "08006";
}

void take_notice(void* receiver, const PGresult* notice) {
  const auto& give = *static_cast<std::function<void(const SqlError&)>*>(receiver);
  if (give) give(error_of(notice));
}

}  // namespace

void Clear::operator()(pg_result* result) const { PQclear(result); }
void Backend::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Backend::Backend(const Login& login) {
  const std::string port = std::to_string(login.port);
  const std::array<const char*, 10> keywords{
      "host",    "port",    "user", "password", "dbname", "application_name", "client_encoding",
      "options", "sslmode", nullptr};
  const std::array<const char*, 10> values{"127.0.0.1",
                                           port.c_str(),
                                           login.user.c_str(),
                                           login.password.c_str(),
                                           login.database.c_str(),
                                           login.application.c_str(),
                                           "UTF8",
                                           "-c default_transaction_isolation=serializable -c TimeZone=UTC",
                                           "disable",
                                           nullptr};
  connection_.reset(PQconnectdbParams(keywords.data(), values.data(), 0));
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    std::string message = PQerrorMessage(connection_.get());
    if (const auto fatal = message.find("FATAL:  "); fatal != std::string::npos) message.erase(0, fatal + 8);
    if (!message.empty() && message.back() == '\n') message.pop_back();
    throw SqlFailure({login_state(message), message, "", "", "", "FATAL"});
  }
  PQsetNoticeReceiver(connection_.get(), take_notice, &notice_);
}

void Backend::on_notice(std::function<void(const SqlError&)> notice) { notice_ = std::move(notice); }

Result Backend::run(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) fail({"", PQerrorMessage(connection_.get()), "", "", ""});
  return finish();
}

Result Backend::run(const std::string& sql, const std::vector<std::optional<std::string>>& values,
                    const std::vector<std::uint32_t>& types) {
  std::vector<const char*> raw;
  for (const auto& value : values) raw.push_back(value ? value->c_str() : nullptr);
  std::vector<Oid> oids(types.begin(), types.end());
  oids.resize(values.size());
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), oids.data(), raw.data(),
                        nullptr, nullptr, 0) == 0)
    fail({"", PQerrorMessage(connection_.get()), "", "", ""});
  return finish();
}

Result Backend::describe(const std::string& sql, const std::vector<std::uint32_t>& types) {
  const std::vector<Oid> oids(types.begin(), types.end());
  if (PQsendPrepare(connection_.get(), "", sql.c_str(), static_cast<int>(oids.size()), oids.data()) == 0)
    fail({"", PQerrorMessage(connection_.get()), "", "", ""});
  finish();
  if (PQsendDescribePrepared(connection_.get(), "") == 0) fail({"", PQerrorMessage(connection_.get()), "", "", ""});
  return finish();
}

Result Backend::finish() {
  Result last;
  Result failed;
  for (;;) {
    while (PQisBusy(connection_.get()) != 0) {
      try {
        if (wait_) {
          wait_(PQsocket(connection_.get()));
        } else {
          pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
          ::poll(&readable, 1, -1);
        }
      } catch (...) {
        drain();
        throw;
      }
      if (PQconsumeInput(connection_.get()) == 0) break;
    }
    Result result(PQgetResult(connection_.get()));
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN) PQputCopyEnd(connection_.get(), "COPY is not modelled by the test double");
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE)
      failed = std::move(result);
    else
      last = std::move(result);
  }
  if (failed) fail(error_of(failed.get()));
  if (!last) fail({"", PQerrorMessage(connection_.get()), "", "", ""});
  return last;
}

void Backend::drain() {
  cancel();
  while (const Result ignored{PQgetResult(connection_.get())}) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) return;
  }
}

std::string Backend::value(const std::string& sql) {
  const Result result = run(sql);
  return PQntuples(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
}

void Backend::cancel() const {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> request(PQgetCancel(connection_.get()), PQfreeCancel);
  std::array<char, 256> error{};
  if (request) PQcancel(request.get(), error.data(), error.size());
}

int Backend::pid() const { return PQbackendPID(connection_.get()); }

std::string Backend::parameter(const char* name) const {
  const char* value = PQparameterStatus(connection_.get(), name);
  return value == nullptr ? "" : value;
}

std::string sql_literal(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += c;
  }
  return result + "'";
}

}  // namespace talos::test::crdb
