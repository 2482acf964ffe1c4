#include "workspace.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace talos::bench {

namespace fs = std::filesystem;

Workspace::Workspace() {
  std::string name = (fs::temp_directory_path() / "talos-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory like " + name);
  path_ = fs::canonical(name);
}

Workspace::~Workspace() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void expect_count(const fs::path& database, const std::string& query, long long wanted) {
  sqlite3* opened = nullptr;
  const int status = sqlite3_open_v2(database.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> connection(opened, sqlite3_close);
  if (status != SQLITE_OK) throw std::runtime_error("cannot open " + database.string());
  sqlite3_stmt* prepared = nullptr;
  sqlite3_prepare_v2(opened, query.c_str(), -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared, sqlite3_finalize);
  if (prepared == nullptr || sqlite3_step(prepared) != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(opened));
  const long long count = sqlite3_column_int64(prepared, 0);
  if (count != wanted) {
    throw std::runtime_error(query + " gives " + std::to_string(count) + ", not " + std::to_string(wanted));
  }
}

void clear_database(const fs::path& directory) {
  fs::remove_all(directory / "database");
  fs::create_directories(directory / "database");
  sync();
}

}  // namespace talos::bench
