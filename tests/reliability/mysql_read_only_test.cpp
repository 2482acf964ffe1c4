// R8: status, history and --dry-run as a user who may only read, and on a server that takes no writes: they work, and
// the database is as before.
#include <doctest/doctest.h>

#include "mysql_slow.hpp"

namespace talos::test {

namespace {

const std::vector<std::vector<std::string>> readers{
    {"status"}, {"status", "--verify"}, {"history"}, {"up", "--dry-run"}, {"down", "--dry-run"}};

void migrate_to(const MysqlPlace& place, const std::string& version) {
  REQUIRE(migrate(place.target(place.database.dsn()), {"up", "--to", version}).status == 0);
}

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

void check_readers(const MysqlPlace& place, const std::string& dsn, const std::string& version) {
  const std::string before = place.everything();
  const std::string written = writes(place);
  for (const auto& words : readers) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: clean\nCurrent Version: " + version + "\n"));
    if (words[0] == "history") CHECK(has(result.out, "step_" + version));
    if (words[0] == "up") CHECK(has(result.out, "Would apply"));
    if (words[0] == "down") CHECK(has(result.out, "Would roll back 1 migration"));
  }
  CHECK(writes(place) == written);
  CHECK(place.everything() == before);
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
    migrate_to(place, "7");
    check_readers(place, reader(place), "7");
  }
}

TEST_CASE("R8: the same user is refused by up, down and force, and nothing changed") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  migrate_to(place, "8");
  const std::string dsn = reader(place);
  const std::string before = place.everything();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "3"}}) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.err);
    CHECK((result.status == 5 || result.status == 1));
    CHECK(has(result.err, "denied"));
    CHECK(place.everything() == before);
  }
}

TEST_CASE("R8: root's own status, history and --dry-run write nothing either") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  migrate_to(place, "7");
  check_readers(place, place.database.dsn(), "7");
}

TEST_CASE("R8, R4: a read-only server is read, and up, down and force are exit 5 there") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  migrate_to(place, "7");
  const ReadOnly closed(place.database.server());
  check_readers(place, place.database.dsn(), "7");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "3"}}) {
    const auto result = migrate(place.target(), words);
    INFO(words[0] << ": " << result.err);
    CHECK(result.status == 5);
    CHECK(has(result.err, "read-only"));
    CHECK_FALSE(has(result.err, place.database.server().password()));
  }
  CHECK(place.state() == "clean 7");
}

TEST_CASE("R8: on an untouched database nothing is created, and that is told") {
  if (!database_or_skip()) return;
  const MysqlPlace place(busy_set(Profile::transactional, 20));
  const std::string dsn = reader(place);
  const std::string before = place.everything();
  for (const auto& words : readers) {
    const auto result = migrate(place.target(dsn), words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: Not initialized (no migrations applied)\n"));
  }
  CHECK(place.everything() == before);
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
