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
      : server(its_server), database(emptied(its_server)), crdb(server, profile), behind_(server.dsn(database)) {}

  /// libpq's DSN of root.
  std::string dsn() const { return crdb.libpq_dsn(database); }
  PgClient client() const { return PgClient(dsn()); }
  Transcript transcript() const { return Transcript(dsn()); }

  /// Behind the double's back.
  std::string value(const std::string& sql) { return behind_.value(sql); }
  std::vector<std::string> rows(const std::string& sql) { return behind_.rows(sql); }

  PostgresServer& server;
  const std::string database;
  CrdbDouble crdb;

 private:
  // One for the whole program: to make one takes longer than most tests.
  static std::string emptied(PostgresServer& server) {
    static const std::string name = server.create_database();
    pg_run(server.dsn(name),
           "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO public");
    return name;
  }

  PgClient behind_;
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
