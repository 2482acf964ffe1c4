// What a schema change does to those who use the table: tried on empty twins, since nothing of it can be rolled back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql_bookkeeping.hpp"
#include "mysql_connection.hpp"
#include "mysql_server.hpp"
#include "talos/trial.hpp"

namespace talos::mysql {

/// The twins are made in a database of their own beside the scratch database, so that they have the names of their
/// originals, and their constraints, too, whose names are a database's. The server's verdict on an empty table is that
/// on a full one. A body whose DDL names another database is refused, before anything of it has run.
class MySqlTrial : public Trial {
 public:
  /// A new connection with the settings that a migration's statements find.
  using Connect = std::function<std::unique_ptr<Connection>()>;

  /// `server` and `modes` outlive this.
  MySqlTrial(Connect connect, std::function<Connection::WhileWaiting()> waiting, const ServerInfo& server,
             const LexerModes& modes)
      : connect_(std::move(connect)), waiting_(std::move(waiting)), server_(server), modes_(modes) {}

 private:
  std::vector<Effect> do_effects(const ScriptPart& body) override;
  std::optional<Error> do_prepare(std::string_view statement) override;

  Connect connect_;
  std::function<Connection::WhileWaiting()> waiting_;
  const ServerInfo& server_;
  const LexerModes& modes_;
  std::unique_ptr<Connection> connection_;  ///< for do_prepare()
};

}  // namespace talos::mysql
