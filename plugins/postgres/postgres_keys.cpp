#include "postgres_keys.hpp"

#include <algorithm>
#include <string>

#include "common/checksum.hpp"

namespace talos::postgres {

std::int64_t golang_migrate_key(std::string_view schema, std::string_view table, std::string_view database) {
  std::string text(schema);
  for (const std::string_view part : {table, database}) text.append(1, '\0').append(part);
  return common::golang_migrate_number(text);
}

std::int64_t own_key(std::string_view schema, std::string_view table) {
  std::string text("talos");
  for (const std::string_view part : {schema, table}) text.append(1, '\0').append(part);
  return static_cast<std::int64_t>(common::fnv1a(text));
}

std::vector<std::int64_t> golang_migrate_keys(std::string_view schema, std::string_view table,
                                              std::string_view current_database, std::string_view dsn_database) {
  std::vector<std::int64_t> keys;
  if (dsn_database.starts_with('/')) dsn_database.remove_prefix(1);
  for (const std::string_view database : {current_database, dsn_database}) {
    if (database.empty()) continue;
    for (const std::string& name : {"/" + std::string(database), std::string(database)}) {
      const std::int64_t key = golang_migrate_key(schema, table, name);
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  return keys;
}

}  // namespace talos::postgres
