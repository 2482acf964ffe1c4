#include "mysql_online.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace talos::mysql {

namespace {

std::string asked(std::string_view statement, std::string_view algorithm, std::string_view lock) {
  const auto read = read_online(statement);
  return read ? with_clauses(statement, *read, algorithm, lock) : "none";
}

}  // namespace

TEST_CASE("an algorithm and a lock go where the statement takes them") {
  CHECK(asked("ALTER TABLE `t` ADD COLUMN c int", "INPLACE", "NONE") ==
        "ALTER TABLE `t` ALGORITHM=INPLACE, LOCK=NONE,  ADD COLUMN c int");
  CHECK(asked("ALTER TABLE t WAIT 5 DROP COLUMN c", "INSTANT", "") ==
        "ALTER TABLE t WAIT 5 ALGORITHM=INSTANT,  DROP COLUMN c");
  CHECK(asked("CREATE UNIQUE INDEX i ON d.t (a) COMMENT 'x' -- end", "INPLACE", "SHARED") ==
        "CREATE UNIQUE INDEX i ON d.t (a) COMMENT 'x' ALGORITHM=INPLACE LOCK=SHARED -- end");
  CHECK(asked("DROP INDEX i ON t", "INPLACE", "NONE") == "DROP INDEX i ON t ALGORITHM=INPLACE LOCK=NONE");
}

TEST_CASE("those that the statement states are put in their place") {
  CHECK(asked("ALTER TABLE t ADD INDEX (a), ALGORITHM=INPLACE, LOCK = none", "NOCOPY", "SHARED") ==
        "ALTER TABLE t ADD INDEX (a), ALGORITHM=NOCOPY, LOCK = SHARED");
  CHECK(asked("CREATE INDEX i ON t (a) ALGORITHM DEFAULT", "INPLACE", "NONE") ==
        "CREATE INDEX i ON t (a) ALGORITHM INPLACE LOCK=NONE");
}

TEST_CASE("what the statement is about is read") {
  const auto stated = read_online("ALTER TABLE d.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id), algorithm=copy");
  REQUIRE(stated);
  CHECK(stated->schema == "d");
  CHECK(stated->table == "t");
  CHECK(stated->builds);
  CHECK(stated->references == std::vector<std::string>{"p"});
  CHECK(stated->algorithm->word == "COPY");
  CHECK_FALSE(stated->lock);
  CHECK(read_online("ALTER TABLE t RENAME TO u")->renames);
  CHECK_FALSE(read_online("ALTER TABLE t RENAME COLUMN a TO b")->renames);
  CHECK(read_online("ALTER TABLE t PARTITION BY HASH (a)")->partitions);
  CHECK(read_online("ALTER TABLE t REMOVE PARTITIONING")->partitions);
  CHECK(read_online("ALTER TABLE t DROP PARTITION p0")->one_partition);
  // A column of that name.
  CHECK_FALSE(read_online("ALTER TABLE t ADD COLUMN `lock` int")->lock);
  CHECK_FALSE(read_online("ALTER TABLE t ADD COLUMN a int")->builds);
}

TEST_CASE("other statements are none of these") {
  for (const char* statement : {"CREATE TABLE t (x int)", "DROP TABLE t", "ALTER VIEW v AS SELECT 1",
                                "CREATE VIEW i AS SELECT 1", "DROP VIEW v", "UPDATE t SET x = 1", ""})
    CHECK(asked(statement, "COPY", "") == "none");
}

}  // namespace talos::mysql
