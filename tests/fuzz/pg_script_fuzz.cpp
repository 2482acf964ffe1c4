// Scripts as PostgreSQL's lexer cuts them: statements lie in order inside the text, every byte between them is blank, a
// comment or a semicolon, and the index of a CONCURRENTLY statement is found in whatever text (G10, G12).
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "pg_index.hpp"
#include "pg_lexer.hpp"
#include "pg_token.hpp"

namespace talos::fuzz {

namespace {

void check_statement(std::string_view text, const Statement& s, std::size_t end) {
  must(s.length > 0, "no statement is empty");
  must(s.offset >= end, "statements stand in order and do not overlap");
  must(s.offset <= text.size() && s.length <= text.size() - s.offset, "statements lie inside the text");
  must(text[s.offset] != ';' && text[s.offset] != ' ', "a statement begins with its first word");
  must(!text.substr(s.offset).starts_with("--") && !text.substr(s.offset).starts_with("/*"),
       "comments before a statement are not part of it");
  must(s.why.empty() == (s.kind != StatementClass::refused), "what is refused says why, and only that");
}

// A statement cut out and cut again is itself, and of the same kind.
void check_again(std::string_view statement, const Statement& expected) {
  std::vector<Statement> again;
  pg::split_sql(statement, [&](const Statement& s) { again.push_back(s); });
  must(again.size() == 1, "a statement is one statement");
  must(again[0].offset == 0 && again[0].length == statement.size(), "a statement is cut where it was");
  must(again[0].kind == expected.kind && again[0].session_only == expected.session_only &&
           again[0].replayable == expected.replayable,
       "a statement's class is its own");
}

}  // namespace

}  // namespace talos::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos;
  using namespace talos::fuzz;
  const std::string_view text = text_of(data, size);
  std::vector<Statement> statements;
  try {
    pg::split_sql(text, [&](const Statement& s) {
      check_statement(text, s, statements.empty() ? 0 : statements.back().offset + statements.back().length);
      statements.push_back(s);
    });
    must(text.find('\0') == std::string_view::npos, "a text with a NUL byte is refused (G10)");
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage, "a file that cannot be run is a usage error");
    must(error.offset && *error.offset <= text.size(), "an error points into the text");
  }
  for (const Statement& s : statements) {
    const std::string_view statement = text.substr(s.offset, s.length);
    // psql's commands end with their line, and their quotes mean nothing.
    if (statement[0] == '\\') continue;
    check_again(statement, s);
    pg::concurrent_index(statement);
  }
  return 0;
}
