// pgbouncer in front of a PostgreSQL server.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "postgres_server.hpp"

namespace talos::test {

/// T7: false, after saying why, where there is no pgbouncer and the test is to be skipped.
bool pgbouncer_or_skip();

/// Every database of the server by its own name, with the superuser's password both ways (SCRAM), on a free port of
/// 127.0.0.1. It ends as PostgresServer does.
class PgBouncer {
 public:
  enum class Pool { session, transaction, statement };

  /// Each of `settings` is `name = value` of the section [pgbouncer].
  PgBouncer(const PostgresServer& server, Pool pool, std::vector<std::string> settings = {});
  /// In front of something else than the server itself, as a proxy.
  PgBouncer(const PostgresServer& server, int server_port, Pool pool, std::vector<std::string> settings = {});
  ~PgBouncer();
  PgBouncer(const PgBouncer&) = delete;
  PgBouncer& operator=(const PgBouncer&) = delete;

  std::string dsn(std::string_view database = "postgres") const;
  int port() const;
  pid_t pid() const;
  std::string log() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace talos::test
