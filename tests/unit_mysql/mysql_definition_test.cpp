#include "mysql_definition.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace talos::mysql {

namespace {

std::string text_of(const SchemaObject& object) {
  std::string text = object.word + " " + object.name;
  if (!object.on.empty()) {
    text += " on";
    for (const std::string& column : object.on) text += " " + (column.empty() ? "?" : column);
  }
  if (!object.definition.empty()) text += ": " + object.definition;
  for (const SchemaColumn& column : object.columns) {
    text += "\n" + column.name + " " + column.type;
    if (column.not_null) text += " not null";
    if (!column.default_value.empty()) text += " default " + column.default_value;
    if (column.supplied) text += " supplied";
    if (!column.attributes.empty()) text += " | " + column.attributes;
  }
  return text + "\n";
}

std::string table(std::string_view show_create) {
  std::vector<SchemaObject> objects;
  add_table("t", show_create, objects);
  std::string text;
  for (const SchemaObject& object : objects) text += text_of(object);
  return text;
}

}  // namespace

TEST_CASE("the same table of two servers reads the same, but for their words for expressions") {
  const std::string mariadb = table(
      "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n"
      "  `s` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'it''s',\n  `n` int(11) DEFAULT -1,\n"
      "  `c` varchar(9) DEFAULT NULL,\n  `at` timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE "
      "current_timestamp(3),\n  `made` datetime NOT NULL DEFAULT current_timestamp(),\n  PRIMARY KEY (`id`)\n"
      ") ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci");
  const std::string mysql = table(
      "CREATE TABLE `t` (\n  `id` int NOT NULL AUTO_INCREMENT,\n"
      "  `s` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'it''s',\n  `n` int DEFAULT '-1',\n"
      "  `c` varchar(9) COLLATE utf8mb4_general_ci DEFAULT NULL,\n  `at` timestamp(3) NOT NULL DEFAULT "
      "CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),\n  `made` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
      "  PRIMARY KEY (`id`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci");
  CHECK(mariadb == mysql);
  CHECK(mysql ==
        "primary key (id) on id\n"
        "table t: engine=InnoDB collate utf8mb4_general_ci\n"
        "id int not null supplied\n"
        "s varchar(20) default 'it''s' | collate utf8mb4_bin\n"
        "n int default -1\n"
        "c varchar(9)\n"
        "at timestamp(3) not null default current_timestamp(3) | on update current_timestamp(3)\n"
        "made datetime not null default current_timestamp\n");
}

TEST_CASE("MariaDB's json is a json, and any other check of a column is a check") {
  CHECK(
      table("CREATE TABLE `t` (\n  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '{}' CHECK "
            "(json_valid(`j`)),\n  `k` longtext DEFAULT NULL CHECK (json_valid(`j`)),\n  `n` int(11) DEFAULT 5 CHECK "
            "(`n` > 0)\n) ENGINE=InnoDB DEFAULT CHARSET=latin1") ==
      "check of column k on k: json_valid(j)\n"
      "check of column n on n: n > 0\n"
      "table t: engine=InnoDB character set latin1\n"
      "j json not null default '{}'\n"
      "k longtext\n"
      "n int default 5\n");
}

TEST_CASE("keys tell what they are on, and what is not plain about them") {
  CHECK(table("CREATE TABLE `t` (\n  `a` int DEFAULT NULL,\n  `b` text,\n  UNIQUE KEY `u` (`a`,`b`(10)),\n"
              "  KEY `d` (`a` DESC) USING BTREE,\n  KEY `f` ((`a` + 1)),\n  KEY `h` (`a`) /*!80000 INVISIBLE */,\n"
              "  KEY `i` (`a`) COMMENT 'why' IGNORED,\n  FULLTEXT KEY `ft` (`b`) /*!50100 WITH PARSER `ngram` */ \n"
              ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci") ==
        "unique index u on a b: (a, b(10))\n"
        "index d on a: (a desc)\n"
        "index f on ?: ((a + 1))\n"
        "index h on a: invisible\n"
        "index i on a: comment 'why' ignored\n"
        "fulltext index ft on b: with parser ngram\n"
        "table t: engine=InnoDB collate utf8mb4_0900_ai_ci\n"
        "a int\n"
        "b text\n");
}

TEST_CASE("an index that a foreign key makes by itself is none; one that serves it under another name is one") {
  const auto with = [](const std::string& keys) {
    return table("CREATE TABLE `t` (\n  `nid` varchar(36) NOT NULL,\n  `x` int DEFAULT NULL,\n" + keys +
                 "  CONSTRAINT `t_ibfk_1` FOREIGN KEY (`nid`) REFERENCES `n` (`id`) ON DELETE CASCADE ON UPDATE SET "
                 "NULL\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
  };
  const std::string key = "foreign key t_ibfk_1 on nid: references n (id) on delete cascade on update set null\n";
  const std::string rest = "table t: engine=InnoDB character set utf8mb4\nnid varchar(36) not null\nx int\n";
  for (const char* name : {"nid", "t_ibfk_1", "nid_2"})
    CHECK(with("  KEY `" + std::string(name) + "` (`nid`),\n") == key + rest);
  CHECK(with("  KEY `idx_nid` (`nid`),\n") == "index idx_nid on nid\n" + key + rest);
  CHECK(with("  KEY `nid` (`nid`,`x`),\n") == "index nid on nid x\n" + key + rest);
  CHECK(with("  UNIQUE KEY `nid` (`nid`),\n") == "unique index nid on nid\n" + key + rest);
}

TEST_CASE("what a foreign key does by default has no words, whatever the server writes") {
  const auto with = [](const std::string& actions) {
    return table(
        "CREATE TABLE `t` (\n  `nid` int DEFAULT NULL,\n  CONSTRAINT `f` FOREIGN KEY (`nid`) REFERENCES "
        "`other`.`n` (`id`)" +
        actions + "\n) ENGINE=InnoDB");
  };
  CHECK(with("") == "foreign key f on nid: references other.n (id)\ntable t: engine=InnoDB\nnid int\n");
  CHECK(with(" ON DELETE RESTRICT") == with(""));
  CHECK(with(" ON DELETE NO ACTION ON UPDATE NO ACTION") == with(""));
  CHECK(with(" ON UPDATE CASCADE") != with(""));
}

TEST_CASE("generated columns, checks, comments, partitions and options are told, in one spelling") {
  CHECK(table("CREATE TABLE `t` (\n  `a` int NOT NULL COMMENT 'it''s',\n  `g` varchar(9) GENERATED ALWAYS AS "
              "(concat(`a`,_utf8mb4'x')) VIRTUAL,\n  `i` int DEFAULT '1' /*!80023 INVISIBLE */,\n  `e` int DEFAULT ((1 "
              "+ 2)),\n  CONSTRAINT `c` CHECK ((`a` <> _utf8mb4'x')) /*!80016 NOT ENFORCED */\n) ENGINE=InnoDB "
              "AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci ROW_FORMAT=COMPRESSED "
              "COMMENT='all'\n/*!50100 PARTITION BY HASH (`a`)\n(PARTITION p0 ENGINE = InnoDB,\n PARTITION p1 ENGINE = "
              "InnoDB) */") ==
        "comment table: all\n"
        "comment column a: it's\n"
        "check c: a <> 'x' not enforced\n"
        "table t: engine=InnoDB row_format=COMPRESSED PARTITION BY HASH (a) (PARTITION p0, PARTITION p1) collate "
        "utf8mb4_0900_ai_ci\n"
        "a int not null\n"
        "g varchar(9) supplied | generated always as (concat(a,'x')) virtual\n"
        "i int default 1 | invisible\n"
        "e int default 1 + 2\n");
}

TEST_CASE("a view has neither a definer nor the name of its database") {
  const auto view = [](std::string_view text) { return read_view("v", text, "px").definition; };
  CHECK(view("CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`%` SQL SECURITY DEFINER VIEW `v` AS select `a`.`id` AS `id` "
             "from `a`") == "select a.id AS id from a");
  // As both servers write it where it reads another database, too.
  CHECK(view("CREATE ALGORITHM=MERGE DEFINER=`r`@`%` SQL SECURITY INVOKER VIEW `px`.`v` AS select `px`.`a`.`id` AS "
             "`id`,'px.a' AS `s` from (`px`.`a` join `o`.`b`)") ==
        "algorithm merge sql security invoker select a.id AS id,'px.a' AS s from (a join o.b)");
  // An alias of that name.
  CHECK(view("CREATE VIEW `v` AS select `px`.`id` AS `id` from `a` `px`") == "select px.id AS id from a px");
}

TEST_CASE("a statement is freed of its definer and its database, and nothing else of it changes") {
  CHECK(without_owner("CREATE DEFINER=`root`@`%` PROCEDURE `p`()\nSELECT 'px.a', px.a.x FROM `px`.`a` -- px.a\n",
                      "px") == "CREATE  PROCEDURE `p`()\nSELECT 'px.a', a.x FROM `a` -- px.a\n");
  CHECK(without_owner("/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t */", "px") ==
        "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER t */");
  CHECK(without_owner("/*!50003 TRIGGER t BEFORE INSERT ON px.u FOR EACH ROW SET NEW.x = 1; */", "px") ==
        "/*!50003 TRIGGER t BEFORE INSERT ON u FOR EACH ROW SET NEW.x = 1 */");
  CHECK(without_owner("CREATE DEFINER=CURRENT_USER() VIEW v AS SELECT 1", "px") == "CREATE  VIEW v AS SELECT 1");
}

TEST_CASE("comments and blanks of a body say nothing") {
  CHECK(plain_text("BEGIN\n  -- why\n  SELECT /* x */ `a`,\t`odd name` FROM t;\nEND") ==
        "BEGIN SELECT a, `odd name` FROM t; END");
  CHECK(plain_text("SET NEW.k = 1;") == "SET NEW.k = 1");
}

}  // namespace talos::mysql
