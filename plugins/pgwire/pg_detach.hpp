// The partition that ALTER TABLE … DETACH PARTITION … CONCURRENTLY takes off: an interrupted one leaves it half
// detached.
#pragma once

#include <optional>
#include <string_view>

#include "pg_token.hpp"

namespace talos::pg {

/// The partition's name, of that statement; nothing for any other one.
std::optional<QualifiedName> concurrent_detach(std::string_view statement);

}  // namespace talos::pg
