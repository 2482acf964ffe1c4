// The live schema of a database.
#pragma once

#include <string>

#include "migrate.hpp"
#include "schema.hpp"

namespace talos {

/// The session's ability, or ErrorCode::unsupported naming the server.
Introspection& introspection_of(Session& session);
Schema read_schema(Session& session);

struct SchemaReport {
  SessionInfo info;
  std::string flavour;
  Schema schema;
};

/// Read-only: takes no lock, writes nothing.
SchemaReport report_schema(Driver& driver, const RunOptions& options, Reporter& reporter, CancelToken& cancel);

}  // namespace talos
