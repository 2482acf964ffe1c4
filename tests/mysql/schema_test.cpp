// The live schema: what the server's spellings hide, and what must not show.
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "mysql_plugin.hpp"
#include "mysql_world.hpp"
#include "schema.hpp"
#include "talos/introspection.hpp"

namespace talos::test {

namespace {

Schema schema_of(const std::string& dsn) {
  const auto session = mysql_session(dsn, Access::read);
  auto* const introspection = session->ability<Introspection>();
  REQUIRE(introspection != nullptr);
  return Schema(introspection->read_schema());
}

// Something of every kind. Each flavour takes it.
const char* const everything =
    "CREATE TABLE nets (id varchar(36) PRIMARY KEY, k int(11)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;"
    "CREATE TABLE a (id bigint(20) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, b boolean NOT NULL DEFAULT true,"
    " s varchar(20) CHARACTER SET utf8mb3 DEFAULT 'it''s', j json, d decimal(10,2) DEFAULT 1.5 COMMENT 'price',"
    " at timestamp(3) NULL DEFAULT now(3) ON UPDATE now(3), g int AS (k + 1) STORED, k int, e enum('x','y'),"
    " nid varchar(36) COLLATE utf8mb4_unicode_ci, de int DEFAULT (1 + 2), tx text,"
    " CONSTRAINT positive CHECK (k > 0), UNIQUE KEY uq (s(5), k DESC), KEY pre (tx(10)), FULLTEXT KEY ft (tx),"
    " CONSTRAINT fkn FOREIGN KEY (nid) REFERENCES nets (id) ON DELETE CASCADE)"
    " DEFAULT CHARSET=utf8mb4 COMMENT='all' ROW_FORMAT=DYNAMIC;"
    "CREATE TABLE p (x int PRIMARY KEY) PARTITION BY RANGE (x)"
    " (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);"
    "CREATE VIEW v AS SELECT id, s FROM a WHERE k > 1;"
    "CREATE TRIGGER tr BEFORE INSERT ON a FOR EACH ROW SET NEW.k = 1;"
    "CREATE PROCEDURE pr(IN i int, OUT o varchar(10)) SET o = (SELECT MAX(s) FROM a WHERE id < i);"
    "CREATE FUNCTION fn(i int) RETURNS int DETERMINISTIC RETURN i + 1;"
    "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO DELETE FROM a WHERE id = 0;";

}  // namespace

TEST_CASE("the schema of a database with something of every kind is told in one spelling") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(everything);
    const auto result = world.migrate({"schema"});
    INFO(result.err);
    CHECK(result.status == 0);
    INFO(result.out);
    for (const char* line : {"  id: bigint unsigned not null supplied by the engine",
                             "  b: tinyint(1) not null default 1",
                             "  s: varchar(20) default 'it''s' collate utf8mb3_general_ci",
                             "  j: json",
                             "  d: decimal(10,2) default 1.50",
                             "  at: timestamp(3) default current_timestamp(3) on update current_timestamp(3)",
                             "  g: int supplied by the engine generated always as (k + 1) stored",
                             "  de: int default 1 + 2",
                             "  e: enum('x','y')",
                             "  nid: varchar(36) collate utf8mb4_unicode_ci",
                             "  check positive: k > 0",
                             "  unique index uq (s, k): (s(5), k desc)",
                             "  index pre (tx): (tx(10))",
                             "  fulltext index ft (tx)",
                             "  foreign key fkn (nid): references nets (id) on delete cascade",
                             "  primary key (id)",
                             "  comment column d: price",
                             "  comment table: all",
                             "  trigger tr: before insert",
                             "    SET NEW.k = 1",
                             "procedure pr: (in i int, out o varchar(10) character set utf8mb4)",
                             "function fn: (i int) returns int deterministic",
                             "event ev: every 1 day",
                             "    DELETE FROM a WHERE id = 0"})
      CHECK(result.out == Line{line});
    CHECK(result.out == Part{"PARTITION BY RANGE (x) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1"});
    CHECK(result.out == Part{"view v: select a.id AS id,a.s AS s from a where "});
    // The index that the foreign key made for itself, the next number, the definer, the database.
    CHECK(result.out != Part{"index fkn"});
    CHECK(result.out != Part{"AUTO_INCREMENT"});
    CHECK(result.out != Part{"root"});
    CHECK(result.out != Part{world.database});
    CHECK(result.out == Part{world.is_mariadb() ? "(mariadb-10." : "(mysql-9)"});
  });
}

TEST_CASE("two databases of different names, rows and owners that the same statements made are equal") {
  for (const auto& server : shared_mysql_servers()) {
    CAPTURE(name_of(server->flavour()));
    MysqlWorld one(*server);
    const std::string other = server->create_database("an odd `name`");
    const MysqlLogin login = server->create_user("owner", other);
    one.sql(everything);
    mysql_run(login, everything);
    mysql_run(login, "INSERT INTO nets VALUES ('n', 1); INSERT INTO a (s, nid) VALUES ('x', 'n'), ('y', 'n')");
    // The program's own tables are none of it.
    one.migration(1, "nothing", "SELECT 1;\n");
    REQUIRE(one.migrate({"up"}).status == 0);
    const Schema schema = schema_of(one.dsn);
    CHECK(text_of(schema) == text_of(schema_of(login.dsn())));
    CHECK(schema.find(SchemaKind::table, {}, "schema_migrations") == nullptr);
    mysql_run(server->login(), "DROP USER owner");
    server->drop_database(other);
  }
}

TEST_CASE("a view that reads another database, too, has its own database's name in no place") {
  for (const auto& server : shared_mysql_servers()) {
    CAPTURE(name_of(server->flavour()));
    MysqlWorld one(*server);
    MysqlWorld two(*server);
    MysqlWorld common(*server);
    common.sql("CREATE TABLE c (x int)");
    for (const MysqlWorld* world : {&one, &two})
      world->sql("CREATE TABLE a (x int); CREATE VIEW v AS SELECT a.x, 'a.x' AS t FROM a JOIN " + common.database +
                 ".c ON c.x = a.x; CREATE VIEW w AS SELECT q.x FROM a AS q");
    CHECK(text_of(schema_of(one.dsn)) == text_of(schema_of(two.dsn)));
  }
}

TEST_CASE("every change shows: one at a time, and back again") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(everything);
    const std::string whole = text_of(schema_of(world.dsn));
    const std::map<std::string, std::string> changes{
        {"ALTER TABLE a ADD COLUMN z int", "ALTER TABLE a DROP COLUMN z"},
        {"ALTER TABLE a MODIFY k bigint", "ALTER TABLE a MODIFY k int"},
        {"ALTER TABLE a MODIFY k int COMMENT 'c'", "ALTER TABLE a MODIFY k int"},
        {"ALTER TABLE a ALTER COLUMN d SET DEFAULT 2.5", "ALTER TABLE a ALTER COLUMN d SET DEFAULT 1.5"},
        {"ALTER TABLE a MODIFY tx text NOT NULL", "ALTER TABLE a MODIFY tx text"},
        {"ALTER TABLE a MODIFY e enum('x','y','z')", "ALTER TABLE a MODIFY e enum('x','y')"},
        {"ALTER TABLE a DROP INDEX pre", "ALTER TABLE a ADD INDEX pre (tx(10))"},
        {"ALTER TABLE a DROP INDEX pre, ADD INDEX pre (tx(11))",
         "ALTER TABLE a DROP INDEX pre, ADD INDEX pre (tx(10))"},
        {"ALTER TABLE a DROP CONSTRAINT positive", "ALTER TABLE a ADD CONSTRAINT positive CHECK (k > 0)"},
        {"ALTER TABLE a DROP FOREIGN KEY fkn",
         "ALTER TABLE a ADD CONSTRAINT fkn FOREIGN KEY (nid) REFERENCES nets (id) ON DELETE CASCADE"},
        {"ALTER TABLE a COMMENT='other'", "ALTER TABLE a COMMENT='all'"},
        {"ALTER TABLE nets DEFAULT CHARSET=latin1",
         "ALTER TABLE nets DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci"},
        {"ALTER TABLE p MAX_ROWS=1000", "ALTER TABLE p MAX_ROWS=0"},
        {"ALTER TABLE p REORGANIZE PARTITION p0 INTO (PARTITION p0 VALUES LESS THAN (5), PARTITION p5 VALUES LESS THAN "
         "(10))",
         "ALTER TABLE p REORGANIZE PARTITION p0, p5 INTO (PARTITION p0 VALUES LESS THAN (10))"},
        {"CREATE OR REPLACE VIEW v AS SELECT id FROM a WHERE k > 1",
         "CREATE OR REPLACE VIEW v AS SELECT id, s FROM a WHERE k > 1"},
        {"DROP TRIGGER tr", "CREATE TRIGGER tr BEFORE INSERT ON a FOR EACH ROW SET NEW.k = 1"},
        {"DROP PROCEDURE pr; CREATE PROCEDURE pr(IN i int, OUT o varchar(10)) SET o = 'x'",
         "DROP PROCEDURE pr; CREATE PROCEDURE pr(IN i int, OUT o varchar(10)) SET o = (SELECT MAX(s) FROM a WHERE id < "
         "i)"},
        {"ALTER FUNCTION fn SQL SECURITY INVOKER", "ALTER FUNCTION fn SQL SECURITY DEFINER"},
        {"ALTER EVENT ev DISABLE", "ALTER EVENT ev ENABLE"},
        {"ALTER EVENT ev ON SCHEDULE EVERY 2 DAY", "ALTER EVENT ev ON SCHEDULE EVERY 1 DAY"},
    };
    for (const auto& [there, back] : changes) {
      CAPTURE(there);
      world.sql(there);
      CHECK(text_of(schema_of(world.dsn)) != whole);
      world.sql(back);
      CHECK(text_of(schema_of(world.dsn)) == whole);
    }
  });
}

TEST_CASE("an index that comes in a foreign key's own index's place leads back when it goes") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(
        "CREATE TABLE n (id int PRIMARY KEY); CREATE TABLE t (nid int, x int, FOREIGN KEY (nid) REFERENCES n (id))");
    const std::string before = text_of(schema_of(world.dsn));
    world.sql("CREATE INDEX wider ON t (nid, x)");
    const std::string after = text_of(schema_of(world.dsn));
    CHECK(after != before);
    // What its down must do, since the foreign key needs one.
    world.sql("CREATE INDEX nid ON t (nid); DROP INDEX wider ON t");
    CHECK(text_of(schema_of(world.dsn)) == before);
    world.sql("CREATE INDEX wider ON t (nid, x)");
    CHECK(text_of(schema_of(world.dsn)) == after);
  });
}

TEST_CASE("MariaDB's sequences, and versions of rows, are part of the schema") {
  on_each_flavour([](MysqlWorld& world) {
    if (!world.is_mariadb()) return;
    world.sql("CREATE SEQUENCE s START WITH 5 INCREMENT BY 2; CREATE TABLE h (x int) WITH SYSTEM VERSIONING");
    const std::string before = text_of(schema_of(world.dsn));
    CHECK(before == Part{"sequence s: start with 5"});
    CHECK(before == Part{"with system versioning"});
    world.sql("SELECT NEXTVAL(s)");
    CHECK(text_of(schema_of(world.dsn)) == before);
    world.sql("ALTER SEQUENCE s INCREMENT BY 3");
    CHECK(text_of(schema_of(world.dsn)) != before);
  });
}

TEST_CASE(
    "a user who may only read sees tables, keys and checks; what is hidden from him is said, and never left out") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql(
        "CREATE TABLE n (id int PRIMARY KEY); CREATE TABLE t (nid int, CONSTRAINT c CHECK (nid > 0),"
        " CONSTRAINT f FOREIGN KEY (nid) REFERENCES n (id) ON DELETE CASCADE)");
    const MysqlLogin reader =
        world.server.create_user("reader_" + world.database, world.database, MysqlServer::Rights::select_only);
    CHECK(text_of(schema_of(reader.dsn())) == text_of(schema_of(world.dsn)));
    world.sql("CREATE VIEW v AS SELECT 1 AS x");
    world.dsn = reader.dsn();
    const auto refused = world.migrate({"schema"});
    CHECK(refused.status == 5);
    CHECK(refused.err == Part{"SHOW VIEW"});
    CHECK(refused.err == Part{"hint: grant this user what the message names"});
    world.sql("DROP USER reader_" + world.database);
  });
}

TEST_CASE("each of many tables is asked for once") {
  on_each_flavour([](MysqlWorld& world) {
    std::string sql;
    for (int i = 0; i < 200; ++i)
      sql += "CREATE TABLE t" + std::to_string(i) + " (id int PRIMARY KEY, x int, KEY k (x)) ENGINE=MyISAM;";
    world.sql(sql);
    const auto session = mysql_session(world.dsn, Access::read);
    MysqlClient observer = world.client();
    const auto questions = [&] {
      const std::string row = observer.rows("SHOW GLOBAL STATUS LIKE 'Com_show_create_table'").at(0);
      return std::stol(row.substr(row.find('|') + 1));
    };
    const long before = questions();
    CHECK(session->ability<Introspection>()->read_schema().size() == 600);
    CHECK(questions() - before == 200);
  });
}

}  // namespace talos::test
