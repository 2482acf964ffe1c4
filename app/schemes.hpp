// DSN schemes and package names: which plugin serves a scheme, and which package brings that plugin.
#pragma once

#include <span>
#include <string_view>

#include "dsn.hpp"
#include "plugin_loader.hpp"

namespace talos::app {

/// The scheme of DSNs that are plain file names.
inline constexpr std::string_view file_scheme = "sqlite";

struct SchemeAlias {
  std::string_view scheme;
  std::string_view plugin;
};

std::span<const SchemeAlias> scheme_aliases();

/// Plugins that distributions package; a third party's has whatever name its author gave it.
std::span<const std::string_view> packaged_plugins();

/// Applies the alias table (sqlite3 → sqlite; postgresql, pgx, pgx4 and pgx5 → postgres; mariadb → mysql; cockroachdb
/// and crdb-postgres → cockroach); any other scheme is its own plugin's name.
PluginRequest plugin_for(const Dsn& dsn);

}  // namespace talos::app
