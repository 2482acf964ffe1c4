#include "talos_schema.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <doctest/doctest.h>

namespace talos::test::schema {

const std::string tenant = "00000000-0000-0000-0000-000000000000";

namespace {
constexpr bool null = true;
constexpr bool not_null = false;
const std::string page = "actor_id, nid, status, created_at DESC, key_id DESC";
}  // namespace

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

const std::vector<Table> tables = {
    {"networks",
     1,
     {{"id", "VARCHAR(36)", not_null, "", 1, 1},
      {"created_at", "TIMESTAMP", not_null, "", 0, 1},
      {"updated_at", "TIMESTAMP", not_null, "", 0, 1}},
     false},
    {"issued_api_keys",
     2,
     {{"nid", "VARCHAR(36)", not_null, "", 1, 2},
      {"key_id", "VARCHAR(36)", not_null, "", 2, 2},
      {"name", "VARCHAR(255)", not_null, "", 0, 2},
      {"token_prefix", "VARCHAR(16)", not_null, "", 0, 2},
      {"version", "INTEGER", not_null, "", 0, 2},
      {"actor_id", "VARCHAR(255)", null, "", 0, 2},
      {"scopes", "JSON", not_null, "", 0, 2},
      {"status", "INTEGER", not_null, "", 0, 2},
      {"metadata", "JSON", not_null, "", 0, 2},
      {"last_used_at", "TIMESTAMP", null, "", 0, 2},
      {"expires_at", "TIMESTAMP", null, "", 0, 2},
      {"created_at", "TIMESTAMP", not_null, "", 0, 2},
      {"updated_at", "TIMESTAMP", not_null, "", 0, 2},
      {"rate_limit_quota", "BIGINT", null, "", 0, 6},
      {"rate_limit_window", "BIGINT", null, "", 0, 7},
      {"revocation_reason", "INTEGER", not_null, "0", 0, 13},
      {"revocation_reason_text", "VARCHAR(500)", null, "", 0, 14},
      {"allowed_cidrs", "JSON", null, "", 0, 17},
      {"request_id", "VARCHAR(36)", null, "", 0, 19},
      {"visibility", "INTEGER", not_null, "1", 0, 23}},
     true},
    {"imported_api_keys",
     8,
     {{"nid", "VARCHAR(36)", not_null, "", 1, 8},
      {"key_id", "VARCHAR(64)", not_null, "", 2, 8},
      {"name", "VARCHAR(255)", not_null, "", 0, 8},
      {"actor_id", "VARCHAR(255)", null, "", 0, 8},
      {"scopes", "JSON", not_null, "", 0, 8},
      {"status", "INTEGER", not_null, "", 0, 8},
      {"metadata", "JSON", not_null, "", 0, 8},
      {"last_used_at", "TIMESTAMP", null, "", 0, 8},
      {"expires_at", "TIMESTAMP", null, "", 0, 8},
      {"created_at", "TIMESTAMP", not_null, "", 0, 8},
      {"updated_at", "TIMESTAMP", not_null, "", 0, 8},
      {"rate_limit_quota", "BIGINT", null, "", 0, 8},
      {"rate_limit_window", "BIGINT", null, "", 0, 8},
      {"revocation_reason", "INTEGER", not_null, "0", 0, 15},
      {"revocation_reason_text", "VARCHAR(500)", null, "", 0, 16},
      {"allowed_cidrs", "JSON", null, "", 0, 18},
      {"request_id", "VARCHAR(36)", null, "", 0, 20},
      {"visibility", "INTEGER", not_null, "1", 0, 24}},
     true},
};

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

bool has_index(int version) { return titles.at(static_cast<std::size_t>(version - 1)).ends_with("_index"); }

bool has_column(int version) {
  return !has_index(version) &&
         std::none_of(tables.begin(), tables.end(), [&](const Table& t) { return t.since == version; });
}

const Index& index_of(int version) {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [&](const Index& i) { return i.since == version; });
  if (found == indexes.end()) throw std::logic_error("version " + std::to_string(version) + " brings no index");
  return *found;
}

std::string padded(int number, std::size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width - digits.size(), '0') + digits;
}

namespace {

std::string column_line(const Database& db, const Table& owner, int place, const Column& column) {
  return "column " + owner.name + "." + padded(place, 2) + " " + column.name + " " + db.type(column.type) +
         (column.nullable ? "" : " not null") + (column.fallback.empty() ? "" : " default " + column.fallback) +
         (column.key == 0 ? "" : " key " + std::to_string(column.key));
}

std::string index_line(const Database& db, const Index& index) {
  const bool partial = db.has_partial_indexes() && !index.where.empty();
  return std::string(index.unique ? "unique " : "") + "index " + index.name + " on " + index.table + " (" +
         index.columns + ")" + (partial ? " WHERE " + index.where : "");
}

}  // namespace

std::string joined(const std::set<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string expected_schema(const Database& db, int version) {
  std::set<std::string> lines;
  for (const Table& t : tables) {
    if (t.since > version) continue;
    lines.insert("table " + t.name);
    if (t.of_tenant)
      lines.insert("foreign key " + t.name + " (nid) to networks (id) on delete CASCADE on update NO ACTION");
    int place = 0;
    for (const Column& column : t.columns)
      if (column.since <= version) lines.insert(column_line(db, t, place++, column));
  }
  for (const Index& index : indexes)
    if (index.since <= version) lines.insert(index_line(db, index));
  return joined(lines);
}

std::string quoted(const std::string& text) { return "'" + text + "'"; }

// ---- The files.

std::string file_name(int version, Direction direction) {
  return padded(version, 6) + "_" + titles.at(static_cast<std::size_t>(version - 1)) +
         (direction == Direction::up ? ".up.sql" : ".down.sql");
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void Database::migrate_between(int from, int to) {
  for (int version = from + 1; version <= to; ++version) migrate(version, Direction::up);
  for (int version = from; version > to; --version) migrate(version, Direction::down);
}

// ---- Rows.

std::string key_of(const Table& owner, int number) {
  if (owner.name == "imported_api_keys") return std::string(48, 'a') + padded(number, 16);
  return "00000000-0000-4000-8000-" + padded(number, 12);
}

namespace {

std::string value_of(const Database& db, const Table& owner, const Column& column, int number) {
  const std::string n = std::to_string(number);
  if (column.name == "nid") return quoted(tenant);
  if (column.key != 0) return quoted(key_of(owner, number));
  if (column.name == "status" || column.name == "version") return "1";
  if (column.name == "visibility") return "2";
  if (column.name == "revocation_reason") return "4";
  if (column.name == "metadata") return db.json("{\"n\": " + n + ", \"owner\": \"Zo\xC3\xAB\"}");
  if (column.name == "allowed_cidrs") return db.json("[\"10.0.0.0/8\", \"2001:db8::/32\"]");
  if (column.type == "JSON") return db.json("[\"read\", \"write:" + n + "\"]");
  if (column.type == "TIMESTAMP") return db.timestamp("2026-01-02 03:04:05." + padded(number, 6));
  if (column.type == "BIGINT") return "5000000000";
  if (column.name == "token_prefix") return "'prod'";
  if (column.name == "actor_id") return "'actor'";
  return quoted(column.name + " " + n);
}

Strings names(const Release& release, const Table& t) {
  Strings list;
  for (const Column& column : t.columns)
    if (release.knows(column)) list.push_back(column.name);
  return list;
}

std::string comma_separated(const Strings& list) {
  std::string text;
  for (const std::string& one : list) text.append(text.empty() ? "" : ", ").append(one);
  return text;
}

std::string where(const Table& t, const Row& row) {
  std::string condition;
  for (const Column& column : t.columns)
    if (column.key != 0)
      condition += (condition.empty() ? " WHERE " : " AND ") + column.name + " = " + row.at(column.name);
  return condition;
}

}  // namespace

std::string shown(const Row& row) {
  std::string text;
  for (const auto& [name, value] : row) text.append(name).append(" = ").append(value).append("\n");
  return text;
}

Row Release::make_row(const Database& db, const Table& t, int number, Fill fill) const {
  Row row;
  for (const Column& column : t.columns) {
    if (!knows(column)) continue;
    const bool leave_out = fill == Fill::required_columns && column.nullable;
    row[column.name] = leave_out ? "NULL" : value_of(db, t, column, number);
  }
  return row;
}

void Release::insert(Database& db, const Table& t, const Row& row) const {
  Strings values;
  for (const std::string& name : names(*this, t)) values.push_back(row.at(name));
  db.exec("INSERT INTO " + t.name + " (" + comma_separated(names(*this, t)) + ") VALUES (" + comma_separated(values) +
          ")");
}

Row Release::read(Database& db, const Table& t, const Row& key) const {
  Strings expressions;
  for (const Column& column : t.columns)
    if (knows(column)) expressions.push_back(db.literal_of(column));
  const auto found = db.rows("SELECT " + comma_separated(expressions) + " FROM " + t.name + where(t, key));
  REQUIRE(found.size() == 1);
  Row row;
  std::size_t at = 0;
  for (const std::string& name : names(*this, t)) row[name] = found[0].at(at++);
  return row;
}

Strings Release::list(Database& db, const Table& t) const {
  Strings ids;
  for (const Strings& row :
       db.rows("SELECT key_id FROM " + t.name + " WHERE nid = " + quoted(tenant) +
               " AND actor_id = 'actor' AND status = 1 ORDER BY created_at DESC, key_id DESC LIMIT 100"))
    ids.push_back(row[0]);
  return ids;
}

int Release::update(Database& db, const Table& t, Row& row) const {
  Row changes;
  for (const Column& column : t.columns)
    if (knows(column) && column.key == 0) changes[column.name] = value_of(db, t, column, 777);
  return set(db, t, row, changes);
}

int Release::revoke(Database& db, const Table& t, Row& row) const {
  Row changes = {{"status", "2"}, {"updated_at", db.timestamp("2026-02-03 04:05:06.000000")}};
  for (const Column& column : t.columns) {
    if (!knows(column)) continue;
    if (column.name == "revocation_reason") changes[column.name] = "1";
    if (column.name == "revocation_reason_text") changes[column.name] = "'found in a log'";
  }
  return set(db, t, row, changes);
}

int Release::remove(Database& db, const Table& t, const Row& row) const {
  return db.changed("DELETE FROM " + t.name + where(t, row));
}

int Release::set(Database& db, const Table& t, Row& row, const Row& changes) {
  Strings list;
  for (const auto& [name, value] : changes) {
    list.push_back(name + " = " + value);
    row[name] = value;
  }
  return db.changed("UPDATE " + t.name + " SET " + comma_separated(list) + where(t, row));
}

void insert_tenant(Database& db, const std::string& id) {
  const std::string now = db.timestamp("2026-01-01 00:00:00.000000");
  db.exec("INSERT INTO networks (id, created_at, updated_at) VALUES (" + quoted(id) + ", " + now + ", " + now + ")");
}

void load_rows(Database& db, int version, std::vector<Loaded>& loaded) {
  const Release release(version);
  for (const Table& t : tables) {
    const bool brings =
        std::any_of(t.columns.begin(), t.columns.end(), [&](const Column& column) { return column.since == version; });
    if (!brings) continue;
    for (const Fill fill : {Fill::every_column, Fill::required_columns}) {
      loaded.push_back({&t, release.make_row(db, t, static_cast<int>(loaded.size()), fill)});
      release.insert(db, t, loaded.back().row);
    }
    if (version != 1) continue;
    Row single_tenant = loaded.back().row;
    single_tenant["id"] = quoted(tenant);
    loaded.push_back({&t, single_tenant});
    release.insert(db, t, single_tenant);
  }
}

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

// ---- The parts of the proof.

void check_files(const std::filesystem::path& folder) {
  std::set<std::string> expected;
  for (int version = 1; version <= last_version; ++version)
    for (const Direction direction : {Direction::up, Direction::down}) expected.insert(file_name(version, direction));
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) found.insert(entry.path().filename().string());
  // What the schema is after each; the tests of seeded faults say whether it still is.
  found.erase("fingerprints");
  CHECK(joined(found) == joined(expected));
  CHECK(found.size() == 48);
  for (int version = 1; version <= last_version; ++version) {
    const std::string text = read_file(folder / file_name(version, Direction::up));
    INFO(file_name(version, Direction::up) << " says why on its first line");
    CHECK(text.starts_with("-- "));
    CHECK_FALSE(text.starts_with("-- talos:"));
  }
}

std::vector<Loaded> check_ups(Database& db) {
  std::vector<Loaded> loaded;
  for (int version = 1; version <= last_version; ++version) {
    db.migrate(version, Direction::up);
    INFO("after the up of " << version);
    CHECK(db.catalogue() == expected_schema(db, version));
    load_rows(db, version, loaded);
    check_intact(db, version, version, loaded);
  }
  // Two for each of 14 versions that bring columns, two tenants, and the single one.
  CHECK(loaded.size() == 31);
  return loaded;
}

void check_ups_and_downs(Database& db) {
  const std::string nothing = db.catalogue();
  CHECK(nothing.empty());
  const std::vector<Loaded> loaded = check_ups(db);
  for (int version = last_version; version >= 1; --version) {
    db.migrate(version, Direction::down);
    INFO("after the down of " << version);
    CHECK(db.catalogue() == expected_schema(db, version - 1));
    check_intact(db, version - 1, version - 1, loaded);
  }
  CHECK(db.catalogue() == nothing);
  db.migrate_between(0, last_version);
  CHECK(db.catalogue() == expected_schema(db, last_version));
}

void check_part_of_the_way(Database& db) {
  const std::vector<Loaded> loaded = check_ups(db);
  for (int version = last_version - 1; version >= 8; --version) {
    INFO("down to " << version);
    db.migrate_between(last_version, version);
    db.migrate_between(version, last_version);
    CHECK(db.catalogue() == expected_schema(db, last_version));
    check_intact(db, last_version, version, loaded);
  }
}

namespace {

void check_statements_before(Database& db, int version, const Table& t) {
  const Release release(version - 1);
  INFO("release " << version - 1 << " on " << t.name << " after version " << version);
  Row old_row = release.make_row(db, t, 1, Fill::every_column);
  CHECK(shown(release.read(db, t, old_row)) == shown(old_row));
  const Row full = release.make_row(db, t, 2, Fill::every_column);
  Row sparse = release.make_row(db, t, 3, Fill::required_columns);
  const Row sparse_too = release.make_row(db, t, 4, Fill::required_columns);
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

}  // namespace

void check_release_before(Database& db, int version) {
  const Release before(version - 1);
  db.migrate_between(0, version - 1);
  insert_tenant(db);
  for (const Table& t : tables)
    if (before.knows(t)) before.insert(db, t, before.make_row(db, t, 1, Fill::every_column));
  db.migrate(version, Direction::up);
  for (const Table& t : tables)
    if (before.knows(t)) check_statements_before(db, version, t);
  // A tenant goes with its keys.
  CHECK(db.changed("DELETE FROM networks WHERE id = " + quoted(tenant)) == 1);
  for (const Table& t : tables)
    if (before.knows(t) && t.of_tenant) CHECK(db.rows("SELECT * FROM " + t.name).empty());
}

namespace {

std::string filled_in(std::string text, const std::string& value) {
  for (std::size_t at = 0; (at = text.find("{}", at)) != std::string::npos; at += value.size())
    text.replace(at, 2, value);
  return text;
}

}  // namespace

void check_request_ids(Database& db, const std::string& unique_error) {
  db.migrate_between(0, last_version);
  const Release release(last_version);
  const std::string other = "11111111-0000-4000-8000-000000000000";
  insert_tenant(db);
  insert_tenant(db, other);
  for (const char* name : {"issued_api_keys", "imported_api_keys"}) {
    const Table& t = table(name);
    const Row first = release.make_row(db, t, 1, Fill::every_column);
    release.insert(db, t, first);
    release.insert(db, t, release.make_row(db, t, 2, Fill::required_columns));
    release.insert(db, t, release.make_row(db, t, 3, Fill::required_columns));
    Row elsewhere = first;
    elsewhere["nid"] = quoted(other);
    release.insert(db, t, elsewhere);
    CHECK_THROWS_WITH_AS(db.exec("UPDATE " + t.name + " SET request_id = " + first.at("request_id") +
                                 " WHERE key_id = " + quoted(key_of(t, 2))),
                         doctest::Contains(filled_in(unique_error, t.name).c_str()), std::runtime_error);
  }
}

void check_repeated_requests(Database& db, const std::string& unique_error, FailedIndex failed) {
  db.migrate_between(0, 20);
  insert_tenant(db);
  const Release release(20);
  for (const int version : {21, 22}) {
    const Table& t = table(index_of(version).table);
    for (const int number : {1, 2}) release.insert(db, t, release.make_row(db, t, number, Fill::every_column));
    CHECK(db.changed("UPDATE " + t.name + " SET request_id = 'same'") == 2);
    CHECK_THROWS_WITH_AS(db.migrate(version, Direction::up), doctest::Contains(unique_error.c_str()),
                         std::runtime_error);
    CHECK(db.changed("UPDATE " + t.name + " SET request_id = NULL") == 2);
    if (failed == FailedIndex::is_dropped_by_the_down) db.migrate(version, Direction::down);
    CHECK(db.catalogue() == expected_schema(db, version - 1));
    db.migrate(version, Direction::up);
    CHECK(db.catalogue() == expected_schema(db, version));
  }
}

void check_keys(Database& db, const std::string& foreign_key_error, const std::string& primary_key_error) {
  db.migrate_between(0, last_version);
  const Release release(last_version);
  const Table& t = table("issued_api_keys");
  CHECK_THROWS_WITH_AS(release.insert(db, t, release.make_row(db, t, 1, Fill::every_column)),
                       doctest::Contains(foreign_key_error.c_str()), std::runtime_error);
  insert_tenant(db);
  release.insert(db, t, release.make_row(db, t, 1, Fill::every_column));
  CHECK_THROWS_WITH_AS(release.insert(db, t, release.make_row(db, t, 1, Fill::required_columns)),
                       doctest::Contains(primary_key_error.c_str()), std::runtime_error);
}

}  // namespace talos::test::schema
