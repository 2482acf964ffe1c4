#include "postgres_keys.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <boost/crc.hpp>

namespace talos::postgres {

std::int64_t golang_migrate_key(std::string_view schema, std::string_view table, std::string_view database) {
  constexpr std::uint32_t salt = 1486364155;
  std::string text(schema);
  for (const std::string_view part : {table, database}) text.append(1, '\0').append(part);
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  const std::uint32_t key = crc.checksum() * salt;
  return key;
}

std::int64_t own_key(std::string_view schema, std::string_view table) {
  std::uint64_t hash = 14695981039346656037U;
  std::string text("talos");
  for (const std::string_view part : {schema, table}) text.append(1, '\0').append(part);
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return static_cast<std::int64_t>(hash);
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
