// Where the DSN comes from, what forms it has, what is refused, and that its password stays secret.
#include <csignal>

#include <doctest/doctest.h>

#include "world.hpp"

namespace talos::test {

namespace {

namespace fs = std::filesystem;

// `migrate up` with one table, in a scratch directory of its own.
struct Place : World {
  Place() { tables(1); }

  ProcessResult up(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) const {
    arguments.insert(arguments.begin(), {"migrate", "up", "--migrations", migrations.string()});
    ProcessOptions options;
    options.directory = directory.path();
    options.environment = std::move(environment);
    return talos(std::move(arguments), options);
  }

  bool made(const fs::path& file) const {
    const fs::path path = directory / file;
    return fs::exists(path) && rows_of(path, "SELECT count(*) FROM sqlite_schema WHERE name = 't1'")[0] == "1";
  }

  std::vector<std::string> names() const { return names_in(directory.path()); }
};

std::string text_of(const ProcessResult& result) { return result.out + result.err; }

}  // namespace

TEST_CASE("every form of a SQLite DSN opens the file that it names") {
  const Place place;
  const std::string root = place.directory.path().string();
  const std::vector<std::pair<std::string, std::string>> forms{
      {"sqlite://" + root + "/absolute.db", "absolute.db"},
      {"SQLite3://" + root + "/upper.db", "upper.db"},
      {"sqlite3://./dotted.db", "dotted.db"},
      {"sqlite://relative.db", "relative.db"},
      {"plain.db", "plain.db"},
      {"./plain2.db", "plain2.db"},
      {root + "/plain3.db", "plain3.db"},
      {"sqlite://file:uri.db", "uri.db"},
      {"sqlite://no-suffix", "no-suffix"},
      {"sqlite://with%20percent.db", "with%20percent.db"},
      {"sqlite://file:with%20blank.db", "with blank.db"},
      {"sqlite://parameters.db?_fk=1&_busy_timeout=1000&_journal_mode=WAL&unknown=1", "parameters.db"},
  };
  for (const auto& [dsn, file] : forms) {
    CAPTURE(dsn);
    const auto result = place.up({"--database", dsn});
    CAPTURE(result.err);
    CHECK(result.status == 0);
    CHECK(place.made(file));
  }
}

TEST_CASE("an in-memory database is migrated and leaves no file") {
  for (const char* dsn : {":memory:", "sqlite://:memory:", "sqlite://file::memory:", "sqlite3://x?mode=memory"}) {
    CAPTURE(dsn);
    const Place place;
    const auto result = place.up({"--database", dsn});
    CHECK(result.status == 0);
    CHECK(result.err == Part{"Applied 000001_t1"});
    CHECK(place.names() == std::vector<std::string>{"migrations"});
  }
}

TEST_CASE("the DSN's sources are asked in order, and the first that gives one wins") {
  const Place place;
  write_file(place.directory / "1.dsn", "sqlite://file-option.db\n");
  write_file(place.directory / "2.dsn", "sqlite://file-variable.db\r\n");
  write_file(place.directory / "config.yaml", "serve:\n  port: 1\ndb:\n  dsn: sqlite://config.db\n");
  std::map<std::string, std::string> environment{{"DB_DSN", "sqlite://db-dsn.db"},
                                                 {"DB_DSN_FILE", "2.dsn"},
                                                 {"DSN", "sqlite://dsn.db"},
                                                 {"TALOS_DB_DSN", "sqlite://talos-db-dsn.db"}};
  const std::vector<std::string> config{"--config", "config.yaml"};
  const auto expect = [&](std::vector<std::string> arguments, const char* file) {
    CAPTURE(file);
    arguments.insert(arguments.end(), config.begin(), config.end());
    CHECK(!place.made(file));
    CHECK(place.up(arguments, environment).status == 0);
    CHECK(place.made(file));
  };
  expect({"--database", "sqlite://option.db"}, "option.db");
  expect({"--database-file", "1.dsn"}, "file-option.db");
  expect({}, "db-dsn.db");
  environment.erase("DB_DSN");
  expect({}, "file-variable.db");
  environment.erase("DB_DSN_FILE");
  expect({}, "dsn.db");
  environment.erase("DSN");
  expect({}, "talos-db-dsn.db");
  environment.erase("TALOS_DB_DSN");
  expect({}, "config.db");
}

TEST_CASE("a trailing newline of a DSN is no part of the file's name (G18)") {
  const Place place;
  CHECK(place.up({}, {{"DB_DSN", "sqlite://a.db\n"}}).status == 0);
  CHECK(place.made("a.db"));
  write_file(place.directory / "dsn", "sqlite://b.db\r\n");
  CHECK(place.up({"--database-file", "dsn"}).status == 0);
  CHECK(place.made("b.db"));
}

TEST_CASE("without a DSN the error names every source") {
  const Place place;
  write_file(place.directory / "config.yaml", "db: {}\n");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, std::vector<std::string>{"--config", "config.yaml"}}) {
    const auto result = place.up(arguments);
    CHECK(result.status == 2);
    for (const char* source :
         {"--database", "--database-file", "DB_DSN", "DB_DSN_FILE", "DSN", "TALOS_DB_DSN", "--config", "db.dsn"})
      CHECK(result.err == Part{source});
  }
}

TEST_CASE("an empty DSN is refused, an empty variable counts as none") {
  const Place place;
  write_file(place.directory / "empty", "\n");
  CHECK(place.up({"--database", ""}).status == 2);
  CHECK(place.up({"--database-file", "empty"}).status == 2);
  CHECK(place.up({}, {{"DB_DSN", ""}}).status == 2);
  CHECK(place.up({}, {{"DB_DSN", ""}, {"DSN", "sqlite://x.db"}}).status == 0);
  CHECK(place.made("x.db"));
}

TEST_CASE("a file of the DSN that cannot be read is a usage error that names it") {
  const Place place;
  for (const char* file : {"missing", "migrations"}) {
    CAPTURE(file);
    for (const char* option : {"--database-file", "--config"}) {
      const auto result = place.up({option, file});
      CHECK(result.status == 2);
      CHECK(result.err == Part{file});
    }
    CHECK(place.up({}, {{"DB_DSN_FILE", file}}).status == 2);
  }
}

TEST_CASE("a configuration that is no YAML is refused without quoting it (G18)") {
  const Place place;
  for (const char* text : {"db: {dsn: 'sqlite://s3cr3tword", "db:\n\tdsn: sqlite://s3cr3tword", "- s3cr3tword",
                           "db: s3cr3tword", "db:\n  dsn: [s3cr3tword]"}) {
    CAPTURE(text);
    write_file(place.directory / "config.yaml", text);
    const auto result = place.up({"--config", "config.yaml"});
    CHECK(result.status == 2);
    CHECK(text_of(result) != Part{"s3cr3tword"});
  }
}

TEST_CASE("G19: what is no SQLite file's name never becomes one, and its password is not shown") {
  for (const char* dsn : {"host=x password=hunter22 dbname=my.db", "user:hunter22@tcp(host)/my.db",
                          "user:hunter22@host/my.db", "my.db?password=hunter22", "password=hunter22.db",
                          "hunter22 my.db", "hunter22", "my.sqlite", "hunter22.db ", "./my.db\nhunter22.db",
                          "://hunter22", "x y://hunter22", "../hunter22://a", "Server=x;Password=hunter22;my.db"}) {
    CAPTURE(dsn);
    const Place place;
    const auto result = place.up({"--database", dsn});
    CHECK(result.status == 2);
    CHECK(text_of(result) != Part{"hunter22"});
    CHECK(place.names() == std::vector<std::string>{"migrations"});
  }
  const Place place;
  CHECK(place.up({"--database", "my.sqlite"}).err == Part{":memory:"});
}

TEST_CASE("another database is refused by this edition before a disk or a socket is touched") {
  const auto strace = find_program("strace");
  if (!strace) {
    MESSAGE("skipped in part: strace is not installed");
    REQUIRE(std::getenv("CI") == nullptr);
  }
  for (const char* scheme : {"postgres", "postgresql", "pgx", "pgx4", "pgx5", "mysql", "mariadb", "cockroach",
                             "cockroachdb", "crdb-postgres"}) {
    const std::string dsn = std::string(scheme) + "://user:hunter22@localhost:1/my.db";
    CAPTURE(dsn);
    const Place place;
    const auto result = place.up({"--database", dsn});
    CHECK(result.status == 6);
    CHECK(result.err == Part{"talos-commercial"});
    CHECK(result.err == Part{"SQLite only"});
    CHECK(text_of(result) != Part{"hunter22"});
    CHECK(place.names() == std::vector<std::string>{"migrations"});
    if (!strace) continue;

    const ScratchDirectory scratch;
    ProcessOptions options;
    options.argv = {strace->string(),
                    "-f",
                    "-e",
                    "trace=file,network",
                    "-o",
                    (scratch / "trace").string(),
                    talos_program().string(),
                    "migrate",
                    "up",
                    "--migrations",
                    place.migrations.string(),
                    "--database",
                    dsn};
    options.directory = place.directory.path();
    options.environment["ASAN_OPTIONS"] = "detect_leaks=0";  // LeakSanitizer cannot work under ptrace
    CHECK(run(options).status == 6);
    const std::string trace = read_file(scratch / "trace");
    CHECK(trace == Part{"execve("});
    CHECK(trace != Part{"socket("});
    CHECK(trace != Part{"/plugins"});
    CHECK(trace != Part{"my.db\""});
    CHECK(trace != Part{".so\""});
  }
}

TEST_CASE("every command refuses another database alike") {
  const Place place;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"up"}, {"down"}, {"status"}, {"status", "--block"}, {"history"}, {"force", "1"}, {"up", "--dry-run"}}) {
    std::vector<std::string> arguments{"migrate"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    arguments.insert(arguments.end(), {"--database", "postgres://u:hunter22@localhost/x"});
    const auto result = talos(arguments, place.here());
    CHECK(result.status == 6);
    CHECK(text_of(result) != Part{"hunter22"});
  }
}

TEST_CASE("a scheme that nobody knows is refused too") {
  const Place place;
  const auto result = place.up({"--database", "oracle://u:hunter22@h/x"});
  CHECK(result.status == 6);
  CHECK(text_of(result) != Part{"hunter22"});
}

TEST_CASE("G18: a waiting program's command line holds no password, nor does anything that it prints") {
  for (const bool joined : {false, true}) {
    World world;
    world.tables(1);
    const std::string dsn = "sqlite://" + world.database.string() + "?_auth_user=u&_auth_pass=hunter22";
    std::vector<std::string> arguments{"migrate", "status", "--block", "--migrations", world.migrations.string()};
    if (joined)
      arguments.push_back("--database=" + dsn);
    else
      arguments.insert(arguments.end(), {"--database", dsn});
    arguments.insert(arguments.end(), {"--log-level", "trace"});
    Process waiting = start_talos(arguments, world.here());
    waiting.wait_for_output("Waiting");
    const std::string command_line = read_file("/proc/" + std::to_string(waiting.pid()) + "/cmdline");
    CHECK(command_line == Part{"--block"});
    CHECK(command_line == Part{"***"});
    CHECK(command_line != Part{"hunter22"});
    CHECK(world.migrate({"up"}).status == 0);
    const auto result = waiting.wait();
    CHECK(result.status == 0);
    CHECK(text_of(result) != Part{"hunter22"});
  }
}

TEST_CASE("G18: no output of any command, in any format, holds a DSN's password") {
  World world;
  world.tables(1);
  const std::string dsn = "sqlite://" + world.database.string() + "?_auth_user=u&_auth_pass=hunter22";
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"up"}, {"status"}, {"history"}, {"force", "1"}, {"up", "--steps", "0"}, {"down", "--all"}, {"down"}}) {
    for (const char* format : {"text", "json"}) {
      std::vector<std::string> arguments{"migrate"};
      arguments.insert(arguments.end(), words.begin(), words.end());
      arguments.insert(arguments.end(), {"--database", dsn, "--migrations", world.migrations.string(), "--format",
                                         format, "--log-format", format, "--log-level", "trace"});
      CHECK(text_of(talos(arguments, world.here())) != Part{"hunter22"});
    }
  }
  CHECK(read_file(world.database) != Part{"hunter22"});
  for (const std::string& name : names_in(world.directory.path()))
    if (name != "migrations") CHECK(read_file(world.directory / name) != Part{"hunter22"});
}

TEST_CASE("a database in a directory that is not there is exit 5, with the command that makes it") {
  const Place place;
  const auto result = place.up({"--database", "sqlite://none/x.db"});
  CHECK(result.status == 5);
  CHECK(result.err == Part{"mkdir -p"});
  CHECK(place.names() == std::vector<std::string>{"migrations"});
}

TEST_CASE("a file that is no database is exit 5, and stays as it was") {
  const Place place;
  write_file(place.directory / "x.db", std::string(8192, 'x'));
  const std::string before = hash_of(place.directory / "x.db");
  CHECK(place.up({"--database", "x.db"}).status == 5);
  CHECK(talos({"migrate", "status", "--database", "x.db"}, place.here()).status == 5);
  CHECK(hash_of(place.directory / "x.db") == before);
}

}  // namespace talos::test
