// The live schema of a PostgreSQL database, from its catalogue.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pg_bookkeeping.hpp"
#include "postgres_server.hpp"
#include "talos/introspection.hpp"

namespace talos::postgres {

/// Of the schema that unqualified names go into. What the server writes back from its own trees (expressions, views,
/// indexes) depends on its release and on the session's settings: those are set for the one transaction that reads.
class PostgresIntrospection : public Introspection {
 public:
  PostgresIntrospection(pg::Ask ask, const ServerInfo& server, const pg::Bookkeeping& own);

 private:
  std::vector<SchemaObject> do_read_schema() override;
  std::string do_flavour() const override;
  TypeChange do_compare_types(std::string_view from, std::string_view to) const override;

  pg::Ask ask_;
  std::string schema_;
  std::string own_tables_;  ///< SQL: an array of their names
  int major_;
};

}  // namespace talos::postgres
