#include "schemes.hpp"

#include <array>

namespace talos::app {

namespace {

constexpr std::array aliases{
    SchemeAlias{"sqlite3", "sqlite"},        SchemeAlias{"postgresql", "postgres"},     SchemeAlias{"pgx", "postgres"},
    SchemeAlias{"pgx4", "postgres"},         SchemeAlias{"pgx5", "postgres"},           SchemeAlias{"mariadb", "mysql"},
    SchemeAlias{"cockroachdb", "cockroach"}, SchemeAlias{"crdb-postgres", "cockroach"},
};

constexpr std::array<std::string_view, 4> packaged{"sqlite", "postgres", "mysql", "cockroach"};

}  // namespace

std::span<const SchemeAlias> scheme_aliases() { return aliases; }
std::span<const std::string_view> packaged_plugins() { return packaged; }

PluginRequest plugin_for(const Dsn& dsn) {
  PluginRequest request{dsn.scheme(), dsn.scheme(), {}};
  for (const SchemeAlias& alias : aliases)
    if (alias.scheme == dsn.scheme()) request.name = alias.plugin;
  for (const std::string_view plugin : packaged)
    if (plugin == request.name) request.package = "talos-plugin-" + request.name;
  return request;
}

}  // namespace talos::app
