// The questions that describe a schema to the catalogue, and what their answers become: rows as pg_schema.hpp has them.
//
// No LATERAL, no correlated lists: what can be put together here is. Facts: pg_catalog.go and pg_builtins.go of
// cockroachdb/cockroach.
#pragma once

#include <string>
#include <vector>

#include "pg_schema.hpp"

namespace talos::cockroach {

class SchemaReader {
 public:
  /// `left_out`: tables and sequences, with all that belongs to them.
  SchemaReader(std::string database, std::string schema, std::vector<std::string> left_out)
      : database_(std::move(database)), schema_(std::move(schema)), left_out_(std::move(left_out)) {}

  /// Single SELECTs without a semicolon.
  std::vector<std::string> questions() const;
  /// Their answers, in that order.
  pg::SchemaAnswers read(std::vector<pg::Table> answers) const;

 private:
  std::string here(const std::string& relation) const;
  std::string spelled(const std::optional<std::string>& text) const;
  void read_relations(pg::Table& relations) const;
  void read_columns(pg::Table& columns, const pg::Table& traits) const;
  void read_keys(pg::Table& constraints, pg::Table& indexes, const pg::Table& columns) const;
  void read_routines(pg::Table& routines) const;

  std::string database_;
  std::string schema_;
  std::vector<std::string> left_out_;
};

}  // namespace talos::cockroach
