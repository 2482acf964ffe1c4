// The nearest known word, for messages about unknown ones.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace talos::app {

/// Nothing if none is near (about a third of its letters away).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace talos::app
