// `migrate verify --scratch DSN` on real servers: what it finds, what it finds nothing in, and what it leaves behind.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_plugin.hpp"
#include "mysql_world.hpp"
#include "talos/scratch.hpp"

namespace talos::test {

namespace {

// The programs of the server's own kind first, as on a machine of its users.
std::string path_of(const MysqlWorld& world) {
  const std::string path = "/usr/local/bin:/usr/bin:/bin";
  return world.is_mariadb() ? path : (world.server.installation().directory / "bin").string() + ":" + path;
}

ProcessResult verify(const MysqlWorld& world, std::vector<std::string> words = {}, bool embedded = false) {
  words.insert(words.begin(), {TALOS_TEST_COMMERCIAL, "migrate", "verify", "--scratch", world.dsn});
  if (!embedded) words.insert(words.end(), {"--migrations", world.migrations.string()});
  ProcessOptions options;
  options.argv = std::move(words);
  options.directory = world.directory.path();
  options.environment["PATH"] = path_of(world);
  return run(options);
}

std::vector<std::string> scratch_databases(const MysqlWorld& world) {
  return world.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'talos%scratch%'");
}

void check_nothing_is_left(const MysqlWorld& world) {
  CHECK(scratch_databases(world).empty());
  CHECK(world.rows("SHOW TABLES").empty());
}

const std::string users =
    "CREATE TABLE users (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL, age int,"
    " email varchar(100) DEFAULT 'none', state enum('on','off'), tenant int) DEFAULT CHARSET=utf8mb4;\n";

}  // namespace

TEST_CASE("the Talos set is proved without an error or a warning, and no database is left") {
  on_each_flavour([](MysqlWorld& world) {
    const auto result = verify(world, {}, true);
    INFO(result.err);
    INFO(result.out);
    CHECK(result.status == 0);
    CHECK(result.out == Part{"Verified 24 migrations on"});
    CHECK(result.out == Part{": 0 errors, 0 warnings, "});
    check_nothing_is_left(world);
  });
}

TEST_CASE("the fingerprints embedded with the Talos set are those of the schema that it makes") {
  on_each_flavour([](MysqlWorld& world) {
    const auto embedded = [&](std::vector<std::string> words) {
      words.insert(words.begin(), {TALOS_TEST_COMMERCIAL, "migrate"});
      words.insert(words.end(), {"--database", world.dsn});
      ProcessOptions options;
      options.argv = std::move(words);
      return run(options);
    };
    for (const char* version : {"2", "17", "24"}) {
      REQUIRE(embedded({"up", "--to", version}).status == 0);
      const auto diagnosis = embedded({"diagnose"});
      INFO(diagnosis.out);
      INFO(diagnosis.err);
      CHECK(diagnosis.status == 0);
      const std::string said = "Schema: version " + std::string(version) + " (by fingerprints)";
      CHECK(diagnosis.out == Part{said});
    }
  });
}

TEST_CASE("a down that leaves, loses or changes something is found, by what differs") {
  struct Broken {
    std::string up;
    const char* down;
    const char* said;
  };
  const std::vector<Broken> all{
      {"ALTER TABLE users ADD COLUMN x int", "SELECT 1", "+ column users.x"},
      {"ALTER TABLE users ADD INDEX i (age)", "SELECT 1", "+ index i on users"},
      {"CREATE TABLE other (x int)", "SELECT 1", "+ table other"},
      {"CREATE VIEW v AS SELECT id FROM users", "SELECT 1", "+ view v"},
      {"CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW SET NEW.age = 1", "SELECT 1", "+ trigger tr on users"},
      {"CREATE PROCEDURE p() SELECT 1", "SELECT 1", "+ procedure p"},
      {"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "SELECT 1", "+ event e"},
      {"ALTER TABLE users MODIFY name varchar(200) NOT NULL", "ALTER TABLE users MODIFY name varchar(100)",
       "~ column users.name: varchar(100); before: varchar(100) not null"},
      {"ALTER TABLE users MODIFY age bigint", "ALTER TABLE users MODIFY age int DEFAULT 0", "~ column users.age"},
      {"ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0)", "SELECT 1", "+ check c on users"},
  };
  on_each_flavour([&](MysqlWorld& world) {
    for (const Broken& broken : all) {
      CAPTURE(broken.up);
      std::filesystem::remove_all(world.migrations);
      std::filesystem::create_directory(world.migrations);
      world.migration(1, "users", users, "DROP TABLE users;\n");
      world.migration(2, "broken", "-- talos:breaking meant\n" + broken.up + ";\n", std::string(broken.down) + ";\n");
      const auto result = verify(world);
      INFO(result.out);
      INFO(result.err);
      CHECK(result.status == 1);
      CHECK(result.out == Part{"error[down-leaves]"});
      CHECK(result.out == Part{"000002_broken.down.sql"});
      CHECK(result.out == Part{broken.said});
    }
    check_nothing_is_left(world);
  });
}

TEST_CASE("each kind of change that breaks the release before is found, and others are not") {
  struct Change {
    std::string up;
    const char* rule;  ///< empty: it is fine
  };
  const std::vector<Change> all{
      {"DROP TABLE users", "dropped-table"},
      {"ALTER TABLE users RENAME TO people", "dropped-table"},
      {"ALTER TABLE users DROP COLUMN age", "dropped-column"},
      {"ALTER TABLE users RENAME COLUMN age TO years", "dropped-column"},
      {"ALTER TABLE users MODIFY name varchar(50) NOT NULL", "narrowed-type"},
      {"ALTER TABLE users MODIFY id int NOT NULL AUTO_INCREMENT", "narrowed-type"},
      {"ALTER TABLE users MODIFY state enum('on')", "narrowed-type"},
      {"ALTER TABLE users MODIFY age varchar(20)", "changed-type"},
      {"ALTER TABLE users MODIFY age int NOT NULL", "not-null-added"},
      {"ALTER TABLE users ADD COLUMN x int NOT NULL", "not-null-without-default"},
      {"ALTER TABLE users ADD UNIQUE INDEX u (name)", "added-unique"},
      {"ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0)", "added-check"},
      {"ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (tenant) REFERENCES tenants (id)", "added-foreign-key"},
      {"ALTER TABLE users ALTER COLUMN email SET DEFAULT 'some'", "changed-default"},
      {"ALTER TABLE users MODIFY name varchar(100) COLLATE utf8mb4_bin NOT NULL", "changed-column"},
      {"DROP VIEW names", "dropped-view"},
      {"DROP PROCEDURE p", "dropped-object"},
      {"ALTER TABLE users ADD COLUMN x int", ""},
      {"ALTER TABLE users ADD COLUMN x int NOT NULL DEFAULT 0", ""},
      {"ALTER TABLE users MODIFY name varchar(200) NOT NULL", ""},
      {"ALTER TABLE users MODIFY state enum('on','off','gone')", ""},
      {"ALTER TABLE users ADD INDEX i (age), ALGORITHM=INPLACE, LOCK=NONE", ""},
      {"ALTER TABLE users MODIFY age int COMMENT 'years'", ""},
      {"CREATE TABLE other (x int NOT NULL, UNIQUE KEY (x))", ""},
  };
  on_each_flavour([&](MysqlWorld& world) {
    for (const Change& change : all) {
      CAPTURE(change.up);
      std::filesystem::remove_all(world.migrations);
      std::filesystem::create_directory(world.migrations);
      world.migration(1, "users",
                      users +
                          "CREATE TABLE tenants (id int PRIMARY KEY);\nCREATE VIEW names AS SELECT name FROM users;\n"
                          "CREATE PROCEDURE p() SELECT 1;\n",
                      "DROP PROCEDURE p;\nDROP VIEW names;\nDROP TABLE users;\nDROP TABLE tenants;\n");
      world.migration(2, "change", change.up + ";\n");
      std::filesystem::remove(world.migrations / "000002_change.down.sql");
      const auto result = verify(world);
      INFO(result.out);
      INFO(result.err);
      if (std::string_view(change.rule).empty()) {
        CHECK(result.status == 0);
        CHECK(result.out != Part{"breaking"});
      } else {
        CHECK(result.status == 1);
        CHECK(result.out == Part{"error[" + std::string(change.rule) + "]"});
        CHECK(result.out == Part{"000002_change.up.sql:1"});
      }
    }
    check_nothing_is_left(world);
  });
}

TEST_CASE("what the server would copy, and what it would keep writers out for, is found on an empty twin") {
  struct Change {
    std::string up;
    const char* mariadb;  ///< what it says; empty: nothing
    const char* mysql;
  };
  const std::vector<Change> all{
      {"ALTER TABLE users MODIFY age varchar(20)", "ALGORITHM=COPY, LOCK=SHARED", "ALGORITHM=COPY, LOCK=SHARED"},
      {"ALTER TABLE users CONVERT TO CHARACTER SET latin1", "ALGORITHM=COPY, LOCK=SHARED",
       "ALGORITHM=COPY, LOCK=SHARED"},
      {"ALTER TABLE users ADD COLUMN x int, ALGORITHM=COPY", "ALGORITHM=COPY, LOCK=SHARED",
       "ALGORITHM=COPY, LOCK=SHARED"},
      {"ALTER TABLE users ADD INDEX i (age), LOCK=SHARED", "LOCK=SHARED", "ALGORITHM=INPLACE, LOCK=SHARED"},
      {"CREATE INDEX i ON users (age) LOCK=SHARED", "LOCK=SHARED", "ALGORITHM=INPLACE, LOCK=SHARED"},
      {"ALTER TABLE users ADD FULLTEXT INDEX i (name)", "LOCK=SHARED", "LOCK=SHARED"},
      {"ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (tenant) REFERENCES tenants (id)", "ALGORITHM=COPY, LOCK=SHARED",
       "ALGORITHM=COPY, LOCK=SHARED"},
      {"ALTER TABLE users DROP FOREIGN KEY of_tenant; ALTER TABLE users PARTITION BY HASH (id) PARTITIONS 2",
       "ALGORITHM=COPY, LOCK=SHARED", "ALGORITHM=COPY, LOCK=SHARED"},
      {"ALTER TABLE users ADD COLUMN x int", "", ""},
      {"ALTER TABLE users ADD COLUMN x int, ALGORITHM=INSTANT", "", ""},
      {"ALTER TABLE users ADD INDEX i (age)", "", ""},
      {"CREATE INDEX i ON users (age)", "", ""},
      {"DROP INDEX by_email ON users", "", ""},
      {"ALTER TABLE users DROP FOREIGN KEY of_tenant", "", ""},
      {"ALTER TABLE users ADD COLUMN x int; ALTER TABLE users ADD INDEX i (x)", "", ""},
      {"ALTER TABLE users RENAME COLUMN age TO years", "", ""},
      {"CREATE TABLE other (x int); ALTER TABLE other MODIFY x varchar(20)", "", ""},
  };
  on_each_flavour([&](MysqlWorld& world) {
    for (const Change& change : all) {
      CAPTURE(change.up);
      std::filesystem::remove_all(world.migrations);
      std::filesystem::create_directory(world.migrations);
      world.migration(1, "users",
                      "CREATE TABLE tenants (id int PRIMARY KEY);\n" + users +
                          "ALTER TABLE users ADD INDEX by_email (email), ADD CONSTRAINT of_tenant FOREIGN KEY (tenant)"
                          " REFERENCES tenants (id);\n",
                      "DROP TABLE users;\nDROP TABLE tenants;\n");
      world.migration(2, "change", "-- talos:breaking meant\n" + change.up + ";\n");
      std::filesystem::remove(world.migrations / "000002_change.down.sql");
      const auto result = verify(world);
      INFO(result.out);
      INFO(result.err);
      CHECK(result.status == 0);
      const std::string said = world.is_mariadb() ? change.mariadb : change.mysql;
      const bool warned = result.out == Part{"warning[rewrites-table]"} || result.out == Part{"warning[blocks-writes]"};
      CHECK(warned == !said.empty());
      if (!said.empty()) CHECK(result.out == Part{said});
    }
    check_nothing_is_left(world);
  });
}

TEST_CASE("a rebuild that lets others work is a note, and no reason to fail") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "users", users, "DROP TABLE users;\n");
    world.migration(2, "rebuild", "ALTER TABLE users FORCE;\nALTER TABLE users ADD COLUMN x int;\n",
                    "ALTER TABLE users DROP COLUMN x;\n");
    const auto result = verify(world);
    INFO(result.out);
    CHECK(result.out == Part{"note[rewrites-table]: rewrites table users under ALGORITHM=INPLACE, LOCK=NONE"});
    CHECK(result.out == Part{"  = others go on reading and writing it"});
    CHECK(result.out == Part{": 0 errors, "});
  });
}

TEST_CASE("a migration that names a database is refused, and nothing of that database changes") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE mine (x int)");
    const std::string name = "`" + world.database + "`";
    for (const std::string& up :
         {"ALTER TABLE " + name + ".mine ADD COLUMN y int;\n", "DROP TABLE " + name + ".mine;\n",
          "USE " + name + ";\nDROP TABLE mine;\n", "DROP DATABASE " + name + ";\n",
          "CREATE INDEX i ON " + name + ".mine (x);\n", "RENAME TABLE " + name + ".mine TO yours;\n"}) {
      CAPTURE(up);
      world.migration(1, "elsewhere", up);
      const auto result = verify(world);
      INFO(result.out);
      CHECK(result.status == 1);
      CHECK(result.out == Part{"error[refused]: names a database"});
      CHECK(world.rows("SHOW COLUMNS FROM mine").size() == 1);
      CHECK(scratch_databases(world).empty());
    }
  });
}

TEST_CASE("it begins from a copy: schema, tracker and history, with nothing that reaches back") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "users", users + "CREATE VIEW v AS SELECT name FROM users;\n",
                    "DROP VIEW v;\nDROP TABLE users;\n");
    REQUIRE(world.migrate({"up"}).status == 0);
    // It names its database, as nobody should.
    world.sql("CREATE TRIGGER tr BEFORE DELETE ON users FOR EACH ROW DELETE FROM `" + world.database +
              "`.trap; CREATE TABLE trap (x int); INSERT INTO trap VALUES (1); INSERT INTO users (name) VALUES ('n')");
    world.migration(2, "fires",
                    "INSERT INTO users (name) VALUES ('x');\nDELETE FROM users;\nALTER TABLE users ADD COLUMN x int;\n",
                    "ALTER TABLE users DROP COLUMN x;\n");
    MysqlWorld server(world.server);
    const auto result = verify(server, {"--from", world.dsn, "--migrations", world.migrations.string()}, true);
    INFO(result.out);
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK(result.out == Part{"+ column users.x: int"});
    CHECK(result.out != Part{"000001_users"});
    CHECK(world.value("SELECT COUNT(*) FROM trap") == "1");
    CHECK(world.value("SELECT COUNT(*) FROM users") == "1");
    CHECK(scratch_databases(world).empty());
  });
}

TEST_CASE("a copy is its user's own, does nothing by itself, and is told as the original is") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(
        "CREATE USER gone; CREATE TABLE a (x int, j json, g int AS (x + 1)); CREATE DEFINER = gone VIEW v AS SELECT x "
        "FROM a;"
        "CREATE DEFINER = gone PROCEDURE p() DELETE FROM `" +
        world.database +
        "`.a; CREATE DEFINER = gone TRIGGER tr BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 1;"
        "CREATE DEFINER = gone EVENT ev ON SCHEDULE EVERY 1 DAY DO DELETE FROM a; DROP USER gone");
    const char* const before = std::getenv("PATH");
    const std::string path = before == nullptr ? "" : before;
    ::setenv("PATH", path_of(world).c_str(), 1);
    const auto session = mysql_session(world.dsn);
    auto* const scratch = session->ability<Scratch>();
    const std::string dsn = scratch->copy(world.dsn, "");
    ::setenv("PATH", path.c_str(), 1);
    const std::string copy = scratch_databases(world).at(0);
    const std::string in_copy = "_SCHEMA = '" + copy + "'";
    CHECK(world.value("SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE" + in_copy) == "root@%");
    CHECK(world.value("SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER" + in_copy) == "root@%");
    CHECK(world.value("SELECT DEFINER FROM information_schema.EVENTS WHERE EVENT" + in_copy) == "root@%");
    CHECK(world.value("SELECT STATUS FROM information_schema.EVENTS WHERE EVENT" + in_copy) == "DISABLED");
    CHECK(world.value("SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE" + in_copy) ==
          "DELETE FROM a");
    scratch->drop();
    CHECK(scratch_databases(world).empty());
  });
}

TEST_CASE("a copy of a tracker with a name of its own is found by its own DSN's word") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(2);
    world.dsn += "?x-migrations-table=mine";
    REQUIRE(world.migrate({"up", "--steps", "1"}).status == 0);
    MysqlWorld server(world.server);
    const auto result = verify(server, {"--from", world.dsn, "--migrations", world.migrations.string()}, true);
    INFO(result.out);
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK(result.out == Part{"000002_t2"});
    CHECK(result.out != Part{"000001_t1"});
  });
}

TEST_CASE("without the dump program a copy is unsupported, names the package, and leaves nothing") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    ProcessOptions options;
    options.argv = {
        TALOS_TEST_COMMERCIAL,    "migrate", "verify", "--scratch", world.dsn, "--from", world.dsn, "--migrations",
        world.migrations.string()};
    options.environment["PATH"] = world.directory.path().string();
    const auto result = run(options);
    CHECK(result.status != 0);
    CHECK(result.err == Part{world.is_mariadb() ? "mariadb-client" : "default-mysql-client"});
    check_nothing_is_left(world);
  });
}

TEST_CASE("queries of both releases are prepared, with their parameters, and run nothing") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "users", users, "DROP TABLE users;\n");
    world.migration(2, "drop", "-- talos:breaking meant\nALTER TABLE users DROP COLUMN age;\n",
                    "ALTER TABLE users ADD COLUMN age int;\n");
    const auto queries = world.directory / "queries";
    std::filesystem::create_directories(queries / "old");
    std::filesystem::create_directories(queries / "new");
    write_bytes(queries / "old" / "a.sql",
                "SELECT name FROM users WHERE id = ?;\nSELECT age FROM users WHERE id = ?;\n"
                "INSERT INTO users (name) VALUES (?);\n");
    write_bytes(queries / "new" / "b.sql", "SELECT 'it''s', name FROM users WHERE email = ? -- ?\n;\nSELEC 1;\n");
    const auto result = verify(world, {"--queries", queries.string(), "--since", "1"});
    INFO(result.out);
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.out == Part{"error[query-breaks]"});
    CHECK(result.out == Part{"a.sql:2"});
    CHECK(result.out == Part{"error[query-fails]"});
    CHECK(result.out == Part{"b.sql:3"});
    CHECK(result.out != Part{"a.sql:1"});
    CHECK(result.out != Part{"a.sql:3"});
    CHECK(result.out != Part{"b.sql:1"});
    check_nothing_is_left(world);
  });
}

TEST_CASE("a run that is stopped leaves no scratch database") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "slow", "CREATE TABLE t (x int);\nDO SLEEP(600);\n", "DROP TABLE t;\n");
    ProcessOptions options;
    options.argv = {TALOS_TEST_COMMERCIAL,    "migrate", "verify", "--scratch", world.dsn, "--migrations",
                    world.migrations.string()};
    Process process = Process::start(options);
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] { return !connection_running(observer, "SLEEP(600)").empty(); }));
    CHECK(scratch_databases(world).size() == 1);
    process.signal(SIGINT);
    const auto result = process.wait();
    INFO(result.err);
    CHECK(result.status != 0);
    CHECK(scratch_databases(world).empty());
  });
}

TEST_CASE("a user without the right to make databases is told which right that is") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    const std::string name = "small_" + world.database;
    const MysqlLogin user = world.server.create_user(name, world.database);
    const std::string own = std::exchange(world.dsn, user.dsn());
    const auto refused = verify(world);
    CHECK(refused.status == 5);
    CHECK(refused.err == Part{"hint: grant this user all rights on `talos\\_scratch\\_%`.*"});
    CHECK(refused.err != Part{user.password});
    world.sql("GRANT ALL ON `talos\\_scratch\\_%`.* TO " + name);
    CHECK(verify(world).status == 0);
    CHECK(verify(world, {}, true).status == 0);
    // No right on any database of anybody's.
    world.sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM " + name + "; GRANT ALL ON `talos\\_scratch\\_%`.* TO " + name);
    MysqlLogin nowhere = user;
    nowhere.database = "information_schema";
    world.dsn = nowhere.dsn();
    CHECK(verify(world, {}, true).status == 0);
    world.dsn = own;
    check_nothing_is_left(world);
    world.sql("DROP USER " + name);
  });
}

TEST_CASE("a scratch database has the character set of the one that was named") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("ALTER DATABASE `" + world.database + "` CHARACTER SET latin1 COLLATE latin1_bin");
    const auto session = mysql_session(world.dsn);
    auto* const scratch = session->ability<Scratch>();
    REQUIRE(scratch != nullptr);
    const std::string dsn = scratch->create();
    CHECK(scratch_databases(world).size() == 1);
    CHECK(mysql_session(dsn)->info().database.find("/talos_scratch_") != std::string::npos);
    CHECK(world.value("SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE "
                      "'talos%scratch%'") == "latin1_bin");
    scratch->drop();
    CHECK(scratch_databases(world).empty());
    scratch->create();
  });
  // The session's end has removed the second.
  on_each_flavour([](MysqlWorld& world) { CHECK(scratch_databases(world).empty()); });
}

}  // namespace talos::test
