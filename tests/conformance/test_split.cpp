#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "kit.hpp"

namespace talos::conformance {
namespace {

using namespace std::string_literals;

std::vector<Statement> split(Session& session, const std::string& text) {
  std::vector<Statement> statements;
  session.split(text, [&](const Statement& statement) { statements.push_back(statement); });
  return statements;
}

// Blanks before the terminator may belong to the statement.
std::string trimmed(std::string_view text) {
  const auto last = text.find_last_not_of(" \t\r\n");
  return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

void check_refused(const std::string& text) {
  INFO(text);
  const auto session = connect(fresh_name());
  const Error error = error_of([&] { split(*session, text); });
  CHECK(to_text(error.code) == "usage");
  REQUIRE(error.offset.has_value());
  CHECK(*error.offset <= text.size());
}

TEST_SUITE_BEGIN("split");

TEST_CASE("L3: offsets and lengths slice the statements out of the text") {
  const auto session = connect(fresh_name());
  const std::vector<std::string> wanted{"CREATE TABLE a (id INTEGER)", "INSERT INTO a VALUES (';')",
                                        "INSERT INTO a VALUES ('it''s -- no comment /* nor this')",
                                        "INSERT INTO a VALUES ('\xC3\xA9')"};
  const std::string text = "-- a comment; with a semicolon\r\n\n" + wanted[0] + " ;\n/* another; */ " + wanted[1] +
                           ";;\n ; " + wanted[2] + "; -- after it\n" + wanted[3];
  const auto statements = split(*session, text);
  REQUIRE(statements.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    REQUIRE(statements[i].offset + statements[i].length <= text.size());
    CHECK(trimmed(std::string_view(text).substr(statements[i].offset, statements[i].length)) == wanted[i]);
  }
}

TEST_CASE("L3: statements are classed") {
  const auto session = connect(fresh_name());
  const auto kind_of = [&](const std::string& text) {
    const auto statements = split(*session, text);
    REQUIRE(statements.size() == 1);
    return statements[0].kind;
  };
  CHECK(kind_of("INSERT INTO a VALUES (1)") == StatementClass::dml);
  CHECK(kind_of("CREATE TABLE a (id INTEGER)") == StatementClass::ddl);
  CHECK(kind_of("-- a comment before it\ndrop table a") == StatementClass::ddl);
}

TEST_CASE("G7: transaction control is recognised, or refused with a reason") {
  const auto session = connect(fresh_name());
  const std::vector<std::pair<std::string, StatementClass>> control{{"BEGIN", StatementClass::begin},
                                                                    {"begin", StatementClass::begin},
                                                                    {"COMMIT", StatementClass::commit},
                                                                    {"ROLLBACK", StatementClass::rollback}};
  for (const auto& [text, kind] : control) {
    const std::string statement_text = text;
    INFO(statement_text);
    const auto statements = split(*session, text + ";");
    REQUIRE(statements.size() == 1);
    const bool refused = statements[0].kind == StatementClass::refused;
    CHECK((refused || statements[0].kind == kind));
    CHECK(refused != statements[0].why.empty());
  }
}

TEST_CASE("G10: NUL, an unclosed quote and an unclosed comment are refused") {
  check_refused("INSERT INTO a VALUES (1);\0INSERT INTO a VALUES (2);"s);
  check_refused("INSERT INTO a VALUES ('one\0two');"s);
  check_refused("INSERT INTO a VALUES (1);\nINSERT INTO a VALUES ('two);\n");
  check_refused("INSERT INTO a VALUES (1);\n/* and so on\n");
}

TEST_CASE("G10: a text without statements has none") {
  const auto session = connect(fresh_name());
  for (const char* text : {"", "\n \t\r\n", "-- only this", "/* and\n this */\n", ";;\n;"}) {
    INFO(text);
    CHECK(split(*session, text).empty());
  }
}

TEST_CASE("Splitting runs nothing") {
  const auto session = connect(fresh_name());
  const std::string name = fresh_name();
  CHECK(split(*session, create_table(name)).size() == 1);
  CHECK(creates(*session, name));
}

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
