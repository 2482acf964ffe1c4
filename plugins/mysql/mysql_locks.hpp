// The locks by name that keep runners apart: this program's own, and that of golang-migrate's runners.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mysql_bookkeeping.hpp"
#include "mysql_server.hpp"
#include "talos/driver.hpp"

namespace talos::mysql {

/// GET_LOCK() holds for the connection that called it, on one server: not on the other nodes of a cluster.
class NamedLocks {
 public:
  NamedLocks(std::string own, std::string golang_migrate);

  /// Both or none, at once; and neither while the server is still at work for a runner that is gone.
  bool try_lock(const Ask& ask);
  void unlock(const Ask& ask);
  /// Nobody has any of them. Takes none.
  bool free(const Ask& ask) const;
  bool held() const { return held_; }

  /// A condition: the connection with this number holds the program's own.
  std::string is_held_by(std::uint64_t connection) const;
  /// A condition: the connection that asks now says that it works under the lock. A server goes on with what it was
  /// told when its runner is gone, and the runner's lock with it.
  std::string says_it_works() const;
  /// The same taken back.
  std::string says_it_rests() const;

  /// Who holds any of them, the program's own first. `ours` where it is the asking connection.
  LockStatus observe(const Ask& ask, const ServerInfo& server, const Bookkeeping& tables, bool lock_table) const;

 private:
  /// The connection that holds any of them, the program's own first; NULL without one.
  std::string holder_sql() const;
  std::optional<LockHolder> runner(const Ask& ask, const ServerInfo& server, const Bookkeeping& tables, bool lock_table,
                                   const std::string& connection) const;

  std::string own_;  ///< quoted
  std::string golang_migrate_;
  std::string work_;
  bool held_ = false;
};

/// Says in <table>_lock who holds the lock, for servers that do not show what connections say of themselves.
std::string sign_lock_sql(const Bookkeeping& tables, std::uint64_t connection, const Runner& runner);

/// What a connection of this program calls itself, so that others can name the runner behind it.
std::string program_name(const Runner& runner);
/// The runner that such a name stands for; nothing for any other name.
std::optional<LockHolder> runner_behind(const std::string& program_name);

/// The lock whose being held keeps the transaction of this connection from committing.
std::string stop_lock(std::uint64_t connection);

}  // namespace talos::mysql
