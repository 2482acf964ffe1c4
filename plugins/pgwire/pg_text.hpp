// Text that becomes part of SQL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/utf8.hpp"

namespace talos::pg {

using common::valid_utf8;

/// 'text', safe whatever standard_conforming_strings says. The text must hold no NUL.
std::string literal(std::string_view text);
/// As literal(); an empty text becomes NULL.
std::string literal_or_null(std::string_view text);
std::string number_or_null(const std::optional<std::int64_t>& number);
/// "name".
std::string quoted_name(std::string_view name);

}  // namespace talos::pg
