// Cuts CockroachDB scripts into statements and classes them, without a server: PostgreSQL's rules and what differs.
#pragma once

#include <cstdint>
#include <string_view>

#include "talos/driver.hpp"

namespace talos::cockroach {

/// As pg::split_sql(). Returns pg::Trait's bits.
std::uint64_t split_sql(std::string_view text, const StatementSink& sink);

}  // namespace talos::cockroach
