// R7, T4, G18 on MySQL: logins with random passwords that succeed and that are refused, in every form of a DSN; every
// byte that was printed, stored, logged by the server or shown in its list of processes is searched for them.
#include <csignal>
#include <cstdio>
#include <functional>

#include <doctest/doctest.h>

#include "mysql_slow.hpp"
#include "secrets.hpp"

namespace talos::test {

namespace {

struct Form {
  const char* what;
  std::string specials;
  std::function<std::string(const std::string& password, const std::string& host, const std::string& rest)> text;
};

// `host` is 127.0.0.1:port, `rest` the database.
const std::vector<Form>& forms() {
  const std::string all = "@:/%#&+' \\;?";
  using P = const std::string&;
  static const std::vector<Form> list{
      {"golang-migrate's, encoded", all,
       [](P p, P h, P d) { return "mysql://keeper:" + percent_encoded(p) + "@tcp(" + h + ")/" + d; }},
      {"golang-migrate's, raw", "@:/#&';?",
       [](P p, P h, P d) { return "mysql://keeper:" + p + "@tcp(" + h + ")/" + d; }},
      {"raw, with what golang-migrate would decode", "%+",
       [](P p, P h, P d) { return "mysql://keeper:" + p + "@tcp(" + h + ")/" + d; }},
      {"URL", all, [](P p, P h, P d) { return "mysql://keeper:" + percent_encoded(p) + "@" + h + "/" + d; }},
      {"mariadb://", all,
       [](P p, P h, P d) {
         return "mariadb://keeper:" + percent_encoded(p) + "@tcp(" + h + ")/" + d + "?parseTime=true";
       }},
      {"by the socket", all,
       [](P p, P, P d) {
         return "mysql://keeper:" + percent_encoded(p) + "@unix(" + shared_mysql_or_skip()->socket().string() + ")/" +
                d;
       }},
      {"without a scheme", all, [](P p, P h, P d) { return "keeper:" + p + "@tcp(" + h + ")/" + d; }},
      {"an unknown variable", all,
       [](P p, P h, P d) { return "mysql://keeper:" + percent_encoded(p) + "@tcp(" + h + ")/" + d + "?nonsense=1"; }},
      {"a parameter without a value", all,
       [](P p, P h, P d) { return "mysql://keeper:" + percent_encoded(p) + "@tcp(" + h + ")/" + d + "?nonsense"; }},
      {"a broken port", all,
       [](P p, P h, P d) { return "mysql://keeper:" + percent_encoded(p) + "@tcp(" + h + "x)/" + d; }},
      {"no database", "@:/#&';?", [](P p, P h, P) { return "mysql://keeper:" + p + "@tcp(" + h + ")/"; }},
      {"no end of the address", "@:/#&';?",
       [](P p, P h, P d) { return "mysql://keeper:" + p + "@tcp(" + h + "/" + d; }},
  };
  return list;
}

const std::vector<std::vector<std::string>> commands{
    {"migrate", "up"},      {"migrate", "status"},     {"migrate", "up", "--dry-run", "--format", "json"},
    {"migrate", "history"}, {"migrate", "force", "2"}, {"migrate", "down"}};

class Place : public MysqlPlace {
 public:
  Place() : MysqlPlace(busy_set(Profile::no_transaction, 5)) {
    std::filesystem::create_directory(work);
    // So that the server has much to say.
    database.rows(database.server().flavour() == MysqlFlavour::mariadb ? "SET GLOBAL log_warnings = 9"
                                                                       : "SET GLOBAL log_error_verbosity = 3");
    database.rows("CREATE USER IF NOT EXISTS keeper@'%'; GRANT ALL ON *.* TO keeper@'%'");
  }

  void set_password(const std::string& password) const {
    std::string quoted;
    for (const char c : password) quoted += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
    database.rows("ALTER USER keeper@'%' IDENTIFIED BY '" + quoted + "'");
  }

  std::string host() const { return "127.0.0.1:" + std::to_string(shared_mysql_or_skip()->port()); }

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
    if (const auto piece = needles.found_in(activity()); !piece.empty()) return "the list of processes: " + piece;
    if (const auto piece = needles.found_in(shared_mysql_or_skip()->log()); !piece.empty())
      return "the server's log: " + piece;
    return {};
  }

  std::string activity() const {
    std::string text;
    for (const std::string& row : database.rows(
             "SELECT CONCAT_WS(' ', USER, HOST, INFO) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"
             " UNION ALL SELECT CONCAT_WS(' ', ATTR_NAME, ATTR_VALUE) FROM performance_schema.session_connect_attrs"))
      text += row + "\n";
    return text;
  }

  std::filesystem::path work = scratch / "work";
};

}  // namespace

TEST_CASE("T4: the scan finds a canary in the database, in the list of processes and in the server's log") {
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
  MysqlClient client(place.database.login());
  client.send("SELECT SLEEP(3000), '" + second + "'");
  CHECK(eventually([&] { return !Needles(second).found_in(place.activity()).empty(); }));
  MysqlLogin stranger = place.database.login();
  stranger.user = new_password("");
  CHECK_THROWS(MysqlClient{stranger});
  CHECK(eventually([&] { return !Needles(stranger.user).found_in(shared_mysql_or_skip()->log()).empty(); }));
}

TEST_CASE("R7, G18: no password of a login, granted or refused, is printed, stored, logged or shown by the server") {
  if (!database_or_skip()) return;
  const Place place;
  int logins = 0;
  int refused = 0;
  std::size_t turn = 0;
  for (const Form& form : forms()) {
    for (int i = 0; i < 3; ++i, ++turn) {
      const bool right = turn % 2 == 0;
      const std::string password = use_password(form.specials);
      place.set_password(right ? password : new_password());
      const auto& command = commands[turn % commands.size()];
      const auto result =
          run(place.command(command, turn % 3 != 0, form.text(password, place.host(), place.database.name())));
      INFO(std::string(form.what) << ", " << command.back() << "\n" << result.out << result.err);
      CHECK(place.leak(Needles(password), result) == "");
      CHECK(result.signal == 0);
      if (!right) CHECK(result.status != 0);
      logins += result.status == 0 ? 1 : 0;
      refused += result.err.find("Access denied") != std::string::npos ? 1 : 0;
    }
  }
  std::printf("R7 on MySQL: %d logins, %d refused of %zu\n", logins, refused, turn);
  // Or the forms show nothing.
  CHECK(logins >= 4);
  CHECK(refused >= 4);
}

TEST_CASE("R7, G18: a waiting and a working process show no password in /proc/<pid>/cmdline or the list of processes") {
  if (!database_or_skip()) return;
  const Place place;
  write_migration(place.scratch / "slow", 1, "slow", "SELECT SLEEP(3000) AS slow;\n", "SELECT 1;\n");
  for (const bool joined : {false, true}) {
    const std::string password = use_password("@:/%#&+' ");
    const Needles needles(password);
    place.set_password(password);
    const std::string dsn =
        "mysql://keeper:" + percent_encoded(password) + "@" + place.host() + "/" + place.database.name();
    ProcessOptions options;
    options.directory = place.work;
    options.argv = {commercial_program().string(),     "migrate",     "up",   "--migrations",
                    (place.scratch / "slow").string(), "--log-level", "trace"};
    if (joined)
      options.argv.push_back("--database=" + dsn);
    else
      options.argv.insert(options.argv.end(), {"--database", dsn});
    auto worker = Process::start(options);
    REQUIRE(eventually([&] { return has(place.activity(), "AS slow") || !worker.running(); }));
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
