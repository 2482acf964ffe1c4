#include "sqlite_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <sqlite3.h>

namespace talos::test {

namespace fs = std::filesystem;

ScratchDirectory::ScratchDirectory() {
  std::string name = (fs::temp_directory_path() / "talos-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
  path_ = fs::canonical(name);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_file(const fs::path& file, std::string_view text) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text << std::flush;
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

void write_migration(const fs::path& directory, long version, std::string_view name, std::string_view up,
                     std::string_view down) {
  fs::create_directories(directory);
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%06ld", version);
  const std::string stem = std::string(number.data()) + "_" + std::string(name);
  write_file(directory / (stem + ".up.sql"), up);
  if (!down.empty()) write_file(directory / (stem + ".down.sql"), down);
}

void SqliteFile::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

SqliteFile::SqliteFile(const fs::path& file, Open mode) {
  sqlite3* db = nullptr;
  const int flags = mode == Open::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(file.c_str(), &db, flags, nullptr);
  db_.reset(db);
  if (code != SQLITE_OK) throw std::runtime_error(file.string() + ": " + sqlite3_errstr(code));
  sqlite3_busy_timeout(db, 10'000);
}

namespace {

using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

std::string hex(const void* data, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "x'";
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned byte = static_cast<const unsigned char*>(data)[i];
    text += digits[byte >> 4U];
    text += digits[byte & 0xFU];
  }
  return text + "'";
}

std::string column_text(sqlite3_stmt* statement, int column) {
  const int type = sqlite3_column_type(statement, column);
  if (type == SQLITE_NULL) return "NULL";
  const auto size = [&] { return static_cast<std::size_t>(sqlite3_column_bytes(statement, column)); };
  if (type == SQLITE_BLOB) {
    const void* data = sqlite3_column_blob(statement, column);
    return hex(data, size());
  }
  const void* text = sqlite3_column_text(statement, column);
  return {static_cast<const char*>(text), size()};
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

constexpr std::string_view not_ours =
    " AND tbl_name NOT IN ('schema_migrations', 'schema_migrations_log', 'schema_migrations_journal', "
    "'schema_migrations_lock')";

}  // namespace

std::vector<std::string> SqliteFile::rows(const std::string& sql) {
  std::vector<std::string> result;
  const char* rest = sql.c_str();
  while (*rest != '\0') {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_.get(), rest, -1, &raw, &rest) != SQLITE_OK)
      throw std::runtime_error(sql + ": " + sqlite3_errmsg(db_.get()));
    const Statement statement(raw, sqlite3_finalize);
    if (!statement) continue;
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
      std::string row;
      for (int i = 0; i < sqlite3_column_count(statement.get()); ++i)
        row += (i == 0 ? "" : "|") + column_text(statement.get(), i);
      result.push_back(std::move(row));
    }
    if (code != SQLITE_DONE) throw std::runtime_error(sql + ": " + sqlite3_errmsg(db_.get()));
  }
  return result;
}

void SqliteFile::run(const std::string& sql) { rows(sql); }

std::string SqliteFile::value(const std::string& sql) {
  const auto found = rows(sql);
  return found.empty() ? "" : found[0].substr(0, found[0].find('|'));
}

std::string SqliteFile::schema(bool bookkeeping) {
  const std::string filter = bookkeeping ? "" : std::string(not_ours);
  std::string text;
  for (const std::string& row :
       rows("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' "
            "ESCAPE '~'" +
            filter + " ORDER BY type, name"))
    text += row + '\n';
  return text;
}

std::string SqliteFile::contents(bool bookkeeping) {
  const std::string filter = bookkeeping ? "" : std::string(not_ours);
  std::string text;
  for (const std::string& table :
       rows("SELECT name FROM sqlite_schema WHERE type = 'table'" + filter + " ORDER BY name")) {
    auto lines = rows("SELECT * FROM " + quoted(table));
    std::sort(lines.begin(), lines.end());
    for (const std::string& line : lines) text += table + ": " + line + '\n';
  }
  return text;
}

std::vector<std::string> rows_of(const fs::path& file, const std::string& sql) { return SqliteFile(file).rows(sql); }

void run_sql(const fs::path& file, const std::string& sql) { SqliteFile(file).run(sql); }

// FNV-1a: nobody attacks a test.
std::string hash_of(const fs::path& file) {
  std::uint64_t hash = 14695981039346656037U;
  const std::string text = read_file(file);
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return std::to_string(hash) + "/" + std::to_string(text.size());
}

}  // namespace talos::test
