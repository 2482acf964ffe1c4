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

#include <libpq-fe.h>

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

std::string text_of(int version, Direction direction) {
  return schema::read_file(folder / schema::file_name(version, direction));
}

// ---- The database.

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// A session of a schema that is not `public`, in a time zone that is not UTC.
class Postgres final : public schema::Database {
 public:
  explicit Postgres(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str())) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    exec("SET client_min_messages = warning");
    exec("CREATE SCHEMA IF NOT EXISTS tenants");
    exec("SET search_path = tenants");
    exec("SET TimeZone = 'Asia/Kathmandu'");
  }

  void exec(const std::string& sql) override { result(sql); }

  std::vector<Strings> rows(const std::string& sql) override {
    const Result found = result(sql);
    std::vector<Strings> all;
    for (int row = 0; row < PQntuples(found.get()); ++row) {
      Strings values;
      for (int column = 0; column < PQnfields(found.get()); ++column)
        values.emplace_back(PQgetvalue(found.get(), row, column));
      all.push_back(std::move(values));
    }
    return all;
  }

  std::string value(const std::string& sql) { return rows(sql).at(0).at(0); }

  int changed(const std::string& sql) override { return std::stoi(PQcmdTuples(result(sql).get())); }

  // As the migrator runs it: one transaction, or bare where the file asks for it.
  void migrate(int version, Direction direction) override {
    INFO(schema::file_name(version, direction));
    const std::string text = text_of(version, direction);
    const bool bare = text.find("-- talos:no-transaction\n") != std::string::npos;
    if (!bare) exec("BEGIN");
    exec(text);
    if (!bare) exec("COMMIT");
  }

  std::string catalogue() override;

  std::string type(const std::string& type) const override {
    static const std::map<std::string, std::string> names = {
        {"JSON", "jsonb"}, {"TIMESTAMP", "timestamp with time zone"}, {"INTEGER", "integer"}, {"BIGINT", "bigint"}};
    if (type.starts_with("VARCHAR")) return "character varying" + type.substr(std::string_view("VARCHAR").size());
    return names.at(type);
  }

  std::string json(const std::string& text) const override { return schema::quoted(text); }

  std::string timestamp(const std::string& text) const override { return schema::quoted(text + "+00"); }

  std::string literal_of(const schema::Column& column) const override {
    if (column.type == "TIMESTAMP")
      return "quote_nullable(to_char(" + column.name + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00')";
    if (column.type == "INTEGER" || column.type == "BIGINT") return "coalesce(" + column.name + "::text, 'NULL')";
    return "quote_nullable(" + column.name + "::text)";
  }

  /// Sends a statement and does not wait for it; `finish` does.
  void start(const std::string& sql) {
    if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) != 1)
      throw std::runtime_error(PQerrorMessage(connection_.get()));
  }

  void finish() {
    while (const Result one{PQgetResult(connection_.get())}) check(one);
  }

  int process() const { return PQbackendPID(connection_.get()); }

 private:
  // By the extended protocol, in which the server takes one statement and refuses a second.
  Result result(const std::string& sql) {
    Result got(PQexecParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
    check(got);
    return got;
  }

  static void check(const Result& got) {
    const ExecStatusType status = PQresultStatus(got.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      throw std::runtime_error(PQresultErrorMessage(got.get()));
  }

  std::unique_ptr<PGconn, CloseConnection> connection_;
};

// What is not as the design has it shows as a difference: constraints and indexes by their full definition, and
// everything else that a file could leave behind, in any schema.
std::string Postgres::catalogue() {
  const std::string ours = " JOIN pg_class AS t ON t.oid = %s AND t.relnamespace = 'tenants'::regnamespace ";
  auto of = [&](const std::string& oid) { return std::string(ours).replace(ours.find("%s"), 2, oid); };
  std::set<std::string> lines;
  auto add = [&](const std::string& sql) {
    for (Strings& row : rows(sql)) lines.insert(std::move(row.at(0)));
  };
  add("SELECT 'table ' || relname || CASE relpersistence WHEN 'p' THEN '' ELSE ' not permanent' END ||"
      " coalesce(' ' || array_to_string(reloptions, ', '), '') FROM pg_class"
      " WHERE relkind = 'r' AND relnamespace = 'tenants'::regnamespace");
  add("SELECT 'column ' || t.relname || '.' || lpad((row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum)"
      " - 1)::text, 2, '0') || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ||"
      " CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||"
      " coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') ||"
      " coalesce(' key ' || array_position(k.conkey, a.attnum), '') ||"
      " CASE WHEN a.attidentity <> '' OR a.attgenerated <> '' THEN ' generated' ELSE '' END ||"
      " CASE WHEN a.attcollation <> y.typcollation THEN ' collated' ELSE '' END"
      " FROM pg_attribute AS a" +
      of("a.attrelid AND t.relkind = 'r'") +
      "JOIN pg_type AS y ON y.oid = a.atttypid"
      " LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
      " LEFT JOIN pg_constraint AS k ON k.conrelid = a.attrelid AND k.contype = 'p'"
      " WHERE a.attnum > 0 AND NOT a.attisdropped");
  // The primary key stands with the columns; NOT NULL too, which is a constraint as well from 18 on.
  add("SELECT regexp_replace(t.relname || ' ' || pg_get_constraintdef(k.oid),"
      " '^(\\w+) FOREIGN KEY \\((.*)\\) REFERENCES (\\w+)\\((.*)\\) ON DELETE CASCADE$',"
      " 'foreign key \\1 (\\2) to \\3 (\\4) on delete CASCADE on update NO ACTION') FROM pg_constraint AS k" +
      of("k.conrelid") + "WHERE k.contype NOT IN ('p', 'n') OR k.condeferrable OR NOT k.convalidated");
  add("SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || regexp_replace(regexp_replace("
      "pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX (\\w+) ON tenants\\.(\\w+) USING btree ',"
      " 'index \\2 on \\3 '), ' WHERE \\((.*)\\)$', ' WHERE \\1') FROM pg_index AS i" +
      of("i.indrelid") + "WHERE NOT i.indisprimary");
  add("SELECT 'not usable: ' || indexrelid::regclass FROM pg_index AS i" + of("i.indrelid") +
      "WHERE NOT (i.indisvalid AND i.indisready AND i.indislive AND i.indimmediate)");
  add("SELECT 'unexpected: ' || t.relkind::text || ' ' || t.oid::regclass FROM pg_class AS t JOIN pg_namespace AS n"
      " ON n.oid = t.relnamespace WHERE n.nspname !~ '^(pg_|information_schema$)'"
      " AND (t.relkind NOT IN ('r', 'i') OR n.nspname <> 'tenants' OR t.relrowsecurity OR t.relhasrules)");
  add("SELECT 'trigger ' || g.tgname FROM pg_trigger AS g" + of("g.tgrelid") + "WHERE NOT g.tgisinternal");
  add("SELECT 'function ' || proname FROM pg_proc WHERE pronamespace IN ('tenants'::regnamespace,"
      " 'public'::regnamespace)");
  add("SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'tenants'::regnamespace AND typrelid = 0"
      " AND typelem = 0");
  return schema::joined(lines);
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
