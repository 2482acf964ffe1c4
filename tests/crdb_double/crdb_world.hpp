// One test's double: a database of its own, and clients.
#pragma once

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "crdb_double.hpp"
#include "pg_client.hpp"
#include "shared_server.hpp"
#include "transcript.hpp"

namespace talos::test {

class CrdbWorld {
 public:
  CrdbWorld(PostgresServer& its_server, CrdbProfile profile)
      : server(its_server), database(server.create_database()), crdb(server, profile) {}

  /// libpq's DSN of root.
  std::string dsn() const { return crdb.libpq_dsn(database); }
  PgClient client() const { return PgClient(dsn()); }
  Transcript transcript() const { return Transcript(dsn()); }

  /// Behind the double's back.
  std::string value(const std::string& sql) const { return pg_value(server.dsn(database), sql); }
  std::vector<std::string> rows(const std::string& sql) const { return pg_rows(server.dsn(database), sql); }

  PostgresServer& server;
  const std::string database;
  CrdbDouble crdb;
};

/// The SQLSTATE with which it fails; empty if it succeeds.
inline std::string state_of(PgClient& client, const std::string& sql) {
  try {
    client.run(sql);
    return "";
  } catch (const PgFailure& failure) {
    return failure.sqlstate();
  }
}

inline std::string message_of(PgClient& client, const std::string& sql) {
  try {
    client.run(sql);
    return "";
  } catch (const PgFailure& failure) {
    return failure.what();
  }
}

using Lines = std::vector<std::string>;

}  // namespace talos::test
