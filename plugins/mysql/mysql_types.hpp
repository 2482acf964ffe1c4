// Columns' types, as texts of one spelling, and what changing one into another means.
#pragma once

#include <string>
#include <string_view>

#include "talos/introspection.hpp"

namespace talos::mysql {

/// Lower case but for the values of enum and set, without what changes nothing: the display width of integers (but
/// tinyint(1), by which clients know a boolean, and with zerofill) and of year.
std::string normal_type(std::string_view type);

/// Of two that normal_type() made.
TypeChange compare_column_types(std::string_view from, std::string_view to);

/// A default of that type may stand without quotes.
bool is_numeric_type(std::string_view type);

/// utf8 has been utf8mb3 under a shorter name.
std::string normal_charset(std::string_view charset_or_collation);

}  // namespace talos::mysql
