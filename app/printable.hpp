// Text from a database or a file, made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace talos::app {

/// Tabs become blanks; other control characters, line breaks among them, are written as \xNN.
std::string printable(std::string_view text);

}  // namespace talos::app
