// One test's place: a scratch directory, a database in it, and a directory of migrations.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sqlite_file.hpp"
#include "talos.hpp"

namespace talos::test {

/// `CHECK(text == Part{"this"})`: a failure shows both.
struct Part {
  std::string_view text;
  friend bool operator==(const std::string& whole, const Part& part) {
    return whole.find(part.text) != std::string::npos;
  }
  friend bool operator!=(const std::string& whole, const Part& part) { return !(whole == part); }
  friend std::ostream& operator<<(std::ostream& stream, const Part& part) {
    return stream << "text with \"" << part.text << '"';
  }
};

/// A whole line of a text.
struct Line {
  std::string_view text;
  friend bool operator==(const std::string& whole, const Line& line) {
    return ('\n' + whole + '\n').find('\n' + std::string(line.text) + '\n') != std::string::npos;
  }
  friend bool operator!=(const std::string& whole, const Line& line) { return !(whole == line); }
  friend std::ostream& operator<<(std::ostream& stream, const Line& line) {
    return stream << "text with the line \"" << line.text << '"';
  }
};

/// A file of the migrations' directory, byte for byte.
inline void write_bytes(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A statement that takes for ever, as far as a test is concerned; whoever starts it must end the child.
constexpr std::string_view endless_statement =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT count(*) FROM n;\n";

class World {
 public:
  World() { std::filesystem::create_directory(migrations); }

  const ScratchDirectory directory;
  const std::filesystem::path database = directory / "test.db";
  const std::filesystem::path migrations = directory / "migrations";

  void migration(long version, std::string_view name, std::string_view up, std::string_view down = "SELECT 1;\n") {
    write_migration(migrations, version, name, up, down);
  }

  /// Versions 1 to `count`; each makes table tN, and its down file drops it.
  void tables(int count) {
    for (int i = 1; i <= count; ++i) {
      const std::string table = "t" + std::to_string(i);
      migration(i, table, "CREATE TABLE " + table + " (x);\n", "DROP TABLE " + table + ";\n");
    }
  }

  /// `talos migrate WORDS --database … --migrations …`, in the scratch directory.
  ProcessResult migrate(std::vector<std::string> words, ProcessOptions options = {}) const {
    return talos(arguments(std::move(words)), here(std::move(options)));
  }
  Process start(std::vector<std::string> words, ProcessOptions options = {}) const {
    return start_talos(arguments(std::move(words)), here(std::move(options)));
  }

  std::vector<std::string> arguments(std::vector<std::string> words) const {
    words.insert(words.begin(), "migrate");
    for (const std::string& word :
         {std::string("--database"), "sqlite://" + database.string(), std::string("--migrations"), migrations.string()})
      words.push_back(word);
    return words;
  }

  ProcessOptions here(ProcessOptions options = {}) const {
    if (options.directory.empty()) options.directory = directory.path();
    return options;
  }

  std::vector<std::string> rows(const std::string& sql) const { return rows_of(database, sql); }
  void sql(const std::string& text) const { run_sql(database, text); }

  /// Version and dirty flag, as golang-migrate reads them; "none" for an empty tracker.
  std::string tracker() const {
    const auto found = rows("SELECT version || ',' || dirty FROM schema_migrations");
    return found.empty() ? "none" : found.size() == 1 ? found[0] : "many";
  }

  bool has_table(const std::string& name) const {
    return rows("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '" + name + "'")[0] == "1";
  }
};

}  // namespace talos::test
