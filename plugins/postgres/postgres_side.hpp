// A connection beside the session's own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pg_connection.hpp"
#include "pg_dsn.hpp"

namespace talos::postgres {

/// For what must not touch the session, nor be touched by what a script left in it.
class SideConnection {
 public:
  /// Throws ErrorCode::connection. `stop` ends every wait with ErrorCode::cancelled; empty: nothing does.
  SideConnection(const pg::Parameters& parameters, const pg::PgDsn& dsn, std::function<bool()> stop);

  void on_notice(pg::Connection::Notice notice) { connection_->on_notice(std::move(notice)); }

  /// The rows of each statement. A statement that fails throws ErrorCode::statement, and ends its transaction.
  std::vector<pg::Table> ask(const std::string& sql);
  /// What the server says against a statement, if anything: as Connection::prepare().
  std::optional<pg::ServerError> prepare(const std::string& statement, const std::string& name = {});

  const pg::Connection& connection() const { return *connection_; }

 private:
  pg::Connection::WhileWaiting waiting() const;
  void check(const pg::Reply& reply) const;

  const std::string name_;
  std::function<bool()> stop_;
  std::unique_ptr<pg::Connection> connection_;
};

}  // namespace talos::postgres
