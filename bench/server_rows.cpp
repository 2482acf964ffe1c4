// S3, S4 and S8.
#include <cmath>
#include <memory>
#include <thread>

#include "rows.hpp"
#include "workspace.hpp"

namespace talos::bench {

namespace {

constexpr unsigned quick = 3;  // turns a round for what takes little

// Set for PostgreSQL, but for the client that makes the same writes.
std::optional<double> limit_of_s3(const Plan& plan, const std::string& rival) {
  if (rival == "mariadb client, the same statements and writes") return 1.1;
  if (plan.site.dialect() != "postgres") return std::nullopt;
  if (rival == "dbmate") return 0.5;
  if (rival == "golang-migrate") return 0.15;
  if (rival == "psql, a transaction a file, asynchronous commits") return 1.15;
  return std::nullopt;
}

// Some of them, spread evenly, are a lone CREATE INDEX CONCURRENTLY, which runs outside of a transaction.
MigrationSet with_lone_indexes(unsigned tables, unsigned indexes) {
  MigrationSet set;
  unsigned number = 0;
  for (Migration& migration : one_table_each(tables)) {
    const std::string table = "t" + std::to_string(++number);
    set.push_back(std::move(migration));
    if (number % (tables / indexes) != 0) continue;
    set.push_back({set.back().name + "_index", "CREATE INDEX CONCURRENTLY ON " + table + " (name);\n", ""});
  }
  unsigned version = 0;
  for (Migration& migration : set) {
    const std::string digits = std::to_string(++version);
    migration.name = std::string(6 - digits.size(), '0') + digits + migration.name.substr(6);
  }
  return set;
}

// The proxy's count of one more run.
int count_turns(const Contender& contender, const test::MessageProxy& proxy) {
  contender.prepare();
  const int before = proxy.counts().turns;
  run(contender.command);
  // The good-bye may still be on its way.
  while (proxy.open_connections() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return proxy.counts().turns - before;
}

void add_turns(const Plan& plan, Row& row, int turns, unsigned migrations) {
  if (plan.site.dialect() == "postgres") {
    row.figures.push_back(
        {row.work, "client turns: " + std::to_string(turns), "counted by the proxy", static_cast<double>(turns), 10});
  } else {
    const double each = std::round(100.0 * turns / migrations) / 100;
    row.figures.push_back(
        {row.work, "client turns: " + std::to_string(turns), "counted by the proxy; a migration", each, 2});
  }
}

void add_lone_statements(const Plan& plan, Row& row, std::chrono::milliseconds round_trip) {
  constexpr unsigned tables = 40;
  constexpr unsigned indexes = 10;
  const auto proxy = plan.site.proxy(round_trip);
  Contender talos = contender(plan, plan.site.ways(proxy.get()).front(), with_lone_indexes(tables, indexes));
  const int turns = count_turns(talos, *proxy);
  row.figures.push_back({row.work,
                         "50 migrations, 10 of them CREATE INDEX CONCURRENTLY: " + std::to_string(turns) + " turns",
                         "counted by the proxy", static_cast<double>(turns), 10 + 2 * indexes});
}

void add_server_alone(Row& row, const std::optional<Way>& alone) {
  if (!alone || !median_of(row, alone->name) || !median_of(row, "dbmate")) return;
  compare(row, alone->name, "dbmate", std::nullopt);
  row.notes.push_back(
      "the bare statements with next to no round trips, last against dbmate, are the server's own work: what commits "
      "each migration takes no less");
}

}  // namespace

void thousand_tables_on_server(const Plan& plan, Row& row) {
  constexpr unsigned count = 1000;
  row.work = "1,000 one-table migrations, " + plan.site.name();
  const MigrationSet set = one_table_each(count);
  std::vector<Way> ways = plan.site.ways();
  if (const auto client = plan.site.client(false)) ways.push_back(*client);
  for (const Way& limit : plan.site.limits()) ways.push_back(limit);
  const auto alone = plan.site.server_alone();
  if (alone) ways.push_back(*alone);
  std::vector<Contender> contenders;
  for (const Way& way : ways) contenders.push_back(contender(plan, way, set));
  row.series = take_turns(contenders, plan.rounds, plan.workspace);
  for (const Way& way : ways)
    if (way.name != plan.site.talos()) compare(row, plan.site.talos(), way.name, limit_of_s3(plan, way.name));
  add_server_alone(row, alone);
  row.notes.push_back(plan.site.name() + ": " + plan.site.settings());
}

void far_server(const Plan& plan, Row& row) {
  constexpr unsigned count = 350;
  constexpr std::chrono::milliseconds round_trip(20);
  row.work = "350 one-table migrations, 20 ms round trip, " + plan.site.name();
  const MigrationSet set = one_table_each(count);
  std::vector<std::unique_ptr<test::MessageProxy>> proxies;
  std::vector<Contender> contenders;
  const auto add = [&](const auto& choose) {
    proxies.push_back(plan.site.proxy(round_trip));
    contenders.push_back(contender(plan, choose(proxies.back().get()), set));
  };
  const std::size_t ways = plan.site.ways().size();
  for (std::size_t index = 0; index < ways; ++index) {
    if (plan.site.ways()[index].tool == "sqitch") continue;
    add([&](const test::MessageProxy* proxy) { return plan.site.ways(proxy)[index]; });
  }
  if (plan.site.client(false)) add([&](const test::MessageProxy* proxy) { return *plan.site.client(false, proxy); });
  const auto alone = plan.site.server_alone();
  if (alone) add([&](const test::MessageProxy* proxy) { return *plan.site.server_alone(proxy); });
  row.series = take_turns(contenders, plan.rounds, plan.workspace);
  const auto one_run = [&](std::size_t index) {
    return proxies[index]->counts().turns / static_cast<int>(row.series[index].seconds.size());
  };
  add_turns(plan, row, one_run(0), count);
  for (std::size_t index = 1; index < contenders.size(); ++index) {
    const std::string& rival = contenders[index].name;
    compare(row, plan.site.talos(), rival, rival == "dbmate" ? std::optional(0.05) : std::nullopt);
    row.figures.back().theirs += ", " + std::to_string(one_run(index)) + " turns";
  }
  add_server_alone(row, alone);
  if (plan.site.dialect() == "postgres") add_lone_statements(plan, row, round_trip);
  row.notes.push_back(
      "a proxy of ours delays each message by 10 ms in each direction and counts the client messages that follow one "
      "of "
      "the server's (connecting and the good-bye among them); sqitch, which connects for every migration, is left out");
}

void eight_runners(const Plan& plan, Row& row) {
  constexpr unsigned count = 100;
  row.work = "8 runners at once, 100 migrations, " + plan.site.name();
  const MigrationSet set = one_table_each(count);
  Way way = plan.site.ways().front();
  std::vector<Contender> contenders;
  for (const unsigned copies : {1U, 8U}) {
    way.name = copies == 1 ? "one runner" : "8 runners";
    contenders.push_back(contender(plan, way, set));
    contenders.back().copies = copies;
  }
  way.name = "8 runners, one migration";
  contenders.push_back(contender(plan, way, one_table_each(1)));
  contenders.back().copies = 8;
  row.series = take_turns(contenders, plan.rounds * quick, plan.workspace);
  compare(row, "8 runners", "one runner", 1.3);
  compare(row, "8 runners", "8 runners, one migration", std::nullopt);
  row.notes.push_back("every runner of every turn ended with status 0, and every table was made");
  row.notes.push_back("with one migration nearly all is what eight processes take to start and to end");
}

}  // namespace talos::bench
