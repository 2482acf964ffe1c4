// DSN schemes and package names: which plugin serves a scheme, and which package brings that plugin.
#pragma once

#include <string_view>

#include "dsn.hpp"
#include "plugin_loader.hpp"

namespace talos::app {

/// The scheme of DSNs that are plain file names.
inline constexpr std::string_view file_scheme = "sqlite";

/// Applies the alias table (sqlite3 → sqlite; postgresql, pgx, pgx4 and pgx5 → postgres; mariadb → mysql; cockroachdb
/// and crdb-postgres → cockroach); any other scheme is its own plugin's name.
PluginRequest plugin_for(const Dsn& dsn);

}  // namespace talos::app
