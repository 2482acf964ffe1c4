#include "sqlite_backup.hpp"

#include <filesystem>
#include <memory>

namespace talos::sqlite {

namespace {

constexpr int pages_at_once = 1'000;
constexpr int most_restarts = 3;
constexpr int pause_ms = 5;

struct Finish {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

// A file: URI takes any path.
std::string uri_of(const std::string& path, bool immutable) {
  SqliteDsn dsn;
  dsn.path = path;
  return dsn.uri(immutable);
}

}  // namespace

void copy_database(Database& from, Database& to, std::chrono::milliseconds patience, const CopyProgress& progress) {
  using Clock = std::chrono::steady_clock;
  const std::unique_ptr<sqlite3_backup, Finish> backup(sqlite3_backup_init(to.get(), "main", from.get(), "main"));
  if (backup == nullptr) throw error_of(to.get());
  int restarts = 0;
  int left_before = 0;
  auto moved = Clock::now();
  for (;;) {
    const int result = sqlite3_backup_step(backup.get(), restarts < most_restarts ? pages_at_once : -1);
    if (result == SQLITE_DONE) return;
    if (result != SQLITE_OK && result != SQLITE_BUSY && result != SQLITE_LOCKED) throw error_of(to.get());
    const int left = sqlite3_backup_remaining(backup.get());
    const int all = sqlite3_backup_pagecount(backup.get());
    // A writer that is none of ours makes it begin anew.
    if (left > left_before && left_before != 0) ++restarts;
    left_before = left;
    if (progress) progress(all == 0 ? 0.0 : 1.0 - static_cast<double>(left) / all);
    if (result == SQLITE_OK) {
      moved = Clock::now();
      continue;
    }
    if (Clock::now() - moved >= patience)
      throw Error(ErrorCode::busy, "another process is writing to the database, and did not let go for " +
                                       std::to_string(patience.count()) + " ms")
          .with_hint("stop the writer, or wait longer with --lock-timeout");
    sqlite3_sleep(pause_ms);
  }
}

Backup::Report SqliteBackup::do_write(const std::string& destination, ExecuteObserver& observer) {
  if (!db_) throw Error(ErrorCode::connection, "the SQLite database " + dsn_.path + " does not exist");
  {
    Database copy(uri_of(destination, false), SQLITE_OPEN_READWRITE);
    copy.exec("PRAGMA synchronous = FULL");
    copy_database(*db_, copy, patience_, [&](double done) {
      check_stop_();
      observer.progress(done, "copying");
    });
  }
  observer.progress(-1, "reading it back");
  Database copy(uri_of(destination, true), SQLITE_OPEN_READONLY);
  if (const std::string answer = copy.one_text("PRAGMA quick_check(1)"); answer != "ok")
    throw Error(ErrorCode::connection, "the copy is not whole: " + answer);
  Report report;
  report.how = std::string("SQLite ") + sqlite3_libversion() + ", a database file";
  report.bytes = static_cast<std::int64_t>(std::filesystem::file_size(destination));
  report.restore =
      "stop every program that uses it, remove " + dsn_.path + "-wal and -journal, and copy it over " + dsn_.path;
  return report;
}

}  // namespace talos::sqlite
