// One server for the tests of a program that leave it as it was.
#pragma once

#include "postgres_server.hpp"
#include "server_user.hpp"

namespace talos::test {

/// Not synced. Nothing, after saying why, where there is no PostgreSQL (T7). First called in the main thread.
inline PostgresServer* shared_server() {
  static const auto installation = postgres_or_skip();
  if (!installation) return nullptr;
  static PostgresServer server(*installation, {"fsync=off"});
  return &server;
}

}  // namespace talos::test
