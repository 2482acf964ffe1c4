// What scratch databases have in common.
#pragma once

#include <string>

#include "pg_connection.hpp"

namespace talos::pg {

/// talos_scratch_4711_9f0c1d2e: who finds one that a killed run left behind can tell whose it was. Needs no quotes.
std::string new_scratch_name();

/// The same server, another database.
Parameters in_database(Parameters parameters, const std::string& name);

}  // namespace talos::pg
