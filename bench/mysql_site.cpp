#include "mysql_site.hpp"

#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>

#include "mysql_client.hpp"
#include "mysql_proxy.hpp"
#include "mysql_server.hpp"

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

const std::string database = "bench";

// What Debian configures, and the test server's own defaults do not.
std::vector<std::string> as_debian(test::MysqlFlavour flavour) {
  std::vector<std::string> settings{"innodb-buffer-pool-size=128M"};
  if (flavour == test::MysqlFlavour::mariadb) settings.emplace_back("performance-schema=OFF");
  return settings;
}

bool is_write(std::string_view statement) {
  // The times of what is written count from the one that a message sets.
  constexpr std::array words{"START TRANSACTION", "INSERT", "UPDATE", "DELETE",
                             "REPLACE",           "CREATE", "COMMIT", "SET @talos_sent"};
  for (const std::string_view word : words)
    if (statement.starts_with(word)) return true;
  return false;
}

// One message of the general log: MariaDB logs it whole, MySQL each statement by itself. talos joins by "\n; ".
void add_writes(std::string& script, std::string_view message) {
  constexpr std::string_view seam = "\n; ";
  while (!message.empty()) {
    const std::size_t end = message.find(seam);
    std::string_view statement = message.substr(0, end);
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + seam.size());
    while (statement.ends_with(';') || statement.ends_with('\n')) statement.remove_suffix(1);
    if (is_write(statement)) script += std::string(statement) + ";\n";
  }
}

class MysqlSite : public Site {
 public:
  MysqlSite(const Tools& tools, const test::MysqlInstallation& from)
      : tools_(tools), server_(from, as_debian(from.flavour)) {}

  std::string dialect() const override { return "mysql"; }
  std::string name() const override {
    const std::string version = test::mysql_value(server_.socket_login(), "SELECT VERSION()");
    return (server_.flavour() == test::MysqlFlavour::mariadb ? "MariaDB " : "MySQL ") +
           version.substr(0, version.find('-'));
  }
  std::string settings() const override {
    return "default configuration (innodb_flush_log_at_trx_commit=1), no binary log, a redo log of 32 MiB";
  }

  std::vector<Way> ways(const test::MessageProxy* proxy) const override {
    const test::MysqlLogin login = server_.login(database, port(proxy));
    const std::string go_dsn = login.user + ":" + login.password + "@tcp(127.0.0.1:" + std::to_string(login.port) +
                               ")/" + database + "?parseTime=true";
    const auto text = [](std::string value) { return [value = std::move(value)](const fs::path&) { return value; }; };
    std::vector<Way> ways{talos_way(tools_.program("talos-commercial"), talos(), text(login.dsn()))};
    if (tools_.has("dbmate")) ways.push_back(dbmate_way(tools_.program("dbmate"), "dbmate", text(login.url())));
    if (tools_.has("sql-migrate"))
      ways.push_back(sql_migrate_way(tools_.program("sql-migrate"), "mysql", text(go_dsn)));
    // Its client for a MySQL server is called mysql, and its registry is a database of its own unless it is told.
    if (tools_.has("sqitch") && server_.flavour() == test::MysqlFlavour::mariadb)
      ways.push_back(sqitch_way(tools_.program("sqitch"), "mysql",
                                "[engine \"mysql\"]\n\tregistry = " + database + "\n", text("db:" + login.url())));
    if (tools_.has("golang-migrate"))
      ways.push_back(golang_migrate_way(tools_.program("golang-migrate"), text(login.dsn())));
    if (tools_.has("goose")) ways.push_back(goose_way(tools_.program("goose"), "mysql", text(go_dsn)));
    return masked(std::move(ways), server_.password());
  }

  std::optional<Way> client(bool one_transaction, const test::MessageProxy* proxy) const override {
    if (!tools_.has("mariadb")) return std::nullopt;
    return client_way(
        "mariadb client, the same statements",
        [one_transaction](const fs::path& directory, const MigrationSet& set) {
          write_batch(directory / "batch.sql", set, "", one_transaction);
        },
        proxy);
  }

  std::vector<Way> limits() const override {
    if (!tools_.has("mariadb")) return {};
    return {client_way(
        "mariadb client, the same statements and writes",
        [this](const fs::path& directory, const MigrationSet& set) { record(directory, set); }, nullptr)};
  }

  std::optional<Way> server_alone(const test::MessageProxy* proxy) const override {
    if (!tools_.has("mariadb")) return std::nullopt;
    return client_way(
        "mariadb client, the bare statements, 100 a message",
        [](const fs::path& directory, const MigrationSet& set) { write_delimited(directory / "batch.sql", set); },
        proxy);
  }

  void clear(const fs::path& /*directory*/) override {
    test::MysqlClient client(server_.socket_login());
    client.run("DROP DATABASE IF EXISTS " + database);
    client.run("CREATE DATABASE " + database);
    ::sync();
  }
  void expect_tables(const fs::path& /*directory*/, unsigned wanted) override {
    expect("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '" + database +
               "' AND TABLE_NAME REGEXP '^t[0-9]+$'",
           wanted);
  }
  void expect_rows(const fs::path& /*directory*/, const std::string& table, long long wanted) override {
    expect("SELECT COUNT(*) FROM " + table, wanted);
  }
  std::unique_ptr<test::MessageProxy> proxy(std::chrono::milliseconds round_trip) override {
    auto made = std::make_unique<test::MysqlProxy>(server_.port());
    made->delay(round_trip / 2);
    return made;
  }

 private:
  int port(const test::MessageProxy* proxy) const { return proxy != nullptr ? proxy->port() : server_.port(); }

  Way client_way(const std::string& name, std::function<void(const fs::path&, const MigrationSet&)> write,
                 const test::MessageProxy* proxy) const {
    const test::MysqlLogin login = server_.login(database, port(proxy));
    Way way{name, "mariadb", std::move(write), [this, login](const fs::path& directory) {
              return Command{.arguments = {tools_.program("mariadb"), "--no-defaults", "--host=127.0.0.1",
                                           "--port=" + std::to_string(login.port), "--user=" + login.user,
                                           "--password=" + login.password, "--default-character-set=utf8mb4", database},
                             .directory = directory,
                             .input = directory / "batch.sql"};
            }};
    return masked({way}, server_.password()).front();
  }

  // What talos sends, by the server's own log: its schema changes and all that it writes, without what it reads.
  void record(const fs::path& directory, const MigrationSet& set) const {
    const Way talos = ways(nullptr).front();
    const fs::path recorded = directory / "recorded";
    fs::create_directories(recorded);
    talos.write(recorded, set);
    test::MysqlClient client(server_.socket_login());
    client.run("DROP DATABASE IF EXISTS " + database + "; CREATE DATABASE " + database);
    client.run("TRUNCATE mysql.general_log; SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON");
    run(talos.up(recorded));
    client.run("SET GLOBAL general_log = OFF");
    std::string script;
    for (const auto& row : client.query("SELECT argument FROM mysql.general_log WHERE command_type = 'Query'"))
      add_writes(script, row.at(0).value_or(""));
    write_file(directory / "batch.sql", script);
    client.run("TRUNCATE mysql.general_log");
  }

  void expect(const std::string& query, long long wanted) const {
    const std::string count = test::mysql_value(server_.socket_login(database), query);
    if (count != std::to_string(wanted))
      throw std::runtime_error(query + " gives " + count + ", not " + std::to_string(wanted));
  }

  const Tools& tools_;
  test::MysqlServer server_;
};

}  // namespace

std::unique_ptr<Site> mysql_site(const std::string& flavour, const Tools& tools) {
  const auto found = test::mysql_or_skip(test::mysql_flavour(flavour));
  if (!found || !tools.has("talos-commercial")) return nullptr;
  return std::make_unique<MysqlSite>(tools, *found);
}

}  // namespace talos::bench
