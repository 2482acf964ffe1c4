// The live schema of a SQLite database.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite_db.hpp"
#include "sqlite_table_text.hpp"
#include "sqlite_tables.hpp"
#include "talos/introspection.hpp"

namespace talos::sqlite {

class SqliteIntrospection : public Introspection {
 public:
  /// `db` is empty where there is no file. Both outlive this.
  SqliteIntrospection(std::optional<Database>& db, const Tables& own) : db_(db), own_(own) {}

 private:
  std::vector<SchemaObject> do_read_schema() override;
  std::string do_flavour() const override { return "sqlite"; }
  TypeChange do_compare_types(std::string_view from, std::string_view to) const override;

  struct Table {
    std::string name;
    std::string type;  ///< table, view, virtual
    std::string sql;
    std::string indexes;  ///< their names and texts
  };
  std::vector<Table> tables() const;
  void add_table(const Table& table, std::vector<SchemaObject>& objects) const;
  std::vector<SchemaColumn> columns_of(const Table& table, const TableText& text) const;
  void add_primary_key(const Table& table, const TableText& text, SchemaObject& object,
                       std::vector<SchemaObject>& objects) const;
  void add_foreign_keys(const Table& table, const TableText& text, std::vector<SchemaObject>& objects) const;
  void add_indexes(const Table& table, const TableText& text, std::vector<SchemaObject>& objects) const;
  void add_triggers(std::vector<SchemaObject>& objects) const;
  std::string sql_of(const std::string& index) const;

  std::optional<Database>& db_;
  const Tables& own_;
  std::map<std::string, std::vector<SchemaObject>> read_;  ///< by the texts that made it: what a table was last time
};

}  // namespace talos::sqlite
