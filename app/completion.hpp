// Shell completion scripts, made from the command table.
#pragma once

#include <string>
#include <string_view>

namespace talos::app {

/// `shell` is bash, zsh or fish; throws Error(usage) for another.
std::string completion_script(std::string_view shell, std::string_view program);

}  // namespace talos::app
