// The numbers of the advisory locks.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace talos::postgres {

/// golang-migrate's key: crc32("schema" NUL "table" NUL "database") × 1486364155 mod 2^32.
std::int64_t golang_migrate_key(std::string_view schema, std::string_view table, std::string_view database);

/// This program's own: FNV-1a (64 bits) of "talos" NUL schema NUL table. Advisory locks are per database already.
std::int64_t own_key(std::string_view schema, std::string_view table);

/// golang-migrate hashes the URL's path with its slash when opened by a URL and without it when opened as a library,
/// and the name of a pooler's alias where there is one: all that an old runner may hold.
std::vector<std::int64_t> golang_migrate_keys(std::string_view schema, std::string_view table,
                                              std::string_view current_database, std::string_view dsn_database);

}  // namespace talos::postgres
