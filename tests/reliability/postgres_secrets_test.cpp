// R7, T4, G18 on PostgreSQL: logins with random passwords that succeed and that are refused, in every form of a DSN;
// every byte that was printed, stored, logged by the server or shown in pg_stat_activity is searched for them.
#include <csignal>
#include <cstdio>
#include <functional>

#include <doctest/doctest.h>
#include <libpq-fe.h>

#include "postgres_place.hpp"
#include "secrets.hpp"

namespace talos::test {

namespace {

struct Form {
  const char* what;
  std::string specials;
  std::function<std::string(const std::string& password, const std::string& host, const std::string& rest)> text;
};

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

// `host` is 127.0.0.1:port, `rest` the database.
const std::vector<Form>& forms() {
  const std::string all = "@:/%#&+' ";
  using P = const std::string&;
  static const std::vector<Form> list{
      {"URI, encoded", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@" + h + "/" + d; }},
      {"URI, raw", "@:#&+'", [](P p, P h, P d) { return "postgresql://keeper:" + p + "@" + h + "/" + d; }},
      {"URI, in a parameter", all,
       [](P p, P h, P d) { return "postgres://" + h + "/" + d + "?user=keeper&password=" + percent_encoded(p); }},
      {"URI of an old driver", all,
       [](P p, P h, P d) {
         return "pgx5://keeper:" + percent_encoded(p) + "@" + h + "/" + d + "?sslmode=disable&pool_max_conns=3";
       }},
      {"keywords, quoted", all,
       [](P p, P h, P d) {
         const auto colon = h.find(':');
         return "postgres:host=" + h.substr(0, colon) + " port=" + h.substr(colon + 1) +
                " user=keeper password=" + quoted(p) + " dbname=" + d;
       }},
      {"URI with an unknown parameter", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@" + h + "/" + d + "?nonsense=1"; }},
      {"URI with a broken port", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@" + h + "x/" + d; }},
      {"several hosts", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@127.0.0.1:1," + h + "/" + d; }},
  };
  return list;
}

const std::vector<std::vector<std::string>> commands{
    {"migrate", "up"},      {"migrate", "status"},     {"migrate", "up", "--dry-run", "--format", "json"},
    {"migrate", "history"}, {"migrate", "force", "2"}, {"migrate", "down"}};

class Place : public PostgresPlace {
 public:
  Place() : PostgresPlace(busy_set(Profile::no_transaction, 5)) {
    std::filesystem::create_directory(work);
    database.rows("DO $$ BEGIN CREATE ROLE keeper SUPERUSER LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  }

  void set_password(const std::string& password) const {
    PgClient client(database.dsn());
    const std::unique_ptr<char, decltype(&PQfreemem)> verifier(
        PQencryptPasswordConn(client.raw(), password.c_str(), "keeper", "scram-sha-256"), PQfreemem);
    REQUIRE(verifier);
    client.run("ALTER ROLE keeper PASSWORD '" + std::string(verifier.get()) + "'");
  }

  std::string host() const { return "127.0.0.1:" + std::to_string(shared_server()->port()); }

  ProcessOptions command(std::vector<std::string> words, bool in_arguments, const std::string& dsn) const {
    words.insert(words.begin(), commercial_program().string());
    ProcessOptions options;
    options.directory = work;
    if (in_arguments)
      words.push_back("--database=" + dsn);
    else
      options.environment["DB_DSN"] = dsn;
    words.insert(words.end(), {"--migrations", migrations.string(), "--log-level", "trace", "--connect-timeout", "5s"});
    options.argv = std::move(words);
    return options;
  }

  std::string leak(const Needles& needles, const ProcessResult& result) const {
    if (const auto piece = search(needles, result, work); !piece.empty()) return piece;
    if (const auto piece = needles.found_in(everything()); !piece.empty()) return "the database: " + piece;
    if (const auto piece = needles.found_in(activity()); !piece.empty()) return "pg_stat_activity: " + piece;
    if (const auto piece = needles.found_in(shared_server()->log()); !piece.empty())
      return "the server's log: " + piece;
    return {};
  }

  std::string activity() const {
    std::string text;
    for (const std::string& row : database.rows("SELECT application_name, query FROM pg_stat_activity WHERE pid <>"
                                                " pg_backend_pid()"))
      text += row + "\n";
    return text;
  }

  std::filesystem::path work = scratch / "work";
};

}  // namespace

TEST_CASE("T4: the scan finds a canary in the database, in pg_stat_activity and in the server's log") {
  if (!database_or_skip()) return;
  const Place place;
  const ProcessResult nothing;
  const std::string first = new_password("");
  CHECK(place.leak(Needles(first), nothing) == "");
  place.database.rows("CREATE TABLE canary (what text); INSERT INTO canary VALUES ('" + first + "')");
  const Target target = place.target();
  write_migration(place.scratch / "canary", 1, "x" + first, "SELECT 1;\n", "SELECT 1;\n");
  REQUIRE(migrate({target.program, target.dsn, place.scratch / "canary"}, {"up"}).status == 0);
  CHECK(place.leak(Needles(first), nothing) != "");
  const std::string second = new_password("");
  PgClient client(place.database.dsn());
  client.run("SELECT '" + second + "'");
  CHECK(Needles(second).found_in(place.activity()) != "");
  const std::string third = new_password("");
  CHECK_THROWS(client.run("SELECT " + third));
  CHECK(eventually([&] { return !Needles(third).found_in(shared_server()->log()).empty(); }));
}

TEST_CASE("R7, G18: no password of a login, granted or refused, is printed, stored, logged or shown by the server") {
  if (!database_or_skip()) return;
  const Place place;
  int logins = 0;
  int refused = 0;
  std::size_t turn = 0;
  for (const Form& form : forms()) {
    for (std::size_t i = 0; i < commands.size(); ++i, ++turn) {
      const bool right = turn % 2 == 0;
      const std::string password = use_password(form.specials);
      place.set_password(right ? password : new_password());
      const auto& command = commands[turn / 2 % commands.size()];
      const auto result =
          run(place.command(command, turn % 3 != 0, form.text(password, place.host(), place.database.name())));
      INFO(std::string(form.what) << ", " << command.back() << "\n" << result.out << result.err);
      CHECK(place.leak(Needles(password), result) == "");
      CHECK(result.signal == 0);
      if (!right) CHECK(result.status != 0);
      logins += result.status == 0 ? 1 : 0;
      refused += result.err.find("password authentication failed") != std::string::npos ? 1 : 0;
    }
  }
  std::printf("R7 on PostgreSQL: %d logins, %d refused of %zu\n", logins, refused, turn);
  // Or the forms show nothing.
  CHECK(logins >= 8);
  CHECK(refused >= 8);
}

TEST_CASE("R7, G18: the same through pgbouncer") {
  if (!database_or_skip() || !pgbouncer_or_skip()) return;
  const Place place;
  const PgBouncer pooler(*shared_server(), PgBouncer::Pool::transaction);
  const Needles right(shared_server()->password());
  for (const auto& command : commands) {
    const auto granted = run(place.command(command, true, pooler.dsn(place.database.name())));
    INFO(granted.out << granted.err);
    CHECK(place.leak(right, granted) == "");
    CHECK(granted.status == 0);
    const std::string password = use_password("@:/%#&+' ");
    const auto refused = run(place.command(command, true,
                                           "postgres://postgres:" + percent_encoded(password) + "@127.0.0.1:" +
                                               std::to_string(pooler.port()) + "/" + place.database.name()));
    INFO(refused.out << refused.err);
    CHECK(refused.status == 5);
    CHECK(place.leak(Needles(password), refused) == "");
    CHECK(Needles(password).found_in(pooler.log()).empty());
  }
}

TEST_CASE("R7, G18: a waiting and a working process show no password in /proc/<pid>/cmdline or pg_stat_activity") {
  if (!database_or_skip()) return;
  const Place place;
  write_migration(place.scratch / "slow", 1, "slow", "SELECT pg_sleep(3000);\n", "SELECT 1;\n");
  for (const bool joined : {false, true}) {
    const std::string password = use_password("@:/%#&+' ");
    const Needles needles(password);
    place.set_password(password);
    const std::string dsn =
        "postgres://keeper:" + percent_encoded(password) + "@" + place.host() + "/" + place.database.name();
    ProcessOptions options;
    options.directory = place.work;
    options.argv = {commercial_program().string(),     "migrate",     "up",   "--migrations",
                    (place.scratch / "slow").string(), "--log-level", "trace"};
    if (joined)
      options.argv.push_back("--database=" + dsn);
    else
      options.argv.insert(options.argv.end(), {"--database", dsn});
    auto worker = Process::start(options);
    // The server shows no more than the first KiB of a message.
    const std::string asleep =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    REQUIRE(eventually([&] { return place.database.value(asleep) == "1" || !worker.running(); }));
    auto waiter = Process::start(options);
    waiter.wait_for_output("Waiting");
    for (const Process* process : {&worker, &waiter}) {
      const std::string shown = command_line_of(*process);
      INFO(shown);
      CHECK(needles.found_in(shown).empty());
      CHECK(has(shown, "--database"));
    }
    CHECK(needles.found_in(place.activity()).empty());
    waiter.signal(SIGTERM);
    worker.signal(SIGTERM);
    CHECK(place.leak(needles, waiter.wait()) == "");
    CHECK(place.leak(needles, worker.wait()) == "");
  }
}

}  // namespace talos::test
