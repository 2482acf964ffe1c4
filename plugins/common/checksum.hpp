// The checksums that locks are named by.
#pragma once

#include <cstdint>
#include <string_view>

#include <boost/crc.hpp>

namespace talos::common {

inline std::uint32_t crc32(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  return crc.checksum();
}

/// 64 bits of FNV-1a.
constexpr std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

/// What golang-migrate makes of its lock's name: the number of the lock, or on MySQL the lock's own name.
inline std::uint32_t golang_migrate_number(std::string_view text) {
  constexpr std::uint32_t salt = 1486364155;
  return crc32(text) * salt;
}

}  // namespace talos::common
