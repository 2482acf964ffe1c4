// MariaDB or MySQL on loopback.
#pragma once

#include "site.hpp"

namespace talos::bench {

/// `flavour` is mariadb or mysql. Nothing where no such server is here.
std::unique_ptr<Site> mysql_site(const std::string& flavour, const Tools& tools);

}  // namespace talos::bench
