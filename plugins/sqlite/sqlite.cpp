// The SQLite plugin.
#include <sqlite3.h>

#include "sqlite_dsn.hpp"
#include "sqlite_session.hpp"
#include "talos/plugin.hpp"

namespace talos::sqlite {

class SqliteDriver : public Driver {
 public:
  // Nobody asks how much memory SQLite has: counting it takes a lock at every allocation, a tenth of a large migration.
  // Refused, without harm, if the library is in use already.
  SqliteDriver() { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

 private:
  std::string do_describe(std::string_view dsn) const override { return parse_sqlite_dsn(dsn).describe(); }

  std::unique_ptr<Session> do_connect(const ConnectRequest& request) override {
    return std::make_unique<SqliteSession>(parse_sqlite_dsn(request.dsn), request);
  }
};

}  // namespace talos::sqlite

TALOS_PLUGIN(talos::sqlite::SqliteDriver, "sqlite", TALOS_PLUGIN_VERSION, "sqlite sqlite3");
