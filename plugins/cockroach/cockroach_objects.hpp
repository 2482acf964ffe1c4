// Which objects a schema change creates, alters or drops: what to look up in the catalogue before it and after (G13).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/sight.hpp"

namespace talos::cockroach {

struct NamedObject {
  enum class Kind : std::uint8_t { relation, index, type, schema };
  Kind kind = Kind::relation;  ///< relation: a table, a view, a sequence
  std::string schema;          ///< empty: the session's
  std::string name;            ///< of an index: the index's own; empty where the server chooses it
  std::string table;           ///< of an index: in the same schema; empty where the statement does not say
  bool operator==(const NamedObject&) const = default;
};

struct Ddl {
  common::Change change;
  /// Those before and those after a renaming. Empty: nothing can be looked up.
  std::vector<NamedObject> objects;
  /// Run again it does no harm, whatever happened the first time.
  bool repeatable = false;
};

Ddl read_ddl(std::string_view statement);

}  // namespace talos::cockroach
