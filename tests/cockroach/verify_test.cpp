// `migrate verify` on CockroachDB: scratch databases, what is found, and what is said not to be known.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "cockroach_place.hpp"
#include "verify_report.hpp"

namespace talos::test {

namespace {

ProcessOptions verify_options(const CockroachPlace& place, const std::vector<std::string>& words = {}) {
  std::vector<std::string> all{"verify", "--scratch", place.dsn, "--migrations", place.migrations.string()};
  all.insert(all.end(), words.begin(), words.end());
  return place.talos(all);
}

ProcessResult verify(const CockroachPlace& place, const std::vector<std::string>& words = {}) {
  return run(verify_options(place, words));
}

/// Neither a scratch database nor anything in the one that the DSN names.
void check_nothing_is_left(const CockroachPlace& place) {
  CHECK(place.value("SELECT count(*) FROM pg_catalog.pg_database WHERE datname LIKE 'talos_scratch%'") == "0");
  CHECK(place.value("SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public'") == "0");
}

/// Case number `index` of a set, after the first migration. Without a down, which is not asked.
std::string file_of(std::size_t index) {
  std::string number = std::to_string(index + 2);
  return number.insert(0, 6 - number.size(), '0') + "_case.up.sql";
}

}  // namespace

TEST_CASE("Every kind of breaking change is found, and no other") {
  on_cockroach([](CockroachPlace& place) {
    place.migration(1, "base",
                    "CREATE TABLE p (id int8 PRIMARY KEY);\nCREATE TABLE gone (id int8 PRIMARY KEY);\n"
                    "CREATE TABLE t (id int8 PRIMARY KEY, a int8, b text, c text DEFAULT 'x', d int8, e int8, f int8,"
                    " g int8);\nCREATE TYPE mood AS ENUM ('ok', 'sad');\nCREATE VIEW v AS SELECT id FROM t;\n");
    // What each is called by; empty: it breaks nobody.
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"DROP TABLE gone;", "dropped-table"},
        {"DROP VIEW v;", "dropped-view"},
        {"ALTER TYPE mood RENAME VALUE 'sad' TO 'low';", "dropped-value"},
        {"ALTER TABLE t RENAME COLUMN a TO aa;", "dropped-column"},
        {"ALTER TABLE t ALTER COLUMN b TYPE varchar(10);", "narrowed-type"},
        {"ALTER TABLE t ALTER COLUMN c SET DEFAULT 'y';", "changed-default"},
        {"ALTER TABLE t ALTER COLUMN d SET NOT NULL;", "not-null-added"},
        {"ALTER TABLE t ADD COLUMN n1 int8 NOT NULL;", "not-null-without-default"},
        {"CREATE UNIQUE INDEX u ON t (e);", "added-unique"},
        {"ALTER TABLE t ADD CONSTRAINT positive CHECK (f > 0);", "added-check"},
        {"ALTER TABLE t ADD CONSTRAINT known FOREIGN KEY (g) REFERENCES p (id);", "added-foreign-key"},
        {"ALTER TABLE t ADD COLUMN n2 int8;", ""},
        {"ALTER TABLE t ADD COLUMN n3 int8 NOT NULL DEFAULT 4;", ""},
        {"ALTER TABLE t ALTER COLUMN d DROP NOT NULL;", ""},
        {"CREATE INDEX i ON t (e);", ""},
        {"ALTER TYPE mood ADD VALUE 'fine';", ""},
        {"CREATE TABLE n (id int8 PRIMARY KEY REFERENCES t (id));", ""}};
    for (std::size_t i = 0; i < cases.size(); ++i) write_bytes(place.migrations / file_of(i), cases[i].first);
    const auto verified = verify(place);
    CHECK_MESSAGE(verified.status == 1, verified.err);
    CHECK(verified.out != Part{"Not tried"});
    for (std::size_t i = 0; i < cases.size(); ++i) {
      CAPTURE(cases[i].first);
      const auto found = rules_at(verified.out, file_of(i), "error");
      CHECK(found ==
            (cases[i].second.empty() ? std::vector<std::string>{} : std::vector<std::string>{cases[i].second}));
    }
    check_nothing_is_left(place);
  });
}

TEST_CASE("A down that leaves something behind is found; what a change takes of a table that is there is not known") {
  on_cockroach([](CockroachPlace& place) {
    place.migration(1, "base", "CREATE TABLE t (id int8 PRIMARY KEY, a int8);\n", "DROP TABLE t;\n");
    place.migration(2, "index", "CREATE INDEX i ON t (a);\nCREATE TABLE n (id int8 PRIMARY KEY);\n", "DROP TABLE n;\n");
    place.migration(3, "rows", "INSERT INTO t VALUES (1, 2);\n", "DELETE FROM t WHERE id = 1;\n");
    const auto verified = verify(place);
    CHECK(verified.status == 1);
    CHECK(verified.out == Part{"error[down-leaves]: "});
    CHECK(verified.out == Part{"  + index i on t\n"});
    CHECK(verified.out == Part{"  + index i on t\n  takes locks that are not known on t\n000003"});
    CHECK(verified.out != Part{"not known on n"});
    CHECK(verified.out == Part{"000003_rows.up.sql\n\n"});
    check_nothing_is_left(place);
  });
}

TEST_CASE("Queries of the application are prepared against the schema, with parameters, and run nothing") {
  on_cockroach([](CockroachPlace& place) {
    place.migration(1, "base", "CREATE TABLE t (id int8 PRIMARY KEY, a int8, b text);\n", "DROP TABLE t;\n");
    place.migration(2, "rename", "-- talos:breaking known\nALTER TABLE t RENAME COLUMN a TO c;\n",
                    "ALTER TABLE t RENAME COLUMN c TO a;\n");
    const auto queries = place.directory / "queries";
    std::filesystem::create_directories(queries / "old");
    std::filesystem::create_directories(queries / "new");
    write_bytes(queries / "old" / "q.sql",
                "SELECT b FROM t WHERE id = $1;\nINSERT INTO t (id, a) VALUES ($1, $2);\nSELECT $1 IS NULL;\n");
    write_bytes(queries / "new" / "q.sql", "SELECT c FROM t;\nSELECT missing(c) FROM t;\n");
    const auto verified = verify(place, {"--queries", queries.string()});
    CHECK(verified.status == 1);
    CHECK(verified.out == Part{"error[query-breaks]: this query fails after version 2\n  --> old/q.sql:2"});
    CHECK(verified.out ==
          Part{"error[query-fails]: this query of the new release fails at version 2\n  --> new/q.sql:2"});
    CHECK(verified.out == Part{": 2 errors, "});
    check_nothing_is_left(place);
  });
}

TEST_CASE("A run that is stopped in the middle of a schema change leaves no scratch database") {
  on_double([](CockroachPlace& place) {
    place.migration(1, "base", "CREATE TABLE t (id int8 PRIMARY KEY);\n", "DROP TABLE t;\n");
    place.migration(2, "held", "ALTER TABLE t ADD COLUMN held int8;\n", "ALTER TABLE t DROP COLUMN held;\n");
    place.crdb->hold_jobs("ADD COLUMN held");
    Process talos = Process::start(verify_options(place));
    const auto is_held = [](const CrdbJob& job) { return job.held; };
    REQUIRE(eventually([&] {
      const auto jobs = place.crdb->jobs();
      return std::any_of(jobs.begin(), jobs.end(), is_held);
    }));
    talos.signal(SIGTERM);
    const auto stopped = talos.wait();
    CHECK(stopped.status == 128 + SIGTERM);
    check_nothing_is_left(place);
  });
}

TEST_CASE("A copy of a live database is refused: nothing makes one") {
  on_cockroach([](CockroachPlace& place) {
    place.tables(1);
    const auto refused = verify(place, {"--from", place.dsn});
    CHECK(refused.status == 1);
    CHECK(refused.err == Part{"on CockroachDB no copy of a database is made"});
    CHECK(refused.err == Part{"--since V"});
    check_nothing_is_left(place);
  });
}

TEST_CASE("A user who may not create databases is told so") {
  on_double([](CockroachPlace& place) {
    place.tables(1);
    const std::string user = "poor_" + place.database;
    place.dsn = place.crdb->create_user(user, place.database);
    const auto refused = verify(place);
    CHECK(refused.status == 5);
    CHECK(refused.err == Part{"permission denied to create database"});
    CHECK(refused.err == Part{"CREATEDB"});
    place.behind("DROP OWNED BY " + user + "; DROP ROLE " + user);
  });
}

}  // namespace talos::test
