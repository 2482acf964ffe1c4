// The proof of the Talos schema on SQLite: the files of plugins/sqlite/migrations against what the schema is to be,
// written out here once more. Nothing of the migrator is used, so that neither can hide a fault of the other.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace {

constexpr int last_version = 24;
const std::string tenant = "00000000-0000-0000-0000-000000000000";

// ---- What the schema is to be. `since` is the version that brings a thing.

const std::array<std::string, last_version> titles = {
    "networks",
    "issued_api_keys",
    "issued_api_keys_nid_index",
    "issued_api_keys_actor_pagination_index",
    "issued_api_keys_expires_index",
    "issued_api_keys_rate_limit_quota",
    "issued_api_keys_rate_limit_window",
    "imported_api_keys",
    "imported_api_keys_hash_index",
    "imported_api_keys_nid_index",
    "imported_api_keys_actor_pagination_index",
    "imported_api_keys_expires_index",
    "issued_api_keys_revocation_reason",
    "issued_api_keys_revocation_reason_text",
    "imported_api_keys_revocation_reason",
    "imported_api_keys_revocation_reason_text",
    "issued_api_keys_allowed_cidrs",
    "imported_api_keys_allowed_cidrs",
    "issued_api_keys_request_id",
    "imported_api_keys_request_id",
    "issued_api_keys_request_id_index",
    "imported_api_keys_request_id_index",
    "issued_api_keys_visibility",
    "imported_api_keys_visibility",
};

struct Column {
  std::string name;
  std::string type;
  bool nullable;
  std::string fallback;  ///< the default; empty: none
  int key;               ///< place in the primary key; 0: not in it
  int since;
};

struct Table {
  std::string name;
  int since;
  std::vector<Column> columns;
  bool of_tenant;  ///< nid references networks
};

struct Index {
  std::string name;
  std::string table;
  int since;
  bool unique;
  std::string columns;
  std::string where;
};

constexpr bool null = true;
constexpr bool not_null = false;

const std::vector<Table> tables = {
    {"networks",
     1,
     {{"id", "VARCHAR(36)", not_null, "", 1, 1},
      {"created_at", "DATETIME", not_null, "", 0, 1},
      {"updated_at", "DATETIME", not_null, "", 0, 1}},
     false},
    {"issued_api_keys",
     2,
     {{"nid", "VARCHAR(36)", not_null, "", 1, 2},
      {"key_id", "VARCHAR(36)", not_null, "", 2, 2},
      {"name", "VARCHAR(255)", not_null, "", 0, 2},
      {"token_prefix", "VARCHAR(16)", not_null, "", 0, 2},
      {"version", "INTEGER", not_null, "", 0, 2},
      {"actor_id", "VARCHAR(255)", null, "", 0, 2},
      {"scopes", "BLOB", not_null, "", 0, 2},
      {"status", "INTEGER", not_null, "", 0, 2},
      {"metadata", "BLOB", not_null, "", 0, 2},
      {"last_used_at", "DATETIME", null, "", 0, 2},
      {"expires_at", "DATETIME", null, "", 0, 2},
      {"created_at", "DATETIME", not_null, "", 0, 2},
      {"updated_at", "DATETIME", not_null, "", 0, 2},
      {"rate_limit_quota", "BIGINT", null, "", 0, 6},
      {"rate_limit_window", "BIGINT", null, "", 0, 7},
      {"revocation_reason", "INTEGER", not_null, "0", 0, 13},
      {"revocation_reason_text", "VARCHAR(500)", null, "", 0, 14},
      {"allowed_cidrs", "BLOB", null, "", 0, 17},
      {"request_id", "VARCHAR(36)", null, "", 0, 19},
      {"visibility", "INTEGER", not_null, "1", 0, 23}},
     true},
    {"imported_api_keys",
     8,
     {{"nid", "VARCHAR(36)", not_null, "", 1, 8},
      {"key_id", "VARCHAR(64)", not_null, "", 2, 8},
      {"name", "VARCHAR(255)", not_null, "", 0, 8},
      {"actor_id", "VARCHAR(255)", null, "", 0, 8},
      {"scopes", "BLOB", not_null, "", 0, 8},
      {"status", "INTEGER", not_null, "", 0, 8},
      {"metadata", "BLOB", not_null, "", 0, 8},
      {"last_used_at", "DATETIME", null, "", 0, 8},
      {"expires_at", "DATETIME", null, "", 0, 8},
      {"created_at", "DATETIME", not_null, "", 0, 8},
      {"updated_at", "DATETIME", not_null, "", 0, 8},
      {"rate_limit_quota", "BIGINT", null, "", 0, 8},
      {"rate_limit_window", "BIGINT", null, "", 0, 8},
      {"revocation_reason", "INTEGER", not_null, "0", 0, 15},
      {"revocation_reason_text", "VARCHAR(500)", null, "", 0, 16},
      {"allowed_cidrs", "BLOB", null, "", 0, 18},
      {"request_id", "VARCHAR(36)", null, "", 0, 20},
      {"visibility", "INTEGER", not_null, "1", 0, 24}},
     true},
};

const std::string page = "actor_id, nid, status, created_at DESC, key_id DESC";

const std::vector<Index> indexes = {
    {"idx_issued_api_keys_nid", "issued_api_keys", 3, false, "nid", ""},
    {"idx_issued_api_keys_actor_pagination", "issued_api_keys", 4, false, page, ""},
    {"idx_issued_api_keys_expires", "issued_api_keys", 5, false, "expires_at, status, nid", "expires_at IS NOT NULL"},
    {"idx_imported_api_keys_hash", "imported_api_keys", 9, false, "key_id, nid, status", ""},
    {"idx_imported_api_keys_nid", "imported_api_keys", 10, false, "nid", ""},
    {"idx_imported_api_keys_actor_pagination", "imported_api_keys", 11, false, page, ""},
    {"idx_imported_api_keys_expires", "imported_api_keys", 12, false, "expires_at, status, nid",
     "expires_at IS NOT NULL"},
    {"idx_issued_api_keys_request_id", "issued_api_keys", 21, true, "nid, request_id", "request_id IS NOT NULL"},
    {"idx_imported_api_keys_request_id", "imported_api_keys", 22, true, "nid, request_id", "request_id IS NOT NULL"},
};

const Table& table(const std::string& name) {
  return *std::find_if(tables.begin(), tables.end(), [&](const Table& t) { return t.name == name; });
}

std::string padded(int number, std::size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width - digits.size(), '0') + digits;
}

std::string column_line(const Table& owner, int place, const Column& column) {
  return "column " + owner.name + "." + padded(place, 2) + " " + column.name + " " + column.type +
         (column.nullable ? "" : " not null") + (column.fallback.empty() ? "" : " default " + column.fallback) +
         (column.key == 0 ? "" : " key " + std::to_string(column.key));
}

std::string index_line(const Index& index) {
  return std::string(index.unique ? "unique " : "") + "index " + index.name + " on " + index.table + " (" +
         index.columns + ")" + (index.where.empty() ? "" : " WHERE " + index.where);
}

std::string joined(const std::set<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string expected_schema(int version) {
  std::set<std::string> lines;
  for (const Table& t : tables) {
    if (t.since > version) continue;
    lines.insert("table " + t.name);
    if (t.of_tenant)
      lines.insert("foreign key " + t.name + " (nid) to networks (id) on delete CASCADE on update NO ACTION");
    int place = 0;
    for (const Column& column : t.columns)
      if (column.since <= version) lines.insert(column_line(t, place++, column));
  }
  for (const Index& index : indexes)
    if (index.since <= version) lines.insert(index_line(index));
  return joined(lines);
}

// ---- The database.

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Prepared = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;
using Strings = std::vector<std::string>;

/// An in-memory database with foreign keys on.
class Database {
 public:
  Database() {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(":memory:", &db) == SQLITE_OK);
    db_.reset(db);
    exec("PRAGMA foreign_keys = ON");
  }

  void exec(const std::string& sql) {
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
  }

  int exec_code(const std::string& sql) {
    sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    return sqlite3_extended_errcode(db_.get());
  }

  int changed(const std::string& sql) {
    exec(sql);
    return sqlite3_changes(db_.get());
  }

  std::vector<Strings> rows(const std::string& sql) {
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

// What the catalogue says, in the form of expected_schema().
std::string schema_of(Database& db) {
  const std::string own = " FROM pragma_table_list AS t ";
  const std::string ours = " WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
  std::set<std::string> lines;
  auto add = [&](const std::string& sql) {
    for (Strings& row : db.rows(sql)) lines.insert(std::move(row[0]));
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
  return joined(lines);
}

// ---- The files.

enum class Direction { up, down };

std::filesystem::path file_of(int version, Direction direction) {
  const std::string ending = direction == Direction::up ? ".up.sql" : ".down.sql";
  return std::filesystem::path(TALOS_SQLITE_MIGRATIONS) /
         (padded(version, 6) + "_" + titles[static_cast<std::size_t>(version - 1)] + ending);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// As the migrator runs it: one transaction.
void migrate(Database& db, int version, Direction direction) {
  INFO("version " << version << (direction == Direction::up ? " up" : " down"));
  db.exec("BEGIN IMMEDIATE");
  db.exec(read(file_of(version, direction)));
  db.exec("COMMIT");
}

void migrate_between(Database& db, int from, int to) {
  for (int version = from + 1; version <= to; ++version) migrate(db, version, Direction::up);
  for (int version = from; version > to; --version) migrate(db, version, Direction::down);
}

// ---- Rows. A value is an SQL literal, as quote() gives it, so that its storage class is compared as well.

using Row = std::map<std::string, std::string>;

std::string quoted(const std::string& text) { return "'" + text + "'"; }

std::string blob(const std::string& bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string literal = "X'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    literal += digits[byte >> 4U];
    literal += digits[byte & 15U];
  }
  return literal + "'";
}

std::string key_of(const Table& owner, int number) {
  if (owner.name == "imported_api_keys") return std::string(48, 'a') + padded(number, 16);
  return "00000000-0000-4000-8000-" + padded(number, 12);
}

std::string value_of(const Table& owner, const Column& column, int number) {
  const std::string n = std::to_string(number);
  if (column.name == "nid") return quoted(tenant);
  if (column.key != 0) return quoted(key_of(owner, number));
  if (column.name == "status" || column.name == "version") return "1";
  if (column.name == "visibility") return "2";
  if (column.name == "revocation_reason") return "4";
  if (column.name == "metadata") return blob("{\"owner\":\"Zo\xC3\xAB\",\"n\":" + n + "}");
  if (column.name == "allowed_cidrs") return blob("[\"10.0.0.0/8\",\"2001:db8::/32\"]");
  if (column.type == "BLOB") return blob("[\"read\",\"write:" + n + "\"]");
  if (column.type == "DATETIME") return quoted("2026-01-02 03:04:05." + padded(number, 6));
  if (column.type == "BIGINT") return "5000000000";
  if (column.name == "token_prefix") return "'prod'";
  if (column.name == "actor_id") return "'actor'";
  return quoted(column.name + " " + n);
}

// For comparisons whose failure can be read.
std::string shown(const Row& row) {
  std::string text;
  for (const auto& [name, value] : row) text.append(name).append(" = ").append(value).append("\n");
  return text;
}

enum class Fill { every_column, required_columns };

/// The statements of a release that knows the schema up to a version, and nothing of what came later.
class Release {
 public:
  explicit Release(int version) : version_(version) {}

  bool knows(const Table& t) const { return t.since <= version_; }
  bool knows(const Column& column) const { return column.since <= version_; }

  Row make_row(const Table& t, int number, Fill fill) const {
    Row row;
    for (const Column& column : t.columns) {
      if (!knows(column)) continue;
      const bool leave_out = fill == Fill::required_columns && column.nullable;
      row[column.name] = leave_out ? "NULL" : value_of(t, column, number);
    }
    return row;
  }

  void insert(Database& db, const Table& t, const Row& row) const {
    std::string values;
    for (const Column& column : t.columns)
      if (knows(column)) values += (values.empty() ? "" : ", ") + row.at(column.name);
    db.exec("INSERT INTO " + t.name + " (" + names(t, "", "") + ") VALUES (" + values + ")");
  }

  Row read(Database& db, const Table& t, const Row& key) const {
    const auto found = db.rows("SELECT " + names(t, "quote(", ")") + " FROM " + t.name + where(t, key));
    REQUIRE(found.size() == 1);
    Row row;
    std::size_t at = 0;
    for (const Column& column : t.columns)
      if (knows(column)) row[column.name] = found[0][at++];
    return row;
  }

  /// An actor's keys, newest first.
  Strings list(Database& db, const Table& t) const {
    Strings ids;
    for (const Strings& row :
         db.rows("SELECT key_id FROM " + t.name + " WHERE nid = " + quoted(tenant) +
                 " AND actor_id = 'actor' AND status = 1 ORDER BY created_at DESC, key_id DESC LIMIT 100"))
      ids.push_back(row[0]);
    return ids;
  }

  int update(Database& db, const Table& t, Row& row) const {
    Row changes;
    for (const Column& column : t.columns)
      if (knows(column) && column.key == 0) changes[column.name] = value_of(t, column, 777);
    return set(db, t, row, changes);
  }

  int revoke(Database& db, const Table& t, Row& row) const {
    Row changes = {{"status", "2"}, {"updated_at", "'2026-02-03 04:05:06.000000'"}};
    for (const Column& column : t.columns) {
      if (!knows(column)) continue;
      if (column.name == "revocation_reason") changes[column.name] = "1";
      if (column.name == "revocation_reason_text") changes[column.name] = "'found in a log'";
    }
    return set(db, t, row, changes);
  }

  int remove(Database& db, const Table& t, const Row& row) const {
    return db.changed("DELETE FROM " + t.name + where(t, row));
  }

 private:
  std::string names(const Table& t, const std::string& before, const std::string& after) const {
    std::string list;
    for (const Column& column : t.columns)
      if (knows(column)) list.append(list.empty() ? "" : ", ").append(before).append(column.name).append(after);
    return list;
  }

  static std::string where(const Table& t, const Row& row) {
    std::string condition;
    for (const Column& column : t.columns)
      if (column.key != 0)
        condition += (condition.empty() ? " WHERE " : " AND ") + column.name + " = " + row.at(column.name);
    return condition;
  }

  static int set(Database& db, const Table& t, Row& row, const Row& changes) {
    std::string list;
    for (const auto& [name, value] : changes) {
      list.append(list.empty() ? "" : ", ").append(name).append(" = ").append(value);
      row[name] = value;
    }
    return db.changed("UPDATE " + t.name + " SET " + list + where(t, row));
  }

  int version_;
};

struct Loaded {
  const Table* table;
  Row row;
};

// A row that uses what this version brought, and one that uses as little as it may.
void load_rows(Database& db, int version, std::vector<Loaded>& loaded) {
  const Release release(version);
  for (const Table& t : tables) {
    const bool brings =
        std::any_of(t.columns.begin(), t.columns.end(), [&](const Column& column) { return column.since == version; });
    if (!brings) continue;
    for (const Fill fill : {Fill::every_column, Fill::required_columns}) {
      loaded.push_back({&t, release.make_row(t, static_cast<int>(loaded.size()), fill)});
      release.insert(db, t, loaded.back().row);
    }
    if (version != 1) continue;
    Row single_tenant = loaded.back().row;
    single_tenant["id"] = quoted(tenant);
    loaded.push_back({&t, single_tenant});
    release.insert(db, t, single_tenant);
  }
}

// Every row is there with its values; columns that it was written without, or that were taken away since (those that
// came after `kept`), have their default.
void check_intact(Database& db, int version, int kept, const std::vector<Loaded>& loaded) {
  const Release release(version);
  std::map<std::string, int> counts;
  for (const auto& [t, row] : loaded) {
    if (!release.knows(*t)) continue;
    ++counts[t->name];
    Row expected;
    for (const Column& column : t->columns) {
      if (!release.knows(column)) continue;
      const auto written = row.find(column.name);
      const std::string fallback = column.fallback.empty() ? "NULL" : column.fallback;
      expected[column.name] = written != row.end() && column.since <= kept ? written->second : fallback;
    }
    CHECK(shown(release.read(db, *t, row)) == shown(expected));
  }
  for (const auto& [name, count] : counts) CHECK(db.rows("SELECT * FROM " + name).size() == std::size_t(count));
}

// ---- The proof.

TEST_CASE("the set is the 24 versions with their titles, each with an up and a down, and nothing else") {
  std::set<std::string> expected;
  for (int version = 1; version <= last_version; ++version)
    for (const Direction direction : {Direction::up, Direction::down})
      expected.insert(file_of(version, direction).filename().string());
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(TALOS_SQLITE_MIGRATIONS))
    found.insert(entry.path().filename().string());
  CHECK(joined(found) == joined(expected));
  CHECK(found.size() == 48);
}

TEST_CASE("each file is one schema change without transaction control, and each up says why on its first line") {
  for (const Direction direction : {Direction::up, Direction::down}) {
    for (int i = 1; i <= last_version; ++i) {
      Database db;
      const int version = direction == Direction::up ? i : last_version + 1 - i;
      migrate_between(db, 0, direction == Direction::up ? version - 1 : version);
      const std::string text = read(file_of(version, direction));
      INFO(file_of(version, direction).filename().string());
      if (direction == Direction::up) CHECK(text.starts_with("-- "));
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
  Database db;
  migrate_between(db, 0, last_version);
  CHECK(schema_of(db) == expected_schema(last_version));
}

TEST_CASE("rows from the version where they could first exist are intact at the last; each down undoes its up") {
  Database db;
  std::vector<Loaded> loaded;
  Strings before;
  for (int version = 1; version <= last_version; ++version) {
    before.push_back(schema_of(db));
    migrate(db, version, Direction::up);
    INFO("after the up of " << version);
    CHECK(schema_of(db) == expected_schema(version));
    load_rows(db, version, loaded);
    check_intact(db, version, version, loaded);
  }
  // Two for each of 14 versions that bring columns, two tenants, and the single one.
  CHECK(loaded.size() == 31);
  CHECK(db.rows("PRAGMA foreign_key_check").empty());
  CHECK(db.rows("PRAGMA integrity_check") == std::vector<Strings>{{"ok"}});

  SUBCASE("down step by step to nothing, and up again") {
    for (int version = last_version; version >= 1; --version) {
      migrate(db, version, Direction::down);
      INFO("after the down of " << version);
      CHECK(schema_of(db) == before[static_cast<std::size_t>(version - 1)]);
      check_intact(db, version - 1, version - 1, loaded);
    }
    CHECK(db.rows("SELECT name FROM sqlite_schema").empty());
    migrate_between(db, 0, last_version);
    CHECK(schema_of(db) == expected_schema(last_version));
  }
  SUBCASE("down part of the way with the rows in place, and up again") {
    for (int version = last_version - 1; version >= 8; --version) {
      INFO("down to " << version);
      migrate_between(db, last_version, version);
      migrate_between(db, version, last_version);
      CHECK(schema_of(db) == expected_schema(last_version));
      check_intact(db, last_version, version, loaded);
    }
  }
}

// A rolling upgrade: the release before has written rows, the schema moves under it, and it goes on.
void check_release_before(Database& db, int version, const Table& t) {
  const Release release(version - 1);
  INFO("release " << version - 1 << " on " << t.name << " after version " << version);
  Row old_row = release.make_row(t, 1, Fill::every_column);
  CHECK(shown(release.read(db, t, old_row)) == shown(old_row));
  const Row full = release.make_row(t, 2, Fill::every_column);
  Row sparse = release.make_row(t, 3, Fill::required_columns);
  const Row sparse_too = release.make_row(t, 4, Fill::required_columns);
  for (const Row& row : {full, sparse, sparse_too}) {
    release.insert(db, t, row);
    CHECK(shown(release.read(db, t, row)) == shown(row));
  }
  if (t.of_tenant) CHECK(release.list(db, t) == Strings{key_of(t, 2), key_of(t, 1)});
  CHECK(release.remove(db, t, full) == 1);
  for (Row* row : {&old_row, &sparse}) {
    CHECK(release.update(db, t, *row) == 1);
    CHECK(shown(release.read(db, t, *row)) == shown(*row));
    if (t.of_tenant) {
      CHECK(release.revoke(db, t, *row) == 1);
      CHECK(shown(release.read(db, t, *row)) == shown(*row));
    }
    CHECK(release.remove(db, t, *row) == 1);
  }
  CHECK(shown(release.read(db, t, sparse_too)) == shown(sparse_too));
}

TEST_CASE("the release before inserts, reads, updates, revokes and deletes on the schema after each version") {
  for (int version = 2; version <= last_version; ++version) {
    Database db;
    const Release before(version - 1);
    migrate_between(db, 0, version - 1);
    db.exec("INSERT INTO networks (id, created_at, updated_at) VALUES (" + quoted(tenant) +
            ", '2026-01-01 00:00:00', '2026-01-01 00:00:00')");
    for (const Table& t : tables)
      if (before.knows(t)) before.insert(db, t, before.make_row(t, 1, Fill::every_column));
    migrate(db, version, Direction::up);
    for (const Table& t : tables)
      if (before.knows(t)) check_release_before(db, version, t);
    // A tenant goes with its keys.
    CHECK(db.changed("DELETE FROM networks WHERE id = " + quoted(tenant)) == 1);
    for (const Table& t : tables)
      if (before.knows(t) && t.of_tenant) CHECK(db.rows("SELECT * FROM " + t.name).empty());
  }
}

TEST_CASE("a request id makes one key of a tenant; keys without one may be many; another tenant may use it too") {
  Database db;
  migrate_between(db, 0, last_version);
  const Release release(last_version);
  const std::string other = "'11111111-0000-4000-8000-000000000000'";
  for (const std::string& id : {quoted(tenant), other})
    db.exec("INSERT INTO networks (id, created_at, updated_at) VALUES (" + id +
            ", '2026-01-01 00:00:00', '2026-01-01 00:00:00')");
  for (const char* name : {"issued_api_keys", "imported_api_keys"}) {
    const Table& t = table(name);
    const Row first = release.make_row(t, 1, Fill::every_column);
    release.insert(db, t, first);
    release.insert(db, t, release.make_row(t, 2, Fill::required_columns));
    release.insert(db, t, release.make_row(t, 3, Fill::required_columns));
    Row elsewhere = first;
    elsewhere["nid"] = other;
    release.insert(db, t, elsewhere);
    CHECK(db.exec_code("UPDATE " + t.name + " SET request_id = " + first.at("request_id") +
                       " WHERE key_id = " + quoted(key_of(t, 2))) == SQLITE_CONSTRAINT_UNIQUE);
  }
}

TEST_CASE("a key needs its tenant, and no two rows share a primary key") {
  Database db;
  migrate_between(db, 0, last_version);
  const Release release(last_version);
  const Table& t = table("issued_api_keys");
  CHECK_THROWS_WITH_AS(release.insert(db, t, release.make_row(t, 1, Fill::every_column)),
                       doctest::Contains("FOREIGN KEY constraint failed"), std::runtime_error);
  db.exec("INSERT INTO networks (id, created_at, updated_at) VALUES (" + quoted(tenant) +
          ", '2026-01-01 00:00:00', '2026-01-01 00:00:00')");
  release.insert(db, t, release.make_row(t, 1, Fill::every_column));
  CHECK_THROWS_WITH_AS(release.insert(db, t, release.make_row(t, 1, Fill::required_columns)),
                       doctest::Contains("UNIQUE constraint failed: issued_api_keys.nid, issued_api_keys.key_id"),
                       std::runtime_error);
}

}  // namespace
