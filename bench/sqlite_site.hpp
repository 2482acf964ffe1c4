// A SQLite file.
#pragma once

#include "site.hpp"

namespace talos::bench {

std::unique_ptr<Site> sqlite_site(const Tools& tools);

}  // namespace talos::bench
