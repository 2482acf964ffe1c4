// One function per command: does it, prints its data on stdout, returns the exit status.
#pragma once

#include "cancel.hpp"
#include "edition.hpp"
#include "options.hpp"

namespace talos::app {

/// Throws talos::Error for what failed before or outside the operation itself; main maps it.
int run_command(const Options& options, const Edition& edition, CancelToken& cancel);

}  // namespace talos::app
