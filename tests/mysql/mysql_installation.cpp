#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "mysql_server.hpp"
#include "server_user.hpp"

namespace talos::test {

namespace fs = std::filesystem;

namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<MysqlInstallation> find_installation(MysqlFlavour flavour) {
  if (flavour == MysqlFlavour::mariadb) {
    if (fs::exists("/usr/sbin/mariadbd") && fs::exists("/usr/bin/mariadb-install-db"))
      return MysqlInstallation{flavour, "/usr"};
    return std::nullopt;
  }
  const std::string given = from_environment("TALOS_TEST_MYSQL_DIR");
  const fs::path directory = (given.empty() ? fs::path(TALOS_TEST_SERVERS) : fs::path(given)) / "mysql-9";
  if (fs::exists(directory / "bin" / "mysqld")) return MysqlInstallation{flavour, directory};
  return std::nullopt;
}

std::string missing_text(MysqlFlavour flavour) {
  return flavour == MysqlFlavour::mariadb ? "MariaDB is not here (.ci/dependencies test)"
                                          : "MySQL 9 is not here (.ci/mysql-server)";
}

}  // namespace

std::string_view name_of(MysqlFlavour flavour) { return flavour == MysqlFlavour::mariadb ? "mariadb" : "mysql"; }

MysqlFlavour mysql_flavour(std::string_view name) {
  for (const auto flavour : {MysqlFlavour::mariadb, MysqlFlavour::mysql})
    if (name == name_of(flavour)) return flavour;
  throw std::invalid_argument("mariadb or mysql, not " + std::string(name));
}

std::vector<MysqlFlavour> mysql_flavours() {
  const std::string given = from_environment("TALOS_TEST_MYSQL_FLAVOURS");
  if (given.empty()) return {MysqlFlavour::mariadb, MysqlFlavour::mysql};
  std::vector<MysqlFlavour> flavours;
  std::istringstream words(given);
  for (std::string word; words >> word;) flavours.push_back(mysql_flavour(word));
  return flavours;
}

std::optional<MysqlInstallation> mysql_or_skip(MysqlFlavour flavour) {
  const auto wanted = mysql_flavours();
  if (std::find(wanted.begin(), wanted.end(), flavour) == wanted.end()) {
    const std::string name(name_of(flavour));
    std::printf("skipped: TALOS_TEST_MYSQL_FLAVOURS leaves %s out\n", name.c_str());
    return std::nullopt;
  }
  auto found = find_installation(flavour);
  if (!found) skip_or_fail(missing_text(flavour));
  return found;
}

std::vector<MysqlInstallation> all_mysql_or_skip() {
  std::vector<MysqlInstallation> found;
  for (const auto flavour : mysql_flavours())
    if (const auto installation = mysql_or_skip(flavour)) found.push_back(*installation);
  return found;
}

}  // namespace talos::test
