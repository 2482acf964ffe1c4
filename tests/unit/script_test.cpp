#include "script.hpp"

#include <doctest/doctest.h>

#include "fake_session.hpp"
#include "fixtures.hpp"
#include "sha256.hpp"

using namespace talos;
using namespace talos::test;

namespace {

/// One up file, prepared on a session with the given abilities.
class Prepared {
 public:
  explicit Prepared(const std::string& text, const Capabilities& capabilities = FakeDatabase().capabilities,
                    bool no_transaction_default = false)
      : set_{{"1_a.up.sql", text}} {
    database_.capabilities = capabilities;
    database_.no_transaction_default = no_transaction_default;
    script_.emplace(*set_->find(1), Direction::up, &*set_->find(1)->up, session_);
  }

  const PreparedScript* operator->() const { return &*script_; }
  const PreparedScript& operator*() const { return *script_; }

  std::string body() const {
    return std::string(script_->script().text.substr(script_->begin(), script_->end() - script_->begin()));
  }
  std::vector<std::string> unit_texts() const {
    std::vector<std::string> result;
    for (const JournalUnit& unit : script_->units()) result.emplace_back(script_->part(unit).text());
    return result;
  }

 private:
  MemorySet set_;
  FakeDatabase database_;
  FakeSession session_{database_};
  std::optional<PreparedScript> script_;
};

using Texts = std::vector<std::string>;

Error refusal(const std::string& text) {
  return error_of([&] { Prepared prepared(text); });
}

const std::string bare = "-- talos:no-transaction\n";
const Capabilities ddl_commits_itself{.transactional_ddl = false, .atomic_statements = true};

}  // namespace

TEST_CASE("G9: a slip in writing a directive is an error, since it would silently change how the file runs") {
  for (const char* text : {"-- TALOS:no-transaction\n", "-- talos :no-transaction\n", "--Talos : no-transaction\n"})
    CHECK_THROWS_AS_MESSAGE(parse_directives(text), Error, text);
  for (const char* text : {"-- talos is a server\n", "-- tal os:x\n", "-- about talos: x\n", "SELECT 1; -- TALOS:x\n"})
    CHECK_NOTHROW_MESSAGE(parse_directives(text), text);
}

TEST_CASE("G9: directives are read at the head of the file, after blank lines and comments") {
  const Directives directives = parse_directives(
      "\n  -- a comment\n/* another\n*/\n# and one more\n"
      "-- talos:no-transaction\n--talos:breaking drops the column a\n -- talos:verify SELECT 1 -- really\nSELECT 1;");
  CHECK(directives.no_transaction);
  CHECK(directives.breaking == "drops the column a");
  CHECK(directives.verify == "SELECT 1 -- really");
}

TEST_CASE("G9: directives may end in CRLF and follow a byte-order mark") {
  const Prepared prepared("\xEF\xBB\xBF-- talos:no-transaction\r\n-- talos:breaking why\r\nCREATE a;\r\n");
  CHECK(prepared->directives().no_transaction);
  CHECK(prepared->directives().breaking == "why");
}

TEST_CASE("G9: after the first statement, inside a block comment or a version comment nothing is a directive") {
  CHECK_FALSE(parse_directives("SELECT 1;\n-- talos:no-transaction").no_transaction);
  CHECK_FALSE(parse_directives("/* -- talos:no-transaction\n*/").no_transaction);
  CHECK_FALSE(parse_directives("/*!40101 SET x */;\n-- talos:no-transaction").no_transaction);
  CHECK_FALSE(parse_directives("-- see talos:no-transaction").no_transaction);
  CHECK_FALSE(parse_directives("/* unclosed -- talos:no-transaction").no_transaction);
  CHECK_FALSE(parse_directives("").no_transaction);
}

TEST_CASE("G9: an unknown word or a wrong argument is a usage error at its place") {
  for (const char* line : {"-- talos:no-transactions", "-- talos:", "-- talos:NO-TRANSACTION",
                           "-- talos:no-transaction please", "-- talos:breaking", "-- talos:verify  \r"}) {
    CAPTURE(line);
    const Error error = refusal("-- head\n  " + std::string(line) + "\nSELECT 1;");
    CHECK(error.code == ErrorCode::usage);
    CHECK(error.file == "1_a.up.sql");
    CHECK(error.line == 2);
    CHECK(error.column == 3);
    CHECK(contains(error.hint, "talos:no-transaction"));
  }
}

TEST_CASE("a file runs as one transaction, whole, unless something speaks against it") {
  const Prepared prepared("CREATE a;\nINSERT b;\n");
  CHECK(prepared->mode() == RunMode::transaction);
  CHECK(prepared.body() == "CREATE a;\nINSERT b;\n");
  CHECK(prepared->statement_count() == 2);
  CHECK(prepared->units().empty());
  CHECK(prepared->notes().empty());
  CHECK(prepared->script().version == 1);
  CHECK(prepared->script().file == "1_a.up.sql");
  CHECK(prepared->script().traits == 42);
}

TEST_CASE("G10: empty and comment-only files are legal and run nothing") {
  for (const std::string text : {"", "\n\n", "-- nothing here\n", "\xEF\xBB\xBF", ";;", "-- talos:no-transaction\n"}) {
    CAPTURE(text);
    const Prepared prepared(text);
    CHECK(prepared->mode() == RunMode::transaction);
    CHECK(prepared->statement_count() == 0);
    CHECK(prepared->units().empty());
  }
}

TEST_CASE("a step without a file is an empty script") {
  const MemorySet set{{"1_a.up.sql", ""}};
  FakeDatabase database;
  FakeSession session(database);
  const PreparedScript script(*set->find(1), Direction::down, nullptr, session);
  CHECK(script.size() == 0);
  CHECK(script.sha256().empty());
  CHECK(script.script().direction == Direction::down);
  CHECK(script.statement_count() == 0);
}

TEST_CASE("G10: a byte-order mark is skipped, but size and hash are over the raw bytes") {
  const TemporaryDirectory directory;
  const std::string raw = "\xEF\xBB\xBFSELECT 1;\r\n";
  directory.write("1_a.up.sql", raw);
  const MigrationSet set = read_directory(directory.path());
  FakeDatabase database;
  FakeSession session(database);
  const PreparedScript script(*set.find(1), Direction::up, &*set.find(1)->up, session);
  CHECK(script.script().text == "SELECT 1;\r\n");
  CHECK(script.sha256() == sha256(raw));
  CHECK(script.size() == static_cast<std::int64_t>(raw.size()));
}

TEST_CASE("G10: only one byte-order mark is skipped, and only at the start") {
  CHECK(Prepared("\xEF\xBB\xBF\xEF\xBB\xBFSELECT 1")->script().text == "\xEF\xBB\xBFSELECT 1");
  CHECK(Prepared("SELECT \xEF\xBB\xBF")->script().text == "SELECT \xEF\xBB\xBF");
}

TEST_CASE("G10: a NUL byte and an unclosed quote are refused with file, line and column") {
  const Error nul = refusal(std::string("SELECT 1;\nSE\0LECT", 16));
  CHECK(nul.code == ErrorCode::usage);
  CHECK(nul.line == 2);
  CHECK(nul.column == 3);
  const Error quote = refusal("SELECT 1;\r\nSELECT 'x;\r\n");
  CHECK(quote.code == ErrorCode::usage);
  CHECK(quote.file == "1_a.up.sql");
  CHECK(quote.line == 2);
  CHECK(quote.column == 8);
}

TEST_CASE("a statement that no migrator can run is refused with the plugin's reason and its place") {
  const Error error = refusal("SELECT 1;\n\\copy t;");
  CHECK(error.code == ErrorCode::usage);
  CHECK(contains(error.what(), "client's command"));
  CHECK(error.line == 2);
  CHECK(error.column == 1);
}

TEST_CASE("G7: an outer plain BEGIN and COMMIT are dropped") {
  for (const char* close : {"COMMIT", "END"}) {
    const Prepared prepared("-- head\nBEGIN;\nCREATE a;\nINSERT b;\n" + std::string(close) + ";\n");
    CHECK(prepared->mode() == RunMode::transaction);
    CHECK(prepared.body() == "CREATE a;\nINSERT b;\n");
    CHECK(prepared->statement_count() == 2);
  }
  const Prepared empty("BEGIN; COMMIT;");
  CHECK(empty.body().empty());
  CHECK(empty->statement_count() == 0);
}

TEST_CASE("G7: statements are numbered without the dropped BEGIN") {
  const Prepared prepared("BEGIN;\nCREATE a;\nINSERT b;\nCOMMIT;\n");
  const Error error = prepared->locate(Error(ErrorCode::statement, "x").at(prepared->script().text.find("b;")));
  CHECK(error.statement == 2);
  CHECK(error.statements == 2);
  CHECK(error.line == 3);
  CHECK(error.column == 8);
}

TEST_CASE("G7: any other transaction control is refused at its line, with the directive to add") {
  struct Case {
    const char* text;
    std::size_t line;
  };
  for (const Case& c :
       {Case{"CREATE a;\nBEGIN;\nCREATE b;", 2}, Case{"CREATE a;\nCOMMIT;", 2}, Case{"COMMIT;", 1},
        Case{"BEGIN;\nCREATE a;", 1}, Case{"BEGIN;", 1}, Case{"CREATE a;\nBEGIN;", 2},
        Case{"BEGIN;\nCREATE a;\nROLLBACK;", 1}, Case{"CREATE a;\nROLLBACK;\nCREATE b;", 2},
        Case{"BEGIN;\nCREATE a;\nCOMMIT;\nCREATE b;", 3}, Case{"BEGIN;\nBEGIN;\nCREATE a;\nCOMMIT;", 2},
        Case{"BEGIN;\nCOMMIT;\nCOMMIT;", 2}, Case{"BEGIN;\nCREATE a;\nCOMMIT;\nBEGIN;\nCREATE b;\nCOMMIT;", 3},
        Case{"BEGIN IMMEDIATE;\nCREATE a;\nCOMMIT;", 1}}) {
    CAPTURE(c.text);
    const Error error = refusal(c.text);
    CHECK(error.code == ErrorCode::usage);
    CHECK(error.file == "1_a.up.sql");
    CHECK(error.line == c.line);
    CHECK(contains(error.hint, "talos:no-transaction"));
  }
}

TEST_CASE("G7: savepoints are allowed in a transaction and not outside of one") {
  CHECK(Prepared("SAVEPOINT a; INSERT b; RELEASE a;")->mode() == RunMode::transaction);
  CHECK(refusal(bare + "SAVEPOINT a;").line == 2);
  CHECK(Prepared(bare + "BEGIN; SAVEPOINT a; INSERT b; RELEASE a; COMMIT;")->units().size() == 1);
}

TEST_CASE("G7: with no-transaction each statement is a unit, and one BEGIN to COMMIT is one") {
  const Prepared prepared(bare + "VACUUM;\nINSERT a;\nBEGIN;\nINSERT b;\nCREATE c;\nCOMMIT;\nCREATE d");
  CHECK(prepared->mode() == RunMode::statements);
  CHECK(prepared->statement_count() == 4);
  CHECK(prepared.unit_texts() == Texts{"VACUUM", "INSERT a", "INSERT b;\nCREATE c;\n", "CREATE d"});
  CHECK_FALSE(prepared->units()[0].transaction);
  CHECK(prepared->units()[1].transaction);
  CHECK(prepared->units()[2].transaction);
  CHECK(prepared->units()[2].begin_text.empty());
}

TEST_CASE("G7: in a no-transaction file a BEGIN keeps its options") {
  const Prepared prepared(bare + "BEGIN IMMEDIATE;\nINSERT a;\nCOMMIT;");
  REQUIRE(prepared->units().size() == 1);
  CHECK(prepared->units()[0].begin_text == "BEGIN IMMEDIATE");
}

TEST_CASE("G7: a group that is empty is no unit, and a file of nothing else runs nothing") {
  CHECK(Prepared(bare + "BEGIN; COMMIT; INSERT a;").unit_texts() == Texts{"INSERT a"});
  const Prepared nothing(bare + "BEGIN; COMMIT;");
  CHECK(nothing->mode() == RunMode::transaction);
  CHECK(nothing.body().empty());
  CHECK(nothing->statement_count() == 0);
}

TEST_CASE("G7: a group that ends in ROLLBACK, is nested, unfinished, or holds what cannot be in it is refused") {
  struct Case {
    const char* text;
    std::size_t line;
  };
  for (const Case& c : {Case{"BEGIN;\nINSERT a;\nROLLBACK;", 4}, Case{"BEGIN;\nBEGIN;\nCOMMIT;", 3},
                        Case{"INSERT a;\nBEGIN;\nINSERT b;", 3}, Case{"BEGIN;\nVACUUM;\nCOMMIT;", 3},
                        Case{"INSERT a;\nCOMMIT;", 3}, Case{"ROLLBACK;", 2}}) {
    CAPTURE(c.text);
    const Error error = refusal(bare + c.text);
    CHECK(error.code == ErrorCode::usage);
    CHECK(error.line == c.line);
    CHECK_FALSE(error.hint.empty());
  }
}

TEST_CASE("G8: a file whose only statement cannot run in a transaction runs without one, with a note") {
  const Prepared prepared("-- to be tidy\nVACUUM;\n");
  CHECK(prepared->mode() == RunMode::statements);
  CHECK(prepared.unit_texts() == Texts{"VACUUM"});
  CHECK_FALSE(prepared->units()[0].transaction);
  REQUIRE(prepared->notes().size() == 1);
  CHECK(contains(prepared->notes()[0], "1_a.up.sql"));
}

TEST_CASE("G8: with the directive the lone statement needs no note") {
  CHECK(Prepared(bare + "VACUUM;")->notes().empty());
}

TEST_CASE("G8: a file that mixes it with others is refused, with the directive to add") {
  for (const char* text : {"CREATE a;\nVACUUM;", "CREATE a;\nVACUUM;\nCREATE b;"}) {
    const Error error = refusal(text);
    CHECK(error.code == ErrorCode::usage);
    CHECK(error.line == 2);
    CHECK(contains(error.hint, "talos:no-transaction"));
  }
}

TEST_CASE("where schema changes commit by themselves, a file that has one runs by statements, others do not") {
  const Prepared mixed("CREATE a;\nINSERT b;", ddl_commits_itself);
  CHECK(mixed->mode() == RunMode::statements);
  REQUIRE(mixed->units().size() == 2);
  CHECK_FALSE(mixed->units()[0].transaction);
  CHECK(mixed->units()[1].transaction);
  CHECK(Prepared("INSERT a;\nINSERT b;", ddl_commits_itself)->mode() == RunMode::transaction);
  const Error error = error_of([] { Prepared prepared("BEGIN;\nCREATE a;\nCOMMIT;", ddl_commits_itself); });
  CHECK(error.code == ErrorCode::usage);
  CHECK(error.line == 2);
}

TEST_CASE("a DSN may ask that files run by statements unless they are one transaction by themselves") {
  const Capabilities capabilities = FakeDatabase().capabilities;
  CHECK(Prepared("CREATE a; CREATE b;", capabilities, true)->units().size() == 2);
  const Prepared grouped("BEGIN; CREATE a; CREATE b; COMMIT;", capabilities, true);
  REQUIRE(grouped->units().size() == 1);
  CHECK(grouped->units()[0].transaction);
}

TEST_CASE("an error's offset becomes file, line, column and statement number") {
  const Prepared prepared("-- head\nCREATE a;\n\n  INSERT b;\r\nSELECT c");
  const std::string_view text = prepared->script().text;
  auto place = [&](std::size_t offset) { return prepared->locate(Error(ErrorCode::statement, "x").at(offset)); };
  SUBCASE("before the first statement there is no number") {
    CHECK(place(0).line == 1);
    CHECK(place(0).column == 1);
    CHECK_FALSE(place(0).statement);
  }
  SUBCASE("at the first byte of a statement") {
    const Error error = place(text.find("INSERT"));
    CHECK(error.line == 4);
    CHECK(error.column == 3);
    CHECK(error.statement == 2);
    CHECK(error.statements == 3);
  }
  SUBCASE("at a newline, which ends its line") {
    const Error error = place(7);
    CHECK(error.line == 1);
    CHECK(error.column == 8);
  }
  SUBCASE("at the end, and beyond it") {
    for (const std::size_t offset : {text.size(), text.size() + 100}) {
      const Error error = place(offset);
      CHECK(error.line == 5);
      CHECK(error.column == 9);
      CHECK(error.statement == 3);
    }
  }
  SUBCASE("without an offset only the file is known") {
    const Error error = prepared->locate(Error(ErrorCode::statement, "x"));
    CHECK(error.file == "1_a.up.sql");
    CHECK_FALSE(error.line);
    CHECK_FALSE(error.statement);
  }
}

TEST_CASE("lines are counted by newlines") {
  CHECK(line_of("", 0) == 1);
  CHECK(line_of("a\nb\r\nc", 0) == 1);
  CHECK(line_of("a\nb\r\nc", 1) == 1);
  CHECK(line_of("a\nb\r\nc", 2) == 2);
  CHECK(line_of("a\nb\r\nc", 5) == 3);
}

TEST_CASE("G18: the line of a statement that sets a password is not shown") {
  const Prepared prepared("CREATE a;\nALTER USER u Password 'Secret1';\n");
  const Error shown = prepared->locate(Error(ErrorCode::statement, "no").at(3));
  CHECK(shown.source_line == "CREATE a;");
  const Error hidden = prepared->locate(Error(ErrorCode::statement, "no").at(14));
  CHECK(hidden.source_line.empty());
  CHECK(hidden.line == 2);
}
