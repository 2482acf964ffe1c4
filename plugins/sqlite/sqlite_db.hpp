// SQLite's C API as values: a connection, prepared statements, errors with their extended code.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "talos/error.hpp"

namespace talos::sqlite {

/// "SQLITE_CONSTRAINT_UNIQUE (2067)"
std::string code_name(int extended_code);

/// The error of the last call on `db`, classed by what the caller can do about it: busy, connection (the file cannot
/// be read or written), cancelled (interrupted), statement.
Error error_of(sqlite3* db, const std::string& what = {});

class Database;

/// A prepared statement of our own SQL. Binds by position from 1.
class Query {
 public:
  Query(Database& db, const std::string& sql);

  Query& bind(int position, std::int64_t value);
  Query& bind(int position, std::string_view value);  ///< empty binds NULL
  Query& bind(int position, const std::optional<std::int64_t>& value);

  /// True while there is a row.
  bool step();
  /// Runs to the end and gets ready to be used again; returns the number of changed rows.
  int run();
  void reset();

  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  std::string text(int column) const;  ///< NULL reads as empty

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// An open connection.
class Database {
 public:
  /// Throws what sqlite3_open_v2() says; `flags` without SQLITE_OPEN_URI, which is added.
  Database(const std::string& uri, int flags);

  sqlite3* get() const { return db_.get(); }
  void exec(const std::string& sql);
  std::string one_text(const std::string& sql);
  bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace talos::sqlite
