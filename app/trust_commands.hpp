// The commands that prove and explain: schema, verify, diagnose, backup.
#pragma once

#include "commands.hpp"

namespace talos::app {

int show_schema(const Surroundings& surroundings);
int make_backup(const Surroundings& surroundings);
int diagnose_database(const Surroundings& surroundings);
int verify_set(const Surroundings& surroundings);

}  // namespace talos::app
