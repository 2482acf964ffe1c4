#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "kit.hpp"

namespace talos::conformance {
namespace {

constexpr TrackerRow clean(Version version) { return {version, false}; }

std::string table_at_version_1(Session& session) {
  require_done(execute(session, claim_unit(std::nullopt, clean(1))), 1);
  return session.info().table;
}

void check_version(const std::string& table, Version version) {
  const State state = look(table);
  REQUIRE(state.tracker.size() == 1);
  CHECK(state.tracker[0].version == version);
  CHECK_FALSE(state.tracker[0].dirty);
}

// The body with the bookkeeping that the program puts around it.
Unit migration(const Source& body, Version from, Version to) {
  Unit unit = body.transaction();
  unit.step = static_cast<std::size_t>(to);
  unit.claim = Claim{clean(from), clean(to)};
  unit.log = small_log_row(LogAction::up, to);
  return unit;
}

std::string new_table() {
  const std::string name = fresh_name();
  require_done(run(*connect(fresh_name()), create_table(name)));
  return name;
}

struct LongRun {
  ExecuteResult result;
  std::chrono::steady_clock::duration took;
};

// Runs the long statement as a migration from 1 to 2 and cancels it `delay` after it started.
LongRun cancelled_run(Session& session, std::chrono::milliseconds delay) {
  const Source body(session, target().long_statement);
  const std::vector<Unit> units{migration(body, 1, 2)};
  std::atomic<bool> started{false};
  std::atomic<bool> over{false};
  Recorder recorder;
  recorder.on_start = [&] { started = true; };
  std::thread canceller([&] {
    eventually([&] { return started.load(); });
    // Into the statement, unless it is over by then; right at its start must work as well.
    eventually([&] { return over.load(); }, delay);
    session.cancel();
  });
  const auto start = std::chrono::steady_clock::now();
  LongRun run{session.execute(units, recorder), {}};
  run.took = std::chrono::steady_clock::now() - start;
  started = over = true;
  canceller.join();
  return run;
}

const std::vector<std::string>& spoiling_scripts() {
  static const std::vector<std::string> scripts = [] {
    // Each means something to some engine and is refused by the others.
    std::vector<std::string> known{"PRAGMA query_only = ON;\n",
                                   "SET default_transaction_read_only = on;\n",
                                   "SET @@session.transaction_read_only = 1;\n",
                                   "SET SESSION tx_read_only = 1;\n",
                                   "SET autocommit = 0;\n",
                                   "SET search_path TO talos_kit_nowhere;\n",
                                   "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT';\n",
                                   "SET standard_conforming_strings = off;\n"};
    const auto& own = target().session_scripts;
    known.insert(known.end(), own.begin(), own.end());
    return known;
  }();
  return scripts;
}

TEST_SUITE_BEGIN("execute");

TEST_CASE("Units run in order, and the observer hears of each") {
  const auto session = connect(fresh_name());
  const std::string table = table_at_version_1(*session);
  const std::string rows = new_table();
  const Source first(*session, insert(rows, 1));
  const Source second(*session, insert(rows, 2) + insert(rows, 3));
  std::vector<Unit> units{migration(first, 1, 2), migration(second, 2, 3)};
  units[0].durable = false;
  Recorder recorder;
  require_done(session->execute(units, recorder), 2);
  CHECK(recorder.started.size() >= 2);
  REQUIRE(recorder.committed.size() == 2);
  CHECK(recorder.committed[0].unit == 0);
  CHECK(recorder.committed[1].unit == 1);
  CHECK(recorder.committed[1].durable);
  check_version(table, 3);
  CHECK(look(table).log.size() == 2);
  for (const int number : {1, 2, 3}) CHECK_FALSE(inserts(*session, rows, number));
}

TEST_CASE("Only the bytes from begin to end of a script run") {
  const auto session = connect(fresh_name());
  const std::string rows = new_table();
  const Source body(*session, insert(rows, 1) + insert(rows, 2) + insert(rows, 3));
  Unit unit = body.transaction();
  unit.begin = body.statements().at(1).offset;
  unit.end = body.statements().at(2).offset;
  require_done(execute(*session, unit), 1);
  CHECK(inserts(*session, rows, 1));
  CHECK_FALSE(inserts(*session, rows, 2));
  CHECK(inserts(*session, rows, 3));
}

TEST_CASE("G10: an empty file and one of comments run nothing, and are recorded") {
  const auto session = connect(fresh_name());
  const std::string table = table_at_version_1(*session);
  const Source empty(*session, "");
  const Source comments(*session, "-- nothing here\n/* nor here */ -- the end");
  require_done(execute(*session, {migration(empty, 1, 2), migration(comments, 2, 3)}), 2);
  check_version(table, 3);
}

TEST_CASE("G10: a body may end in a comment without a newline") {
  const auto session = connect(fresh_name());
  const std::string table = table_at_version_1(*session);
  const std::string rows = new_table();
  const Source body(*session, "INSERT INTO " + rows + " VALUES (1) -- and no more");
  require_done(execute(*session, migration(body, 1, 2)), 1);
  check_version(table, 2);
  CHECK_FALSE(inserts(*session, rows, 1));
}

TEST_CASE("A transaction that fails leaves nothing") {
  const auto session = connect(fresh_name());
  const std::string table = table_at_version_1(*session);
  const std::string rows = new_table();
  const Source body(*session, insert(rows, 1) + insert(fresh_name(), 1));
  const ExecuteResult result = execute(*session, migration(body, 1, 2));
  require_failed(result, ErrorCode::statement);
  CHECK(result.outcome == Outcome::not_applied);
  check_version(table, 1);
  CHECK(look(table).log.empty());
  CHECK(inserts(*session, rows, 1));
}

TEST_CASE("A transaction that fails leaves no schema change, if transactional_ddl is declared") {
  const auto session = connect(fresh_name());
  if (!session->capabilities().transactional_ddl) return skip("transactional_ddl is not declared");
  const std::string table = table_at_version_1(*session);
  const std::string made = fresh_name();
  const Source body(*session, create_table(made) + insert(made, 1) + insert(fresh_name(), 1));
  const ExecuteResult result = execute(*session, migration(body, 1, 2));
  require_failed(result, ErrorCode::statement);
  CHECK(result.outcome == Outcome::not_applied);
  check_version(table, 1);
  CHECK(creates(*session, made));
}

TEST_CASE("The units before the one that fails stay, those after it do not run") {
  const auto session = connect(fresh_name());
  const std::string table = table_at_version_1(*session);
  const std::string rows = new_table();
  const Source first(*session, insert(rows, 1));
  const Source failing(*session, insert(rows, 2) + insert(fresh_name(), 1));
  const Source last(*session, insert(rows, 3));
  std::vector<Unit> units{migration(first, 1, 2), migration(failing, 2, 3), migration(last, 3, 4)};
  units[0].durable = units[1].durable = false;
  Recorder recorder;
  const ExecuteResult result = session->execute(units, recorder);
  require_failed(result, ErrorCode::statement, 1);
  CHECK(result.outcome == Outcome::not_applied);
  REQUIRE(recorder.committed.size() == 1);
  CHECK(recorder.committed[0].unit == 0);
  check_version(table, 2);
  CHECK_FALSE(inserts(*session, rows, 1));
  CHECK(inserts(*session, rows, 2));
  CHECK(inserts(*session, rows, 3));
}

TEST_CASE("A session works on after a failure") {
  const auto session = connect(fresh_name());
  const std::string table = table_at_version_1(*session);
  const std::string rows = new_table();
  require_failed(run(*session, insert(fresh_name(), 1)), ErrorCode::statement);
  const Source body(*session, insert(rows, 1));
  require_done(execute(*session, migration(body, 1, 2)), 1);
  check_version(table, 2);
}

TEST_CASE("An error points into the statement that failed, and carries the engine's own code") {
  const auto session = connect(fresh_name());
  const std::string rows = new_table();
  const Source body(*session, "-- \xC3\xA9\xE2\x82\xAC, which are five bytes\n" + insert(rows, 1) + "\n\n  " +
                                  insert(fresh_name(), 1) + insert(rows, 2));
  const Statement& failing = body.statements().at(1);
  const auto check = [&](const ExecuteResult& result) {
    require_failed(result, ErrorCode::statement);
    CHECK_FALSE(result.error->native_code.empty());
    REQUIRE(result.error->offset.has_value());
    CHECK(*result.error->offset >= failing.offset);
    CHECK(*result.error->offset < failing.offset + failing.length);
  };
  SUBCASE("in a transaction") { check(execute(*session, body.transaction())); }
  SUBCASE("in a transaction of a part of the file") {
    Unit unit = body.transaction();
    unit.begin = failing.offset;
    check(execute(*session, unit));
  }
  SUBCASE("bare") { check(execute(*session, body.bare(1))); }
}

TEST_CASE("A bare statement takes effect by itself") {
  const auto session = connect(fresh_name());
  const std::string made = fresh_name();
  const Source body(*session, create_table(made) + insert(made, 1));
  require_done(execute(*session, {body.bare(0), body.bare(1)}), 2);
  const auto other = connect(fresh_name(), Access::write);
  CHECK_FALSE(inserts(*other, made, 1));
}

TEST_CASE("A bare statement that fails has the outcome that atomic_statements promises") {
  const auto session = connect(fresh_name());
  const Source body(*session, insert(fresh_name(), 1));
  const ExecuteResult result = execute(*session, body.bare(0));
  require_failed(result, ErrorCode::statement);
  if (session->capabilities().atomic_statements)
    CHECK(result.outcome == Outcome::not_applied);
  else
    CHECK(result.outcome != Outcome::unknown);
}

TEST_CASE("The choreography of a file without a transaction: dirty, statements with their journal, clean") {
  const auto session = connect(fresh_name());
  const std::string table = table_at_version_1(*session);
  const std::string made = fresh_name();
  const Source body(*session, create_table(made) + insert(made, 1));
  JournalRow row;
  row.run = "1@host";
  row.version = 2;
  row.statement = 1;
  row.statements = 2;
  Unit begin = claim_unit(clean(1), TrackerRow{2, true});
  begin.journal.push_back({JournalWriteKind::add, row});
  Unit between;
  row.state = JournalState::done;
  between.journal.push_back({JournalWriteKind::update, row});
  row.state = JournalState::intent;
  row.statement = 2;
  between.journal.push_back({JournalWriteKind::add, row});
  require_done(execute(*session, {begin, body.bare(0), between}), 3);
  const State half_way = look(table);
  REQUIRE(half_way.tracker.size() == 1);
  CHECK(half_way.tracker[0] == TrackerRow{2, true});
  REQUIRE(half_way.journal.size() == 2);
  CHECK(half_way.journal[0].state == JournalState::done);
  CHECK(half_way.journal[1].state == JournalState::intent);
  // The last statement touches rows only: it and the bookkeeping are one transaction.
  Unit last = body.bare(1);
  last.transaction = true;
  last.claim = Claim{TrackerRow{2, true}, clean(2)};
  last.journal.push_back({JournalWriteKind::close, {}});
  last.log = small_log_row(LogAction::up, 2);
  require_done(execute(*session, last), 1);
  check_version(table, 2);
  CHECK(look(table).journal.empty());
  CHECK_FALSE(inserts(*session, made, 1));
}

TEST_CASE("G6: a script sees nothing of what the one before it did to the session, and neither do our own rows") {
  int applicable = 0;
  for (const std::string& script : spoiling_scripts()) {
    INFO(script);
    {
      const auto probe = connect(fresh_name());
      if (run(*probe, script).error) continue;
    }
    ++applicable;
    for (const bool together : {false, true}) {
      INFO("in one call: ", together);
      const auto session = connect(fresh_name());
      const std::string table = table_at_version_1(*session);
      const std::string made = fresh_name();
      const std::string rows = new_table();
      const Source spoiling(*session, script);
      const Source insertion(*session, insert(rows, together ? 1 : 2));
      Unit bookkeeping = claim_unit(clean(2), clean(3));
      bookkeeping.step = 3;
      const std::vector<Unit> units{migration(spoiling, 1, 2), bookkeeping, migration(insertion, 3, 4)};
      if (together)
        require_done(execute(*session, units), units.size());
      else
        for (const Unit& unit : units) require_done(execute(*session, unit), 1);
      check_version(table, 4);
      CHECK(look(table).log.size() == 2);
      CHECK(creates(*session, made));
      CHECK_FALSE(creates(*connect(fresh_name(), Access::write), made));
    }
  }
  if (applicable == 0) skip("no script that spoils a session is known for this engine: see --session-script");
}

TEST_CASE("cancel() stops a statement that runs, if declared") {
  const std::string name = fresh_name();
  const auto session = connect(name);
  if (!session->capabilities().cancel) return skip("cancel is not declared");
  const std::string table = table_at_version_1(*session);
  for (const int delay : {0, 300}) {
    INFO("after ", delay, " ms");
    const LongRun run = cancelled_run(*session, std::chrono::milliseconds(delay));
    require_failed(run.result, ErrorCode::cancelled);
    CHECK(run.result.outcome == Outcome::not_applied);
    CHECK(run.took < std::chrono::seconds(20));
    // It stays in force …
    require_failed(execute(*session, claim_unit(clean(1), clean(2))), ErrorCode::cancelled);
    // … until resume().
    session->resume();
    check_version(table, 1);
    require_done(execute(*session, claim_unit(clean(1), clean(1))), 1);
  }
}

TEST_CASE("Without Capabilities::cancel a session works before and after cancel() and resume()") {
  const auto session = connect(fresh_name());
  if (session->capabilities().cancel) return skip("cancel is declared");
  const std::string table = table_at_version_1(*session);
  session->cancel();
  const ExecuteResult result = execute(*session, claim_unit(clean(1), clean(1)));
  if (result.error) CHECK(to_text(result.error->code) == "cancelled");
  session->resume();
  require_done(execute(*session, claim_unit(clean(1), clean(2))), 1);
  check_version(table, 2);
}

TEST_CASE("A statement that runs too long is stopped, if statement_timeout is declared") {
  const std::string name = fresh_name();
  {
    const auto session = connect(name);
    if (!session->capabilities().statement_timeout) return skip("statement_timeout is not declared");
    table_at_version_1(*session);
  }
  ConnectRequest request = request_for(name, Access::write);
  request.statement_timeout = std::chrono::milliseconds(300);
  const auto session = target().plugin.driver().connect(request);
  const Source body(*session, target().long_statement);
  const auto start = std::chrono::steady_clock::now();
  const ExecuteResult result = execute(*session, migration(body, 1, 2));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  require_failed(result, ErrorCode::statement);
  CHECK(result.outcome == Outcome::not_applied);
  check_version(name, 1);
  require_done(execute(*session, claim_unit(clean(1), clean(2))), 1);
}

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
