// How runners name themselves to a server, and are known again.
#pragma once

#include <optional>
#include <string>

#include "talos/driver.hpp"

namespace talos::pg {

/// What a session of this program calls itself, so that others can name the runner behind it.
std::string application_name(const Runner& runner);

/// The runner that such a name stands for; nothing for any other name.
std::optional<LockHolder> runner_behind(const std::string& application_name);

/// The owner of a lease: no other process ever has it.
std::string random_owner(const Runner& runner);

}  // namespace talos::pg
