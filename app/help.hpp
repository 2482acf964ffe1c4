// Help texts, made from the command table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "edition.hpp"

namespace talos::app {

/// For the whole program where `words` is empty or names only a group, else for one command. Throws Error(usage) for
/// words that are no command.
std::string help_text(const std::vector<std::string>& words, const Edition& edition);

std::string version_text(const Edition& edition);
std::string_view program_version();

}  // namespace talos::app
