// The CockroachDB plugin.
#include "cockroach_session.hpp"
#include "talos/plugin.hpp"

namespace talos::cockroach {

namespace {

constexpr const char* scheme = "cockroach";
constexpr const char* default_port = "26257";

}  // namespace

class CockroachDriver : public Driver {
 private:
  std::string do_describe(std::string_view dsn) const override {
    return pg::parse_pg_dsn(dsn, scheme, default_port).describe();
  }

  std::unique_ptr<Session> do_connect(const ConnectRequest& request) override {
    return std::make_unique<CockroachSession>(pg::parse_pg_dsn(request.dsn, scheme, default_port), request);
  }
};

}  // namespace talos::cockroach

TALOS_PLUGIN(talos::cockroach::CockroachDriver, "cockroach", TALOS_PLUGIN_VERSION,
             "cockroach cockroachdb crdb-postgres");
