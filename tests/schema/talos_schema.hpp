// What the Talos schema is to be, written out here once more for the proofs of the dialects' sets, and the steps that
// these have in common. Nothing of the migrator is used, so that neither can hide a fault of the other.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace talos::test::schema {

constexpr int last_version = 24;
extern const std::string tenant;
extern const std::array<std::string, last_version> titles;

struct Column {
  std::string name;
  std::string type;  ///< VARCHAR(n), INTEGER, BIGINT, JSON or TIMESTAMP; Database::type() names it in a dialect
  bool nullable;
  std::string fallback;  ///< the default; empty: none
  int key;               ///< place in the primary key; 0: not in it
  int since;             ///< the version that brings it
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

extern const std::vector<Table> tables;
extern const std::vector<Index> indexes;

const Table& table(const std::string& name);

/// What a version brings: an index, or columns of a table that was there before.
bool has_index(int version);
bool has_column(int version);
const Index& index_of(int version);

std::string padded(int number, std::size_t width);
std::string quoted(const std::string& text);
std::string joined(const std::set<std::string>& lines);

enum class Direction { up, down };

std::string file_name(int version, Direction direction);
std::string read_file(const std::filesystem::path& path);

using Strings = std::vector<std::string>;

/// A database that the set goes into, and what is the dialect's own about it. Errors are std::runtime_error.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  virtual void exec(const std::string& sql) = 0;
  virtual std::vector<Strings> rows(const std::string& sql) = 0;
  virtual int changed(const std::string& sql) = 0;

  /// Runs a file as the migrator does.
  virtual void migrate(int version, Direction direction) = 0;
  /// What the catalogue says, in the form of expected_schema().
  virtual std::string catalogue() = 0;

  /// Whether an index can leave rows out.
  virtual bool has_partial_indexes() const { return true; }
  /// The catalogue's name of a type.
  virtual std::string type(const std::string& type) const = 0;
  /// Literals. JSON comes as PostgreSQL prints JSONB, time as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC.
  virtual std::string json(const std::string& text) const = 0;
  virtual std::string timestamp(const std::string& text) const = 0;
  /// An expression for a column's value as the literal that it was written with.
  virtual std::string literal_of(const Column& column) const = 0;

  void migrate_between(int from, int to);
};

std::string expected_schema(const Database& db, int version);

/// Column name to SQL literal.
using Row = std::map<std::string, std::string>;

std::string key_of(const Table& owner, int number);
/// For comparisons whose failure can be read.
std::string shown(const Row& row);

enum class Fill { every_column, required_columns };

/// The statements of a release that knows the schema up to a version, and nothing of what came later.
class Release {
 public:
  explicit Release(int version) : version_(version) {}

  bool knows(const Table& t) const { return t.since <= version_; }
  bool knows(const Column& column) const { return column.since <= version_; }

  Row make_row(const Database& db, const Table& t, int number, Fill fill) const;
  void insert(Database& db, const Table& t, const Row& row) const;
  Row read(Database& db, const Table& t, const Row& key) const;
  /// An actor's keys, newest first.
  Strings list(Database& db, const Table& t) const;
  int update(Database& db, const Table& t, Row& row) const;
  int revoke(Database& db, const Table& t, Row& row) const;
  int remove(Database& db, const Table& t, const Row& row) const;

 private:
  static int set(Database& db, const Table& t, Row& row, const Row& changes);

  int version_;
};

struct Loaded {
  const Table* table;
  Row row;
};

void insert_tenant(Database& db, const std::string& id = tenant);
/// A row that uses what this version brought, and one that uses as little as it may.
void load_rows(Database& db, int version, std::vector<Loaded>& loaded);
/// Every row is there with its values; columns that it was written without, or that were taken away since (those that
/// came after `kept`), have their default.
void check_intact(Database& db, int version, int kept, const std::vector<Loaded>& loaded);

// ---- The parts of the proof. Each takes an empty database unless it says otherwise.

void check_files(const std::filesystem::path& folder);
/// Up to the last version, rows loaded at each that brings columns.
std::vector<Loaded> check_ups(Database& db);
void check_ups_and_downs(Database& db);
void check_part_of_the_way(Database& db);
/// A rolling upgrade: the release before has written rows, the schema moves under it, and it goes on.
void check_release_before(Database& db, int version);
/// `unique_error` is in the error for a second key of a request; `{}` in it stands for the table.
void check_request_ids(Database& db, const std::string& unique_error);
/// Of keys that repeat a request no unique index is made, with `unique_error`; when they are set right it is.
enum class FailedIndex { leaves_nothing, is_dropped_by_the_down };
void check_repeated_requests(Database& db, const std::string& unique_error, FailedIndex failed);
void check_keys(Database& db, const std::string& foreign_key_error, const std::string& primary_key_error);

}  // namespace talos::test::schema
