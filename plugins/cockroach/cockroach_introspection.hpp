// The live schema of a CockroachDB database, from pg_catalog and information_schema, which are stable; SHOW and
// crdb_internal are not. What they do not tell is not told: zones, localities, partitions, column families, ON UPDATE.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cockroach_server.hpp"
#include "pg_bookkeeping.hpp"
#include "talos/introspection.hpp"

namespace talos::cockroach {

class CockroachIntrospection : public Introspection {
 public:
  /// `lock_table`: golang-migrate's, which is left out, too.
  CockroachIntrospection(pg::Ask ask, const ServerInfo& server, const pg::Bookkeeping& own,
                         const std::string& lock_table);

 private:
  std::vector<SchemaObject> do_read_schema() override;
  std::string do_flavour() const override;
  TypeChange do_compare_types(std::string_view from, std::string_view to) const override;

  pg::Ask ask_;
  std::string database_;
  std::string schema_;
  std::vector<std::string> own_tables_;
  Version version_;
};

}  // namespace talos::cockroach
