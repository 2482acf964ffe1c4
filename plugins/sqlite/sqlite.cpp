// The SQLite plugin.
#include "sqlite_dsn.hpp"
#include "sqlite_session.hpp"
#include "talos/plugin.hpp"

namespace talos::sqlite {

class SqliteDriver : public Driver {
 private:
  std::string do_describe(std::string_view dsn) const override { return parse_sqlite_dsn(dsn).describe(); }

  std::unique_ptr<Session> do_connect(const ConnectRequest& request) override {
    return std::make_unique<SqliteSession>(parse_sqlite_dsn(request.dsn), request);
  }
};

}  // namespace talos::sqlite

TALOS_PLUGIN(talos::sqlite::SqliteDriver, "sqlite", TALOS_PLUGIN_VERSION, "sqlite sqlite3");
