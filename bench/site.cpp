#include "site.hpp"

#include "mysql_site.hpp"
#include "postgres_site.hpp"
#include "sqlite_site.hpp"

namespace talos::bench {

const std::vector<std::string>& site_names() {
  static const std::vector<std::string> names{"sqlite", "postgres", "mariadb", "mysql"};
  return names;
}

std::unique_ptr<Site> open_site(const std::string& name, const Tools& tools) {
  if (name == "sqlite") return sqlite_site(tools);
  if (name == "postgres") return postgres_site(tools);
  return mysql_site(name, tools);
}

}  // namespace talos::bench
