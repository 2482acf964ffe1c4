// A file that is written whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace talos::app {

/// Throws ErrorCode::usage with the system's words.
void replace_file(const std::filesystem::path& file, std::string_view content);

}  // namespace talos::app
