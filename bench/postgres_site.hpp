// PostgreSQL on loopback.
#pragma once

#include "site.hpp"

namespace talos::bench {

/// Nothing where no server is here.
std::unique_ptr<Site> postgres_site(const Tools& tools);

}  // namespace talos::bench
