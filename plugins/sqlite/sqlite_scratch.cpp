#include "sqlite_scratch.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "sqlite_backup.hpp"
#include "sqlite_db.hpp"
#include "sqlite_dsn.hpp"

namespace talos::sqlite {

SqliteScratch::~SqliteScratch() {
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

// With all rows: what fails with rows and not without is what a copy is for.
std::string SqliteScratch::do_copy(std::string_view from, std::string_view /*table*/) {
  SqliteDsn source = parse_sqlite_dsn(from);
  std::string pattern = (std::filesystem::temp_directory_path() / "talos-scratch-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw Error(ErrorCode::connection,
                "cannot make a directory for the scratch database: " + std::generic_category().message(errno));
  directory_ = pattern;
  const std::string file = (directory_ / "copy.db").string();
  try {
    Database live(source.uri(false), SQLITE_OPEN_READONLY);
    Database copy(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    constexpr std::chrono::seconds patience{60};
    copy_database(live, copy, patience, {});
  } catch (const Error& error) {
    throw error.retold("cannot copy " + source.describe() + ": " + error.what());
  }
  return "sqlite://" + file;
}

void SqliteScratch::do_drop() {
  const auto directory = std::exchange(directory_, {});
  std::error_code failure;
  if (!directory.empty()) std::filesystem::remove_all(directory, failure);
  if (failure) throw Error(ErrorCode::connection, "cannot remove " + directory.string() + ": " + failure.message());
}

}  // namespace talos::sqlite
