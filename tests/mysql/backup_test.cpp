// Backups by the dump programs: whole, restorable, and without a secret anywhere.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "mysql_plugin.hpp"
#include "mysql_world.hpp"
#include "schema.hpp"
#include "talos/backup.hpp"
#include "talos/introspection.hpp"

namespace talos::test {

namespace {

struct Listener : Silent {
  std::vector<std::string> warnings;
  void warning(std::string_view text) override { warnings.emplace_back(text); }
};

// For as long as this lives PATH is another one; find_program() reads it.
class Path {
 public:
  explicit Path(const std::string& path) : before_(std::getenv("PATH")) { ::setenv("PATH", path.c_str(), 1); }
  ~Path() { ::setenv("PATH", before_.c_str(), 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

 private:
  std::string before_;
};

std::string tools_of(const MysqlWorld& world) {
  const std::string path = "/usr/local/bin:/usr/bin:/bin";
  return world.is_mariadb() ? path : (world.server.installation().directory / "bin").string() + ":" + path;
}

std::string text_of_file(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::string schema_text(const std::string& dsn) {
  return text_of(Schema(mysql_session(dsn, Access::read)->ability<Introspection>()->read_schema()));
}

std::string make_file(const MysqlWorld& world) {
  const std::string file = (world.directory / "backup.sql").string();
  write_bytes(file, "");
  ::chmod(file.c_str(), 0600);
  return file;
}

// By the client of the server's kind, as an operator would.
void restore(const MysqlWorld& world, const std::string& file, const std::string& database) {
  const MysqlLogin login = world.server.login(database);
  ProcessOptions options;
  const std::string client =
      world.is_mariadb() ? "mariadb" : (world.server.installation().directory / "bin" / "mysql").string();
  options.argv = {client, "--host=127.0.0.1", "--port=" + std::to_string(login.port), "--user=" + login.user, database};
  options.environment["MYSQL_PWD"] = login.password;
  options.input = text_of_file(file);
  const auto result = run(options);
  INFO(result.err);
  REQUIRE(result.status == 0);
}

const char* const content =
    "CREATE TABLE n (id varchar(36) PRIMARY KEY, b varbinary(8), g int AS (LENGTH(id)) STORED, v int AS (g + 1));"
    "INSERT INTO n (id, b) VALUES ('one', x'00ff27'), ('it''s \\\\ \\n', NULL);"
    "CREATE TABLE c (n varchar(36), j json, FOREIGN KEY (n) REFERENCES n (id)); INSERT INTO c VALUES ('one', '{\"a\": "
    "1}');"
    "CREATE VIEW w AS SELECT id FROM n; CREATE PROCEDURE p() SELECT 1;"
    "CREATE TRIGGER tr BEFORE INSERT ON n FOR EACH ROW SET NEW.b = x'01'";
const char* const event = "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO DELETE FROM c";

}  // namespace

TEST_CASE("a backup has everything, and comes back into a fresh database") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(content);
    world.sql(event);
    world.tables(1);
    REQUIRE(world.migrate({"up"}).status == 0);
    const Path path(tools_of(world));
    const auto session = mysql_session(world.dsn);
    auto* const backup = session->ability<Backup>();
    REQUIRE(backup != nullptr);
    CHECK(backup->to_file());
    const std::string file = make_file(world);
    Listener observer;
    const Backup::Report report = backup->write(file, observer);
    CHECK(observer.warnings.empty());
    CHECK(report.bytes == static_cast<std::int64_t>(std::filesystem::file_size(file)));
    CHECK(report.how == Part{world.is_mariadb() ? "mariadb-dump " : "mysqldump "});
    CHECK(report.how == Part{", SQL"});
    CHECK(report.restore == Part{" < " + file});
    CHECK(report.restore != Part{world.server.password()});
    CHECK(text_of_file(file) != Part{world.server.password()});
    const std::string fresh = world.server.create_database();
    restore(world, file, fresh);
    const std::string dsn = world.server.login(fresh).dsn();
    CHECK(schema_text(dsn) == schema_text(world.dsn));
    for (const char* rows : {"SELECT id, HEX(b), g, v FROM n ORDER BY id", "SELECT * FROM c",
                             "SELECT * FROM schema_migrations", "SELECT action, version FROM schema_migrations_log"})
      CHECK(mysql_rows(world.server.login(fresh), rows) == world.rows(rows));
    world.server.drop_database(fresh);
  });
}

TEST_CASE("a backup tells of tables that have no transactions") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE safe (x int); CREATE TABLE old (x int) ENGINE=MyISAM");
    const Path path(tools_of(world));
    Listener observer;
    mysql_session(world.dsn)->ability<Backup>()->write(make_file(world), observer);
    REQUIRE(observer.warnings.size() == 1);
    CHECK(observer.warnings[0] == Part{"old (MyISAM)"});
    CHECK(observer.warnings[0] != Part{"safe"});
  });
}

TEST_CASE("a backup tells of triggers and events whose dump no server takes back") {
  on_each_flavour([](MysqlWorld& world) {
    // As one message: MySQL keeps the semicolons of all but the last.
    world.sql(
        "CREATE TABLE t (x int); CREATE TRIGGER bad BEFORE INSERT ON t FOR EACH ROW SET NEW.x = 1;"
        "CREATE EVENT worse ON SCHEDULE EVERY 1 DAY DO DELETE FROM t;"
        "CREATE TRIGGER good BEFORE UPDATE ON t FOR EACH ROW SET NEW.x = 1");
    const Path path(tools_of(world));
    Listener observer;
    mysql_session(world.dsn)->ability<Backup>()->write(make_file(world), observer);
    REQUIRE(observer.warnings.size() == (world.is_mariadb() ? 0U : 1U));
    if (!world.is_mariadb()) CHECK(observer.warnings[0] == Part{": event worse, trigger bad"});
  });
}

TEST_CASE("a password of any characters reaches the dump program, and no argument and no environment of it") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int)");
    const std::string name = "odd_" + world.database;
    MysqlLogin login = world.server.create_user(name, world.database);
    login.password = R"(p"q'r\s #;=t`%40 $(u))";
    world.sql("ALTER USER " + name + R"( IDENTIFIED BY 'p"q\'r\\s #;=t`%40 $(u)')");
    if (world.is_mariadb())
      world.sql("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO " + name);
    else
      world.sql("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, SHOW_ROUTINE ON *.* TO " + name);
    // In place of the dump program: it writes down what anybody can see of it, and then is that.
    const auto directory = world.directory / "tools";
    std::filesystem::create_directory(directory);
    const std::string tool = world.is_mariadb() ? "mariadb-dump" : "mysqldump";
    const std::string real =
        world.is_mariadb() ? "/usr/bin/mariadb-dump" : (world.server.installation().directory / "bin" / tool).string();
    const auto seen = world.directory / "seen";
    write_bytes(directory / tool, "#!/bin/sh\ntr '\\0' '\\n' </proc/$$/cmdline >>" + seen.string() +
                                      "\ntr '\\0' '\\n' </proc/$$/environ >>" + seen.string() + "\nexec " + real +
                                      " \"$@\"\n");
    std::filesystem::permissions(directory / tool, std::filesystem::perms::owner_all);
    const Path path(directory.string() + ":/usr/bin:/bin");
    Listener observer;
    const std::string file = make_file(world);
    const auto report = mysql_session(login.dsn())->ability<Backup>()->write(file, observer);
    CHECK(text_of_file(seen) == Part{"--defaults-file="});
    for (const std::string& secret : {login.password, std::string("p\"q")}) {
      CHECK(text_of_file(seen) != Part{secret});
      CHECK(text_of_file(file) != Part{secret});
      CHECK(report.restore != Part{secret});
    }
    world.sql("DROP USER " + name);
  });
}

TEST_CASE("a dump program that fails or stops early is an error with its own words") {
  on_each_flavour([](MysqlWorld& world) {
    const auto directory = world.directory / "tools";
    std::filesystem::create_directory(directory);
    const auto tool = directory / (world.is_mariadb() ? "mariadb-dump" : "mysqldump");
    const auto attempt = [&](const std::string& script) {
      write_bytes(
          tool,
          "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'x Ver 1 Distrib 2-MariaDB, for y'; exit; fi\n" + script);
      std::filesystem::permissions(tool, std::filesystem::perms::owner_all);
      const Path path(directory.string() + ":/usr/bin:/bin");
      Listener observer;
      try {
        mysql_session(world.dsn)->ability<Backup>()->write(make_file(world), observer);
        return std::string("it worked");
      } catch (const Error& error) {
        return std::string(error.what());
      }
    };
    CHECK(attempt("echo 'no space for dumps' >&2\nexit 3\n") == Part{"failed with exit status 3: no space for dumps"});
    CHECK(attempt("kill -9 $$\n") == Part{"was ended by signal 9"});
    CHECK(attempt("echo '-- half of it'\n") == Part{"not whole"});
    CHECK(attempt("echo; echo '-- Dump completed on a day'\n") == "it worked");
  });
}

TEST_CASE("without a dump program a backup is unsupported, and names the package") {
  on_each_flavour([](MysqlWorld& world) {
    const Path path(world.directory.path().string());
    Listener observer;
    try {
      mysql_session(world.dsn)->ability<Backup>()->write(make_file(world), observer);
      FAIL("it worked");
    } catch (const Error& error) {
      CHECK(error.code == ErrorCode::unsupported);
      CHECK(error.hint == Part{world.is_mariadb() ? "mariadb-client" : "default-mysql-client"});
    }
  });
}

TEST_CASE("MariaDB's program backs MySQL up, but for what would not come back") {
  on_each_flavour([](MysqlWorld& world) {
    if (world.is_mariadb()) return;
    const Path path("/usr/bin:/bin");
    Listener observer;
    const std::string file = make_file(world);
    world.sql("CREATE TABLE t (x int DEFAULT (1 + 1), at datetime DEFAULT now()); INSERT INTO t () VALUES ()");
    mysql_session(world.dsn)->ability<Backup>()->write(file, observer);
    const std::string fresh = world.server.create_database();
    restore(world, file, fresh);
    CHECK(mysql_rows(world.server.login(fresh), "SELECT * FROM t") == world.rows("SELECT * FROM t"));
    for (const char* column : {"g int AS (x + 1)", "i int DEFAULT 1 INVISIBLE"}) {
      world.sql("ALTER TABLE t ADD COLUMN " + std::string(column));
      try {
        mysql_session(world.dsn)->ability<Backup>()->write(file, observer);
        FAIL("it worked");
      } catch (const Error& error) {
        CHECK(error.code == ErrorCode::unsupported);
        CHECK(error.what() == Part{"t." + std::string(1, column[0])});
      }
      world.sql("ALTER TABLE t DROP COLUMN " + std::string(1, column[0]));
    }
    world.server.drop_database(fresh);
  });
}

TEST_CASE("cancel() ends a backup, and the dump program with it") {
  on_each_flavour([](MysqlWorld& world) {
    const auto directory = world.directory / "tools";
    std::filesystem::create_directory(directory);
    const auto tool = directory / (world.is_mariadb() ? "mariadb-dump" : "mysqldump");
    const auto started = world.directory / "started";
    write_bytes(
        tool,
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'x Ver 1 Distrib 2-MariaDB, for y'; exit; fi\necho $$ >" +
            started.string() + ".new\nmv " + started.string() + ".new " + started.string() +
            "\nexec tail -f /dev/null\n");
    std::filesystem::permissions(tool, std::filesystem::perms::owner_all);
    const Path path(directory.string() + ":/usr/bin:/bin");
    const auto session = mysql_session(world.dsn);
    const std::string file = make_file(world);
    std::thread canceller([&] {
      eventually([&] { return std::filesystem::exists(started); });
      session->cancel();
    });
    Listener observer;
    ErrorCode code = ErrorCode::internal;
    try {
      session->ability<Backup>()->write(file, observer);
    } catch (const Error& error) {
      code = error.code;
    }
    canceller.join();
    CHECK(code == ErrorCode::cancelled);
    CHECK(::kill(static_cast<pid_t>(std::stol(text_of_file(started))), 0) != 0);
  });
}

}  // namespace talos::test
