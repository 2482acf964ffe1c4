// Text that becomes part of SQL.
#pragma once

#include <chrono>
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
/// As an integer setting of the server or of libpq takes it: what is longer than the longest becomes that.
std::string setting(std::chrono::milliseconds time);
/// An SQL expression for a time's milliseconds since 1970, which every dialect and time zone gives alike …
std::string milliseconds_of(std::string_view time);
/// … and their reading: UTC, RFC 3339 with milliseconds. Empty for an empty text (NULL).
std::string time_of(std::string_view milliseconds);
/// "name".
std::string quoted_name(std::string_view name);

}  // namespace talos::pg
