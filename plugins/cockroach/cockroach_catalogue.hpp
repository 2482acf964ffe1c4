// What the catalogue says of the objects that a statement names (G13). From pg_catalog, which is stable; the output of
// SHOW CREATE is not, from one release to the next.
#pragma once

#include <string>
#include <vector>

#include "cockroach_objects.hpp"
#include "pg_bookkeeping.hpp"

namespace talos::cockroach {

/// Those without a schema are looked for in `schema`.
std::vector<common::Sight> look_at(const pg::Ask& ask, const std::vector<NamedObject>& objects,
                                   const std::string& schema);

}  // namespace talos::cockroach
