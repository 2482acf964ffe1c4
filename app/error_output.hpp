// How a failure is told: on stderr for people, as an object for programs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "console.hpp"
#include "log.hpp"
#include "talos/error.hpp"

namespace talos::app {

/// "Error: …", the place with its line and a caret, code, detail, hint. On a JSON log one event, and before it the
/// plain dirty line (G20), which is the same whatever the options.
void show_error(const Error& error, Console& console, Log& log, const Palette& palette);

/// The line with its number, and a caret under the column (1-based, in bytes), each after a line break; empty without a
/// line.
std::string excerpt(std::string_view source_line, std::optional<std::size_t> line, std::optional<std::size_t> column);

/// The members `code`, `message` and whatever else is known of it.
nlohmann::ordered_json to_json(const Error& error);

}  // namespace talos::app
