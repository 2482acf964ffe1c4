// The proof of the Talos schema on PostgreSQL: the files of plugins/postgres/migrations against what the schema is to
// be, on every server version that is here.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "postgres_schema.hpp"
#include "postgres_server.hpp"
#include "process.hpp"
#include "talos_schema.hpp"

namespace {

namespace schema = talos::test::schema;
using schema::Direction;
using schema::has_column;
using schema::has_index;
using schema::index_of;
using schema::Strings;

const std::filesystem::path folder = TALOS_POSTGRES_MIGRATIONS;

class Postgres final : public talos::test::PostgresSchema {
 public:
  explicit Postgres(const std::string& dsn) : PostgresSchema(dsn, folder) {}
};

std::string text_of(int version, Direction direction) {
  return schema::read_file(folder / schema::file_name(version, direction));
}

// ---- Servers, one of each version for the whole program.

std::vector<std::unique_ptr<talos::test::PostgresServer>>& servers() {
  static auto all = [] {
    std::vector<std::unique_ptr<talos::test::PostgresServer>> started;
    for (const auto& installation : talos::test::all_postgres_or_skip())
      started.push_back(
          std::make_unique<talos::test::PostgresServer>(installation, std::vector<std::string>{"fsync=off"}));
    return started;
  }();
  return all;
}

void on_each_server(const std::function<void(const std::string& dsn)>& test) {
  for (const auto& server : servers()) {
    INFO("PostgreSQL " << server->installation().major);
    const std::string database = server->create_database();
    test(server->dsn(database));
    server->drop_database(database);
  }
}

// ---- The proof.

TEST_CASE("the set is the 24 versions with their titles, each with an up that says why and a down, and nothing else") {
  schema::check_files(folder);
}

TEST_CASE("each file is one change: of an index concurrently and without transaction, of all else in one") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    // The server refuses a second statement in any of them.
    db.migrate_between(0, schema::last_version);
    db.migrate_between(schema::last_version, 0);
  });
  for (int version = 1; version <= schema::last_version; ++version) {
    for (const Direction direction : {Direction::up, Direction::down}) {
      const std::string text = text_of(version, direction);
      INFO(schema::file_name(version, direction));
      CHECK((text.find("-- talos:no-transaction\n") != std::string::npos) == has_index(version));
      CHECK((text.find(" INDEX CONCURRENTLY idx_") != std::string::npos) == has_index(version));
      // What is there already, an invalid index even, is never taken for the file's own work.
      CHECK(text.find("EXISTS") == std::string::npos);
    }
  }
  for (const schema::Index& index : schema::indexes) CHECK(index.name.size() <= 63);
}

TEST_CASE("after all ups columns, types, defaults, keys and indexes are those of the design, all in current_schema()") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    db.migrate_between(0, schema::last_version);
    CHECK(db.catalogue() == schema::expected_schema(db, schema::last_version));
  });
}

TEST_CASE("rows from the version where they could first exist are intact at the last; each down undoes its up") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    schema::check_ups_and_downs(db);
  });
}

TEST_CASE("down part of the way with the rows in place, and up again") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    schema::check_part_of_the_way(db);
  });
}

TEST_CASE("the release before inserts, reads, updates, revokes and deletes on the schema after each version") {
  on_each_server([](const std::string& dsn) {
    for (int version = 2; version <= schema::last_version; ++version) {
      Postgres db(dsn);
      schema::check_release_before(db, version);
      db.exec("DROP SCHEMA tenants CASCADE");
    }
  });
}

TEST_CASE("a request id makes one key of a tenant; keys without one may be many; another tenant may use it too") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    schema::check_request_ids(db, "unique constraint \"idx_{}_request_id\"");
  });
}

TEST_CASE("a key needs its tenant, and no two rows share a primary key") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    schema::check_keys(db, "violates foreign key constraint \"issued_api_keys_nid_fkey\"",
                       "violates unique constraint \"issued_api_keys_pkey\"");
  });
}

std::string files_of_tables(Postgres& db) {
  return db.value(
      "SELECT coalesce(string_agg(relname || ' ' || pg_relation_filenode(oid), ', ' ORDER BY relname), '') FROM "
      "pg_class WHERE relkind = 'r' AND relname LIKE '%\\_keys' AND relnamespace = 'tenants'::regnamespace");
}

TEST_CASE("no column is added or taken away by writing a table anew") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    std::vector<schema::Loaded> loaded;
    for (int version = 1; version <= schema::last_version; ++version) {
      const std::string before = files_of_tables(db);
      db.migrate(version, Direction::up);
      INFO("version " << version);
      if (has_column(version)) CHECK(files_of_tables(db) == before);
      schema::load_rows(db, version, loaded);
    }
    for (int version = schema::last_version; version >= 1; --version) {
      const std::string before = files_of_tables(db);
      db.migrate(version, Direction::down);
      INFO("version " << version);
      if (has_column(version)) CHECK(files_of_tables(db) == before);
    }
  });
}

// One session holds a changed row, so that the change of the index waits; others write all the while.
void check_writers_go_on(const std::string& dsn, Postgres& db, int version, Direction direction) {
  INFO(schema::file_name(version, direction));
  const schema::Table& t = schema::table(index_of(version).table);
  const schema::Release release(direction == Direction::up ? version - 1 : version);
  Postgres holder(dsn);
  Postgres writer(dsn);
  writer.exec("SET lock_timeout = '10s'");
  release.insert(writer, t, release.make_row(writer, t, 1, schema::Fill::every_column));
  holder.exec("BEGIN");
  CHECK(holder.changed("UPDATE " + t.name + " SET status = 2") == 1);
  db.start(text_of(version, direction));
  CHECK(talos::test::eventually([&] {
    return writer.value("SELECT cardinality(pg_blocking_pids(" + std::to_string(db.process()) + "))") != "0";
  }));
  schema::Row row = release.make_row(writer, t, 2, schema::Fill::every_column);
  release.insert(writer, t, row);
  CHECK(release.update(writer, t, row) == 1);
  CHECK(release.remove(writer, t, row) == 1);
  holder.exec("COMMIT");
  db.finish();
  CHECK(writer.changed("DELETE FROM " + t.name) == 1);
}

TEST_CASE("while an index is built or dropped the keys are written, also while it waits for a session with open rows") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    for (int version = 1; version <= schema::last_version; ++version) {
      if (has_index(version))
        check_writers_go_on(dsn, db, version, Direction::up);
      else
        db.migrate(version, Direction::up);
      CHECK(db.catalogue() == schema::expected_schema(db, version));
      if (version == 1) schema::insert_tenant(db);
    }
    for (int version = schema::last_version; version >= 3; --version) {
      if (has_index(version))
        check_writers_go_on(dsn, db, version, Direction::down);
      else
        db.migrate(version, Direction::down);
      CHECK(db.catalogue() == schema::expected_schema(db, version - 1));
    }
  });
}

TEST_CASE("the invalid index of a build that failed is not taken for the index; the down drops it, and the up builds") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    schema::insert_tenant((db.migrate_between(0, 1), db));
    for (int version = 2; version <= schema::last_version; ++version) {
      if (!has_index(version)) {
        db.migrate(version, Direction::up);
        continue;
      }
      INFO("version " << version);
      const schema::Index& index = index_of(version);
      // Ended in the middle, as by an operator or a lock_timeout: it waits for the holder's row.
      Postgres holder(dsn);
      const schema::Release before(version - 1);
      const schema::Table& t = schema::table(index.table);
      holder.exec("BEGIN");
      before.insert(holder, t, before.make_row(holder, t, version, schema::Fill::required_columns));
      db.exec("SET lock_timeout = '50ms'");
      CHECK_THROWS_WITH_AS(db.migrate(version, Direction::up), doctest::Contains("lock timeout"), std::runtime_error);
      db.exec("SET lock_timeout = 0");
      holder.exec("COMMIT");
      CHECK(db.catalogue().find("not usable: " + index.name) != std::string::npos);
      CHECK_THROWS_WITH_AS(db.migrate(version, Direction::up), doctest::Contains("already exists"), std::runtime_error);
      db.migrate(version, Direction::down);
      db.migrate(version, Direction::up);
      CHECK(db.catalogue() == schema::expected_schema(db, version));
    }
  });
}

TEST_CASE("a unique index over keys that repeat a request fails, and is built when they are set right") {
  on_each_server([](const std::string& dsn) {
    Postgres db(dsn);
    schema::check_repeated_requests(db, "could not create unique index", schema::FailedIndex::is_dropped_by_the_down);
  });
}

}  // namespace
