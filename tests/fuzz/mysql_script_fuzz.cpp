// Scripts as the lexer of MySQL and MariaDB cuts them: statements lie in order inside the text, every byte between them
// is blank, a comment, a terminator or a line of the client's, and no reader of statements stumbles over one (G10,
// G13).
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "mysql_lexer.hpp"
#include "mysql_objects.hpp"
#include "mysql_redact.hpp"
#include "mysql_token.hpp"

namespace talos::fuzz {

namespace {

void check_statement(std::string_view text, const Statement& s, std::size_t end) {
  must(s.length > 0, "no statement is empty");
  must(s.offset >= end, "statements stand in order and do not overlap");
  must(s.offset <= text.size() && s.length <= text.size() - s.offset, "statements lie inside the text");
  const std::string_view statement = text.substr(s.offset, s.length);
  must(statement[0] != ' ' && statement[0] != '\n', "a statement begins with its first word");
  must(!statement.starts_with("-- ") && !statement.starts_with('#'), "comments before a statement are not part of it");
  must(!statement.starts_with("/*") || statement.starts_with("/*!") || statement.starts_with("/*M!"),
       "a version comment is code, another comment is not");
  must(s.why.empty() == (s.kind != StatementClass::refused), "what is refused says why, and only that");
}

// A statement cut out and cut again is itself, and of the same kind.
void check_again(std::string_view statement, const Statement& expected, mysql::LexerModes modes) {
  std::vector<Statement> again;
  mysql::split_sql(statement, modes, [&](const Statement& s) { again.push_back(s); });
  must(again.size() == 1, "a statement is one statement");
  must(again[0].offset == 0 && again[0].length == statement.size(), "a statement is cut where it was");
  must(again[0].kind == expected.kind && again[0].session_only == expected.session_only &&
           again[0].replayable == expected.replayable,
       "a statement's class is its own");
}

void check_objects(std::string_view statement, mysql::LexerModes modes) {
  const mysql::Ddl ddl = mysql::read_ddl(statement, modes);
  must(!ddl.single || !ddl.objects.empty(), "one act is an act on something");
}

void check(std::string_view text, mysql::LexerModes modes) {
  std::vector<Statement> statements;
  std::uint64_t traits = 0;
  bool whole = false;
  try {
    traits = mysql::split_sql(text, modes, [&](const Statement& s) {
      check_statement(text, s, statements.empty() ? 0 : statements.back().offset + statements.back().length);
      statements.push_back(s);
    });
    whole = true;
    must(text.find('\0') == std::string_view::npos, "a text with a NUL byte is refused (G10)");
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage, "a file that cannot be run is a usage error");
    must(error.offset && *error.offset <= text.size(), "an error points into the text");
  }
  for (const Statement& s : statements) {
    const std::string_view statement = text.substr(s.offset, s.length);
    if (s.kind == StatementClass::refused) continue;
    // Under another delimiter or sql_mode than at the text's beginning a statement is not the same by itself.
    // Two minus signs in front of its semicolon are a comment where it ends.
    const bool alone = !statement.ends_with("--") && (traits & (mysql::trait_delimiter | mysql::trait_sql_mode)) == 0;
    if (whole && alone) check_again(statement, s, modes);
    if (whole && alone) check_objects(statement, modes);
    reads([&] { mysql::may_be_empty(statement); });
  }
}

}  // namespace

}  // namespace talos::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos::fuzz;
  const std::string_view text = text_of(data, size);
  check(text, {});
  check(text, {.no_backslash_escapes = true, .ansi_quotes = true});
  talos::mysql::without_literals(text);
  reads([&] { talos::mysql::read_ddl(text); });
  return 0;
}
