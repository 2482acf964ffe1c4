// Whether the live schema is the one of the version that `force` is about to write.
#pragma once

#include "migrate.hpp"

namespace talos {

/// By the set's fingerprints, where it has some for this kind of server. A difference is a warning; with `checked` it
/// is thrown (ErrorCode::policy), and so is that there is nothing to compare with (ErrorCode::unsupported).
void compare_forced_schema(Session& session, const MigrationSet& set, Version version, bool checked,
                           Reporter& reporter);

}  // namespace talos
