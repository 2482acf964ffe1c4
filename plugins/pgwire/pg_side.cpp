#include "pg_side.hpp"

#include <chrono>
#include <utility>

#include "pg_connect.hpp"

namespace talos::pg {

namespace {

constexpr std::chrono::seconds connect_timeout{30};

}  // namespace

SideConnection::SideConnection(const Parameters& parameters, const PgDsn& dsn, std::function<bool()> stop)
    : name_(dsn.describe()), stop_(std::move(stop)), connection_(connect(parameters, dsn, connect_timeout, nullptr)) {}

Connection::WhileWaiting SideConnection::waiting() const {
  return [this]() -> std::optional<std::string> {
    if (stop_ && stop_()) return "stopped";
    return std::nullopt;
  };
}

void SideConnection::check(const Reply& reply) const {
  if (reply.lost.empty()) return;
  if (stop_ && stop_()) throw Error(ErrorCode::cancelled, "stopped");
  throw Error(ErrorCode::connection, "the connection to " + name_ + " was lost: " + reply.lost);
}

std::vector<Table> SideConnection::ask(const std::string& sql) {
  Reply reply = connection_->ask(sql, waiting());
  check(reply);
  if (!reply.error) return std::move(reply.tables);
  if (connection_->in_transaction()) check(connection_->send("ROLLBACK", waiting()));
  throw Error(to_error(*reply.error, ErrorCode::statement));
}

std::optional<ServerError> SideConnection::prepare(const std::string& statement, const std::string& name) {
  const Reply reply = connection_->prepare(statement, waiting(), name);
  check(reply);
  return reply.error;
}

std::optional<Error> refusal_of(SideConnection& connection, const std::string& beginning, std::string_view statement,
                                const std::function<std::optional<Error>()>& then) {
  constexpr std::string_view indeterminate_datatype = "42P18";
  const std::string text(statement);
  connection.ask(beginning);
  const auto refusal = connection.prepare(text, then ? prepared_name : "");
  if (!refusal && then) {
    auto error = then();
    connection.ask(std::string("ROLLBACK; DEALLOCATE ") + prepared_name);
    return error;
  }
  connection.ask("ROLLBACK");
  if (!refusal || refusal->is(indeterminate_datatype)) return std::nullopt;
  Error error = to_error(*refusal, ErrorCode::statement);
  if (refusal->position) error.offset = byte_of_character(text, *refusal->position);
  return error;
}

}  // namespace talos::pg
