// The live schema of a MySQL or MariaDB database.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mysql_bookkeeping.hpp"
#include "mysql_server.hpp"
#include "talos/introspection.hpp"

namespace talos::mysql {

/// Two messages, however many objects there are. Triggers, routines and events that the user has no right to see are
/// not told of by the server; a view or a routine of which it tells only the name is an error.
class MySqlIntrospection : public Introspection {
 public:
  /// All outlive this.
  MySqlIntrospection(Ask ask, const ServerInfo& server, const std::optional<Bookkeeping>& own)
      : ask_(std::move(ask)), server_(server), own_(own) {}

 private:
  std::vector<SchemaObject> do_read_schema() override;
  std::string do_flavour() const override;
  TypeChange do_compare_types(std::string_view from, std::string_view to) const override;

  void add_tables(const Table& list, std::vector<SchemaObject>& objects) const;
  void add_triggers(const Table& list, std::vector<SchemaObject>& objects) const;

  Ask ask_;
  const ServerInfo& server_;
  const std::optional<Bookkeeping>& own_;
};

}  // namespace talos::mysql
