// The manual pages as roff, made from the command table.
#pragma once

#include <string>

#include "edition.hpp"

namespace talos::app {

/// <program>(1): the commands, what they have in common, environment and exit statuses.
std::string program_manual(const Edition& edition);

/// <program>-migrate(1): each migrate command, and every option of theirs.
std::string migrate_manual(const Edition& edition);

/// talos-plugin(7): schemes, where plugins are found and which are trusted. `directory` is the compiled-in one.
std::string plugin_manual(std::string_view directory);

}  // namespace talos::app
