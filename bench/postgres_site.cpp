#include "postgres_site.hpp"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "pg_client.hpp"
#include "postgres_server.hpp"
#include "proxy.hpp"

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

const std::string database = "bench";

// Debian's release of the server, if it is here.
std::optional<test::PostgresInstallation> installation() {
  const auto all = test::postgres_installations();
  if (all.empty()) return std::nullopt;
  const auto debian = std::ranges::find(all, 15, &test::PostgresInstallation::major);
  return debian == all.end() ? all.front() : *debian;
}

class PostgresSite : public Site {
 public:
  PostgresSite(const Tools& tools, const test::PostgresInstallation& from)
      : tools_(tools), server_(from, {"min_wal_size=80MB"}) {}

  std::string dialect() const override { return "postgres"; }
  std::string name() const override {
    const std::string version = test::pg_value(server_.dsn(), "SHOW server_version");
    return "PostgreSQL " + version.substr(0, version.find(' '));
  }
  std::string settings() const override {
    return "default configuration (fsync=on, synchronous_commit=on); dynamic shared memory in files";
  }

  std::vector<Way> ways(const test::MessageProxy* proxy) const override {
    const std::string url = server_.dsn(database, port(proxy));
    const auto text = [](std::string value) { return [value = std::move(value)](const fs::path&) { return value; }; };
    std::vector<Way> ways{talos_way(tools_.program("talos-commercial"), talos(), text(url))};
    if (tools_.has("dbmate"))
      ways.push_back(dbmate_way(tools_.program("dbmate"), "dbmate", text(url + "?sslmode=disable")));
    if (tools_.has("sql-migrate"))
      ways.push_back(sql_migrate_way(tools_.program("sql-migrate"), "postgres", text(url + "?sslmode=disable")));
    if (tools_.has("sqitch"))
      ways.push_back(sqitch_way(tools_.program("sqitch"), "pg", "", text("db:pg:" + url.substr(url.find("//")))));
    if (tools_.has("golang-migrate"))
      ways.push_back(golang_migrate_way(tools_.program("golang-migrate"), text(url + "?sslmode=disable")));
    if (tools_.has("goose"))
      ways.push_back(goose_way(tools_.program("goose"), "postgres", text(url + "?sslmode=disable")));
    return masked(std::move(ways), server_.password());
  }

  std::optional<Way> client(bool one_transaction, const test::MessageProxy* proxy) const override {
    if (!tools_.has("psql")) return std::nullopt;
    return psql(one_transaction ? "psql, one transaction" : "psql, a transaction a file", "", one_transaction, proxy);
  }

  std::vector<Way> limits() const override {
    std::vector<Way> ways;
    if (tools_.has("dbmate"))
      ways.push_back(dbmate_way(tools_.program("dbmate"), "dbmate, asynchronous commits", [this](const fs::path&) {
        return server_.dsn(database) + "?sslmode=disable&synchronous_commit=off";
      }));
    if (tools_.has("psql"))
      ways.push_back(
          psql("psql, a transaction a file, asynchronous commits", "SET synchronous_commit = off;\n", false, nullptr));
    return masked(std::move(ways), server_.password());
  }
  std::optional<Way> server_alone(const test::MessageProxy* proxy) const override {
    if (!tools_.has("psql")) return std::nullopt;
    const Way way = psql_way("psql, the bare statements, 100 transactions a message, asynchronous commits", proxy,
                             [](const fs::path& file, const MigrationSet& set) {
                               write_messages(file, set, "SET synchronous_commit = off;\n");
                             });
    return masked({way}, server_.password()).front();
  }

  void clear(const fs::path& /*directory*/) override {
    test::PgClient client(server_.dsn());
    client.run("DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
    client.run("CREATE DATABASE " + database + " TEMPLATE template0");
    client.run("CHECKPOINT");
    ::sync();
  }
  void expect_tables(const fs::path& /*directory*/, unsigned wanted) override {
    expect("SELECT count(*) FROM pg_tables WHERE tablename ~ '^t[0-9]+$'", wanted);
  }
  void expect_rows(const fs::path& /*directory*/, const std::string& table, long long wanted) override {
    expect("SELECT count(*) FROM " + table, wanted);
  }
  std::unique_ptr<test::MessageProxy> proxy(std::chrono::milliseconds round_trip) override {
    auto made = std::make_unique<test::Proxy>(server_.port());
    made->delay(round_trip / 2);
    return made;
  }

 private:
  int port(const test::MessageProxy* proxy) const { return proxy != nullptr ? proxy->port() : server_.port(); }

  Way psql(const std::string& name, const std::string& first, bool one_transaction,
           const test::MessageProxy* proxy) const {
    return psql_way(name, proxy, [first, one_transaction](const fs::path& file, const MigrationSet& set) {
      write_batch(file, set, first, one_transaction);
    });
  }

  Way psql_way(const std::string& name, const test::MessageProxy* proxy,
               const std::function<void(const fs::path& file, const MigrationSet& set)>& write) const {
    const std::string url = server_.dsn(database, port(proxy));
    Way way{name, "psql",
            [write](const fs::path& directory, const MigrationSet& set) { write(directory / "batch.sql", set); },
            [this, url](const fs::path& directory) {
              return Command{.arguments = {tools_.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f",
                                           directory / "batch.sql", url},
                             .directory = directory};
            }};
    return masked({way}, server_.password()).front();
  }

  void expect(const std::string& query, long long wanted) const {
    const std::string count = test::pg_value(server_.dsn(database), query);
    if (count != std::to_string(wanted))
      throw std::runtime_error(query + " gives " + count + ", not " + std::to_string(wanted));
  }

  const Tools& tools_;
  test::PostgresServer server_;
};

}  // namespace

std::unique_ptr<Site> postgres_site(const Tools& tools) {
  const auto found = installation();
  if (!found || !tools.has("talos-commercial")) return nullptr;
  return std::make_unique<PostgresSite>(tools, *found);
}

}  // namespace talos::bench
