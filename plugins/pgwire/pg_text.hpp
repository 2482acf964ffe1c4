// Text that becomes part of SQL.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace talos::pg {

/// 'text', safe whatever standard_conforming_strings says. The text must hold no NUL.
std::string literal(std::string_view text);
/// As literal(); an empty text becomes NULL.
std::string literal_or_null(std::string_view text);
std::string number_or_null(const std::optional<std::int64_t>& number);
/// As an integer setting of the server or of libpq takes it: what is longer than the longest becomes that.
std::string setting(std::chrono::milliseconds time);
/// With a question mark for each byte that is no UTF-8, or NUL.
std::string valid_utf8(std::string_view text);
/// "name".
std::string quoted_name(std::string_view name);

}  // namespace talos::pg
