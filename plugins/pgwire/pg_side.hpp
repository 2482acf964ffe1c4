// A connection beside the session's own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg_connection.hpp"
#include "pg_dsn.hpp"

namespace talos::pg {

/// For what must not touch the session, nor be touched by what a script left in it.
class SideConnection {
 public:
  /// Throws ErrorCode::connection. `stop` ends every wait with ErrorCode::cancelled; empty: nothing does.
  SideConnection(const Parameters& parameters, const PgDsn& dsn, std::function<bool()> stop);

  void on_notice(Connection::Notice notice) { connection_->on_notice(std::move(notice)); }

  /// The rows of each statement. A statement that fails throws ErrorCode::statement, and ends its transaction.
  std::vector<Table> ask(const std::string& sql);
  /// What the server says against a statement, if anything: as Connection::prepare().
  std::optional<ServerError> prepare(const std::string& statement, const std::string& name = {});

  const Connection& connection() const { return *connection_; }

 private:
  Connection::WhileWaiting waiting() const;
  void check(const Reply& reply) const;

  const std::string name_;
  std::function<bool()> stop_;
  std::unique_ptr<Connection> connection_;
};

/// By which refusal_of() has a statement prepared.
inline constexpr const char* prepared_name = "talos_query";

/// What the server says against one statement of an application, which may have parameters, in a transaction that
/// begins with `beginning` and is rolled back. That a type is left open is nothing: drivers give it. `then`, if there
/// is one, may look further at the prepared statement.
std::optional<Error> refusal_of(SideConnection& connection, const std::string& beginning, std::string_view statement,
                                const std::function<std::optional<Error>()>& then = {});

}  // namespace talos::pg
