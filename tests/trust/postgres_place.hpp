// A PostgreSQL database for a seeded fault, on the program's one server.
#pragma once

#include <string>

#include "fault_suite.hpp"
#include "pg_client.hpp"
#include "shared_server.hpp"

namespace talos::test {

/// Where shared_server() is there.
class PostgresTrustPlace : public TrustPlace {
 public:
  PostgresTrustPlace() : database_(server_.create_database()) {}
  ~PostgresTrustPlace() override { server_.drop_database(database_); }

  std::string dsn() const override { return server_.dsn(database_); }
  std::string scratch() const override { return server_.dsn(); }
  void run(const std::string& sql) override { PgClient(dsn()).run(sql); }

 private:
  PostgresServer& server_ = *shared_server();
  std::string database_;
};

}  // namespace talos::test
