#include "mysql_keys.hpp"

#include "common/checksum.hpp"

namespace talos::mysql {

std::string golang_migrate_lock_name(std::string_view database, std::string_view table) {
  return std::to_string(common::golang_migrate_number(std::string(database).append(1, ':').append(table)));
}

std::string own_lock_name(std::string_view database, std::string_view table) {
  const std::uint64_t hash = common::fnv1a(std::string(database).append(1, '\0').append(table));
  std::string name("talos_");
  for (unsigned shift = 64; shift > 0; shift -= 4) name += "0123456789abcdef"[(hash >> (shift - 4)) & 15U];
  return name;
}

}  // namespace talos::mysql
