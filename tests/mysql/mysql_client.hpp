// A connection of the test's own to a MariaDB or MySQL server, through libmariadb.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "process.hpp"

struct st_mysql;

namespace talos::test {

/// The message, with the number of the server's or the client library's error.
class MysqlFailure : public std::runtime_error {
 public:
  MysqlFailure(const std::string& message, unsigned number);
  unsigned number() const { return number_; }

 private:
  unsigned number_;
};

/// By TCP to 127.0.0.1, or by `socket` where one is given.
struct MysqlLogin {
  int port = 0;
  std::filesystem::path socket;
  std::string user;
  std::string password;
  std::string database;

  /// TLS, with the server's certificate verified against this one.
  std::filesystem::path authority;
  std::filesystem::path certificate;
  std::filesystem::path key;

  /// As golang-migrate takes it: `mysql://user:password@tcp(127.0.0.1:port)/database`, or with `unix(…)`. What would
  /// mean something else in a name is percent-encoded.
  std::string dsn() const;
  /// `mysql://user:password@127.0.0.1:port/database`
  std::string url() const;
};

using MysqlRow = std::vector<std::optional<std::string>>;

/// Every failure throws MysqlFailure. Nothing waits longer than the deadline.
class MysqlClient {
 public:
  explicit MysqlClient(const MysqlLogin& login);

  /// Runs every statement; the rows of all of them. The first that fails ends it.
  std::vector<MysqlRow> query(const std::string& sql);
  void run(const std::string& sql);

  /// The same, each row as `a|b|c`, NULL as `NULL`.
  std::vector<std::string> rows(const std::string& sql);
  /// The first column of the first row; empty without one.
  std::string value(const std::string& sql);

  /// Sends and does not wait; `finish` waits for the end and gives the rows.
  void send(const std::string& sql);
  std::vector<MysqlRow> finish(std::chrono::milliseconds deadline = default_deadline);
  /// Whether the server has not begun to answer what was sent.
  bool busy() const;

  /// As in KILL and in the processlist.
  unsigned long id() const { return id_; }
  /// Empty without TLS.
  std::string cipher() const;

  st_mysql* raw() const { return connection_.get(); }

 private:
  struct Close {
    void operator()(st_mysql* connection) const;
  };
  [[noreturn]] void fail() const;
  bool answered(std::chrono::milliseconds deadline) const;
  void add_rows(std::vector<MysqlRow>& rows) const;

  std::unique_ptr<st_mysql, Close> connection_;
  unsigned long id_ = 0;
};

/// Whether that connection waits for a lock of tables, of rows, or of GET_LOCK, as another sees it.
bool waits_in_lock(MysqlClient& observer, unsigned long id);

/// Short forms that open, ask and close.
std::vector<std::string> mysql_rows(const MysqlLogin& login, const std::string& sql);
std::string mysql_value(const MysqlLogin& login, const std::string& sql);
void mysql_run(const MysqlLogin& login, const std::string& sql);

}  // namespace talos::test
