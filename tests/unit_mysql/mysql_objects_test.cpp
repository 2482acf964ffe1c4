#include "mysql_objects.hpp"

#include <doctest/doctest.h>

#include <array>

namespace talos::mysql {

namespace {

std::string_view to_text(NamedObject::Kind kind) {
  constexpr std::array<std::string_view, 10> names{"table",    "view",  "index",    "trigger",  "procedure",
                                                   "function", "event", "sequence", "database", "user"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view to_text(Act act) {
  constexpr std::array<std::string_view, 6> names{"create", "drop", "alter", "rename", "truncate", "other"};
  return names[static_cast<std::size_t>(act)];
}

/// "create table db.t", "drop table a, table b", with the table of an index behind it: "create index db.i on t".
std::string read(std::string_view text, LexerModes modes = {}) {
  const Ddl ddl = read_ddl(text, modes);
  CHECK(named_objects(text, modes) == ddl.objects);
  CHECK(single_object(text, modes) == ddl.single);
  if (ddl.objects.empty()) CHECK_FALSE(ddl.single);
  std::string result(to_text(ddl.act));
  char separator = ' ';
  for (const NamedObject& object : ddl.objects) {
    if (separator == ',') result += ',';
    ((result += ' ') += to_text(object.kind)) += ' ';
    if (!object.schema.empty()) result += object.schema + ".";
    result += object.name;
    if (!object.table.empty()) result += " on " + object.table;
    separator = ',';
  }
  return result;
}

struct Case {
  std::string text;
  std::string_view expected;
};

void check_all(std::initializer_list<Case> cases, bool single) {
  for (const Case& c : cases) {
    CHECK_MESSAGE(read(c.text) == c.expected, c.text);
    CHECK_MESSAGE(single_object(c.text) == single, c.text);
  }
}

}  // namespace

TEST_CASE("G13: a statement that is one act on what it names says what that is") {
  check_all(
      {
          {"CREATE TABLE t (a int)", "create table t"},
          {"create table if not exists `db`.`t``x` (a int)", "create table db.t`x"},
          {"CREATE TABLE db . t LIKE u", "create table db.t"},
          {"CREATE TABLE t SELECT 1", "create table t"},
          {"/*!50001 CREATE TABLE t (a int) */", "create table t"},
          {"CREATE VIEW v AS SELECT 1", "create view v"},
          {"CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW db.v AS SELECT 1",
           "create view db.v"},
          {"CREATE DEFINER = CURRENT_USER() VIEW v AS SELECT 1", "create view v"},
          {"CREATE INDEX i ON t (a)", "create index i on t"},
          {"CREATE UNIQUE INDEX i USING BTREE ON db.t (a)", "create index db.i on t"},
          {"CREATE FULLTEXT INDEX `i j` ON `t` (a)", "create index i j on t"},
          {"CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1", "create trigger tr on t"},
          {"CREATE DEFINER=table@'%' TRIGGER IF NOT EXISTS db.tr AFTER DELETE ON t FOR EACH ROW SET @a = 1",
           "create trigger db.tr on t"},
          {"CREATE PROCEDURE p(a int) SELECT 1", "create procedure p"},
          {"CREATE OR REPLACE PROCEDURE p() SELECT 1", "create procedure p"},
          {"CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT RETURN 1", "create function f"},
          {"CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "create event e"},
          {"CREATE DATABASE IF NOT EXISTS db CHARACTER SET utf8", "create database db"},
          {"CREATE SCHEMA db", "create database db"},
          {"CREATE SEQUENCE s START WITH 1", "create sequence s"},
          {"CREATE USER IF NOT EXISTS 'a'@'%' IDENTIFIED BY 'x'", "create user a@%"},
          {"CREATE USER a@localhost", "create user a@localhost"},
          {"CREATE ROLE r", "create user r"},
          {"ALTER TABLE t ADD b int, DROP c", "alter table t"},
          {"ALTER ONLINE IGNORE TABLE IF EXISTS db.t WAIT 5 ADD b int", "alter table db.t"},
          {"ALTER TABLE t RENAME TO u", "alter table t, table u"},
          {"ALTER TABLE t RENAME u", "alter table t, table u"},
          {"ALTER TABLE t RENAME = u", "alter table t, table u"},
          {"ALTER TABLE t NOWAIT RENAME AS u", "alter table t, table u"},
          {"ALTER TABLE t WAIT 5 RENAME u", "alter table t, table u"},
          {"ALTER TABLE a.t ADD b int COMMENT 'x, RENAME', RENAME TO b.u", "alter table a.t, table b.u"},
          {"ALTER TABLE t RENAME COLUMN a TO b, RENAME INDEX c TO d, RENAME KEY e TO f", "alter table t"},
          {"ALTER TABLE t ADD rename int, ADD CHECK (a > 1, rename > 2)", "alter table t"},
          {"ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", "alter table t, table u"},
          {"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (a)", "alter table t"},
          {"ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", "alter table t"},
          {"ALTER VIEW v AS SELECT 1", "alter view v"},
          {"ALTER PROCEDURE p COMMENT 'x'", "alter procedure p"},
          {"ALTER EVENT e ON SCHEDULE EVERY 1 DAY RENAME TO f DO ALTER TABLE t RENAME u", "alter event e, event f"},
          {"ALTER DATABASE db CHARACTER SET utf8", "alter database db"},
          {"ALTER USER a IDENTIFIED BY 'x'", "alter user a"},
          {"DROP TABLE t", "drop table t"},
          {"DROP TABLE IF EXISTS db.t CASCADE", "drop table db.t"},
          {"DROP VIEW v", "drop view v"},
          {"DROP INDEX i ON db.t ALGORITHM=INPLACE", "drop index db.i on t"},
          {"DROP TRIGGER IF EXISTS db.tr", "drop trigger db.tr"},
          {"DROP PROCEDURE p", "drop procedure p"},
          {"DROP EVENT e", "drop event e"},
          {"DROP USER 'a'@'%'", "drop user a@%"},
          {"RENAME TABLE a TO b", "rename table a, table b"},
          {"RENAME TABLES IF EXISTS x.a WAIT 5 TO y.b", "rename table x.a, table y.b"},
          {"RENAME USER a@b TO c", "rename user a@b, user c"},
      },
      true);
}

TEST_CASE("G13: what takes several objects, changes rows or replaces a table is not settled by definitions") {
  check_all(
      {
          {"DROP TABLE a, b", "drop table a, table b"},
          {"DROP TABLES IF EXISTS a, x.b, `c`", "drop table a, table x.b, table c"},
          {"DROP VIEW a, b", "drop view a, view b"},
          {"DROP DATABASE db", "drop database db"},
          {"DROP USER a, b@c", "drop user a, user b@c"},
          {"RENAME TABLE a TO b, c TO d", "rename table a, table b, table c, table d"},
          {"TRUNCATE t", "truncate table t"},
          {"TRUNCATE TABLE db.t", "truncate table db.t"},
          {"ALTER TABLE t TRUNCATE PARTITION p", "alter table t"},
          {"ALTER TABLE t DISCARD TABLESPACE", "alter table t"},
          {"ALTER TABLE t ADD a int, IMPORT TABLESPACE", "alter table t"},
          {"CREATE OR REPLACE TABLE t (a int)", "create table t"},
          {"CREATE OR REPLACE DATABASE db", "create database db"},
          {"CREATE USER a IDENTIFIED BY 'x', b IDENTIFIED BY 'y'", "create user a, user b"},
      },
      false);
}

TEST_CASE("G13: where nothing can be looked up, nothing is named") {
  check_all({{"CREATE TEMPORARY TABLE t (a int)", "create"},
             {"DROP TEMPORARY TABLE t", "drop"},
             {"DROP PREPARE s", "drop"},
             {"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'x')", "create"},
             {"CREATE TABLESPACE s", "create"},
             {"CREATE FUNCTION f RETURNS STRING SONAME 'x.so'", "create"},
             {"ALTER DATABASE CHARACTER SET utf8", "alter"},
             {"ALTER INSTANCE ROTATE INNODB MASTER KEY", "alter"},
             {"CREATE TABLE", "create"},
             {"DROP TABLE 'a'", "drop"},
             {"RENAME TABLE a b", "rename"},
             {"CREATE", "create"},
             {"DROP TABLE a,", "drop"},
             {"INSERT INTO t VALUES (1)", "other"},
             {"GRANT SELECT ON t TO u", "other"},
             {"CALL p()", "other"},
             {"", "other"}},
            false);
}

TEST_CASE("double quotes enclose names under ANSI_QUOTES only") {
  const LexerModes ansi{.no_backslash_escapes = false, .ansi_quotes = true};
  CHECK(read("DROP TABLE \"a\".\"b\"\"c\"", ansi) == "drop table a.b\"c");
  CHECK(read("DROP TABLE \"a\"") == "drop");
}

}  // namespace talos::mysql
