// The PostgreSQL plugin.
#include "postgres_session.hpp"
#include "talos/plugin.hpp"

namespace talos::postgres {

namespace {

constexpr const char* scheme = "postgres";
constexpr const char* default_port = "5432";

}  // namespace

class PostgresDriver : public Driver {
 private:
  std::string do_describe(std::string_view dsn) const override {
    return pg::parse_pg_dsn(dsn, scheme, default_port).describe();
  }

  std::unique_ptr<Session> do_connect(const ConnectRequest& request) override {
    return std::make_unique<PostgresSession>(pg::parse_pg_dsn(request.dsn, scheme, default_port), request);
  }
};

}  // namespace talos::postgres

TALOS_PLUGIN(talos::postgres::PostgresDriver, "postgres", TALOS_PLUGIN_VERSION, "postgres postgresql pgx pgx4 pgx5");
