#include "sqlite_dsn.hpp"

#include <doctest/doctest.h>

using namespace talos;
using namespace talos::sqlite;
using namespace std::chrono_literals;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string path_of(std::string_view dsn) { return parse_sqlite_dsn(dsn).path; }

/// The message of the usage error that parsing must end in.
std::string refusal(std::string_view dsn) {
  try {
    parse_sqlite_dsn(dsn);
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::usage);
    return error.what();
  }
  FAIL_CHECK("accepted: " << dsn);
  return {};
}

}  // namespace

TEST_CASE("a path is what follows the scheme and its two slashes") {
  CHECK(path_of("sqlite:///var/lib/a.db") == "/var/lib/a.db");
  CHECK(path_of("sqlite3:///var/lib/a.db") == "/var/lib/a.db");
  CHECK(path_of("SQLite3:///var/lib/A.db") == "/var/lib/A.db");
  CHECK(path_of("sqlite://a.db") == "a.db");
  CHECK(path_of("sqlite://./dir/a.db") == "./dir/a.db");
  CHECK(path_of("sqlite:a.db") == "a.db");
  CHECK(path_of("a.db") == "a.db");
  CHECK(path_of("/var/lib/a.db") == "/var/lib/a.db");
}

TEST_CASE("a path is taken as it is written; only file: URIs are decoded") {
  CHECK(path_of("sqlite:///a%20b+c.db") == "/a%20b+c.db");
  CHECK(path_of("file:/a%20b+c.db") == "/a b+c.db");
  CHECK(path_of("file:/a%2.db") == "/a%2.db");
  CHECK(path_of("file:/a%zz.db") == "/a%zz.db");
}

TEST_CASE("file: URIs name a local file, with or without localhost, and lose their fragment") {
  CHECK(path_of("file:a.db") == "a.db");
  CHECK(path_of("file:/a.db") == "/a.db");
  CHECK(path_of("file:///a.db") == "/a.db");
  CHECK(path_of("file://localhost/a.db") == "/a.db");
  CHECK(path_of("sqlite3://file:/a.db#part") == "/a.db");
  CHECK_FALSE(refusal("file://elsewhere/a.db").empty());
}

TEST_CASE("in-memory databases are known by all their names") {
  for (const char* dsn : {"sqlite://:memory:", ":memory:", "sqlite3://memory", "file::memory:", "a.db?mode=memory"}) {
    CAPTURE(dsn);
    const SqliteDsn parsed = parse_sqlite_dsn(dsn);
    CHECK(parsed.memory);
    CHECK(parsed.path.empty());
    CHECK(parsed.describe() == ":memory:");
  }
  CHECK_FALSE(parse_sqlite_dsn("memory.db").memory);
}

TEST_CASE("a DSN that names no file, a directory, or holds a NUL byte is refused") {
  for (const char* dsn : {"sqlite://", "sqlite:", "", "sqlite://?mode=rw", "sqlite:///var/lib/",
                          "file:", "file:/a%00.db", "a.db?_fk=%00"})
    CHECK_FALSE_MESSAGE(refusal(dsn).empty(), dsn);
  CHECK_FALSE(refusal(std::string_view("a\0.db", 5)).empty());
}

TEST_CASE("PRAGMAs of the Go drivers' forms are gathered in order") {
  const SqliteDsn dsn = parse_sqlite_dsn(
      "a.db?_fk=1&_pragma=cache_size(-2000)&_pragma=SECURE_DELETE=on&_recursive_triggers=true&_loc=auto&_txlock="
      "immediate");
  CHECK(dsn.pragmas ==
        Pairs{{"foreign_keys", "1"}, {"cache_size", "-2000"}, {"secure_delete", "on"}, {"recursive_triggers", "true"}});
}

TEST_CASE("what could leave a PRAGMA statement is refused, without quoting the value") {
  for (const char* dsn : {"a.db?_fk=1;DROP", "a.db?_cache_size=", "a.db?_pragma=cache_size(1;x)",
                          "a.db?_pragma=cache%20size(1)", "a.db?_pragma=(1)"}) {
    const std::string message = refusal(dsn);
    CHECK_FALSE_MESSAGE(message.empty(), dsn);
    CHECK(message.find("DROP") == std::string::npos);
    CHECK(message.find(";x") == std::string::npos);
  }
}

TEST_CASE("the busy timeout is a number of milliseconds") {
  CHECK(parse_sqlite_dsn("a.db?_busy_timeout=1500").busy_timeout == 1500ms);
  CHECK(parse_sqlite_dsn("a.db?_timeout=0").busy_timeout == 0ms);
  CHECK(parse_sqlite_dsn("a.db?_pragma=busy_timeout(7)").busy_timeout == 7ms);
  CHECK_FALSE(parse_sqlite_dsn("a.db").busy_timeout);
  for (const char* dsn : {"a.db?_busy_timeout=1s", "a.db?_busy_timeout=-1", "a.db?_busy_timeout=99999999999"})
    CHECK_FALSE_MESSAGE(refusal(dsn).empty(), dsn);
}

TEST_CASE("Q6: a DSN may raise synchronous, never lower it") {
  for (const char* value : {"EXTRA", "extra", "3"})
    CHECK(parse_sqlite_dsn(std::string("a.db?_sync=") + value).synchronous_extra);
  for (const char* value : {"OFF", "NORMAL", "FULL", "0", "1", "2"}) {
    const SqliteDsn dsn = parse_sqlite_dsn(std::string("a.db?_synchronous=") + value);
    CHECK_FALSE(dsn.synchronous_extra);
    CHECK(dsn.pragmas.empty());
  }
}

TEST_CASE("journal modes that cannot roll back after a crash are left out") {
  CHECK(parse_sqlite_dsn("a.db?_journal_mode=wal").journal_mode == "WAL");
  CHECK(parse_sqlite_dsn("a.db?_journal=delete").journal_mode == "DELETE");
  CHECK(parse_sqlite_dsn("a.db?_pragma=journal_mode(truncate)").journal_mode == "TRUNCATE");
  for (const char* value : {"off", "MEMORY", "o", "mem"}) {
    const SqliteDsn dsn = parse_sqlite_dsn(std::string("a.db?_journal_mode=") + value);
    CHECK(dsn.journal_mode.empty());
    CHECK(dsn.pragmas.empty());
  }
}

TEST_CASE("golang-migrate's parameters are understood") {
  const SqliteDsn dsn = parse_sqlite_dsn("sqlite3://a.db?x-migrations-table=my_table&x-no-tx-wrap=true");
  CHECK(dsn.table == "my_table");
  CHECK(dsn.no_transaction);
  CHECK_FALSE(parse_sqlite_dsn("a.db?x-no-tx-wrap=0").no_transaction);
  CHECK_FALSE(refusal("a.db?x-no-tx-wrap=perhaps").empty());
}

TEST_CASE("mode and immutable decide about writing") {
  CHECK(parse_sqlite_dsn("a.db?mode=ro").read_only);
  CHECK(parse_sqlite_dsn("a.db?immutable=1").read_only);
  CHECK_FALSE(parse_sqlite_dsn("a.db?mode=rwc").read_only);
  CHECK_FALSE(parse_sqlite_dsn("a.db?mode=rw&immutable=0").read_only);
  CHECK_FALSE(refusal("a.db?mode=rx").empty());
}

TEST_CASE("the URI for SQLite escapes what it would read as syntax") {
  CHECK(parse_sqlite_dsn("sqlite:///a b%#.db").uri(false) == "file:/a%20b%25%23.db");
  CHECK(parse_sqlite_dsn("dir/a.db").uri(false) == "file:dir/a.db");
  CHECK(parse_sqlite_dsn("sqlite:////host/a.db").uri(false) == "file:/host/a.db");
  CHECK(parse_sqlite_dsn(":memory:").uri(false) == "file::memory:");
}

TEST_CASE("the URI for SQLite carries its own parameters, and no others") {
  CHECK(parse_sqlite_dsn("a.db?mode=ro&vfs=unix&_fk=1&nolock=1&secret=x").uri(false) ==
        "file:a.db?mode=ro&vfs=unix&nolock=1");
  CHECK(parse_sqlite_dsn("a.db").uri(true) == "file:a.db?immutable=1");
}

TEST_CASE("the description of a database shows its path and no parameter") {
  CHECK(parse_sqlite_dsn("sqlite:///a.db?_auth_pass=hunter2&mode=rw").describe() == "/a.db");
}
