#include "migration_set.hpp"

#include <fstream>
#include <stdexcept>

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

std::string numbered(unsigned number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

}  // namespace

MigrationSet one_table_each(unsigned count) {
  MigrationSet set;
  for (unsigned number = 1; number <= count; ++number) {
    const std::string table = "t" + std::to_string(number);
    set.push_back({numbered(number) + "_" + table,
                   "CREATE TABLE " + table + " (id INTEGER PRIMARY KEY, name TEXT NOT NULL, created_at TEXT);\n",
                   "DROP TABLE " + table + ";\n"});
  }
  return set;
}

MigrationSet one_row_each(unsigned count) {
  MigrationSet set;
  for (unsigned number = 1; number <= count; ++number) {
    const std::string text = std::to_string(number);
    const bool first = number == 1;
    set.push_back(
        {numbered(number) + "_row" + text,
         first ? "CREATE TABLE entries (id INTEGER PRIMARY KEY);\n" : "INSERT INTO entries VALUES (" + text + ");\n",
         first ? "DROP TABLE entries;\n" : "DELETE FROM entries WHERE id = " + text + ";\n"});
  }
  return set;
}

void write_file(const fs::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

void write_pairs(const fs::path& directory, const MigrationSet& set) {
  fs::create_directories(directory);
  for (const Migration& migration : set) {
    write_file(directory / (migration.name + ".up.sql"), migration.up);
    write_file(directory / (migration.name + ".down.sql"), migration.down);
  }
}

void write_marked(const fs::path& directory, const MigrationSet& set, const std::string& up_line,
                  const std::string& down_line) {
  fs::create_directories(directory);
  for (const Migration& migration : set) {
    write_file(directory / (migration.name + ".sql"),
               up_line + "\n" + migration.up + "\n" + down_line + "\n" + migration.down);
  }
}

void write_sqitch(const fs::path& directory, const MigrationSet& set, const std::string& configuration) {
  fs::create_directories(directory / "deploy");
  fs::create_directories(directory / "revert");
  write_file(directory / "sqitch.conf", configuration);
  std::string plan = "%syntax-version=1.0.0\n%project=bench\n\n";
  for (const Migration& migration : set) {
    // A letter in front: sqitch has rules for what a change's name may begin with.
    const std::string change = "m" + migration.name;
    plan += change + " 2025-01-01T00:00:00Z bench <bench@example.org> # made for the benchmark\n";
    write_file(directory / "deploy" / (change + ".sql"), "BEGIN;\n" + migration.up + "COMMIT;\n");
    write_file(directory / "revert" / (change + ".sql"), "BEGIN;\n" + migration.down + "COMMIT;\n");
  }
  write_file(directory / "sqitch.plan", plan);
}

void write_batch(const fs::path& file, const MigrationSet& set, const std::string& first, bool one_transaction) {
  std::string text = first;
  if (one_transaction) text += "BEGIN;\n";
  for (const Migration& migration : set) {
    text += one_transaction ? migration.up : "BEGIN;\n" + migration.up + "COMMIT;\n";
  }
  if (one_transaction) text += "COMMIT;\n";
  write_file(file, text);
}

void write_messages(const fs::path& file, const MigrationSet& set, const std::string& first) {
  constexpr std::size_t transactions = 100;
  std::string text = first;
  for (std::size_t number = 1; number <= set.size(); ++number) {
    // psql sends at a semicolon, and not at one behind a backslash.
    const std::string& up = set[number - 1].up;
    text += "BEGIN\\;\n" + up.substr(0, up.find_last_of(';')) + "\\;\nCOMMIT";
    text += number % transactions == 0 || number == set.size() ? ";\n" : "\\;\n";
  }
  write_file(file, text);
}

void write_delimited(const fs::path& file, const MigrationSet& set) {
  constexpr std::size_t statements = 100;
  std::string text = "DELIMITER //\n";
  for (std::size_t number = 1; number <= set.size(); ++number) {
    text += set[number - 1].up;
    if (number % statements == 0 || number == set.size()) text += "//\n";
  }
  write_file(file, text);
}

}  // namespace talos::bench
