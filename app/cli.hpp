// From argv to Options. The commands, options and their texts are one table (command_table.hpp); help, completion and
// the man pages are made from the same table.
#pragma once

#include <string>
#include <vector>

#include "options.hpp"

namespace talos::app {

/// `arguments` without the program's name. Throws Error(usage) with a "did you mean" hint; the message never quotes a
/// value that could be a DSN. `--help` anywhere gives Command::help with the command's words as arguments,
/// `--version` gives Command::version.
Options parse_command_line(const std::vector<std::string>& arguments);

}  // namespace talos::app
