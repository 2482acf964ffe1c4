// The commands that prove and explain: schema, verify.
#pragma once

#include "commands.hpp"

namespace talos::app {

int show_schema(const Surroundings& surroundings);
int verify_set(const Surroundings& surroundings);

}  // namespace talos::app
