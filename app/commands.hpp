// One function per command: does it, prints its data on stdout, returns the exit status.
#pragma once

#include "cancel.hpp"
#include "console.hpp"
#include "edition.hpp"
#include "log.hpp"
#include "options.hpp"

namespace talos::app {

/// What a command works with. All of it outlives the command.
struct Surroundings {
  const Options& options;
  const Edition& edition;
  CancelToken& cancel;
  Console& console;
  Log& log;
  Palette error_palette;  ///< for stderr
  Palette data_palette;   ///< for stdout
};

/// Throws talos::Error for what failed before or outside the operation itself, with nothing printed yet; main shows and
/// maps it. A failed operation is shown here, after its data.
int run_command(const Surroundings& surroundings);

}  // namespace talos::app
