#include "schemes.hpp"

#include <array>

namespace talos::app {

namespace {

struct Alias {
  std::string_view scheme;
  std::string_view plugin;
};

constexpr std::array aliases{
    Alias{"sqlite3", "sqlite"},        Alias{"postgresql", "postgres"},     Alias{"pgx", "postgres"},
    Alias{"pgx4", "postgres"},         Alias{"pgx5", "postgres"},           Alias{"mariadb", "mysql"},
    Alias{"cockroachdb", "cockroach"}, Alias{"crdb-postgres", "cockroach"},
};

// Plugins that distributions package; a third party's has whatever name its author gave it.
constexpr std::array<std::string_view, 4> packaged{"sqlite", "postgres", "mysql", "cockroach"};

}  // namespace

PluginRequest plugin_for(const Dsn& dsn) {
  PluginRequest request{dsn.scheme(), dsn.scheme(), {}};
  for (const Alias& alias : aliases)
    if (alias.scheme == dsn.scheme()) request.name = alias.plugin;
  for (const std::string_view plugin : packaged)
    if (plugin == request.name) request.package = "talos-plugin-" + request.name;
  return request;
}

}  // namespace talos::app
