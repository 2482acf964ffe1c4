// Other people's statements, as they may be shown.
#pragma once

#include <string>
#include <string_view>

namespace talos::mysql {

/// On one line, without comments, with `…` for every string and number. It may have been cut anywhere, and run under
/// any sql_mode.
std::string without_literals(std::string_view sql);

}  // namespace talos::mysql
