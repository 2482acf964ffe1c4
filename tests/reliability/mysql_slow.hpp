// Statements of MySQL that take long, and waiting until the server is in the midst of one.
#pragma once

#include <csignal>
#include <string>

#include <doctest/doctest.h>

#include "mysql_place.hpp"

namespace talos::test {

/// Hours of work; the server can be told to end it at any moment.
inline const std::string slow_insert =
    "INSERT INTO quick SELECT COUNT(*) FROM information_schema.COLLATIONS AS slow, information_schema.COLLATIONS AS b,"
    " information_schema.COLLATIONS AS c, information_schema.COLLATIONS AS d, information_schema.COLLATIONS AS e";

/// Ends well, and early, when it is told to end.
inline const std::string sleeping_insert = "INSERT INTO quick SELECT SLEEP(3000) AS slow";

/// Seconds, all of them in the copy. Of the table that `make_big_table` makes.
inline const std::string slow_alter = "ALTER TABLE big ADD COLUMN added INT NOT NULL DEFAULT 7, ALGORITHM=COPY";

inline void make_big_table(const MysqlDatabase& database) {
  std::string sql =
      "CREATE TABLE big (id BIGINT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(40), b VARCHAR(40), INDEX (a), INDEX (b));"
      " INSERT INTO big (a, b) VALUES (RAND(1), RAND(2)), (RAND(3), RAND(4))";
  for (int doubled = 0; doubled < 16; ++doubled) sql += "; INSERT INTO big (a, b) SELECT RAND(id), RAND(-id) FROM big";
  database.rows(sql);
}

/// Returns when the server works for the program, and says so with this text. While a statement is being read what the
/// message holds behind it shows with it: then the program's COMMIT does, too.
inline void wait_for_activity(const MysqlPlace& place, Process& runner, const std::string& part) {
  const bool there = eventually([&] {
    const std::string activity = place.activity();
    return (has(activity, part) && !has(activity, "NO CHAIN")) || !runner.running();
  });
  INFO(runner.err_so_far());
  REQUIRE(there);
  REQUIRE(runner.running());
}

inline void wait_until_copying(const MysqlPlace& place, Process& runner) {
  wait_for_activity(place, runner, "copy to tmp table");
}

/// A process that is given no time as long as this lives.
class Frozen {
 public:
  explicit Frozen(pid_t pid) : pid_(pid) { ::kill(pid_, SIGSTOP); }
  ~Frozen() { ::kill(pid_, SIGCONT); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  pid_t pid_;
};

}  // namespace talos::test
