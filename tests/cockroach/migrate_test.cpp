// up, down, status, history, resume and force as their users meet them.
#include <doctest/doctest.h>

#include "cockroach_place.hpp"

namespace talos::test {
namespace {

constexpr const char* rows_and_schema =
    "CREATE TABLE t (id int PRIMARY KEY, name text);\n"
    "INSERT INTO t VALUES (1, 'a');\n"
    "ALTER TABLE t ADD COLUMN extra text;\n"
    "INSERT INTO t VALUES (2, 'b', 'c');\n"
    "CREATE INDEX t_name ON t (name);\n";

}  // namespace

TEST_CASE("up applies schema changes and rows, down takes them back, and status and history tell") {
  on_cockroach([](CockroachPlace& place) {
    place.migration(1, "t", rows_and_schema, "DROP TABLE t;\n");
    place.migration(2, "rows", "INSERT INTO t VALUES (3, 'd');\nINSERT INTO t VALUES (4, 'e');\n",
                    "DELETE FROM t WHERE id > 2;\n");
    const ProcessResult up = place.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    CHECK(place.tracker() == "2,false");
    CHECK(place.value("SELECT count(*) FROM t") == "4");
    const ProcessResult status = place.migrate({"status"});
    CHECK(status.status == 0);
    CHECK(status.out == Line{"Database Status: clean"});
    CHECK(status.out == Line{"Current Version: 2"});
    CHECK(place.migrate({"history"}).out == Part{"rows"});
    REQUIRE(place.migrate({"down", "--all", "--yes"}).status == 0);
    CHECK(place.tracker() == "none");
    CHECK_FALSE(place.has_table("t"));
    CHECK(place.lease_is_free());
  });
}

TEST_CASE("A file of rows is one transaction: what fails in it leaves nothing, and the database stays clean") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    place.migration(2, "rows", "INSERT INTO t1 VALUES (1);\nINSERT INTO nowhere VALUES (2);\n");
    const ProcessResult up = place.migrate({"up"});
    CHECK(up.status == 1);
    CHECK(up.err == Part{"000002_rows.up.sql:2"});
    CHECK(place.tracker() == "1,false");
    CHECK(place.value("SELECT count(*) FROM t1") == "0");
  });
}

TEST_CASE("A schema change that fails in the middle of its file leaves the database dirty, and resume goes on there") {
  on_cockroach([](CockroachPlace& place) {
    const char* const broken = "CREATE TABLE a (x int);\nCREATE TABLE b (x nothing_known);\nCREATE TABLE c (x int);\n";
    place.migration(1, "three", broken);
    const ProcessResult up = place.migrate({"up"});
    INFO(up.err);
    CHECK(up.status == 1);
    CHECK(up.err == Part{"000001_three.up.sql:2"});
    CHECK(place.tracker() == "1,true");
    CHECK(place.migrate({"up"}).status == 3);
    place.migration(1, "three", "CREATE TABLE a (x int);\nCREATE TABLE b (x int);\nCREATE TABLE c (x int);\n");
    const ProcessResult resume = place.migrate({"resume"});
    INFO(resume.err);
    CHECK(resume.status == 0);
    CHECK(place.tracker() == "1,false");
    for (const char* table : {"a", "b", "c"}) CHECK(place.has_table(table));
  });
}

TEST_CASE("A schema change that is the first to fail in its file leaves the database clean") {
  on_cockroach([](CockroachPlace& place) {
    place.migration(1, "wrong", "ALTER TABLE nowhere ADD COLUMN x int;\n");
    CHECK(place.migrate({"up"}).status == 1);
    CHECK(place.tracker() == "none");
  });
}

TEST_CASE("G6: what a file sets in its session no later file and no row of ours meets") {
  on_cockroach([](CockroachPlace& place) {
    place.sql("CREATE SCHEMA elsewhere");
    place.migration(1, "moves", "SET search_path = elsewhere;\nCREATE TABLE a (x int);\n");
    place.migration(2, "stays", "CREATE TABLE b (x int);\n");
    const ProcessResult up = place.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    CHECK(place.value("SELECT count(*) FROM elsewhere.a") == "0");
    CHECK(place.has_table("b"));
    CHECK(place.tracker() == "2,false");
  });
}

TEST_CASE("Eight runners at once: every migration once, and all of them succeed") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(3);
    place.migration(4, "rows", "INSERT INTO t1 VALUES (1);\n");
    std::vector<Process> runners;
    for (int i = 0; i < 8; ++i) runners.push_back(place.start({"up"}));
    for (Process& runner : runners) {
      const ProcessResult result = runner.wait();
      INFO(result.err);
      CHECK(result.status == 0);
    }
    CHECK(place.tracker() == "4,false");
    CHECK(place.value("SELECT count(*) FROM t1") == "1");
    CHECK(place.value("SELECT count(*) FROM schema_migrations_log WHERE action = 'up' AND NOT failed") == "4");
    CHECK(place.lease_is_free());
  });
}

}  // namespace talos::test
