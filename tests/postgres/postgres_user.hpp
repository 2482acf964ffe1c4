// Who PostgreSQL servers and pgbouncer run as.
#pragma once

#include "server_user.hpp"

namespace talos::test {

/// SIGQUIT ends a server with every process of it.
inline const ServerUser& postgres_user() {
  static const ServerUser user("postgres", "QUIT");
  return user;
}

}  // namespace talos::test
