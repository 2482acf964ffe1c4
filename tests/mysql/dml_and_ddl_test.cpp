// What files may hold: rows and schema changes, bodies and delimiters, transactions of their own, settings, any bytes.
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_world.hpp"

namespace talos::test {

namespace {

// The world's only file, and what `up` says of it.
ProcessResult up_of(MysqlWorld& world, std::string_view bytes) {
  write_bytes(world.migrations / "000001_file.up.sql", bytes);
  write_bytes(world.migrations / "000001_file.down.sql", "SELECT 1;\n");
  return world.migrate({"up"});
}

// Every definition of the database, and every row of `seen`.
std::vector<std::string> everything(const MysqlWorld& world) {
  auto lines = world.rows(
      "SELECT CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, COLLATION_NAME, IS_NULLABLE) FROM"
      " information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION");
  for (const std::string& row : world.rows("SELECT * FROM seen ORDER BY version")) lines.push_back(row);
  return lines;
}

// Files that leave something behind, each followed by one that writes down what its session is like.
struct Leaving {
  explicit Leaving(MysqlWorld& its_world, std::string other) : world(its_world) {
    world.sql(
        "CREATE TABLE seen (version int PRIMARY KEY, mode text, names text, flags text, zone text, place int,"
        " variable text, level text)");
    const std::string files[] = {
        "SET SESSION sql_mode = 'ANSI_QUOTES';\nCREATE TABLE \"a\" (x int);\n",
        "SET SESSION sql_mode = '';\nINSERT INTO seen (version) VALUES ('-1 apple');\n",
        "SET foreign_key_checks = 0, unique_checks = 0, sql_safe_updates = 1;\n"
        "CREATE TABLE child (x int, FOREIGN KEY (x) REFERENCES no_such_table (x));\n",
        "USE `" + other + "`;\nCREATE TABLE IF NOT EXISTS made_elsewhere (x int);\n",
        "SET NAMES latin1;\nCREATE TABLE l (x varchar(3) DEFAULT 'a');\n",
        "SET autocommit = 0;\nINSERT INTO seen (version) VALUES (-2);\n",
        "SET autocommit = 0;\nCREATE TABLE c (x int);\nINSERT INTO c VALUES (1);\n",
        "SET time_zone = '+05:00', @kept = 'x', SESSION lock_wait_timeout = 7;\n",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;\nINSERT INTO seen (version) VALUES (-3);\n",
        "SET default_storage_engine = MyISAM;\nCREATE TABLE my (x int);\n",
        "CREATE TEMPORARY TABLE seen (x int);\nINSERT INTO seen VALUES (1);\n",
        "CREATE TABLE locked (x int);\nLOCK TABLES locked WRITE;\nINSERT INTO locked VALUES (1);\n",
        "CREATE PROCEDURE changes() SET SESSION sql_mode = 'ANSI', @kept = 'y', foreign_key_checks = 0;\n"
        "CALL changes();\n",
        "DO GET_LOCK('of_a_file', 0);\n",
    };
    long version = 1;
    for (const std::string& file : files) {
      world.migration(version, "leaves", file);
      world.migration(version + 1, "sees",
                      "INSERT INTO seen SELECT " + std::to_string(version) +
                          ", @@sql_mode = @@global.sql_mode, CONCAT_WS(' ', @@character_set_client,"
                          " @@character_set_results, @@character_set_connection), CONCAT_WS(' ', @@autocommit = 1,"
                          " @@foreign_key_checks = 1, @@unique_checks = 1, @@sql_safe_updates = 1,"
                          " @@default_storage_engine),"
                          " @@time_zone = @@global.time_zone, DATABASE() = '" +
                          world.database + "', @kept, IS_FREE_LOCK('of_a_file');\n");
      version += 2;
    }
    count = version - 1;
  }
  MysqlWorld& world;
  long count = 0;
};

}  // namespace

TEST_CASE("G6: one run of N migrations and N runs of one give the same schema, whatever files set and leave") {
  for (const auto& server : shared_mysql_servers()) {
    CAPTURE(name_of(server->flavour()));
    MysqlWorld together_world(*server);
    MysqlWorld apart_world(*server);
    const std::string other = server->create_database();
    Leaving together(together_world, other);
    Leaving apart(apart_world, other);
    const auto all = together_world.migrate({"up"});
    INFO(all.err);
    CHECK(all.status == 0);
    for (long i = 0; i < apart.count; ++i) {
      const auto one = apart_world.migrate({"up", "--steps", "1"});
      CAPTURE(one.err);
      CHECK(one.status == 0);
    }
    CHECK(together_world.tracker() == std::to_string(together.count) + ",0");
    CHECK(everything(together_world) == everything(apart_world));
    const auto seen = together_world.rows(
        "SELECT mode, names, flags, zone, place, variable, level FROM seen WHERE"
        " version > 0 ORDER BY version");
    CHECK(seen.size() == static_cast<std::size_t>(together.count) / 2);
    for (const std::string& row : seen) CHECK(row == "1|utf8mb4 utf8mb4 utf8mb4|1 1 1 0 InnoDB|1|1|NULL|1");
    // What a file wrote with autocommit off is committed with it.
    CHECK(together_world.value("SELECT COUNT(*) FROM seen WHERE version < 0") == "3");
    CHECK(together_world.value("SELECT COUNT(*) FROM c") == "1");
    server->drop_database(other);
  }
}

TEST_CASE("G7: an outer BEGIN and COMMIT around rows is dropped; rows and tracker are one transaction all the same") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int PRIMARY KEY)");
    for (const char* begin : {"BEGIN", "START TRANSACTION"}) {
      CAPTURE(begin);
      const std::string head = std::string(begin) + ";\nINSERT INTO t VALUES (1);\n";
      CHECK(up_of(world, head + "INSERT INTO t VALUES (1);\nCOMMIT;\n").status == 1);
      CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
      CHECK(up_of(world, head + "SAVEPOINT s;\nINSERT INTO t VALUES (2);\nROLLBACK TO s;\nCOMMIT;\n").status == 0);
      CHECK(world.rows("SELECT x FROM t") == std::vector<std::string>{"1"});
      CHECK(world.migrate({"force", "-1"}).status == 0);
      world.sql("DELETE FROM t");
    }
  });
}

TEST_CASE("G7: any other transaction control is refused before anything runs: exit 2, file and line") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int)");
    for (const char* body :
         {"INSERT INTO t VALUES (1);\nCOMMIT;\n", "INSERT INTO t VALUES (1);\nROLLBACK;\n",
          "START TRANSACTION READ ONLY;\nINSERT INTO t VALUES (1);\nCOMMIT;\n",
          "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT AND CHAIN;\n", "BEGIN;\nINSERT INTO t VALUES (1);\n",
          "CREATE TABLE z (x int);\nCOMMIT;\n", "BEGIN;\nCREATE TABLE z (x int);\nCOMMIT;\n"}) {
      CAPTURE(body);
      const auto refused = up_of(world, body);
      CHECK(refused.status == 2);
      CHECK(refused.err == Part{"000001_file.up.sql:"});
    }
    CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
    CHECK(!world.has_table("z"));
    CHECK(!world.has_table("schema_migrations"));
  });
}

TEST_CASE("a group of rows in a no-transaction file is one unit, undone whole when it fails") {
  on_each_flavour([](MysqlWorld& world) {
    const std::string head =
        "-- talos:no-transaction\nCREATE TABLE a (x int PRIMARY KEY);\nINSERT INTO a VALUES (1);\n"
        "BEGIN;\nINSERT INTO a VALUES (2);\n";
    const auto failed = up_of(world, head + "INSERT INTO a VALUES (1);\nCOMMIT;\nINSERT INTO a VALUES (4);\n");
    CHECK(failed.status == 1);
    CHECK(failed.err == Part{"000001_file.up.sql:6"});
    CHECK(world.rows("SELECT x FROM a ORDER BY x") == std::vector<std::string>{"1"});
    CHECK(world.rows("SELECT statement, state FROM schema_migrations_journal ORDER BY statement") ==
          std::vector<std::string>{"1|done", "2|done", "3|failed"});
    write_bytes(world.migrations / "000001_file.up.sql",
                head + "INSERT INTO a VALUES (3);\nCOMMIT;\nINSERT INTO a VALUES (4);\n");
    CHECK(world.migrate({"resume"}).status == 0);
    CHECK(world.rows("SELECT x FROM a ORDER BY x") == std::vector<std::string>{"1", "2", "3", "4"});
  });
}

TEST_CASE("a commit that no reader of the text can see is the file's own doing; the tracker says so all the same") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t (x int); CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (1); COMMIT; END");
    const auto up = up_of(world, "CALL p();\nINSERT INTO missing VALUES (1);\n");
    CHECK(up.status == 1);
    CHECK(world.tracker() == "1,1");
    CHECK(world.migrate({"status"}).out == Part{"done     statement 1 of 2 (line 1): CALL p()"});
  });
}

TEST_CASE("G10: empty files, comments only, a BOM, semicolons alone and CRLF are legal, and count") {
  on_each_flavour([](MysqlWorld& world) {
    const std::string_view bodies[] = {"",
                                       "-- nothing\n/* at all */\n",
                                       ";",
                                       ";;\n ; -- x\n;",
                                       "\xEF\xBB\xBF",
                                       "\xEF\xBB\xBF"
                                       "CREATE TABLE b (x int);\r\nCREATE TABLE c (x int);\r\n",
                                       "SELECT 1; -- a comment at the end",
                                       "INSERT INTO b VALUES (1);;\n;\n",
                                       "# only this\n",
                                       "/*!99999 CREATE TABLE never (x int) */;\n"};
    long version = 0;
    for (const std::string_view body : bodies) world.migration(++version, "file", body);
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(world.tracker() == std::to_string(version) + ",0");
    CHECK(world.has_table("c"));
    CHECK(!world.has_table("never"));
    CHECK(world.value("SELECT COUNT(*) FROM b") == "1");
    CHECK(world.migrate({"down", "--all", "--yes"}).status == 0);
  });
}

TEST_CASE("G10: NUL, what is never closed, and commands of the mysql client are refused: exit 2, file and line") {
  on_each_flavour([](MysqlWorld& world) {
    const std::string before = "CREATE TABLE t (x int);\n";
    for (const std::string& body : {std::string("SELECT 'a\0b';\n", 14), std::string("SELECT 'a;\n"),
                                    std::string("SELECT \"a;\n"), std::string("SELECT `a;\n"), std::string("/* a;\n"),
                                    std::string("SOURCE other.sql;\n"), std::string("\\. other.sql\n")}) {
      CAPTURE(body);
      const auto refused = up_of(world, before + body);
      CHECK(refused.status == 2);
      CHECK(refused.err == Part{"000001_file.up.sql:2"});
    }
    CHECK(!world.has_table("t"));
  });
}

TEST_CASE("bodies: procedures, functions, triggers and events, with a DELIMITER of any kind and with none") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "table", "CREATE TABLE t (x int, note varchar(99));\n");
    world.migration(2, "without",
                    "CREATE TRIGGER before_t BEFORE INSERT ON t FOR EACH ROW BEGIN\n"
                    "  IF NEW.x < 0 THEN SET NEW.x = 0; ELSE SET NEW.note = CASE WHEN NEW.x > 9 THEN 'much; much'"
                    " ELSE 'few' END; END IF;\nEND;\n"
                    "CREATE PROCEDURE fill(n int) BEGIN\n  DECLARE i int DEFAULT 0;\n"
                    "  again: WHILE i < n DO INSERT INTO t (x) VALUES (i); SET i = i + 1; END WHILE again;\nEND;\n"
                    "CALL fill(11);\n",
                    "DROP PROCEDURE fill;\nDROP TRIGGER before_t;\nDELETE FROM t;\n");
    world.migration(
        3, "with",
        "DELIMITER $$\nCREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC\nBEGIN\n  -- ; here; $ there\n"
        "  RETURN 2 * n;\nEND$$\nDELIMITER ;\nINSERT INTO t (x) VALUES (twice(21));\n"
        "delimiter //\nCREATE EVENT later ON SCHEDULE EVERY 1 DAY DISABLE DO BEGIN DELETE FROM t; END //\n"
        "DELIMITER ;\n",
        "DROP EVENT later;\nDROP FUNCTION twice;\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    CHECK(world.value("SELECT COUNT(*) FROM t WHERE note = 'few'") == "10");
    CHECK(world.value("SELECT COUNT(*) FROM t WHERE note = 'much; much'") == "2");
    CHECK(world.value("SELECT COUNT(*) FROM t WHERE x = 42") == "1");
    CHECK(world.value("SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()") == "1");
    CHECK(world.migrate({"down", "--steps", "2"}).status == 0);
    CHECK(world.value("SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()") == "0");
  });
}

TEST_CASE("an error in a body and after one has its line in the file") {
  on_each_flavour([](MysqlWorld& world) {
    const auto in_body =
        up_of(world, "CREATE TABLE t (x int);\n\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1;\n  SELEC 2;\nEND;\n");
    CHECK(in_body.err == Part{"000001_file.up.sql:6:"});
    CHECK(in_body.err == Part{"1064"});
    CHECK(world.migrate({"force", "-1"}).status == 0);
    world.sql("DROP TABLE t");
    const auto after = up_of(world,
                             "DELIMITER //\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1; SELECT 2;\nEND//\nDELIMITER ;\n"
                             "-- \xC3\xA4\xE2\x82\xAC\nCALL p();\nCALL p();\nINSERT INTO missing\n  VALUES (1);\n");
    CHECK(after.err == Part{"000001_file.up.sql:10"});
    CHECK(after.err == Part{"1146"});
    CHECK(world.tracker() == "1,1");
  });
}

TEST_CASE("rows that a SELECT or a CALL gives go nowhere and disturb nothing, also several sets of many") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "rows",
                    "CREATE PROCEDURE much() BEGIN SELECT REPEAT('x', 100000); SELECT 1, 2; SELECT NULL WHERE 1 = 0;"
                    " SELECT * FROM information_schema.COLUMNS; END;\nCALL much();\nCALL much();\n"
                    "CREATE TABLE t (x int);\n");
    world.migration(2, "select",
                    "SELECT * FROM information_schema.COLUMNS;\nINSERT INTO t VALUES (1);\nSELECT 1;\nSELECT 2;\n"
                    "INSERT INTO t SELECT 2;\nDO SLEEP(0);\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(up.out.size() + up.err.size() < 1000);
    CHECK(world.value("SELECT COUNT(*) FROM t") == "2");
  });
}

TEST_CASE("a SIGNAL of the file's own is an ordinary failure, whatever number it takes") {
  on_each_flavour([](MysqlWorld& world) {
    for (const char* number : {"1242", "1205", "1213", "3024", "1644"}) {
      CAPTURE(number);
      world.sql("DROP TRIGGER IF EXISTS refuse; DROP TABLE IF EXISTS t; CREATE TABLE t (x int)");
      world.sql(std::string("CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW SIGNAL SQLSTATE '45000' SET"
                            " MYSQL_ERRNO = ") +
                number + ", MESSAGE_TEXT = 'not this row'");
      write_bytes(world.migrations / "000001_file.up.sql", "SELECT 1;\nINSERT INTO t VALUES (1);\n");
      write_bytes(world.migrations / "000001_file.down.sql", "SELECT 1;\n");
      const auto up = world.migrate({"up", "--ddl-lock-retries", "0"});
      CHECK(up.status == 1);
      CHECK(up.err == Part{"not this row"});
      CHECK(up.err == Part{"000001_file.up.sql:2"});
      CHECK(world.tracker() == "none");
    }
  });
}

TEST_CASE(
    "M2: the whole file of rows is named where a table without transactions has taken some, and waits for a word") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE old (x int) ENGINE = MyISAM; CREATE TABLE t (x int)");
    const std::string broken =
        "INSERT INTO old VALUES (1);\nINSERT INTO t VALUES (1);\nINSERT INTO missing VALUES (1);\n";
    const auto up = up_of(world, broken);
    CHECK(up.status == 1);
    CHECK(up.err == Part{"000001_file.up.sql:3"});
    CHECK(world.tracker() == "1,1");
    CHECK(world.value("SELECT COUNT(*) FROM old") == "1");
    CHECK(world.value("SELECT COUNT(*) FROM t") == "0");
    const auto status = world.migrate({"status"});
    CHECK(status.out == Part{"unknown  statement 1 of 1 (line 1): INSERT INTO old VALUES (1)"});
    CHECK(status.out == Part{"resume --assume not-applied"});
    world.sql("CREATE TABLE missing (x int)");
    CHECK(world.migrate({"resume"}).status == 3);
    CHECK(world.tracker() == "1,1");
    // The operator takes back what stayed, and has it run again.
    world.sql("DELETE FROM old");
    CHECK(world.migrate({"resume", "--assume", "not-applied"}).status == 0);
    CHECK(world.tracker() == "1,0");
    for (const char* table : {"old", "t", "missing"})
      CHECK(world.value("SELECT COUNT(*) FROM " + std::string(table)) == "1");
  });
}

TEST_CASE("G18: a password in a statement is neither kept in the journal nor shown by status") {
  on_each_flavour([](MysqlWorld& world) {
    const std::string user = "made_" + world.database;
    CHECK(up_of(world,
                "CREATE USER " + user + " IDENTIFIED BY 'hid''den';\nALTER USER missing IDENTIFIED BY \"hidden\";\n")
              .status == 1);
    for (const std::string& text : world.rows("SELECT text FROM schema_migrations_journal")) CHECK(text != Part{"hid"});
    for (const char* format : {"text", "json"}) {
      const auto status = world.migrate({"status", "--format", format});
      CHECK(status.out == Part{"CREATE USER"});
      CHECK(status.out != Part{"hid"});
    }
    world.sql("DROP USER " + user);
  });
}

TEST_CASE("a file that writes to the tracker does not get its way: its rows go back") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    REQUIRE(world.migrate({"up"}).status == 0);
    for (const char* statement : {"UPDATE schema_migrations SET version = 77", "DELETE FROM schema_migrations",
                                  "INSERT INTO schema_migrations VALUES (9, 0)"}) {
      CAPTURE(statement);
      world.migration(2, "tampers", "INSERT INTO t1 VALUES (1);\n" + std::string(statement) + ";\n");
      const auto up = world.migrate({"up"});
      CHECK(up.status == 1);
      CHECK(up.err == Part{"changed the tracker schema_migrations"});
      CHECK(world.tracker() == "1,0");
      CHECK(world.value("SELECT COUNT(*) FROM t1") == "0");
    }
    world.migration(2, "tampers", "CREATE TABLE z (x int);\nUPDATE schema_migrations SET version = 77, dirty = 0;\n");
    const auto up = world.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"000002_tampers.up.sql (statement 2 of 2)"});
    CHECK(world.tracker() == "2,1");
  });
}

TEST_CASE("a file in another sql_mode, set by the DSN, is read as the server reads it") {
  on_each_flavour([](MysqlWorld& world) {
    world.dsn += "?sql_mode=%27ANSI_QUOTES,NO_BACKSLASH_ESCAPES%27";
    const auto up = up_of(world,
                          "CREATE TABLE \"a;b\" (x text);\nINSERT INTO \"a;b\" VALUES ('\\');\n"
                          "INSERT INTO \"a;b\" VALUES (';');\n");
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(world.rows("SELECT x FROM `a;b`") == std::vector<std::string>{"\\", ";"});
  });
}

}  // namespace talos::test
