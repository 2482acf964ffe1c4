#include "this_edition.hpp"

namespace talos::app {

namespace {
constexpr std::string_view accepted[] = {"sqlite"};
}  // namespace

constinit const Edition this_edition{
    "talos",
    "Talos (open source)",
    accepted,
    "this edition supports SQLite only",
    "use talos-commercial for PostgreSQL, MySQL or CockroachDB",
};

}  // namespace talos::app
