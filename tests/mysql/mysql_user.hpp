// Who MariaDB and MySQL servers run as.
#pragma once

#include "server_user.hpp"

namespace talos::test {

/// A server is one process: SIGKILL leaves nothing of it.
inline const ServerUser& mysql_user() {
  static const ServerUser user("mysql", "KILL");
  return user;
}

}  // namespace talos::test
