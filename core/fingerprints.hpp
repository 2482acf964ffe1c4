// The file `fingerprints` beside a set: what the schema is after each version, for each kind of server.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema.hpp"
#include "talos/migration.hpp"

namespace talos {

/// A schema as far as its fingerprints tell it.
struct SchemaPrint {
  std::string whole;
  std::map<std::string, std::string> objects = {};  ///< by display name
  bool operator==(const SchemaPrint&) const = default;
};

SchemaPrint print_of(const Schema& schema);

/// "+ index i on t", "- table u", "~ table t": how `found` differs from `wanted`.
std::vector<std::string> compare(const SchemaPrint& wanted, const SchemaPrint& found);

/// By version; no_version is the schema before the first.
using SchemaPrints = std::vector<std::pair<Version, SchemaPrint>>;

/// What `text` says of a kind of server; nothing if it says nothing of it. Throws ErrorCode::usage where it cannot be
/// read.
SchemaPrints read_fingerprints(std::string_view text, std::string_view flavour);

/// `text` with what it says of `flavour` put anew, and the rest as it was.
std::string write_fingerprints(std::string_view text, std::string_view flavour, const SchemaPrints& prints);

}  // namespace talos
