// SQLite databases and migration directories for tests.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace talos::test {

/// A directory of one's own (mode 0700, random name, in TMPDIR), removed with everything in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& file, std::string_view text);
std::string read_file(const std::filesystem::path& file);

/// Names in a directory, sorted.
std::vector<std::string> names_in(const std::filesystem::path& directory);

/// `NNNNNN_name.up.sql` and, unless `down` is empty, its down file; makes the directory.
void write_migration(const std::filesystem::path& directory, long version, std::string_view name, std::string_view up,
                     std::string_view down = {});

/// A connection of the test's own, through SQLite's C API. Every failure throws with SQLite's message.
class SqliteFile {
 public:
  enum class Open { create, read_only };
  explicit SqliteFile(const std::filesystem::path& file, Open mode = Open::create);

  /// Runs every statement; the rows of all of them, each as `a|b|c`, NULL as `NULL`, blobs as hex.
  std::vector<std::string> rows(const std::string& sql);
  void run(const std::string& sql);

  /// The first column of the first row; empty without one.
  std::string value(const std::string& sql);

  /// sqlite_schema, a line per object, by name. Without `bookkeeping` the tracker and its side tables are left out.
  std::string schema(bool bookkeeping = false);

  /// Every row of every table, by table and in a fixed order.
  std::string contents(bool bookkeeping = false);

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Close> db_;
};

/// Short forms that open, ask and close.
std::vector<std::string> rows_of(const std::filesystem::path& file, const std::string& sql);
void run_sql(const std::filesystem::path& file, const std::string& sql);

/// A hash of a file's bytes, for "nothing was written". Never of a database that this process has open: closing the
/// file would drop SQLite's locks.
std::string hash_of(const std::filesystem::path& file);

}  // namespace talos::test
