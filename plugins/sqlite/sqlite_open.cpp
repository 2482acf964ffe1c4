// Opening a SQLite database: for writing, and for reading without leaving a trace (Q5).
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "sqlite_session.hpp"

namespace talos::sqlite {

namespace {

// Only what is surely missing is missing: a path that may not be looked at is an error of the opening.
bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 || errno != ENOENT;
}

bool is_empty_or_missing(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) != 0 || status.st_size == 0;
}

std::string checked_table(const std::string& name) {
  if (name.empty()) return "schema_migrations";
  if (!is_table_name(name))
    throw Error(ErrorCode::usage, "the name given for the tracker table cannot be a table's name")
        .with_hint("use a letter or _, then letters, digits, _ or $; at most 55 characters");
  return name;
}

// SQLite's own messages quote these values, and a DSN's parameters are not for people to see (G18).
void check_uri_parameters(const SqliteDsn& dsn) {
  for (const auto& [name, value] : dsn.uri_parameters) {
    if ((name == "vfs" && sqlite3_vfs_find(value.c_str()) == nullptr) ||
        (name == "cache" && value != "shared" && value != "private"))
      throw Error(ErrorCode::usage, "the DSN parameter " + name + " has a value that this SQLite does not know");
  }
}

bool has_code(const Error& error, int code) { return error.native_code == code_name(code); }

}  // namespace

SqliteSession::SqliteSession(SqliteDsn dsn, const ConnectRequest& request)
    : dsn_(std::move(dsn)),
      access_(request.access),
      runner_(request.runner),
      tables_(checked_table(!request.table.empty() ? request.table : dsn_.table)),
      lock_wait_(
          std::chrono::milliseconds(1), [this] { return !lock_->observe().held; }, [this] { return stop_requested(); }),
      statement_timeout_(request.statement_timeout),
      stop_(request.stop) {
  check_uri_parameters(dsn_);
  busy_timeout_ = request.lock_timeout;
  if (access_ == Access::read) busy_timeout_ = std::max(busy_timeout_, dsn_.busy_timeout.value_or(busy_timeout_));
  if (!dsn_.memory) lock_.emplace(dsn_.path);
  if (!dsn_.memory && access_ != Access::create && !exists(dsn_.path)) {
    missing_ = true;
    return;
  }
  open();
}

void SqliteSession::open() {
  script_ = nullptr;
  session_touched_ = false;
  synchronous_ = -1;
  try {
    if (access_ == Access::read && !dsn_.memory) return open_for_reading();
    const int create = access_ == Access::create || dsn_.memory ? SQLITE_OPEN_CREATE : 0;
    db_.emplace(connect(SQLITE_OPEN_READWRITE | create, false));
  } catch (const Error& error) {
    throw cannot_open(error);
  }
}

Database SqliteSession::connect(int flags, bool immutable) {
  Database db(dsn_.uri(immutable), flags);
  install_handlers(db);
  apply_pragmas(db);
  // The first read tells a file that is no database, and shows what a reader may not do (Q5).
  wal_ = db.one_text("PRAGMA journal_mode") == "wal";
  db.one_text("SELECT count(*) FROM sqlite_schema");
  foreign_keys_ = db.one_text("PRAGMA foreign_keys") == "1";
  return db;
}

void SqliteSession::install_handlers(Database& db) {
  sqlite3_busy_handler(db.get(), &SqliteSession::on_busy, this);
  sqlite3_progress_handler(db.get(), 10'000, &SqliteSession::on_progress, this);
  sqlite3_set_authorizer(db.get(), &SqliteSession::on_authorize, this);
}

void SqliteSession::apply_pragmas(Database& db) {
  for (const auto& [name, value] : dsn_.pragmas) {
    try {
      db.exec("PRAGMA " + name + " = " + value);
    } catch (const Error& error) {
      // SQLite's message may quote the value.
      if (error.code != ErrorCode::statement) throw;
      throw Error(ErrorCode::usage, "SQLite does not take the value of a PRAGMA that the DSN asks for");
    }
  }
}

// A migrated WAL database on a read-only medium can be read as immutable; one with work in its log cannot: its
// newest transactions would be missing.
bool SqliteSession::may_read_immutable() const {
  const std::string path = resolve_links(dsn_.path);
  return !exists(path + "-journal") && is_empty_or_missing(path + "-wal");
}

void SqliteSession::open_for_reading() {
  try {
    db_.emplace(connect(SQLITE_OPEN_READONLY, false));
    return;
  } catch (const Error& error) {
    const bool interrupted = has_code(error, SQLITE_READONLY_ROLLBACK) || has_code(error, SQLITE_READONLY_RECOVERY);
    const bool unwritable = has_code(error, SQLITE_CANTOPEN) || has_code(error, SQLITE_READONLY_CANTINIT) ||
                            has_code(error, SQLITE_READONLY_DIRECTORY);
    if (!interrupted && !unwritable) throw;
    if (unwritable && may_read_immutable()) {
      db_.emplace(connect(SQLITE_OPEN_READONLY, true));
      return;
    }
    notes_.push_back("a transaction was interrupted by a crash; opening the database rolled it back");
  }
  try {
    db_.emplace(connect(SQLITE_OPEN_READWRITE, false));
  } catch (const Error& error) {
    if (error.code != ErrorCode::connection && error.code != ErrorCode::statement) throw;
    throw Error(ErrorCode::connection,
                "a transaction on " + dsn_.path +
                    " was interrupted, and rolling it back needs write access to the file and its directory")
        .with_hint("run as a user who may write there");
  }
}

Error SqliteSession::cannot_open(const Error& error) const {
  if (error.code == ErrorCode::usage) return error;
  if (error.code == ErrorCode::busy || error.code == ErrorCode::cancelled) return failed(error);
  namespace fs = std::filesystem;
  Error result(ErrorCode::connection, "cannot open the SQLite database " + dsn_.describe() + ": " + error.what());
  result.native_code = error.native_code;
  if (dsn_.memory) return result;
  std::error_code ignored;
  const fs::path path = resolve_links(dsn_.path);
  const fs::path directory = path.parent_path();
  if (!fs::exists(directory, ignored)) {
    result = Error(ErrorCode::connection, "cannot open the SQLite database " + dsn_.path + ": the directory " +
                                              directory.string() + " does not exist");
    if (!directory.empty()) result.hint = "mkdir -p " + directory.string();
  } else if (fs::is_directory(path, ignored)) {
    result = Error(ErrorCode::connection, "cannot open the SQLite database " + dsn_.path + ": it is a directory");
  } else if (has_code(error, SQLITE_NOTADB)) {
    result.hint = "the file is not a SQLite database, or it is encrypted";
  } else if (has_code(error, SQLITE_CANTOPEN)) {
    const fs::path culprit = fs::exists(path, ignored) ? path : directory;
    result.detail =
        culprit.string() + ": " + owner_and_mode(culprit) + "; this process runs as uid " + std::to_string(::geteuid());
    result.hint =
        "give that user the right to write there, to the directory too: SQLite makes its journal beside the file";
  }
  return result;
}

}  // namespace talos::sqlite
