// R8, Q1, Q5: status, history and --dry-run where nothing may be written: they work, and leave no trace.
#include <csignal>
#include <cstdlib>

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sets.hpp"
#include "sqlite_database.hpp"

namespace talos::test {

namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

class Place {
 public:
  Place() : user(scratch.path()) {
    fs::create_directory(data);
    fs::permissions(data, fs::perms(0755));
    write_set(target.migrations, busy_set(Profile::transactional, 50));
    fs::permissions(target.migrations, fs::perms(0755));
  }

  void migrate_to(const std::string& version) const {
    REQUIRE(migrate(target, {"up", "--to", version}).status == 0);
    fs::remove(target.database.string() + ".talos.lock");
  }

  void make_read_only() const {
    for (const auto& entry : fs::directory_iterator(data)) fs::permissions(entry.path(), fs::perms(0444));
    fs::permissions(data, fs::perms(0555));
  }

  // To the user who reads: everything, writable.
  void give() const {
    user.give(data);
    for (const auto& entry : fs::directory_iterator(data)) user.give(entry.path());
  }

  ProcessResult as_user(std::vector<std::string> words) const {
    return run(user.as_user(migrate_options(target, std::move(words))));
  }

  fs::path beside(const char* suffix) const { return target.database.string() + suffix; }

  ScratchDirectory scratch;
  OrdinaryUser user;
  fs::path data = scratch / "data";
  SqliteTarget target{data / "test.db", scratch / "migrations"};
};

const std::vector<std::vector<std::string>> readers{
    {"status"}, {"status", "--verify"}, {"history"}, {"up", "--dry-run"}, {"down", "--dry-run"}};

void check_readers(const Place& place, const std::string& version) {
  const auto before = fingerprint(place.data);
  for (const auto& words : readers) {
    const auto result = place.as_user(words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: clean\nCurrent Version: " + version + "\n"));
    if (words[0] == "history") CHECK(has(result.out, "step_" + version));
    if (words[0] == "up") CHECK(has(result.out, "Would apply"));
    if (words[0] == "down") CHECK(has(result.out, "Would roll back 1 migration"));
    CHECK(fingerprint(place.data) == before);
  }
}

// A copy of a database as a writer in the middle of its work leaves it; `work` runs in a process that then dies.
template <class Work>
void leave_by_a_killed_writer(const fs::path& database, Work work) {
  const pid_t writer = ::fork();
  REQUIRE(writer >= 0);
  if (writer == 0) {
    try {
      SqliteFile db(database);
      work(db);
      ::raise(SIGKILL);
    } catch (const std::exception&) {
    }
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(writer, &status, 0) == writer);
  REQUIRE(WIFSIGNALED(status));
}

// Enough for SQLite to spill pages into the database before the commit: the journal is hot.
void half_a_transaction(SqliteFile& db) {
  db.run("PRAGMA cache_size = 10");
  db.run("BEGIN");
  db.run("UPDATE parents SET name = name || ' " + std::string(2000, 'x') + "'");
  db.run("DELETE FROM ledger");
}

}  // namespace

TEST_CASE("R8, Q1: status, history and --dry-run on a read-only file in a read-only directory work and write nothing") {
  Place place;
  place.migrate_to("7");
  place.make_read_only();
  check_readers(place, "7");
}

TEST_CASE("R8, Q1: nor do they write where they may") {
  Place place;
  place.migrate_to("7");
  place.give();
  check_readers(place, "7");
  CHECK_FALSE(fs::exists(place.beside(".talos.lock")));
}

TEST_CASE("R8, Q5: the same for a WAL database without a log, in a read-only directory") {
  Place place;
  place.migrate_to("7");
  run_sql(place.target.database, "PRAGMA journal_mode = WAL; UPDATE ledger SET what = what");
  REQUIRE_FALSE(fs::exists(place.beside("-wal")));
  place.make_read_only();
  check_readers(place, "7");
}

TEST_CASE("R8, Q5: and with an empty log") {
  Place place;
  place.migrate_to("7");
  run_sql(place.target.database, "PRAGMA journal_mode = WAL");
  write_file(place.beside("-wal"), "");
  place.make_read_only();
  check_readers(place, "7");
}

TEST_CASE(
    "R8, Q5: with work in the log it is never read without the log: exit 5 where that cannot be, and it says why") {
  Place place;
  place.migrate_to("5");
  run_sql(place.target.database, "PRAGMA journal_mode = WAL");
  leave_by_a_killed_writer(place.target.database,
                           [](SqliteFile& db) { db.run("UPDATE schema_migrations SET version = 6"); });
  REQUIRE(fs::file_size(place.beside("-wal")) > 0);
  fs::remove(place.beside("-shm"));
  place.make_read_only();
  const auto before = fingerprint(place.data);
  for (const auto& words : readers) {
    const auto result = place.as_user(words);
    INFO(words[0] << ": " << result.out << result.err);
    // Version 5 would be a lie.
    CHECK(result.status == 5);
    CHECK(has(result.err, "write access"));
    CHECK_FALSE(has(result.out, "Current Version"));
    CHECK(fingerprint(place.data) == before);
  }
}

TEST_CASE(
    "R8, Q5: with work in the log and a directory one may write, the newest state is read and the file is as before") {
  Place place;
  place.migrate_to("5");
  run_sql(place.target.database, "PRAGMA journal_mode = WAL");
  leave_by_a_killed_writer(place.target.database,
                           [](SqliteFile& db) { db.run("UPDATE schema_migrations SET version = 6"); });
  place.give();
  const std::string before = hash_of(place.target.database);
  const auto status = place.as_user({"status"});
  INFO(status.out << status.err);
  CHECK(status.status == 0);
  CHECK(has(status.out, "Current Version: 6\n"));
  CHECK(hash_of(place.target.database) == before);
  CHECK_FALSE(fs::exists(place.beside(".talos.lock")));
}

TEST_CASE("R8: a WAL database that a writer has open is read as it is, and its file is as before") {
  Place place;
  place.migrate_to("7");
  run_sql(place.target.database, "PRAGMA journal_mode = WAL");
  place.give();
  const std::string before = hash_of(place.target.database);
  const pid_t writer = ::fork();
  REQUIRE(writer >= 0);
  if (writer == 0) {
    // A writer in the middle of its work, until it is killed.
    try {
      SqliteFile db(place.target.database);
      db.run("UPDATE ledger SET what = what || '!'; BEGIN; DELETE FROM ledger");
      write_file(place.scratch / "ready", "");
      for (;;) ::pause();
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  const bool ready = eventually([&] { return fs::exists(place.scratch / "ready"); });
  const auto status = run(migrate_options(place.target, {"status"}));
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
  REQUIRE(ready);
  INFO(status.out << status.err);
  CHECK(status.status == 0);
  CHECK(has(status.out, "Current Version: 7\n"));
  CHECK(hash_of(place.target.database) == before);
}

TEST_CASE(
    "R8, Q5: a hot journal where nothing may be written is exit 5 as an interrupted transaction, nothing changed") {
  Place place;
  place.migrate_to("7");
  leave_by_a_killed_writer(place.target.database, half_a_transaction);
  REQUIRE(fs::file_size(place.beside("-journal")) > 0);
  place.make_read_only();
  const auto before = fingerprint(place.data);
  for (const auto& words : readers) {
    const auto result = place.as_user(words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 5);
    CHECK(has(result.err, "interrupted"));
    CHECK(fingerprint(place.data) == before);
  }
}

TEST_CASE("R8, Q5: a hot journal where one may write is told, and the state before the transaction is read") {
  Place place;
  place.migrate_to("7");
  const std::string picture = SqliteDatabase(place.target.database).picture();
  leave_by_a_killed_writer(place.target.database, half_a_transaction);
  place.give();
  const auto status = place.as_user({"status"});
  INFO(status.out << status.err);
  CHECK(status.status == 0);
  CHECK(has(status.out, "Database Status: clean\nCurrent Version: 7\n"));
  CHECK(has(status.out, "Note: a transaction was interrupted"));
  CHECK(SqliteDatabase(place.target.database).picture() == picture);
}

TEST_CASE("R8, Q5: a missing file is not initialized, exit 0, and neither status nor a plan creates anything") {
  Place place;
  for (const auto& words : readers) {
    const auto result = migrate(place.target, words);
    INFO(words[0] << ": " << result.out << result.err);
    CHECK(result.status == 0);
    if (words[0] == "status") CHECK(has(result.out, "Database Status: Not initialized (no migrations applied)\n"));
    CHECK(fs::is_empty(place.data));
  }
}

}  // namespace talos::test
