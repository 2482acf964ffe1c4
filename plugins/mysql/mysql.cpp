// The plugin for MySQL and MariaDB.
#include "mysql_session.hpp"
#include "talos/plugin.hpp"

namespace talos::mysql {

namespace {

constexpr const char* scheme = "mysql";

}  // namespace

class MySqlDriver : public Driver {
 private:
  std::string do_describe(std::string_view dsn) const override { return parse_mysql_dsn(dsn, scheme).describe(); }

  std::unique_ptr<Session> do_connect(const ConnectRequest& request) override {
    return std::make_unique<MySqlSession>(parse_mysql_dsn(request.dsn, scheme), request);
  }
};

}  // namespace talos::mysql

TALOS_PLUGIN(talos::mysql::MySqlDriver, "mysql", TALOS_PLUGIN_VERSION, "mysql mariadb");
