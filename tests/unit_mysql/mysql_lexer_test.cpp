#include "mysql_lexer.hpp"

#include <algorithm>
#include <chrono>
#include <random>

#include "mysql_split.hpp"

using namespace talos;
using namespace talos::mysql;
using namespace talos::mysql::test;

namespace {

constexpr LexerModes no_backslash{.no_backslash_escapes = true, .ansi_quotes = false};
constexpr LexerModes ansi{.no_backslash_escapes = false, .ansi_quotes = true};

std::size_t line_of(std::string_view text, std::size_t offset) {
  return 1 +
         static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

}  // namespace

TEST_CASE("statements end at semicolons, and comments before them are no part of them") {
  CHECK(split("SELECT 1;\n-- a\n/* b; */ SELECT 2 ;# c\nSELECT 3").texts == Texts{"SELECT 1", "SELECT 2 ", "SELECT 3"});
  for (const std::string text : {"", " ;; \n-- only; this\n/* and; that */;# x", "--", "-- ", "/**/", "\t\r\n\f\v",
                                 "/*!*/", "/*!50001*/;", "/*!50001 /* a */ */;;", "/*+ x */", "/*M!100100 */", "#"})
    CHECK_MESSAGE(split(text).texts.empty(), text);
}

TEST_CASE("semicolons in strings, names and comments end nothing") {
  for (const std::string text :
       {"SELECT ';', \"a;b\", `c;d`, _utf8mb4';', N';', n';', x'3b', b'1' -- g;h\n, /* i;j */ 1 # k;l\n",
        "SELECT 'it''s; fine', \"a\"\";\", `b``;`", "SELECT '-- ;', '/* ;', '# ;'", "SELECT '\";', \"';\", `'\";`",
        "SELECT _utf8mb4 ';' COLLATE utf8mb4_bin, _binary\";\"", "SELECT 1 -/*;*/ 2", "SELECT a-b, c/d, e*f",
        "SELECT 1 /* '; */", "SELECT 1 -- it's; \n", "SELECT /***/ 1", "SELECT /*/ ; */ 1", "SELECT 1 --\n, 2",
        "SELECT 1 --\x01 ;\n, 2", "SELECT /*+ MAX_EXECUTION_TIME(1000) ; */ 1", "SELECT 1 */* ; */ 2",
        "SELECT @`a;b`, @'c;d', @@sql_mode", "SELECT $1, a$b, \xC3\xA4\xC3\xB6", "SELECT 1e5, 0x3B, .5, 1."})
    CHECK_MESSAGE(is_one(text), text);
}

TEST_CASE("two dashes without a blank behind them are two minus signs, and comments do not nest") {
  CHECK(split("SELECT 1--2; SELECT 3").texts == Texts{"SELECT 1--2", "SELECT 3"});
  CHECK(split("SELECT 1--;SELECT 3").texts == Texts{"SELECT 1--", "SELECT 3"});
  CHECK(split("SELECT 5--'a;b'").texts.size() == 1);
  CHECK(split("SELECT 1 /* /* */ ; SELECT 2").texts == Texts{"SELECT 1 /* /* */ ", "SELECT 2"});
  // A carriage return alone ends no comment.
  CHECK(split("SELECT 1 -- a\rb; c\nSELECT 2").texts.size() == 1);
}

TEST_CASE("a backslash escapes in strings, unless NO_BACKSLASH_ESCAPES, and never in names") {
  for (const std::string text : {"SELECT '\\';'", "SELECT \"\\\";\"", "SELECT '\\\\'", "SELECT 'a''\\';'",
                                 "SELECT N'\\';'", "SELECT _latin1'\\';'", "SELECT `\\`", "SELECT '\\N', \\N"})
    CHECK_MESSAGE(is_one(text), text);
  for (const std::string text : {"SELECT '\\'", "SELECT \"\\\"", "SELECT 'a\\''b;'", "SELECT N'\\'"})
    CHECK_MESSAGE(is_one(text, no_backslash), text);
  CHECK(refused_at("SELECT '\\'; SELECT 2") == 7);
  CHECK(refused_at("SELECT '\\';' ", no_backslash) == 11);
}

TEST_CASE("ANSI_QUOTES makes a name of what stands in double quotes: no backslash escapes there") {
  CHECK(is_one("SELECT \"a;\\\"", ansi));
  CHECK(is_one("SELECT \"a\"\";b\", '\\';'", ansi));
  CHECK(refused_at("SELECT \"a\\\"") == 7);
}

TEST_CASE("the modes follow what the file says of sql_mode literally") {
  const std::string tail = "; SELECT '\\'; SELECT 2";
  for (const std::string set :
       {"SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "set session sql_mode='ANSI,no_backslash_escapes'",
        "SET @@sql_mode := \"NO_BACKSLASH_ESCAPES\"", "SET @@session.sql_mode = NO_BACKSLASH_ESCAPES",
        "SET LOCAL sql_mode = 1048576",
        "SET foreign_key_checks = 0, `sql_mode` = 'STRICT_ALL_TABLES, "
        "NO_BACKSLASH_ESCAPES'",
        "/*!40101 SET SQL_MODE='NO_BACKSLASH_ESCAPES' */",
        "SET GLOBAL x = 1, SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
        "SET @m = 'NO_BACKSLASH_ESCAPES'; SET sql_mode = @m",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SET @old = @@sql_mode, sql_mode = ''; SET sql_mode = @old"})
    CHECK_MESSAGE(split(set + tail).texts.back() == "SELECT 2", set);
  for (const std::string set :
       {"SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET GLOBAL x = 1, sql_mode = 'NO_BACKSLASH_ESCAPES'",
        "SET @@global.sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET PERSIST sql_mode = 'NO_BACKSLASH_ESCAPES'",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SET sql_mode = DEFAULT", "SELECT 'SET sql_mode = 0'",
        "SET @old_mode = @@SQL_MODE; SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SET sql_mode = @OLD_MODE",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SET sql_mode = ''", "SET sql_mode = 4",
        "SET sql_mode = (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))"})
    CHECK_MESSAGE(refused_at(set + tail) == set.size() + 9, set);
  CHECK(split("SET sql_mode = 'ANSI'; SELECT \"\\\"; SELECT 2").texts.size() == 3);
  CHECK(split("SET sql_mode = 'ANSI_QUOTES'; SET sql_mode = \"TRADITIONAL\"; SELECT \"\\\";\"").texts.size() == 3);
  CHECK(split("SET sql_mode = DEFAULT; SELECT '\\'", no_backslash).texts.size() == 2);
}

TEST_CASE("a sql_mode that cannot be told without the server is refused where it changes how the rest is read") {
  for (const std::string set : {"SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')",
                                "SET SESSION sql_mode = REPLACE(@@sql_mode, 'no_backslash_escapes', '')"}) {
    CHECK_MESSAGE(class_of(set) == StatementClass::refused, set);
    CHECK(only(set).why.find("sql_mode") != std::string_view::npos);
  }
}

TEST_CASE("the contents of a version comment are code") {
  for (const std::string text :
       {"/*!40101 SET NAMES utf8 */",
        "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 PROCEDURE p() SELECT ';' */",
        "SELECT 1 /*!80000 , ';' */ , 2", "/*M!100100 SELECT 1 */", "/*! SELECT 1 */", "SELECT /*!99999 1, */ 2",
        "SELECT /*!50001 1 /* ; */ , */ 2", "/*!50001SELECT 1*/", "SELECT 1 /*! -- ;\n */", "/*!100100 SELECT 1*/"})
    CHECK_MESSAGE(is_one(text), text);
  CHECK(class_of("/*!40101 SET NAMES utf8 */") == StatementClass::dml);
  CHECK(class_of("/*!40000 ALTER TABLE t DISABLE KEYS */") == StatementClass::ddl);
  CHECK(refused_at("SELECT /*!50001 1") == 7);
  CHECK(refused_at("SELECT 1; /*!50001 SELECT 1; SELECT 2 */") == 27);
  CHECK(refused_at("/*!50001 SELECT '*/") == 16);
  CHECK(refused_at("DELIMITER $$\n/*!50001 SELECT 1 $$ */") == 31);
}

TEST_CASE("what no version runs is a comment: mariadb-dump hides a command of its client there") {
  CHECK(split("/*!999999\\- enable the sandbox mode */;\nSELECT 1").texts == Texts{"SELECT 1"});
  CHECK(split("/*M!999999\\- enable the sandbox mode */ \nSELECT 1").texts == Texts{"SELECT 1"});
  CHECK(split("/*!999999 a /* b */ ; c */ SELECT 1").texts == Texts{"SELECT 1"});
  CHECK(refused_at("/*!999999 a") == 0);
}

TEST_CASE("a statement that may be empty for another version of the server is known") {
  for (const std::string text :
       {"/*!40101 SET NAMES utf8 */", "/*!50001 a */ /* b */ /*M!100100 c */", "/*!50001 'x'*/ -- y"})
    CHECK_MESSAGE(may_be_empty(text), text);
  for (const std::string text :
       {"SELECT 1", "SELECT /*!50001 1 */", "/*!50001 SELECT */ 1", "/*!50003 CREATE*/ VIEW v"})
    CHECK_MESSAGE(!may_be_empty(text), text);
}

TEST_CASE("bodies of stored programs are one statement without any DELIMITER") {
  for (const std::string text : {
           "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
           "create or replace definer=`r`@`%` procedure db.p(in a int, out begin int) comment 'x;' sql security "
           "invoker "
           "begin select 1; end",
           "CREATE DEFINER = CURRENT_USER() FUNCTION f(x INT) RETURNS VARCHAR(10) CHARACTER SET utf8mb4 COLLATE "
           "utf8mb4_bin DETERMINISTIC READS SQL DATA BEGIN DECLARE a INT; RETURN a; END",
           "CREATE FUNCTION f() RETURNS SET('a','b') NO SQL BEGIN RETURN 'a'; END",
           "CREATE FUNCTION f() RETURNS INT RETURN IF(1, 2, 3)",
           "CREATE FUNCTION f() RETURNS INT RETURN CASE 1 WHEN 1 THEN 2 END",
           "CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT BEGIN LOOP FETCH GROUP NEXT ROW; END LOOP; END",
           "CREATE FUNCTION f RETURNS STRING SONAME 'f.so'",
           "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET NEW.a = 1; END",
           "CREATE TRIGGER IF NOT EXISTS db.t AFTER UPDATE ON x FOR EACH ROW FOLLOWS y BEGIN SET @a = 1; END",
           "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = IF(NEW.b, 1, 2)",
           "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW IF NEW.a THEN SET NEW.b = 1; END IF",
           "CREATE TRIGGER begin BEFORE INSERT ON x FOR EACH ROW SET NEW.end = 1",
           "CREATE DEFINER=root@localhost EVENT e ON SCHEDULE EVERY 1 DAY STARTS NOW() ON COMPLETION PRESERVE COMMENT "
           "'DO' DO BEGIN DELETE FROM t; END",
           "CREATE EVENT IF NOT EXISTS e ON SCHEDULE AT NOW() DO DELETE FROM t",
           "ALTER EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM t; END",
           "ALTER DEFINER=a@b EVENT e DO BEGIN DELETE FROM t; END",
           "CREATE PROCEDURE p() lbl: BEGIN LEAVE lbl; END lbl",
           "CREATE PROCEDURE p() `a b`: BEGIN SELECT 1; END `a b`",
           "CREATE PROCEDURE p() BEGIN END",
           "CREATE PROCEDURE p() BEGIN NOT ATOMIC SELECT 1; END",
           "CREATE PROCEDURE p() BEGIN /* END; */ SELECT 'END;' AS end, t.end, begin FROM t; END",
           "/*!50003 CREATE*/ /*!50020 DEFINER=`r`@`h`*/ /*!50003 TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET "
           "NEW.a = 1; END */",
           "CREATE DEFINER=procedure@event TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1; END",
           "CREATE PROCEDURE IF NOT EXISTS p() BEGIN SELECT 1; END",
           "CREATE PROCEDURE begin() SELECT 1",
           "CREATE PROCEDURE p() SELECT 1",
       })
    CHECK_MESSAGE(is_one(text), text);
}

TEST_CASE("blocks nest, and each ends at its own END") {
  for (const std::string body : {
           "IF a THEN SELECT 1; ELSEIF b THEN SELECT 2; ELSE SELECT 3; END IF;",
           "IF a THEN IF b THEN SELECT 1; END IF; ELSE IF c THEN SELECT 2; END IF; END IF;",
           "IF IF(a, b, c) THEN SELECT IF(1, 2, 3); END IF;",
           "IF (a) THEN BEGIN SELECT 1; END; END IF;",
           "IF CASE a WHEN 1 THEN IF(b, 1, 2) ELSE IF(c, 1, 2) END THEN SELECT 1; END IF;",
           "IF EXISTS (SELECT 1) THEN DROP TABLE IF EXISTS t; CREATE TABLE IF NOT EXISTS t (a int); END IF;",
           "CASE a WHEN 1 THEN SELECT 1; WHEN 2 THEN BEGIN END; ELSE SELECT CASE 1 WHEN 1 THEN 2 END; END CASE;",
           "CASE WHEN CASE 1 WHEN 1 THEN 1 END THEN SELECT 1; END CASE;",
           "CASE CASE 1 WHEN 1 THEN 2 END WHEN 1 THEN SELECT 1; END CASE;",
           "l: LOOP ITERATE l; LEAVE l; END LOOP l;",
           "WHILE a < 10 DO SET a = a + 1; DO SLEEP(0); END WHILE;",
           "WHILE CASE a WHEN 1 THEN 0 ELSE 1 END DO IF a THEN SET a = 2; END IF; END WHILE;",
           "REPEAT SET a = 1; SELECT REPEAT('a', 3); UNTIL a > 10 END REPEAT;",
           "x: REPEAT IF a THEN SET a = 1; END IF; UNTIL a > 10 END REPEAT x;",
           "FOR i IN 1..3 DO SELECT i; END FOR;",
           "FOR r IN (SELECT a FROM t) DO INSERT INTO u VALUES (r.a); END FOR;",
           "DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = IF(a, 1, 2);",
           "DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE VALUE '23000', SQLSTATE '1', 1062, SQLWARNING, c BEGIN "
           "ROLLBACK; RESIGNAL; END; SELECT 1;",
           "DECLARE CONTINUE HANDLER FOR SQLSTATE '02000' IF a THEN SET b = 1; END IF; SELECT 1;",
           "DECLARE c CURSOR FOR SELECT a FROM t FOR UPDATE; DECLARE x INT DEFAULT CASE 1 WHEN 1 THEN 2 END;",
           "START TRANSACTION; INSERT INTO t VALUES (1); COMMIT;",
           "SET a := 1; SET @b = 2; SELECT 1 INTO @c;",
           "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IF';",
           "SELECT begin, end, t.if FROM t WHERE end = 1 AND begin = 2;",
           "BEGIN BEGIN BEGIN END; END; END;",
           "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = REPLACE(a, 'x', 'y'), b = INSERT(b, 1, 2, 'z');",
       }) {
    CHECK_MESSAGE(is_one("CREATE PROCEDURE p() BEGIN " + body + " END"), body);
    CHECK_MESSAGE(is_one("BEGIN NOT ATOMIC " + body + " END"), body);
    CHECK_MESSAGE(is_one("CREATE PROCEDURE p() BEGIN IF 1 THEN LOOP " + body + " END LOOP; END IF; SELECT 1; END"),
                  body);
  }
}

TEST_CASE("MariaDB's compound statements outside of programs are one statement; BEGIN alone is a transaction") {
  for (const std::string text :
       {"BEGIN NOT ATOMIC SELECT 1; END", "IF a THEN SELECT 1; ELSE SELECT 2; END IF", "LOOP SELECT 1; END LOOP",
        "x: WHILE a DO SELECT 1; END WHILE x", "FOR i IN 1..2 DO DO 1; END FOR",
        "CASE 1 WHEN 1 THEN SELECT 1; END CASE", "REPEAT SELECT 1; UNTIL 1 END REPEAT"}) {
    CHECK_MESSAGE(is_one(text), text);
    CHECK_MESSAGE(class_of(text) == StatementClass::ddl, text);
  }
  CHECK(split("BEGIN; SELECT 1; COMMIT").texts.size() == 3);
  CHECK(split("BEGIN WORK; SELECT 1; COMMIT").texts.size() == 3);
  CHECK(split("XA BEGIN 'x'; SELECT 1; XA END 'x'").texts.size() == 3);
  CHECK(split("CREATE TABLE begin (end int); SELECT CASE 1 WHEN 1 THEN 2 END; SELECT IF(1,2,3)").texts.size() == 3);
  CHECK(split("CREATE TABLE event (a int); CREATE VIEW procedure_v AS SELECT 1; CREATE USER trigger; SELECT 1")
            .texts.size() == 4);
  CHECK(split("ALTER PROCEDURE p COMMENT 'x'; ALTER TABLE event ADD begin INT; SELECT 1").texts.size() == 3);
}

TEST_CASE("the end of a body that was cut off is refused at the place where the body begins") {
  CHECK(refused_at("SELECT 1; CREATE PROCEDURE p() BEGIN SELECT 1;") == 31);
  CHECK(refused_at("CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; END; SELECT 2") == 21);
  CHECK(refused_at("CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; END LOOP; END; SELECT 2") == 21);
  CHECK(refused_at("BEGIN NOT ATOMIC SELECT 1") == 0);
}

TEST_CASE("a semicolon at the end of a version comment is not cut off with what closes the comment") {
  // As mysqldump writes a trigger that was made in a message of several statements.
  const std::string trigger = "/*!50003 CREATE*/ /*!50003 TRIGGER t BEFORE INSERT ON u FOR EACH ROW SET NEW.x = 1; */";
  CHECK(split("DELIMITER ;;\n" + trigger + ";;\nDELIMITER ;\n").texts == std::vector<std::string>{trigger});
}

TEST_CASE("DELIMITER is the client's: no part of any statement, and only it ends a program") {
  const Split one = split(
      "DROP PROCEDURE IF EXISTS p;\nDELIMITER $$\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1;\nEND$$\n"
      "delimiter ;\nSELECT 2;\n");
  CHECK(one.texts == Texts{"DROP PROCEDURE IF EXISTS p", "CREATE PROCEDURE p()\nBEGIN\n  SELECT 1;\nEND", "SELECT 2"});
  CHECK((one.traits & trait_delimiter) != 0);
  CHECK((split("SELECT 1").traits & trait_delimiter) == 0);
  for (const std::string text :
       {"DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END //\nDELIMITER ;\nSELECT 2",
        "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END ;;\nDELIMITER ;\nSELECT 2",
        "  Delimiter\t//  \r\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END //\r\nDELIMITER ;\r\nSELECT 2",
        "DELIMITER // -- a note\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END // DELIMITER ;\nSELECT 2",
        "DELIMITER '//'\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END //\nDELIMITER ;\nSELECT 2",
        "DELIMITER |\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END |\nDELIMITER ;\nSELECT 2",
        "DELIMITER @@\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END @@\nDELIMITER ;\nSELECT 2",
        "DELIMITER #\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END #\nDELIMITER ;\nSELECT 2",
        "DELIMITER --\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END --\nDELIMITER ;\nSELECT 2",
        "DELIMITER go\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END go\nDELIMITER ;\nSELECT 2",
        "DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END ; $$ $$\nDELIMITER ;\nSELECT 2",
        "DELIMITER .\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END .\nDELIMITER ;\nSELECT 2",
        "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 4 / 2; END ;;; -- x\n //\nDELIMITER ;\nSELECT 2"}) {
    const Texts expected{"CREATE PROCEDURE p() BEGIN SELECT 4 / 2; END ", "SELECT 2"};
    CHECK_MESSAGE(split(text).texts == expected, text);
  }
}

TEST_CASE("with a DELIMITER strings and comments hide it, and a body that is not understood ends there all the same") {
  CHECK(split("DELIMITER $$\nSELECT '$$', \"$$\", `$$` /* $$ */ -- $$\n, 1 $$ SELECT 2").texts ==
        Texts{"SELECT '$$', \"$$\", `$$` /* $$ */ -- $$\n, 1 ", "SELECT 2"});
  CHECK(
      split("DELIMITER $$\nCREATE PACKAGE p AS PROCEDURE a(); END; $$\nCREATE PROCEDURE q AS a INT; BEGIN NULL; END $$")
          .texts == Texts{"CREATE PACKAGE p AS PROCEDURE a(); END", "CREATE PROCEDURE q AS a INT; BEGIN NULL; END "});
  CHECK(split("DELIMITER $$\nCREATE PROCEDURE p() BEGIN IF 1 THEN END $$ SELECT 2 $$").texts.size() == 2);
}

TEST_CASE("with a DELIMITER a semicolon still ends what is no program, as it does on the server") {
  CHECK(split("DELIMITER $$\nDROP PROCEDURE IF EXISTS p; CREATE PROCEDURE p() BEGIN SELECT 1; END; $$\nINSERT INTO t "
              "VALUES (1);"
              "DROP TABLE t; $$")
            .texts == Texts{"DROP PROCEDURE IF EXISTS p", "CREATE PROCEDURE p() BEGIN SELECT 1; END",
                            "INSERT INTO t VALUES (1)", "DROP TABLE t"});
}

TEST_CASE("a DELIMITER that is none is refused, and a column of that name is none") {
  CHECK(refused_at("SELECT 1;\nDELIMITER\nSELECT 2") == 10);
  CHECK(refused_at("DELIMITER") == 0);
  CHECK(refused_at("DELIMITER   \nSELECT 2") == 0);
  CHECK(refused_at("DELIMITER \\\nSELECT 2") == 0);
  CHECK(refused_at("DELIMITER // DROP TABLE t//\n") == 0);
  CHECK(is_one("CREATE TABLE t (\n  delimiter VARCHAR(1)\n)"));
  CHECK(split("SELECT `delimiter`,\ndelimiter FROM t; SELECT 1").texts.size() == 2);
}

TEST_CASE("G10: NUL, bytes that are no UTF-8 and what is never closed are refused at their place") {
  CHECK(refused_at(std::string_view("SELECT\0 1", 9)) == 6);
  CHECK(refused_at("SELECT 1; SELECT 'a") == 17);
  CHECK(refused_at("SELECT 'a''") == 7);
  CHECK(refused_at("SELECT \"a") == 7);
  CHECK(refused_at("SELECT `a") == 7);
  CHECK(refused_at("SELECT 'a\\'") == 7);
  CHECK(refused_at("SELECT 'a\\") == 7);
  CHECK(refused_at("SELECT N'") == 8);
  CHECK(refused_at("SELECT 1 /* a -- */ */ /*") == 23);
  CHECK(refused_at("/*/") == 0);
  CHECK(refused_at("SELECT /*+ x") == 7);
  for (const char* bytes : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                            "\xF4\x90\x80\x80", "\xF8", "\xE2\x82", "\xFF"})
    CHECK(refused_at("SELECT 1234; '" + std::string(bytes) + "'") == 14);
  CHECK_NOTHROW(split("SELECT '\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80' -- \xED\x9F\xBF"));
}

TEST_CASE("commands of the mysql client are refused with their line, and say what they are") {
  const Split result = split("source it's; here\nSELECT 1;\n  \\. x\nquit\n\\! ls\nSystem ls;\n");
  REQUIRE(result.texts == Texts{"source it's; here", "SELECT 1", "\\. x", "quit", "\\! ls", "System ls;"});
  for (std::size_t i = 0; i < result.statements.size(); ++i) {
    CHECK((result.statements[i].kind == StatementClass::refused) == (i != 1));
    CHECK(result.statements[i].why.empty() == (i == 1));
  }
  for (const std::string text : {"SELECT 1\\G", "SELECT 1 \\g", "SELECT 1\\G\n", "SELECT \\c"}) {
    CHECK(class_of(text) == StatementClass::refused);
    CHECK(only(text).why.find("client") != std::string_view::npos);
  }
  CHECK(class_of("USE source") == StatementClass::dml);
  CHECK(class_of("SELECT source, status FROM system") == StatementClass::dml);
  CHECK(class_of("HELP 'x'") == StatementClass::ddl);
}

TEST_CASE("programs in the way of Oracle need a DELIMITER") {
  for (const std::string text :
       {"CREATE OR REPLACE PACKAGE p AS PROCEDURE a(); END", "CREATE PROCEDURE p AS BEGIN NULL; END",
        "CREATE FUNCTION f(a INT) RETURN INT IS x INT; BEGIN RETURN 1; END"}) {
    const Split result = split(text);
    CHECK(result.statements[0].kind == StatementClass::refused);
    CHECK(result.statements[0].why.find("DELIMITER") != std::string_view::npos);
  }
}

TEST_CASE(
    "another language's code in dollar quotes is one text where it may stand, and a dollar elsewhere is a letter") {
  for (const std::string text :
       {"CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$ let a = 1; return \"'\" + a; $$",
        "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $x$ $$; return 1; $x$",
        "CREATE PROCEDURE p() LANGUAGE JAVASCRIPT AS 'return 1;'", "SELECT 1 AS $$, $a$, a$$b"})
    CHECK_MESSAGE(is_one(text), text);
  CHECK(split("SELECT $$a;b$$").texts.size() == 2);
  CHECK(refused_at("CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $x$ return 1; $$") == 55);
  CHECK(split("DELIMITER //\nCREATE PROCEDURE p() LANGUAGE JAVASCRIPT AS $$ 4 // 2; $$//SELECT 2//").texts.size() == 2);
}

TEST_CASE("a statement's offset leads to its line") {
  const std::string text =
      "\n-- head\nSELECT 1;\n\nDELIMITER //\n\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1;\nEND//\nDELIMITER ;\n# x\n  "
      "INSERT INTO t "
      "VALUES ('a\nb');\nUPDATE t SET a = 1";
  const std::vector<std::size_t> lines{3, 7, 13, 15};
  const Split result = split(text);
  REQUIRE(result.statements.size() == lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(line_of(text, result.statements[i].offset) == lines[i]);
}

TEST_CASE("a dump of mysqldump is cut as it was written") {
  const Split result = split(R"(-- MySQL dump 10.13
/*!999999\- enable the sandbox mode */
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
DROP TABLE IF EXISTS `t`;
CREATE TABLE `t` (
  `a` int DEFAULT NULL COMMENT 'it''s; \'quoted\''
) ENGINE=InnoDB;
LOCK TABLES `t` WRITE;
/*!40000 ALTER TABLE `t` DISABLE KEYS */;
INSERT INTO `t` VALUES (1),(2);
UNLOCK TABLES;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER "tr" BEFORE INSERT ON "t" FOR EACH ROW BEGIN
  SET NEW.a = '\';
END */;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
INSERT INTO t VALUES ('\'');
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
)");
  CHECK(result.texts.size() == 16);
  CHECK(result.texts[12].ends_with("END */"));
  for (const Statement& statement : result.statements)
    CHECK(statement.replayable == (statement.kind != StatementClass::ddl || !statement.session_only));
}

TEST_CASE("property: what is cut is every byte but blanks, comments, terminators and the client's lines") {
  const std::vector<std::string> pieces{"SELECT 1",
                                        "SELECT ';' , \"'\" , `;`",
                                        "INSERT INTO t VALUES ('it''s', 'a\\'b;')",
                                        "CREATE PROCEDURE p() BEGIN SELECT 1; IF a THEN SELECT 2; END IF; END",
                                        "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = IF(1, 2, 3)",
                                        "/*!40101 SET NAMES utf8 */",
                                        "BEGIN NOT ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; END",
                                        "SELECT 1--2",
                                        "UPDATE t SET a = a*/* ; */2",
                                        "CREATE TABLE `a;b` (begin int, end int)"};
  const std::vector<std::string> blanks{" ", "\n", "\t", "-- ; ' x\n", "# ; \" y\n", "/* ; ` z */", "\r\n", ""};
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    Texts expected;
    std::string delimiter = ";";
    const std::size_t count = random() % 8;
    for (std::size_t i = 0; i < count; ++i) {
      text += pick(blanks) + pick(blanks);
      if (random() % 5 == 0) {
        delimiter = pick({";", "$$", "//", ";;", "|"});
        text += "\nDELIMITER " + delimiter + "\n";
      }
      expected.push_back(pick(pieces));
      text += expected.back() + delimiter;
    }
    text += pick(blanks);
    CAPTURE(text);
    REQUIRE(split(text).texts == expected);
  }
}

TEST_CASE("a text of many statements is cut at each, with offsets into the text") {
  std::string text;
  constexpr std::size_t count = 20'000;
  for (std::size_t i = 0; i < count; ++i) text += "INSERT INTO t VALUES (" + std::to_string(i) + ", ';');\n";
  std::size_t seen = 0;
  std::size_t end = 0;
  split_sql(text, {}, [&](const Statement& statement) {
    ++seen;
    CHECK(statement.offset >= end);
    end = statement.offset + statement.length;
  });
  CHECK(seen == count);
  CHECK(end == text.rfind(';'));
}

TEST_CASE("time grows with the length of the text, whatever it repeats") {
  for (const std::string piece : {"BEGIN ",
                                  "CASE ",
                                  "END ",
                                  "a: ",
                                  "@a := ",
                                  "/*x*/",
                                  "/*!50001 x*/",
                                  "INTO ",
                                  "( ",
                                  "GET_LOCK ",
                                  "DELIMITER a\n",
                                  "SET @",
                                  "SET sql_mode = '';",
                                  "-- x\n",
                                  "`",
                                  "'",
                                  "DECLARE x HANDLER FOR ",
                                  "x.y.",
                                  "$$",
                                  "source x\n",
                                  "/*!999999 "}) {
    for (const std::string head :
         {"", "CREATE PROCEDURE p() BEGIN ", "DELIMITER $$\nCREATE PROCEDURE p() ", "SET a = ("}) {
      std::string text = head;
      while (text.size() < 1'000'000) text += piece;
      const auto start = std::chrono::steady_clock::now();
      try {
        split(text);
      } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
      }
      CHECK_MESSAGE(std::chrono::steady_clock::now() - start < std::chrono::seconds(5), head << piece);
    }
  }
  std::string variables;
  for (int i = 0; i < 100'000; ++i) variables += "SET @a" + std::to_string(i) + " = '1';\n";
  CHECK(split(variables).texts.size() == 100'000);
}
