#include "pg_secrets.hpp"

#include <csignal>
#include <cstdio>
#include <utility>

#include <doctest/doctest.h>
#include <libpq-fe.h>

#include "database_place.hpp"

namespace talos::test {

const std::vector<std::vector<std::string>> secret_commands{
    {"migrate", "up"},      {"migrate", "status"},     {"migrate", "up", "--dry-run", "--format", "json"},
    {"migrate", "history"}, {"migrate", "force", "2"}, {"migrate", "down"}};

SecretPlace::SecretPlace(std::unique_ptr<PostgresDatabase> its_database, int port)
    : database(std::move(its_database)), host_("127.0.0.1:" + std::to_string(port)) {
  write_set(migrations, busy_set(Profile::no_transaction, 5));
  std::filesystem::create_directory(work);
  database->rows("DO $$ BEGIN CREATE ROLE keeper SUPERUSER LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
}

void SecretPlace::set_password(const std::string& password) const {
  PgClient client(database->dsn());
  const std::unique_ptr<char, decltype(&PQfreemem)> verifier(
      PQencryptPasswordConn(client.raw(), password.c_str(), "keeper", "scram-sha-256"), PQfreemem);
  REQUIRE(verifier);
  client.run("ALTER ROLE keeper PASSWORD '" + std::string(verifier.get()) + "'");
}

ProcessOptions SecretPlace::command(std::vector<std::string> words, bool in_arguments, const std::string& dsn) const {
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

std::string SecretPlace::leak(const Needles& needles, const ProcessResult& result) const {
  if (const auto piece = search(needles, result, work); !piece.empty()) return piece;
  if (const auto piece = needles.found_in(everything_in(*database)); !piece.empty()) return "the database: " + piece;
  if (const auto piece = needles.found_in(activity()); !piece.empty()) return "the sessions: " + piece;
  if (const auto piece = needles.found_in(shared_server()->log()); !piece.empty()) return "the server's log: " + piece;
  return {};
}

std::string SecretPlace::activity() const {
  std::string text;
  for (const std::string& row :
       database->rows("SELECT application_name, query FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    text += row + "\n";
  return text;
}

void check_canaries(const SecretPlace& place, const std::function<void(const std::string& canary)>& show) {
  const ProcessResult nothing;
  const std::string first = new_password("");
  CHECK(place.leak(Needles(first), nothing) == "");
  place.database->rows("CREATE TABLE canary (what text); INSERT INTO canary VALUES ('" + first + "')");
  write_migration(place.scratch / "canary", 1, "x" + first, "SELECT 1;\n", "SELECT 1;\n");
  REQUIRE(migrate(place.database->target(place.scratch / "canary"), {"up"}).status == 0);
  CHECK(place.leak(Needles(first), nothing) != "");
  const std::string second = new_password("");
  show(second);
  CHECK(Needles(second).found_in(place.activity()) != "");
  const std::string third = new_password("");
  CHECK_THROWS(pg_run(place.database->dsn(), "SELECT " + third));
  CHECK(eventually([&] { return !Needles(third).found_in(shared_server()->log()).empty(); }));
}

void check_logins(const SecretPlace& place, const std::vector<DsnForm>& forms, const char* server) {
  int logins = 0;
  int refused = 0;
  std::size_t turn = 0;
  for (const DsnForm& form : forms) {
    for (std::size_t i = 0; i < secret_commands.size(); ++i, ++turn) {
      const bool right = turn % 2 == 0;
      const std::string password = use_password(form.specials);
      place.set_password(right ? password : new_password());
      const auto& command = secret_commands[turn / 2 % secret_commands.size()];
      const auto result =
          run(place.command(command, turn % 3 != 0, form.text(password, place.host(), place.database->name())));
      INFO(std::string(form.what) << ", " << command.back() << "\n" << result.out << result.err);
      CHECK(place.leak(Needles(password), result) == "");
      CHECK(result.signal == 0);
      if (!right) CHECK(result.status != 0);
      logins += result.status == 0 ? 1 : 0;
      refused += result.err.find("password authentication failed") != std::string::npos ? 1 : 0;
    }
  }
  std::printf("R7 on %s: %d logins, %d refused of %zu\n", server, logins, refused, turn);
  // Or the forms show nothing.
  CHECK(logins >= 8);
  CHECK(refused >= 8);
}

void check_command_lines(const SecretPlace& place, const std::string& scheme) {
  write_migration(place.scratch / "slow", 1, "slow", "SELECT pg_sleep(3000);\n", "SELECT 1;\n");
  for (const bool joined : {false, true}) {
    const std::string password = use_password("@:/%#&+' ");
    const Needles needles(password);
    place.set_password(password);
    const std::string dsn =
        scheme + "://keeper:" + percent_encoded(password) + "@" + place.host() + "/" + place.database->name();
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
    REQUIRE(eventually([&] { return place.database->value(asleep) == "1" || !worker.running(); }));
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
