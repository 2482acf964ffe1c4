// Migration files as SQLite's lexer cuts them and the core prepares them: statements lie in order inside the text,
// nothing that could be refused is left for later (G7, G10). The first byte of the input chooses the engine's kind.
#include <optional>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "script.hpp"
#include "sqlite_lexer.hpp"

namespace talos::fuzz {

namespace {

struct Kind {
  bool transactional_ddl;
  bool no_transaction_default;
};

// Only what preparing a script asks a session for.
class LexerSession : public Session {
 public:
  explicit LexerSession(Kind kind) : kind_(kind) {}
  const std::vector<Statement>& statements() const { return statements_; }

 private:
  SessionInfo do_info() const override { return {"test", "test", "schema_migrations", kind_.no_transaction_default}; }
  Capabilities do_capabilities() const override {
    Capabilities capabilities;
    capabilities.transactional_ddl = kind_.transactional_ddl;
    return capabilities;
  }
  State do_read_state(LogDepth /*depth*/) override { return {}; }
  bool do_try_lock() override { return true; }
  void do_unlock() override {}
  LockStatus do_observe_lock() override { return {}; }
  std::uint64_t do_split(std::string_view text, const StatementSink& sink) override {
    return sqlite::split_sql(text, [&](const Statement& statement) {
      statements_.push_back(statement);
      sink(statement);
    });
  }
  ExecuteResult do_execute(std::span<const Unit> /*units*/, ExecuteObserver& /*observer*/) override { return {}; }
  void do_cancel() noexcept override {}
  void do_resume() override {}

  Kind kind_;
  std::vector<Statement> statements_;
};

bool is_control(const Statement& s) {
  return s.kind == StatementClass::begin || s.kind == StatementClass::begin_with_options ||
         s.kind == StatementClass::commit || s.kind == StatementClass::rollback;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

void check_statements(std::string_view text, const std::vector<Statement>& statements) {
  std::size_t end = 0;
  for (const Statement& s : statements) {
    must(s.length > 0, "no statement is empty");
    must(s.offset >= end, "statements stand in order and do not overlap");
    must(s.offset <= text.size() && s.length <= text.size() - s.offset, "statements lie inside the text");
    must(!is_blank(text[s.offset]) && text[s.offset] != ';', "a statement begins with its first word");
    must(!text.substr(s.offset).starts_with("--"), "comments before a statement are not part of it");
    end = s.offset + s.length;
  }
}

void check_transaction(const PreparedScript& script, const std::vector<Statement>& statements, Kind kind) {
  must(script.begin() <= script.end() && script.end() <= script.script().text.size(), "the body is inside the text");
  bool covered = false;
  for (const Statement& s : statements) {
    const bool inside = s.offset >= script.begin() && s.offset < script.end();
    covered = covered || inside;
    if (inside) must(!is_control(s), "no transaction control is left in a body (G7)");
    if (inside) must(s.kind != StatementClass::no_transaction, "what cannot run in a transaction is not in one (G8)");
    if (inside)
      must(s.kind != StatementClass::ddl || kind.transactional_ddl, "DDL that commits is not in a transaction");
    if (!inside) must(is_control(s), "nothing but the outer pair is dropped (G7)");
  }
  must(covered || script.statement_count() == 0, "a body that has statements runs them");
}

void check_units(const PreparedScript& script, const std::vector<Statement>& statements, Kind kind) {
  must(script.statement_count() == script.units().size(), "what is counted is what is journalled");
  std::size_t end = 0;
  std::size_t covered = 0;
  for (const JournalUnit& unit : script.units()) {
    must(unit.begin >= end && unit.begin < unit.end && unit.end <= script.script().text.size(),
         "units stand in order inside the text");
    end = unit.end;
    std::size_t inside = 0;
    for (const Statement& s : statements) {
      if (s.offset < unit.begin || s.offset >= unit.end) continue;
      ++inside;
      must(s.offset + s.length <= unit.end, "a unit holds whole statements");
      must(!is_control(s), "no transaction control is left in a unit (G7)");
      if (unit.transaction) must(s.kind != StatementClass::no_transaction, "VACUUM is in no transaction");
      if (unit.transaction) must(s.kind != StatementClass::ddl || kind.transactional_ddl, "DDL that commits is bare");
    }
    must(inside > 0 && (unit.transaction || inside == 1), "a bare unit is one statement");
    covered += inside;
  }
  std::size_t work = 0;
  for (const Statement& s : statements) work += is_control(s) ? 0 : 1;
  must(covered == work, "every statement is in one unit");
}

void check_error(const Error& error, std::string_view text, bool prepared) {
  must(error.code == ErrorCode::usage, "a file that cannot be run is a usage error");
  must(error.offset && *error.offset <= text.size(), "an error points into the text");
  if (prepared) must(error.line && error.column && *error.line >= 1 && *error.column >= 1, "an error names its place");
  if (error.statement)
    must(*error.statement >= 1 && *error.statement <= *error.statements, "a statement's number is one");
}

void check_prepared(std::string_view bytes, Kind kind) {
  const std::string copy(bytes);
  EmbeddedFile embedded{"1_x.up.sql", reinterpret_cast<const unsigned char*>(copy.data()),
                        reinterpret_cast<const unsigned char*>(copy.data() + copy.size()), ""};
  MigrationFile file;
  file.name = embedded.name;
  file.embedded = &embedded;
  Migration migration;
  migration.version = 1;
  LexerSession session(kind);
  try {
    const PreparedScript script(migration, Direction::up, &file, session);
    must(script.script().text.find('\0') == std::string_view::npos, "a text with a NUL byte is refused (G10)");
    check_statements(script.script().text, session.statements());
    for (const Statement& s : session.statements())
      must(s.kind != StatementClass::refused, "what no migrator can run is refused before anything runs");
    if (script.mode() == RunMode::transaction)
      check_transaction(script, session.statements(), kind);
    else
      check_units(script, session.statements(), kind);
  } catch (const Error& error) {
    check_error(error, bytes, true);
  }
}

}  // namespace

}  // namespace talos::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos;
  using namespace talos::fuzz;
  if (size == 0) return 0;
  const std::string_view text = text_of(data + 1, size - 1);
  check_prepared(text, {(data[0] & 1) != 0, (data[0] & 2) != 0});
  std::vector<Statement> statements;
  try {
    sqlite::split_sql(text, [&](const Statement& statement) { statements.push_back(statement); });
    for (const Statement& s : statements) sqlite::is_foreign_keys_pragma(text.substr(s.offset, s.length));
  } catch (const Error& error) {
    check_error(error, text, false);
  }
  check_statements(text, statements);
  return 0;
}
