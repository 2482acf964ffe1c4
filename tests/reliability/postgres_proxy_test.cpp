// R3 on PostgreSQL: the connection cut, or stalled, at every message of a run. Never a false success, never a hang,
// and what the program says became of it is true.
//
// Every fault with TALOS_TEST_ALL_FAULTS=1; else some of each kind, chosen by the seed.
#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "harness.hpp"
#include "pg_client.hpp"
#include "pgbouncer.hpp"
#include "proxy.hpp"
#include "proxy_faults.hpp"
#include "shared_server.hpp"
#include "untruths.hpp"

namespace talos::test {

namespace {

using When = ProxyFault::When;
using What = ProxyFault::What;

// Of one run with a fault. The longest way: an answer, a cancel request and the old session's end are waited for.
constexpr std::chrono::seconds run_deadline{45};
// For the server to notice that we are gone.
constexpr std::chrono::seconds gone_deadline{20};

struct Migration {
  long version;
  bool no_transaction;
  std::vector<std::string> up;  ///< a journal unit each
  std::string down;
};

using Migrations = std::vector<Migration>;

std::string ledger(const std::string& what) { return "INSERT INTO ledger VALUES ('" + what + "')"; }

// The second takes as long as the watch connection needs to be there.
Migrations transactional() {
  return {
      {1, false, {"CREATE TABLE ledger (what text PRIMARY KEY)", ledger("one")}, "DROP TABLE ledger"},
      {2,
       false,
       {"CREATE TABLE items (id int PRIMARY KEY)", "INSERT INTO items SELECT generate_series(1, 100)",
        "SELECT pg_sleep(0.4)", ledger("two")},
       "DELETE FROM ledger WHERE what = 'two'; DROP TABLE items"},
      {3,
       false,
       {"ALTER TABLE items ADD COLUMN half int", "UPDATE items SET half = id / 2", ledger("three")},
       "DELETE FROM ledger WHERE what = 'three'; ALTER TABLE items DROP COLUMN half"},
  };
}

Migrations no_transaction() {
  Migrations set = transactional();
  set[0].up.push_back(
      "CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
      "$$BEGIN PERFORM pg_sleep(0.6); RETURN i; END$$");
  set[0].down = "DROP FUNCTION slow; DROP TABLE ledger";
  set[1].up[1] = "INSERT INTO items SELECT generate_series(1, 3)";
  set[1].up[2] = "SELECT 1";
  const std::string index = "CREATE INDEX CONCURRENTLY items_slow ON items (slow(id))";
  const std::string group = "CREATE TABLE extra (id int); INSERT INTO ledger VALUES ('grouped');";
  set.insert(set.begin() + 2,
             {4,
              true,
              {index, "BEGIN;\n" + group + "\nCOMMIT", ledger("bare"), "DROP INDEX CONCURRENTLY items_slow",
               "CREATE UNIQUE INDEX CONCURRENTLY items_id ON items (id)"},
              "DELETE FROM ledger WHERE what IN ('grouped', 'bare'); DROP TABLE extra; DROP INDEX items_id"});
  set[3].version = 5;
  return set;
}

enum class Pool { none, near, far };  ///< pgbouncer between the program and the proxy, or behind the proxy

struct Scenario {
  std::string name;
  Migrations set;
  std::vector<std::string> words;
  Pool pool = Pool::none;
  /// Makes the database that each run begins with, of an empty one.
  std::function<void(const Scenario&, const std::string& dsn)> prepare;
  long goal;           ///< the tracker's version after success
  bool blind = false;  ///< every connection but the first of a run fails
};

void write_files(const std::filesystem::path& directory, const Migrations& set) {
  for (const Migration& migration : set) {
    std::string text = migration.no_transaction ? "-- talos:no-transaction\n" : "";
    for (const std::string& statement : migration.up) text += statement + ";\n";
    write_migration(directory, migration.version, "step", text, migration.down + ";\n");
  }
}

std::string parameters(std::string dsn) { return dsn + "?sslmode=disable&gssencmode=disable&x-lease-ttl=2s"; }

ProcessOptions options(std::vector<std::string> words, const std::string& dsn, const std::filesystem::path& files) {
  ProcessOptions options;
  options.argv = {TALOS_TEST_COMMERCIAL, "migrate"};
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  for (const std::string& word :
       {std::string("--database"), parameters(dsn), std::string("--migrations"), files.string()})
    options.argv.push_back(word);
  return options;
}

ProcessResult migrate(std::vector<std::string> words, const std::string& dsn, const std::filesystem::path& files) {
  return run(options(std::move(words), dsn, files));
}

std::string picture(PgClient& client) {
  std::string text;
  const auto add = [&](const std::string& sql) {
    for (const std::string& row : client.rows(sql)) text += row + "\n";
  };
  add("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND "
      "table_name NOT LIKE 'schema_migrations%' ORDER BY 1, 2");
  add("SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE "
      "relnamespace = 'public'::regnamespace AND relname NOT LIKE 'schema_migrations%' ORDER BY 1");
  add("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1");
  for (const std::string& table : client.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = "
                                              "'public' AND table_name NOT LIKE 'schema_migrations%' ORDER BY 1")) {
    text += table + ":\n";
    add("SELECT t::text FROM " + table + " t ORDER BY 1");
  }
  return text;
}

bool has_table(PgClient& client, const std::string& name) {
  return client.value("SELECT to_regclass('" + name + "') IS NOT NULL") == "t";
}

/// Version and state as the program writes them; "-1, clean" for nothing.
std::string tracker(PgClient& client) {
  if (!has_table(client, "schema_migrations")) return "-1, clean";
  const std::string row =
      client.value("SELECT version || CASE WHEN dirty THEN ', DIRTY' ELSE ', clean' END FROM schema_migrations");
  return row.empty() ? "-1, clean" : row;
}

std::vector<std::string> history(PgClient& client) {
  if (!has_table(client, "schema_migrations_log")) return {};
  return client.rows("SELECT action || ' ' || version FROM schema_migrations_log WHERE NOT failed ORDER BY id");
}

/// That each migration went up once, or once more than down, in turn.
std::string history_faults(PgClient& client, const Migrations& set) {
  std::string faults;
  const std::vector<std::string> entries = history(client);
  for (const Migration& migration : set) {
    long level = 0;
    for (const std::string& entry : entries) {
      if (entry == "up " + std::to_string(migration.version)) ++level;
      if (entry == "down " + std::to_string(migration.version)) --level;
      if (level < 0 || level > 1) faults += "history: " + entry + " twice\n";
    }
  }
  return faults;
}

void up(const Scenario& scenario, const std::string& dsn, const std::filesystem::path& files) {
  for (std::size_t i = 0; i <= scenario.set.size(); ++i) {
    const ProcessResult result = migrate({"up"}, dsn, files);
    if (result.status == 0) return;
    if (result.status != 3)
      throw std::runtime_error("up afterwards: exit " + std::to_string(result.status) + "\n" + result.err);
    // As an operator would: what was to be forced is forced again, anything else is resumed.
    const bool forces = scenario.words.front() == "force";
    const ProcessResult mended = migrate(forces ? scenario.words : std::vector<std::string>{"resume"}, dsn, files);
    if (mended.status != 0)
      throw std::runtime_error(scenario.words.front() + " afterwards: exit " + std::to_string(mended.status) + "\n" +
                               mended.err);
  }
  throw std::runtime_error("dirty more often than there are migrations");
}

/// Everything one scenario's runs share.
class Bench {
 public:
  Bench(PostgresServer& server, const Scenario& scenario) : server_(server), maker_(server.dsn()), scenario_(scenario) {
    write_files(files_.path(), scenario.set);
    template_ = server.create_database();
    if (scenario.prepare) scenario.prepare(scenario, server.dsn(template_));
    const std::string other = copy();
    up(scenario_, server.dsn(other), files_.path());
    {
      PgClient client(server.dsn(other));
      wanted_ = picture(client);
    }
    server.drop_database(other);
  }
  ~Bench() { server_.drop_database(template_); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// The messages of a run that nothing disturbs.
  std::vector<ProxyCounts> count();
  /// What is wrong; empty if nothing.
  std::string run(const ProxyFault& fault);

  std::atomic<int> happened{0};

 private:
  struct Way;
  std::string copy() {
    const std::lock_guard lock(mutex_);
    const std::string name = "copy_" + std::to_string(++copies_);
    maker_.run("CREATE DATABASE " + name + " TEMPLATE " + template_);
    return name;
  }
  void drop(const std::string& database) {
    const std::lock_guard lock(mutex_);
    maker_.run("DROP DATABASE " + database + " WITH (FORCE)");
  }
  /// Where nothing is broken a busy machine may take longer than a fault is worth waiting for.
  std::vector<std::string> words(const std::string& timeout) const {
    auto words = scenario_.words;
    words.insert(words.end(), {"--connect-timeout", timeout, "--stall-timeout", timeout});
    if (words[0] != "status") words.insert(words.end(), {"--lock-timeout", "2s"});
    if (!scenario_.blind && (words[0] == "up" || words[0] == "down"))
      words.insert(words.end(), {"--ddl-lock-timeout", "200ms"});
    return words;
  }
  std::string judge(const ProcessResult& result, const std::string& before, PgClient& client) const;
  std::string run(const ProxyFault& fault, const std::string& database, PgClient& client);

  PostgresServer& server_;
  PgClient maker_;
  const Scenario& scenario_;
  ScratchDirectory files_;
  std::mutex mutex_;
  int copies_ = 0;
  std::string template_;
  std::string wanted_;
};

/// From the program to the server.
struct Bench::Way {
  Way(const PostgresServer& server, Pool pool, const std::string& database) {
    const std::vector<std::string> settings{"server_login_retry = 1", "server_tls_sslmode = disable"};
    if (pool == Pool::far) bouncer.emplace(server, PgBouncer::Pool::transaction, settings);
    proxy.emplace(pool == Pool::far ? bouncer->port() : server.port());
    if (pool == Pool::near) bouncer.emplace(server, proxy->port(), PgBouncer::Pool::transaction, settings);
    dsn = pool == Pool::near ? bouncer->dsn(database) : server.dsn(database, proxy->port());
  }
  std::optional<PgBouncer> bouncer;
  std::optional<Proxy> proxy;
  std::string dsn;
};

std::vector<ProxyCounts> Bench::count() {
  const std::string database = copy();
  std::vector<ProxyCounts> counts;
  {
    Way way(server_, scenario_.pool, database);
    const ProcessResult result = test::run(options(words("1m"), way.dsn, files_.path()));
    if (result.status != 0) throw std::runtime_error(scenario_.name + ": undisturbed: " + result.out + result.err);
    for (int i = 1; i <= way.proxy->connections(); ++i) counts.push_back(way.proxy->counts(i));
  }
  server_.drop_database(database);
  return counts;
}

// While the fault still stands, so that nothing has ended that the program has not waited for.
std::string Bench::judge(const ProcessResult& result, const std::string& before, PgClient& client) const {
  const auto entries = history(client);
  std::string faults =
      untruths({result, before, tracker(client), entries, scenario_.goal, scenario_.words[0] == "status"});
  if (result.status < 0) return faults;
  const std::string text = result.out + result.err;
  // What was sent without an answer may have happened: that it failed is for nobody to say.
  const bool bare = scenario_.set.size() > 3;
  if (!bare && text.find("could not be recorded") != std::string::npos) faults += "a failure, of what is not known\n";
  if (entries.size() > 0 && scenario_.words[0] != "force" && has_table(client, "schema_migrations_log") &&
      client.value("SELECT count(*) FROM schema_migrations_log WHERE failed") != "0")
    faults += "a failure in history\n";
  if (scenario_.blind && text.find("connected again") != std::string::npos) faults += "connected without a network\n";
  return faults;
}

// That no lock and no session of ours is left on the server; `observer` is a session in that database itself.
std::string quiet(PgClient& observer, bool pooled) {
  const std::string of_it = " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
  // A pooler keeps its own connections.
  const std::string at_work = pooled ? of_it + " AND state <> 'idle'" : of_it;
  const std::string locks =
      " FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database "
      "WHERE datname = current_database())";
  if (eventually(
          [&] {
            return observer.value("SELECT (SELECT count(*)" + at_work + ") + (SELECT count(*)" + locks + ")") == "0";
          },
          gone_deadline))
    return "";
  std::string text = "left on the server:\n";
  for (const std::string& row : observer.rows("SELECT pid, state, wait_event, left(query, 100)" + at_work))
    text += row + "\n";
  for (const std::string& row : observer.rows("SELECT pid, 'advisory', classid, objid" + locks)) text += row + "\n";
  return text;
}

std::string Bench::run(const ProxyFault& fault) {
  const std::string database = copy();
  std::string faults;
  try {
    PgClient client(server_.dsn(database));
    faults = run(fault, database, client);
  } catch (const std::exception& error) {
    faults = std::string(error.what()) + "\n";
  }
  drop(database);
  return faults.empty() ? "" : scenario_.name + ": " + name_of(fault) + ":\n" + faults;
}

std::string Bench::run(const ProxyFault& fault, const std::string& database, PgClient& client) {
  const std::string dsn = server_.dsn(database);
  std::string faults;
  std::string output;
  try {
    {
      Way way(server_, scenario_.pool, database);
      const std::string before = tracker(client);
      way.proxy->add(fault);
      // On a slow machine a watch is the second.
      for (int connection = 2; scenario_.blind && connection <= 4; ++connection)
        way.proxy->add({connection, From::client, 1, When::before, What::cut});
      Process process = Process::start(options(words("1s"), way.dsn, files_.path()));
      ProcessResult result;
      try {
        result = process.wait(run_deadline);
      } catch (const std::exception& error) {
        faults += std::string("a hang: ") + error.what() + "\n" + process.out_so_far() + process.err_so_far();
        throw std::runtime_error("no end");
      }
      output = "exit " + std::to_string(result.status) + "\n" + result.out + result.err;
      happened += way.proxy->happened() > 0 ? 1 : 0;
      faults += judge(result, before, client);
      if (scenario_.pool == Pool::near) way.bouncer.reset();
      way.proxy.reset();
      faults += quiet(client, scenario_.pool == Pool::far);
    }
    if (scenario_.words[0] == "force") {
      const ProcessResult forced = migrate(scenario_.words, dsn, files_.path());
      if (forced.status != 0) faults += "force afterwards: " + forced.err;
    }
    up(scenario_, dsn, files_.path());
    if (const std::string now = picture(client); now != wanted_)
      faults += "another schema or other rows:\n" + now + "wanted:\n" + wanted_;
    faults += history_faults(client, scenario_.set);
  } catch (const std::exception& error) {
    faults += std::string(error.what()) + "\n";
  }
  faults += faults.empty() ? "" : quiet(client, false);
  return faults.empty() ? "" : faults + "of a run with\n" + output;
}

void try_scenario(const Scenario& scenario, std::size_t cuts, std::size_t stalls) {
  auto* const server = scenario.pool == Pool::none || pgbouncer_or_skip() ? shared_server() : nullptr;
  if (server == nullptr) return;
  const std::uint64_t seed = test_seed(scenario.name);
  Bench bench(*server, scenario);
  const auto counts = bench.count();
  // The long ones first.
  auto faults = some_of(every_stall(counts, seed), stalls, seed);
  const auto cutting = some_of(every_cut(counts), cuts, seed);
  faults.insert(faults.end(), cutting.begin(), cutting.end());
  const auto wrong = try_all(faults, 8, [&](const ProxyFault& fault) { return bench.run(fault); });
  std::printf("%s: messages of each connection, client's + server's: %s; %zu faults, %d happened, %zu wrong\n",
              scenario.name.c_str(), name_of(counts).c_str(), faults.size(), bench.happened.load(), wrong.size());
  for (const std::string& text : wrong) FAIL_CHECK(text);
  CHECK(bench.happened > 0);
}

void all_up(const Scenario& scenario, const std::string& dsn) {
  const ScratchDirectory files;
  write_files(files.path(), scenario.set);
  const ProcessResult result = migrate({"up"}, dsn, files.path());
  if (result.status != 0) throw std::runtime_error(result.out + result.err);
}

// Dirty in the group of migration 4; what forcing to 2 promises is then done by hand.
void left_dirty(const Scenario& scenario, const std::string& dsn) {
  const ScratchDirectory files;
  Migrations set = scenario.set;
  set.resize(3);
  set[2].up[1] = "BEGIN;\nSELECT 1 / 0;\nCOMMIT";
  write_files(files.path(), set);
  const ProcessResult result = migrate({"up"}, dsn, files.path());
  if (result.status != 1) throw std::runtime_error("not dirty: " + result.out + result.err);
  pg_run(dsn, "DROP INDEX items_slow");
}

struct Trips {
  int turns = 0;
  std::vector<std::string> messages;  ///< as the server logged them
};

Trips trips(const PostgresServer& server, const std::string& database, std::vector<std::string> words,
            const std::vector<std::string>& more) {
  const std::size_t logged = server.log().size();
  Proxy proxy(server.port());
  ProcessOptions options;
  options.argv = {TALOS_TEST_COMMERCIAL, "migrate"};
  options.argv.insert(options.argv.end(), words.begin(), words.end());
  options.argv.insert(options.argv.end(), {"--database", parameters(server.dsn(database, proxy.port()))});
  options.argv.insert(options.argv.end(), more.begin(), more.end());
  const ProcessResult result = run(options);
  if (result.status != 0) throw std::runtime_error(result.out + result.err);
  Trips trips{proxy.counts().turns, {}};
  const std::string log = server.log();
  for (std::size_t at = log.find("statement: ", logged); at != std::string::npos; at = log.find("statement: ", at + 1))
    trips.messages.push_back(log.substr(at + 11, log.find('\n', at) - at - 11));
  return trips;
}

void say(const char* what, const Trips& trips) {
  std::printf("%s: %d client turns, %zu messages of SQL\n", what, trips.turns, trips.messages.size());
  if (from_environment("TALOS_TEST_SHOW_MESSAGES", 0) == 0) return;
  for (const std::string& message : trips.messages) std::printf("  %.110s\n", message.c_str());
}

}  // namespace

TEST_CASE("S4: PostgreSQL: an up takes ten client turns, however many migrations it brings") {
  const auto installation = postgres_or_skip();
  if (!installation) return;
  PostgresServer server(*installation, {"fsync=off", "log_statement=all"});
  const ScratchDirectory files;
  for (int i = 1; i <= 350; ++i)
    write_migration(files.path(), i, "table", "CREATE TABLE t" + std::to_string(i) + " (id int);\n");
  const std::vector<std::string> directory{"--migrations", files.path().string()};
  const std::string own = server.create_database();
  say("up of the Talos set", trips(server, own, {"up"}, {}));
  const std::string tables = server.create_database();
  const Trips many = trips(server, tables, {"up"}, directory);
  say("up of 350 one-table migrations", many);
  const Trips nothing = trips(server, tables, {"up"}, directory);
  say("up with nothing to do", nothing);
  const Trips status = trips(server, tables, {"status"}, directory);
  say("status", status);
  // The last of each says goodbye and waits for nothing.
  CHECK(many.turns <= 10);
  CHECK(nothing.turns <= 6);
  CHECK(status.turns <= 8);
}

TEST_CASE("R3: PostgreSQL: up of a transactional set, cut or stalled anywhere") {
  try_scenario({"up", transactional(), {"up"}, Pool::none, {}, 3}, 14, 6);
}

TEST_CASE("R3: PostgreSQL: up, cut anywhere, and no way to look again") {
  try_scenario({"up, no network afterwards", transactional(), {"up"}, Pool::none, {}, 3, true}, 6, 0);
}

TEST_CASE("R3: PostgreSQL: up with files that run without a transaction") {
  try_scenario({"up without transactions", no_transaction(), {"up"}, Pool::none, {}, 5}, 8, 5);
}

TEST_CASE("R3: PostgreSQL: down") {
  try_scenario({"down", transactional(), {"down", "--steps", "2"}, Pool::none, all_up, 1}, 6, 3);
}

TEST_CASE("R3: PostgreSQL: force") {
  try_scenario({"force", no_transaction(), {"force", "2"}, Pool::none, left_dirty, 2}, 6, 2);
}

TEST_CASE("R3: PostgreSQL: status") {
  try_scenario({"status", transactional(), {"status", "--format", "json"}, Pool::none, all_up, 3}, 5, 3);
}

TEST_CASE("R3: PostgreSQL: behind a lease, the proxy between the pooler and the server") {
  try_scenario({"up by a near pooler", no_transaction(), {"up"}, Pool::near, {}, 5}, 5, 5);
}

TEST_CASE("R3: PostgreSQL: behind a lease, the pooler behind the proxy") {
  try_scenario({"up by a far pooler", no_transaction(), {"up"}, Pool::far, {}, 5}, 5, 5);
}

}  // namespace talos::test
