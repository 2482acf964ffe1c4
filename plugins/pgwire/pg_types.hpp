// Types as format_type() spells them.
#pragma once

#include <string_view>

#include "talos/introspection.hpp"

namespace talos::pg {

/// Of two different ones.
TypeChange compare_types(std::string_view from, std::string_view to);

}  // namespace talos::pg
