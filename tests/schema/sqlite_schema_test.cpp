// The proof of the Talos schema on SQLite: the files of plugins/sqlite/migrations against what the schema is to be.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "talos_schema.hpp"

namespace {

namespace schema = talos::test::schema;
using schema::Direction;
using schema::Strings;

const std::filesystem::path folder = TALOS_SQLITE_MIGRATIONS;

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Prepared = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// An in-memory database with foreign keys on.
class Sqlite final : public schema::Database {
 public:
  Sqlite() {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
    db_.reset(db);
    exec("PRAGMA foreign_keys = ON");
  }

  void exec(const std::string& sql) override {
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
  }

  int changed(const std::string& sql) override {
    exec(sql);
    return sqlite3_changes(db_.get());
  }

  std::vector<Strings> rows(const std::string& sql) override {
    const char* rest = sql.c_str();
    const Prepared statement = prepare(rest);
    std::vector<Strings> result;
    int step = SQLITE_DONE;
    while ((step = sqlite3_step(statement.get())) == SQLITE_ROW) {
      Strings row;
      for (int i = 0; i < sqlite3_column_count(statement.get()); ++i) row.push_back(text(statement.get(), i));
      result.push_back(std::move(row));
    }
    if (step != SQLITE_DONE) fail(sql);
    return result;
  }

  /// The next statement; null at the end. `rest` moves behind it.
  Prepared prepare(const char*& rest) {
    sqlite3_stmt* statement = nullptr;
    const char* const start = rest;
    if (sqlite3_prepare_v2(db_.get(), start, -1, &statement, &rest) != SQLITE_OK) fail(start);
    return Prepared(statement);
  }

  // As the migrator runs it: one transaction.
  void migrate(int version, Direction direction) override {
    INFO(schema::file_name(version, direction));
    exec("BEGIN IMMEDIATE");
    exec(schema::read_file(folder / schema::file_name(version, direction)));
    exec("COMMIT");
  }

  std::string catalogue() override;

  std::string type(const std::string& type) const override {
    if (type == "JSON") return "BLOB";
    return type == "TIMESTAMP" ? "DATETIME" : type;
  }

  std::string json(const std::string& text) const override {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string literal = "X'";
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      literal += digits[byte >> 4U];
      literal += digits[byte & 15U];
    }
    return literal + "'";
  }

  std::string timestamp(const std::string& text) const override { return schema::quoted(text); }

  // With the storage class.
  std::string literal_of(const schema::Column& column) const override { return "quote(" + column.name + ")"; }

 private:
  static std::string text(sqlite3_stmt* statement, int column) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    const void* bytes = sqlite3_column_blob(statement, column);
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }

  [[noreturn]] void fail(const std::string& sql) {
    throw std::runtime_error(std::string(sqlite3_errmsg(db_.get())) + " in: " + sql);
  }

  std::unique_ptr<sqlite3, CloseDatabase> db_;
};

// What stands in no pragma is looked for in the statements.
std::string Sqlite::catalogue() {
  const std::string own = " FROM pragma_table_list AS t ";
  const std::string ours = " WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
  std::set<std::string> lines;
  auto add = [&](const std::string& sql) {
    for (Strings& row : rows(sql)) lines.insert(std::move(row[0]));
  };
  add("SELECT t.type || ' ' || t.name || iif(t.wr, ' without rowid', '') || iif(t.strict, ' strict', '')" + own + ours);
  add("SELECT format('column %s.%02d %s %s', t.name, c.cid, c.name, c.type) || iif(c.\"notnull\", ' not null', '') ||"
      " coalesce(' default ' || c.dflt_value, '') || iif(c.pk, ' key ' || c.pk, '') || iif(c.hidden, ' hidden', '')" +
      own + "JOIN pragma_table_xinfo(t.name) AS c" + ours);
  add("SELECT format('foreign key %s (%s) to %s (%s) on delete %s on update %s', t.name, f.\"from\", f.\"table\","
      " f.\"to\", f.on_delete, f.on_update)" +
      own + "JOIN pragma_foreign_key_list(t.name) AS f" + ours);
  add("SELECT iif(i.\"unique\", 'unique ', '') || format('index %s on %s (', i.name, t.name) ||"
      " (SELECT group_concat(coalesce(x.name, '?') || iif(x.desc, ' DESC', '') ||"
      " iif(x.coll = 'BINARY', '', ' ' || x.coll), ', ') FROM pragma_index_xinfo(i.name) AS x WHERE x.key) || ')' ||"
      " iif(i.partial, ' ' || (SELECT substr(s.sql, instr(s.sql, 'WHERE')) FROM sqlite_schema AS s"
      " WHERE s.name = i.name), '')" +
      own + "JOIN pragma_index_list(t.name) AS i" + ours + " AND i.origin <> 'pk'");
  add("SELECT type || ' ' || name FROM sqlite_schema WHERE type NOT IN ('table', 'index')");
  // These stand in no pragma.
  add("SELECT 'unexpected: ' || sql FROM sqlite_schema WHERE sql LIKE '%CHECK%' OR sql LIKE '%COLLATE%' OR "
      "sql LIKE '%AUTOINCREMENT%' OR sql LIKE '%DEFERR%'");
  return schema::joined(lines);
}

// ---- The proof.

TEST_CASE("the set is the 24 versions with their titles, each with an up that says why and a down, and nothing else") {
  schema::check_files(folder);
}

TEST_CASE("each file is one schema change without transaction control") {
  for (const Direction direction : {Direction::up, Direction::down}) {
    for (int version = 1; version <= schema::last_version; ++version) {
      Sqlite db;
      db.migrate_between(0, direction == Direction::up ? version - 1 : version);
      INFO(schema::file_name(version, direction));
      const std::string text = schema::read_file(folder / schema::file_name(version, direction));
      const char* rest = text.c_str();
      const Prepared only = db.prepare(rest);
      REQUIRE(only != nullptr);
      const std::string verb = std::string(sqlite3_sql(only.get()));
      CHECK((verb.find("CREATE ") != std::string::npos || verb.find("ALTER ") != std::string::npos ||
             verb.find("DROP ") != std::string::npos));
      CHECK(db.prepare(rest) == nullptr);
    }
  }
}

TEST_CASE("after all ups columns, types, defaults, keys and indexes are those of the design") {
  Sqlite db;
  db.migrate_between(0, schema::last_version);
  CHECK(db.catalogue() == schema::expected_schema(db, schema::last_version));
}

TEST_CASE("rows from the version where they could first exist are intact at the last") {
  Sqlite db;
  schema::check_ups(db);
  CHECK(db.rows("PRAGMA foreign_key_check").empty());
  CHECK(db.rows("PRAGMA integrity_check") == std::vector<Strings>{{"ok"}});
}

TEST_CASE("each down undoes its up and leaves the rows: step by step to nothing, and up again") {
  Sqlite db;
  schema::check_ups_and_downs(db);
  CHECK(db.rows("PRAGMA integrity_check") == std::vector<Strings>{{"ok"}});
}

TEST_CASE("down part of the way with the rows in place, and up again") {
  Sqlite db;
  schema::check_part_of_the_way(db);
}

TEST_CASE("the release before inserts, reads, updates, revokes and deletes on the schema after each version") {
  for (int version = 2; version <= schema::last_version; ++version) {
    Sqlite db;
    schema::check_release_before(db, version);
  }
}

TEST_CASE("a request id makes one key of a tenant; keys without one may be many; another tenant may use it too") {
  Sqlite db;
  schema::check_request_ids(db, "UNIQUE constraint failed: {}.nid, {}.request_id");
}

TEST_CASE("a key needs its tenant, and no two rows share a primary key") {
  Sqlite db;
  schema::check_keys(db, "FOREIGN KEY constraint failed",
                     "UNIQUE constraint failed: issued_api_keys.nid, issued_api_keys.key_id");
}

}  // namespace
