// The first act of main (G18): command lines are public (ps, /proc), so DSNs are taken out of argv.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace talos::app {

/// Copies the arguments after the program's name, then overwrites in place, with '*', the value of every DSN option
/// (`--database x` and `--database=x`) and every argument that looks like a DSN.
std::vector<std::string> take_arguments(int argc, char** argv);

/// For a path that is to be named in a message: it is a DSN in the wrong place, which may hold a password.
bool is_misplaced_dsn(std::string_view path);

}  // namespace talos::app
