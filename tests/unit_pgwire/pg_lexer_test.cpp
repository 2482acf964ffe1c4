#include "pg_lexer.hpp"

#include <chrono>

#include "pg_split.hpp"

using namespace talos;
using namespace talos::pg;
using namespace talos::pg::test;

namespace {

/// The offset of the usage error that splitting must end in.
std::size_t refused_at(std::string_view text) {
  try {
    split(text);
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::usage);
    REQUIRE(error.offset);
    return *error.offset;
  }
  FAIL("accepted: " << text);
  return 0;
}

bool is_one(std::string_view text) {
  return split(std::string(text) + "; SELECT 2").texts == Texts{std::string(text), "SELECT 2"};
}

}  // namespace

TEST_CASE("statements end at semicolons, and comments before them are no part of them") {
  CHECK(split("SELECT 1;\n-- a\n/* b; */ SELECT 2 ;SELECT 3").texts == Texts{"SELECT 1", "SELECT 2 ", "SELECT 3"});
  for (const char* text : {"", " ;; \n-- only; this\n/* and; that */;", "--", "/**/", "\t\r\n\f\v"})
    CHECK(split(text).texts.empty());
}

TEST_CASE("semicolons in strings, names and comments end nothing") {
  for (const char* text :
       {"SELECT ';', \"a;b\", U&\"c;\"\"d\", U&';', B';', x';', n';' -- g;h\n, /* i;j */ 1", "SELECT 'it''s; fine'",
        "SELECT '-- ;', '/* ;'", "SELECT 1 /* /* ; */ ; */", "SELECT '\\'", "SELECT 1 -/*;*/ 2", "SELECT a-b, c/d",
        "SELECT 1 /* '; */", "SELECT 1 -- it's; \n", "SELECT /*/*/ ; */*/ 1", "SELECT /***/ 1"})
    CHECK_MESSAGE(is_one(text), text);
  CHECK(split("SELECT 1 -- a\rSELECT 2;\r-- b\rSELECT 3").texts == Texts{"SELECT 1 -- a\rSELECT 2", "SELECT 3"});
}

TEST_CASE("a backslash escapes in E'' only, also where the string goes on in another line") {
  for (const char* text :
       {"SELECT E'\\';'", "SELECT e'\\\\'", "SELECT E'a''\\';'", "SELECT 1 + E'\\''", "SELECT E'a'\n'\\';'",
        "SELECT E'a' -- ;\n  '\\';'", "SELECT E'a'\r\n\t'b''\\';' || 'x\\'", "SELECT 1E'\\';'"})
    CHECK_MESSAGE(is_one(text), text);
  CHECK(is_one("SELECT nameE'\\'"));
  CHECK(is_one("SELECT E'a' '\\'"));
  CHECK(is_one("SELECT E'a' || '\\'"));
}

TEST_CASE("dollar quotes end at their own tag, and a dollar inside a name is none") {
  for (const char* text :
       {"DO $$ BEGIN; END; $$", "DO $a$ $$; $b$; ' \" /* $a$", "DO $a$ $ab$ ; $a$", "SELECT $x$a$x$, $$;$$",
        "DO $\xC3\xA4_1$ ; $\xC3\xA4_1$", "SELECT a$b$, 1", "SELECT a$$, 1", "SELECT $1$$;$$", "SELECT 1$$;$$",
        "SELECT $1, $2", "SELECT $ 1", "SELECT $a", "DO $A$ $a$; $A$"})
    CHECK_MESSAGE(is_one(text), text);
}

TEST_CASE("semicolons in parentheses end nothing") {
  CHECK(is_one("CREATE RULE r AS ON UPDATE TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b;)"));
  CHECK(split("SELECT 1); SELECT 2").texts.size() == 2);
}

TEST_CASE("a body BEGIN ATOMIC ends at its END, whatever stands in it") {
  for (const char* text :
       {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
        "create or replace procedure p() begin /* x */ atomic insert into t values (1); end",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN CASE 1 WHEN 1 THEN 2 END END; END",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS end; SELECT t.case, 1 AS case FROM t; END",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC END",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT (CASE 1 WHEN 1 THEN 2 END); SELECT 'END;'; END"})
    CHECK_MESSAGE(is_one(text), text);
  CHECK(split("CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'x'; SELECT 2").texts.size() == 2);
  CHECK(split("CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql AS 'x'; SELECT 2").texts.size() == 2);
  CHECK(split("CREATE TABLE begin (atomic int); BEGIN; SELECT 1; END").texts.size() == 4);
}

TEST_CASE("G10: NUL, bytes that are no UTF-8 and what is never closed are refused at their place") {
  CHECK(refused_at(std::string_view("SELECT\0 1", 9)) == 6);
  CHECK(refused_at("SELECT 1; SELECT 'a") == 17);
  CHECK(refused_at("SELECT 'a''") == 7);
  CHECK(refused_at("SELECT \"a") == 7);
  CHECK(refused_at("SELECT E'a\\'") == 8);
  CHECK(refused_at("SELECT E'a\\") == 8);
  CHECK(refused_at("SELECT E'") == 8);
  CHECK(refused_at("SELECT U&'") == 9);
  CHECK(refused_at("SELECT 1 /* a /* b */") == 9);
  CHECK(refused_at("/*/") == 0);
  CHECK(refused_at("DO $a$ $$ $b$") == 3);
  for (const char* bytes : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                            "\xF4\x90\x80\x80", "\xF8", "\xE2\x82", "\xFF"})
    CHECK(refused_at("SELECT 1234; '" + std::string(bytes) + "'") == 14);
  CHECK_NOTHROW(split("SELECT '\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80' -- \xED\x9F\xBF"));
}

TEST_CASE("psql's meta-commands are refused with their line, and say what they are") {
  const Split result = split("\\connect it's; here\nSELECT 1;\n  \\.\n\\restrict x");
  REQUIRE(result.texts == Texts{"\\connect it's; here", "SELECT 1", "\\.", "\\restrict x"});
  for (const std::size_t i : {0U, 2U, 3U}) {
    CHECK(result.statements[i].kind == StatementClass::refused);
    CHECK(result.statements[i].why.find("psql") != std::string_view::npos);
  }
  CHECK(class_of("SELECT 1 \\gexec") == StatementClass::refused);
}

TEST_CASE("COPY with the client is refused, and its rows are not taken for SQL") {
  const Split result = split("COPY t (a) FROM stdin WITH (FORMAT csv);\nit's; \\N\n\\.\nSELECT 1; SELECT 2");
  CHECK(result.texts == Texts{"COPY t (a) FROM stdin WITH (FORMAT csv)", "SELECT 1", "SELECT 2"});
  CHECK(result.statements[0].why.find("INSERT") != std::string_view::npos);
  for (const char* text : {"COPY t FROM STDIN", "COPY t TO STDOUT", "copy (SELECT 1) to stdout", "COPY t FROM STDOUT"})
    CHECK_MESSAGE(class_of(text) == StatementClass::refused, text);
  for (const char* text : {"COPY t FROM '/x'", "COPY t TO PROGRAM 'x'", "COPY stdin FROM '/stdin'"})
    CHECK_MESSAGE(class_of(text) == StatementClass::dml, text);
}

TEST_CASE("a text of many statements is cut at each, with offsets into the text") {
  std::string text;
  constexpr std::size_t count = 20'000;
  for (std::size_t i = 0; i < count; ++i) text += "INSERT INTO t VALUES (" + std::to_string(i) + ", ';');\n";
  std::size_t seen = 0;
  std::size_t end = 0;
  split_sql(text, [&](const Statement& statement) {
    ++seen;
    CHECK(statement.offset >= end);
    end = statement.offset + statement.length;
  });
  CHECK(seen == count);
  CHECK(end == text.rfind(';'));
}

TEST_CASE("time grows with the length of the text, whatever it repeats") {
  for (const std::string piece :
       {"$a ", "E'a'\n", "BEGIN ", "COPY t FROM STDIN;", "$a$b", "pg_temp ", "/*x*/", "a_", "( ", "FROM STD "}) {
    std::string text = "CREATE /* " + std::string(300'000, 'x') + " */ FUNCTION f ";
    while (text.size() < 2'000'000) text += piece;
    const auto start = std::chrono::steady_clock::now();
    try {
      split(text);
    } catch (const Error& error) {
      CHECK(error.code == ErrorCode::usage);
    }
    CHECK_MESSAGE(std::chrono::steady_clock::now() - start < std::chrono::seconds(5), piece);
  }
}
