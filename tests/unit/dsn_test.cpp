#include "dsn.hpp"

#include <doctest/doctest.h>

#include "talos/error.hpp"

namespace talos {

namespace {

Dsn parse(const std::string& text) { return Dsn::parse(text, "sqlite"); }

Error refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error;
  }
  FAIL("it was not refused: " << text);
  return {ErrorCode::internal, "never reached"};
}

}  // namespace

TEST_CASE("A DSN's scheme is what stands before ://, in lower case") {
  CHECK(parse("postgres://user:secret@host/db").scheme() == "postgres");
  CHECK(parse("PostgreSQL://host").scheme() == "postgresql");
  CHECK(parse("crdb-postgres://host").scheme() == "crdb-postgres");
  CHECK(parse("sqlite3://x.db").scheme() == "sqlite3");
  CHECK(parse("sqlite://").scheme() == "sqlite");
}

TEST_CASE("G18: a DSN shows as its scheme and nothing else, and reveals its text to a plugin only") {
  const Dsn dsn = parse("postgres://user:secret@host/db?sslmode=require");
  CHECK(dsn.masked() == "postgres://***");
  CHECK(dsn.reveal() == "postgres://user:secret@host/db?sslmode=require");
  CHECK(parse("my.db").masked() == "sqlite://***");
  CHECK(parse(":memory:").masked() == "sqlite://***");
}

TEST_CASE("G18: one trailing line end is trimmed, as of a file or a variable") {
  CHECK(parse("sqlite://a.db\n").reveal() == "sqlite://a.db");
  CHECK(parse("sqlite://a.db\r\n").reveal() == "sqlite://a.db");
  CHECK(parse("my.db\n").reveal() == "my.db");
  CHECK(parse("sqlite://a.db\r\n\n").reveal() == "sqlite://a.db");
  CHECK(refusal("\n").what() == std::string("the DSN is empty"));
}

TEST_CASE("G19: without a scheme only :memory: and plain names that end in .db are SQLite's") {
  for (const char* text : {":memory:", "my.db", "./my.db", "../my.db", "/var/lib/talos/my.db", "file:my.db",
                           "file:/var/my.db", "file:///var/my.db", "a-b_c.db", "\xC3\xA4.db", ".db"}) {
    CAPTURE(text);
    CHECK(parse(text).scheme() == "sqlite");
    CHECK(parse(text).reveal() == text);
  }
}

TEST_CASE("G19: any other text without a scheme is a usage error with the accepted forms") {
  for (const char* text : {"",
                           "my.sqlite",
                           "my.db.bak",
                           "my.DB",
                           "memory",
                           ":memory",
                           "host=h password=hunter2 dbname=my.db",
                           "password=hunter2.db",
                           "user:hunter2@tcp(db)/my.db",
                           "user:hunter2@host/my.db",
                           "user:hunter2.db",
                           "my .db",
                           "my\t.db",
                           "a?x=1.db",
                           "my.db?mode=ro",
                           "my.db#",
                           "tcp(host).db",
                           "c:my.db",
                           "file:a:b.db",
                           "\x01.db",
                           "\x7f.db"}) {
    CAPTURE(text);
    const Error error = refusal(text);
    CHECK(error.code == ErrorCode::usage);
    CHECK(error.hint.find("sqlite:///absolute/path.db") != std::string::npos);
    CHECK(error.hint.find(":memory:") != std::string::npos);
    CHECK(error.hint.find("postgres://host=… dbname=…") != std::string::npos);
    for (const std::string& said : {std::string(error.what()), error.hint, error.detail})
      CHECK(said.find("hunter") == std::string::npos);
  }
}

TEST_CASE("A scheme that could not name a plugin is a usage error that quotes nothing") {
  for (const char* text : {"://x", "../../evil://x", "a/b://x", "1a://x", "-a://x", "a b://x", "a_b://x",
                           "hunter2@x://y", " sqlite://x", "user:hunter2@://x"}) {
    CAPTURE(text);
    const Error error = refusal(text);
    CHECK(error.code == ErrorCode::usage);
    CHECK(std::string(error.what()).find("hunter") == std::string::npos);
  }
}

TEST_CASE("G10: a DSN with a NUL byte is a usage error") {
  using namespace std::string_literals;
  CHECK(refusal("sqlite://a\0.db"s).code == ErrorCode::usage);
  CHECK(refusal("my\0.db"s).code == ErrorCode::usage);
}

TEST_CASE("A plugin's word is lower-case letters, digits and dashes, beginning with a letter") {
  for (const char* word : {"a", "sqlite", "sqlite3", "crdb-postgres", "a-", "x1-2"}) CHECK(is_plugin_word(word));
  for (const char* word : {"", "A", "sqLite", "3sqlite", "-a", "a.b", "..", "a/b", "a b", "a_b", "a\n", "\xC3\xA4"})
    CHECK_FALSE(is_plugin_word(word));
}

}  // namespace talos
