#include "postgres_side.hpp"

#include <chrono>
#include <utility>

#include "pg_connect.hpp"

namespace talos::postgres {

namespace {

constexpr std::chrono::seconds connect_timeout{30};

}  // namespace

SideConnection::SideConnection(const pg::Parameters& parameters, const pg::PgDsn& dsn, std::function<bool()> stop)
    : name_(dsn.describe()),
      stop_(std::move(stop)),
      connection_(pg::connect(parameters, dsn, connect_timeout, nullptr)) {}

pg::Connection::WhileWaiting SideConnection::waiting() const {
  return [this]() -> std::optional<std::string> {
    if (stop_ && stop_()) return "stopped";
    return std::nullopt;
  };
}

void SideConnection::check(const pg::Reply& reply) const {
  if (reply.lost.empty()) return;
  if (stop_ && stop_()) throw Error(ErrorCode::cancelled, "stopped");
  throw Error(ErrorCode::connection, "the connection to " + name_ + " was lost: " + reply.lost);
}

std::vector<pg::Table> SideConnection::ask(const std::string& sql) {
  pg::Reply reply = connection_->ask(sql, waiting());
  check(reply);
  if (!reply.error) return std::move(reply.tables);
  if (connection_->in_transaction()) check(connection_->send("ROLLBACK", waiting()));
  throw Error(pg::to_error(*reply.error, ErrorCode::statement));
}

std::optional<pg::ServerError> SideConnection::prepare(const std::string& statement, const std::string& name) {
  const pg::Reply reply = connection_->prepare(statement, waiting(), name);
  check(reply);
  return reply.error;
}

}  // namespace talos::postgres
