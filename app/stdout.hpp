// A command's data: stdout.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace talos::app {

/// Writes and flushes. Throws Error(internal) where stdout cannot take it: a full disk must not look like success.
void print_text(std::string_view text);
/// One object, indented, with a newline.
void print_json(const nlohmann::ordered_json& object);

}  // namespace talos::app
