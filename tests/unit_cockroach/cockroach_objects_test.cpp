#include "cockroach_objects.hpp"

#include <doctest/doctest.h>

namespace talos::cockroach {
namespace {

using common::Act;
using Kind = NamedObject::Kind;

std::string names(const char* sql) {
  std::string text;
  for (const NamedObject& object : read_ddl(sql).objects)
    text += (text.empty() ? "" : ", ") + object.schema + "." + object.table + "/" + object.name;
  return text;
}

}  // namespace

TEST_CASE("G13: the objects that a statement names") {
  CHECK(names("CREATE TABLE t (x INT)") == "./t");
  CHECK(names("CREATE TABLE IF NOT EXISTS \"S\".t (x INT)") == "S./t");
  CHECK(names("CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (x)") == "s.t/i");
  CHECK(names("CREATE INDEX ON t (x)") == ".t/");
  CHECK(names("DROP INDEX IF EXISTS t@i") == ".t/i");
  CHECK(names("DROP INDEX i CASCADE") == "./i");
  CHECK(names("DROP TABLE a, s.b") == "./a, s./b");
  CHECK(names("ALTER TABLE s.a RENAME TO b") == "s./a, s./b");
  CHECK(names("CREATE TYPE e AS ENUM ('a')") == "./e");
  CHECK(names("DROP INDEX a, b") == "");
  CHECK(names("BACKUP INTO 'x'") == "");
}

TEST_CASE("G13: only what shows in the definitions is one act that can be told from them") {
  for (const char* single :
       {"CREATE TABLE t (x INT)", "ALTER TABLE t ADD COLUMN x INT", "ALTER TABLE t DROP COLUMN x, ADD y INT",
        "ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        "ALTER TABLE t ALTER a TYPE TEXT", "ALTER TABLE t ALTER PRIMARY KEY USING COLUMNS (a)",
        "CREATE INDEX i ON t (x)", "DROP TABLE t", "CREATE VIEW v AS SELECT x FROM t"}) {
    CAPTURE(single);
    CHECK(read_ddl(single).change.single);
  }
  for (const char* other : {"CREATE TABLE t AS SELECT 1", "CREATE MATERIALIZED VIEW v AS SELECT 1",
                            "ALTER TABLE t CONFIGURE ZONE USING num_replicas = 5",
                            "ALTER TABLE t SET (ttl_expire_after = '1 day')", "ALTER TABLE t SET LOCALITY GLOBAL",
                            "ALTER TABLE t ADD COLUMN x INT, SET (ttl = 'on')", "DROP TABLE a, b", "BACKUP INTO 'x'"}) {
    CAPTURE(other);
    CHECK_FALSE(read_ddl(other).change.single);
  }
}

TEST_CASE("G13: what may be run again without harm") {
  for (const char* again :
       {"TRUNCATE t", "GRANT SELECT ON t TO u", "COMMENT ON TABLE t IS 'x'", "CREATE OR REPLACE VIEW v AS SELECT 1"})
    CHECK(read_ddl(again).repeatable);
  CHECK_FALSE(read_ddl("CREATE TABLE t (x INT)").repeatable);
  CHECK(read_ddl("DROP TABLE IF EXISTS t").change.conditional);
}

}  // namespace talos::cockroach
