// The names of the locks that GET_LOCK() takes. They are the server's, not the database's: each names its database.
#pragma once

#include <string>
#include <string_view>

namespace talos::mysql {

/// golang-migrate's, made of the DSN's database: crc32("database:table") × 1486364155 mod 2^32, in decimal.
std::string golang_migrate_lock_name(std::string_view database, std::string_view table);

/// This program's own: talos_ and FNV-1a (64 bits) of database NUL table in hexadecimal.
std::string own_lock_name(std::string_view database, std::string_view table);

}  // namespace talos::mysql
