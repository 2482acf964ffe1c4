// R8: status, history and --dry-run as a user who may only read, and on a server that takes no writes: they work, and
// the database is as before.
#include <doctest/doctest.h>

#include "mysql_slow.hpp"
#include "readers.hpp"

namespace talos::test {

namespace {

// Statements that write, of the whole server, and what they have written.
std::string writes(const MysqlPlace& place) {
  std::string text;
  for (const std::string& row : place.database.rows(
           "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_insert_select', 'Com_update', 'Com_delete',"
           " 'Com_replace', 'Com_create_table', 'Com_alter_table', 'Com_drop_table', 'Innodb_rows_inserted',"
           " 'Innodb_rows_updated', 'Innodb_rows_deleted')"))
    text += row + "\n";
  return text;
}

std::string reader(const MysqlPlace& place) {
  return place.database.server()
      .create_user("reader_" + place.database.name(), place.database.name(), MysqlServer::Rights::select_only)
      .dsn();
}

// Of the whole server, taken back at the end.
class ReadOnly {
 public:
  explicit ReadOnly(MysqlServer& server) : admin_(server.socket_login()) { admin_.run("SET GLOBAL read_only = 1"); }
  ~ReadOnly() {
    try {
      admin_.run("SET GLOBAL read_only = 0");
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;

 private:
  MysqlClient admin_;
};

}  // namespace

TEST_CASE("R8: with nothing but SELECT, status, history and --dry-run work and write nothing") {
  if (!database_or_skip()) return;
  for (const Profile profile : {Profile::transactional, Profile::no_transaction}) {
    const MysqlPlace place(busy_set(profile, 20));
    place.migrate_to("7");
    check_readers(place, reader(place), "7", writes);
  }
}

TEST_CASE("R8: the same user is refused by up, down and force, and nothing changed") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("8");
  check_writers_refused(place, reader(place), 0, "denied");
}

TEST_CASE("R8: root's own status, history and --dry-run write nothing either") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  check_readers(place, place.database.dsn(), "7", writes);
}

TEST_CASE("R8, R4: a read-only server is read, and up, down and force are exit 5 there") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  place.migrate_to("7");
  const ReadOnly closed(place.database.server());
  check_readers(place, place.database.dsn(), "7", writes);
  check_writers_refused(place, place.database.dsn(), 5, "read-only");
  CHECK(place.state() == "clean 7");
}

TEST_CASE("R8: on an untouched database nothing is created, and that is told") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  check_readers_of_nothing(place, reader(place));
}

TEST_CASE("R8, G14: the same user sees a dirty database, and that a runner is at work on one") {
  if (!database_or_skip()) return;
  const MysqlPlace place({{1, "quick", {"CREATE TABLE quick (id BIGINT)", slow_insert}, {"DROP TABLE quick"}, false}});
  const std::string dsn = reader(place);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  wait_for_activity(place, runner, "AS slow");
  const auto during = migrate(place.target(dsn), {"status"});
  INFO(during.out << during.err);
  CHECK(during.status == 0);
  CHECK(has(during.out, "Database Status: DIRTY (migration 1 in progress"));
  runner.signal(SIGTERM);
  CHECK(runner.wait().status == 128 + SIGTERM);
  const auto after = migrate(place.target(dsn), {"status"});
  INFO(after.out << after.err);
  CHECK(has(after.out, "Database Status: DIRTY\n"));
  CHECK(has(after.out, "statement 2 of 2"));
}

}  // namespace talos::test
