// Files of rows and files of schema changes: what is one transaction, what goes statement by statement, what is left.
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_proxy.hpp"
#include "mysql_world.hpp"

namespace talos::test {

TEST_CASE("a file that touches rows only is one transaction with its bookkeeping") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int PRIMARY KEY)");
    world.migration(1, "rows",
                    "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2), (1);\nINSERT INTO t VALUES (3);\n");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"000001_rows.up.sql:2"});
    CHECK(up.err == Part{"1062"});
    CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
    CHECK(world.tracker() == "none");
  });
}

TEST_CASE("a file of comments runs nothing and counts; so do DELIMITER lines, and a comment may end a file") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "nothing", "-- nothing\n# here\n/* either */\n");
    world.migration(2, "delimiter",
                    "DELIMITER //\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1; SELECT ';';\nEND//\nDELIMITER ;\n"
                    "CREATE TABLE t (x int) -- and no more");
    world.migration(3, "version comments",
                    "/*!40101 SET NAMES utf8mb4 */;\n/*!99999 NOT FOR US */;\nINSERT INTO t VALUES (1);\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(world.tracker() == "3,0");
    CHECK(world.value("SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()") == "1");
  });
}

TEST_CASE("a schema change that fails first leaves the database clean; one after others leaves it dirty, and says so") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "first", "CREATE TABL a (x int);\nCREATE TABLE b (x int);\n");
    CHECK(world.migrate({"up"}).status == 1);
    CHECK(world.tracker() == "none");
    world.migration(1, "first", "CREATE TABLE a (x int);\nCREATE TABLE b (\n  x int,\n  y int int\n);\n");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"000001_first.up.sql:4"});
    CHECK(world.tracker() == "1,1");
    const auto status = world.migrate({"status"});
    CHECK(status.out == Part{"done     statement 1 of 2"});
    CHECK(status.out == Part{"failed   statement 2 of 2"});
    CHECK(world.migrate({"up"}).status == 3);
  });
}

TEST_CASE("a DROP of several tables that fails half-way is partial on MariaDB, and named; nothing on MySQL") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE there (x int)");
    world.migration(1, "drop", "DROP TABLE there, missing;\n");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"1051"});
    if (world.is_mariadb()) CHECK(up.err == Part{"`there` is gone"});
    CHECK(world.tracker() == (world.is_mariadb() ? "1,1" : "none"));
    CHECK(world.has_table("there") != world.is_mariadb());
  });
}

TEST_CASE("M2: what a table without transactions took is told when the rest is rolled back") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE old (x int) ENGINE = MyISAM");
    world.migration(1, "rows", "INSERT INTO old VALUES (1);\nINSERT INTO missing VALUES (1);\n");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"engines without transactions"});
  });
}

TEST_CASE("warnings are shown with their place, at most five a statement; notes are not") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x tinyint)");
    world.migration(1, "rows", "INSERT INTO t VALUES (1);\nINSERT IGNORE INTO t VALUES (1000);\n");
    world.migration(2, "more",
                    "DROP TABLE IF EXISTS missing;\nSET sql_mode = '';\n"
                    "INSERT INTO t VALUES (900), (901), (902), (903), (904), (905), (906);\n");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 0);
    CHECK(up.err == Part{"000001_rows.up.sql:2: Out of range value"});
    CHECK(up.err == Part{"row 5"});
    CHECK(up.err != Part{"row 6"});
    CHECK(up.err == Part{"and 2 more"});
    CHECK(up.err != Part{"missing"});
  });
}

TEST_CASE("G6: what a file sets reaches neither our rows nor the next file, whatever it is") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int PRIMARY KEY)");
    const std::string other = world.server.create_database();
    world.migration(
        1, "odd",
        "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT';\nSET NAMES latin1;\n"
        "SET autocommit = 0;\nSET sql_safe_updates = 1, sql_select_limit = 0, completion_type = 'RELEASE';\n"
        "SET timestamp = 1000;\nCREATE TEMPORARY TABLE tmp (x int);\nINSERT INTO t VALUES (1);\n"
        "CREATE TABLE \"quoted\" (x int);\nSET foreign_key_checks = 0, unique_checks = 0, @a = 1;\n"
        "SET time_zone = '+05:00';\nUSE " +
            other +
            ";\nCREATE TABLE elsewhere (x int);\n"
            "SET SESSION TRANSACTION READ ONLY;\n");
    world.migration(2, "probe",
                    "CREATE TABLE found (m text, a int, c text, s int, f int, z text, d text, v int);\n"
                    "INSERT INTO found SELECT @@sql_mode, @@autocommit, @@character_set_client, @@sql_safe_updates,"
                    " @@foreign_key_checks, @@time_zone, DATABASE(), @a;\n"
                    "CREATE TABLE tmp (x int);\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    CHECK(world.tracker() == "2,0");
    CHECK(world
              .rows("SELECT m = @@global.sql_mode, a, c, s, f, z = @@global.time_zone, d = DATABASE(), v IS NULL FROM"
                    " found")
              .at(0) == "1|1|utf8mb4|0|1|1|1|1");
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_log WHERE started_at > '2020-01-01'") == "2");
    CHECK(world.value("SELECT COUNT(*) FROM t") == "1");
    world.server.drop_database(other);
  });
}

TEST_CASE("a file of some megabytes travels in pieces and is still one transaction") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int PRIMARY KEY, y text)");
    std::string body;
    for (int i = 0; i < 3000; ++i)
      body += "INSERT INTO t VALUES (" + std::to_string(i) + ", '" + std::string(1000, 'y') + "');\n";
    world.migration(1, "many", body + "INSERT INTO t VALUES (0, '');\n");
    const auto failed = world.migrate({"up"});
    CHECK(failed.status == 1);
    CHECK(failed.err == Part{"000001_many.up.sql:3001"});
    CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
    world.migration(1, "many", body);
    CHECK(world.migrate({"up"}).status == 0);
    CHECK(world.value("SELECT COUNT(*) FROM t") == "3000");
  });
}

TEST_CASE("a statement larger than max_allowed_packet is refused before anything is sent") {
  for (const auto& installation : all_mysql_or_skip()) {
    MysqlServer server(installation, {"max_allowed_packet=1M", unsynced_mysql.front()});
    MysqlWorld world(server);
    world.migration(1, "large",
                    "CREATE TABLE t (x longtext);\nINSERT INTO t VALUES ('" + std::string(2'000'000, 'x') + "');\n");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"max_allowed_packet"});
    CHECK(up.err == Part{"000001_large.up.sql:2"});
    CHECK(!world.has_table("t"));
    CHECK(world.migrate({"status"}).out == Part{"Not initialized"});
  }
}

TEST_CASE("a migration takes few round trips: rows two, of which one renews the session; a schema change one") {
  on_each_flavour([](MysqlWorld& world) {
    MysqlProxy proxy(world.server.port());
    world.dsn = world.server.login(world.database, proxy.port()).dsn();
    world.tables(1);
    REQUIRE(world.migrate({"up"}).status == 0);
    const auto queries = [&](int version, const std::string& body) {
      world.migration(version, "v", body);
      const auto before = proxy.counts();
      REQUIRE(world.migrate({"up"}).status == 0);
      return proxy.counts().turns - before.turns;
    };
    const auto one = queries(2, "INSERT INTO t1 VALUES (1);\n");
    world.migration(3, "v", "INSERT INTO t1 VALUES (2);\n");
    const auto two = queries(4, "INSERT INTO t1 VALUES (3);\n");
    CHECK(two - one == 2);
    const auto ddl = queries(5, "ALTER TABLE t1 ADD COLUMN a int;\n");
    world.migration(6, "v", "ALTER TABLE t1 ADD COLUMN b int;\n");
    const auto two_ddl = queries(7, "ALTER TABLE t1 ADD COLUMN c int;\n");
    CHECK(two_ddl - ddl == 1);
    MESSAGE("messages of a run: rows " << one << ", schema change " << ddl);
  });
}

}  // namespace talos::test
