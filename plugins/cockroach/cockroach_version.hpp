// CockroachDB's versions: what a node says of itself, and what its cluster has been finalised to.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace talos::cockroach {

struct Version {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Version&) const = default;  // NOLINT(modernize-use-nullptr): it takes <=> for one
};

std::string to_string(Version version);

/// The first thing that reads like a version: "CockroachDB CCL v23.2.5 (…)", "v25.1.0-rc.1", "23.1-upgrading-to-23.2".
std::optional<Version> find_version(std::string_view text);

inline constexpr Version oldest_supported{23, 1};
/// DDL inside a transaction that could not be undone with it is refused instead.
inline constexpr Version has_strict_ddl_atomicity{23, 2};
/// DDL inside a transaction commits it first, if that is on.
inline constexpr Version has_autocommit_before_ddl{24, 1};
/// New tables are schema_locked unless one says otherwise.
inline constexpr Version locks_new_tables{26, 1};

}  // namespace talos::cockroach
