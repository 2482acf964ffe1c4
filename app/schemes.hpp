// DSN schemes and package names: which plugin serves a scheme, and which package brings that plugin.
#pragma once

#include <string>

#include "dsn.hpp"
#include "plugin_loader.hpp"

namespace talos::app {

/// Applies the alias table (sqlite3 → sqlite, postgresql → postgres, mariadb → mysql, cockroachdb and crdb-postgres →
/// cockroach); any other scheme is its own plugin's name. Throws Error(usage) unless it matches [a-z][a-z0-9-]*.
PluginRequest plugin_for(const Dsn& dsn);

}  // namespace talos::app
