#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <limits>
#include <thread>

#include "kit.hpp"

namespace talos::conformance {
namespace {

const std::string odd_text = "it's \"odd\" `text` \\ %s $1 ? ; -- no /* comment */ \xC3\xA9\n\ttab";

constexpr TrackerRow clean(Version version) { return {version, false}; }
constexpr TrackerRow dirty(Version version) { return {version, true}; }

void check_tracker(const State& state, const std::optional<TrackerRow>& wanted) {
  REQUIRE(state.tracker_exists);
  REQUIRE(state.tracker.size() == (wanted ? 1 : 0));
  if (!wanted) return;
  CHECK(state.tracker[0].version == wanted->version);
  CHECK(state.tracker[0].dirty == wanted->dirty);
}

// From whatever a new table holds (nothing) to `row`.
void set_tracker(Session& session, const std::optional<TrackerRow>& row) {
  require_done(execute(session, claim_unit(std::nullopt, row)), 1);
}

bool is_time(const std::string& text) {
  return text.size() == 24 && text[4] == '-' && text[10] == 'T' && text[19] == '.' && text.back() == 'Z';
}

void check_same(const LogRow& read, const LogRow& written) {
  CHECK(static_cast<int>(read.action) == static_cast<int>(written.action));
  CHECK(read.failed == written.failed);
  CHECK(read.version == written.version);
  CHECK(read.current == written.current);
  CHECK(read.title == written.title);
  CHECK(read.file == written.file);
  CHECK(read.size == written.size);
  CHECK(read.sha256 == written.sha256);
  if (!written.started_at.empty()) CHECK(read.started_at == written.started_at);
  if (written.duration_us >= 0) CHECK(read.duration_us == written.duration_us);
  CHECK(read.program == written.program);
  CHECK(read.runner == written.runner);
  CHECK(read.user == written.user);
  CHECK(read.error == written.error);
  CHECK(read.error_code == written.error_code);
  CHECK(read.line == written.line);
  CHECK(read.statement == written.statement);
}

LogRow full_log_row() {
  LogRow row;
  row.action = LogAction::down;
  row.failed = true;
  row.version = std::numeric_limits<Version>::max();
  row.current = 0;
  row.title = odd_text;
  row.file = "000001_" + std::string(200, 'x') + ".down.sql";
  row.size = std::int64_t{5} << 32;
  row.sha256 = std::string(64, 'a');
  row.started_at = "2026-01-31T23:59:59.123Z";
  row.duration_us = std::int64_t{3'600'000'000} * 24;
  row.program = "talos 1.2.3";
  row.runner = "123@host.example";
  row.user = "somebody";
  row.error = odd_text + std::string(5'000, 'e');
  row.error_code = "XX000";
  row.line = 12;
  row.statement = 3;
  return row;
}

JournalRow full_journal_row() {
  JournalRow row;
  row.run = "123@host 2026-01-31T23:59:59.123Z";
  row.version = 7;
  row.direction = Direction::down;
  row.statement = 1;
  row.statements = 2;
  row.state = JournalState::intent;
  row.file = "000007_x.down.sql";
  row.sha256 = std::string(64, 'b');
  row.text = odd_text;
  row.line = 4;
  row.before = odd_text;
  row.started_at = "2026-01-31T23:59:59.123Z";
  row.finished_at = "2026-01-31T23:59:59.456Z";
  row.runner = "123@host";
  row.error = odd_text;
  row.error_code = "XX000";
  return row;
}

void check_same(const JournalRow& read, const JournalRow& written) {
  CHECK(read.run == written.run);
  CHECK(read.version == written.version);
  CHECK(to_string(read.direction) == to_string(written.direction));
  CHECK(read.statement == written.statement);
  CHECK(read.statements == written.statements);
  CHECK(static_cast<int>(read.state) == static_cast<int>(written.state));
  CHECK(read.file == written.file);
  CHECK(read.sha256 == written.sha256);
  CHECK(read.text == written.text);
  CHECK(read.line == written.line);
  CHECK(read.before == written.before);
  CHECK(read.started_at == written.started_at);
  CHECK(read.finished_at == written.finished_at);
  CHECK(read.runner == written.runner);
  CHECK(read.error == written.error);
  CHECK(read.error_code == written.error_code);
}

Unit journal_unit(JournalWriteKind kind, const JournalRow& row) {
  Unit unit;
  unit.create_tables = true;
  unit.journal.push_back({kind, row});
  return unit;
}

void add_journal_row(Session& session, const char* run, Version version, Direction direction, std::int64_t statement) {
  JournalRow row = full_journal_row();
  row.run = run;
  row.version = version;
  row.direction = direction;
  row.statement = statement;
  require_done(execute(session, journal_unit(JournalWriteKind::add, row)), 1);
}

// Those that are open, as "run version direction statement".
std::vector<std::string> open_journal_rows(const std::string& table) {
  std::vector<std::string> rows;
  for (const JournalRow& row : look(table).journal)
    rows.push_back(row.run + " " + std::to_string(row.version) + " " + std::string(to_string(row.direction)) + " " +
                   std::to_string(row.statement));
  std::sort(rows.begin(), rows.end());
  return rows;
}

JournalRow only_journal_row(const std::string& table) {
  const State state = look(table);
  REQUIRE(state.journal.size() == 1);
  return state.journal[0];
}

// One session's attempt at a claim that another makes at the same moment.
ErrorCode race(Session& session, const Unit& unit, std::barrier<>& start, bool& won) {
  start.arrive_and_wait();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const ExecuteResult result = execute(session, unit);
    won = !result.error;
    if (won) return ErrorCode::claim_lost;
    if (result.error->code != ErrorCode::busy || std::chrono::steady_clock::now() > deadline) return result.error->code;
  }
}

// Exactly one of two claims on the same state wins; the other one is lost.
void check_race(const std::optional<TrackerRow>& from, const std::array<std::optional<TrackerRow>, 2>& to) {
  constexpr int rounds = 5;
  for (int round = 0; round < rounds; ++round) {
    const std::string table = fresh_name();
    const auto first = connect(table);
    set_tracker(*first, from);
    const auto second = connect(table, Access::write);
    std::array<ErrorCode, 2> codes{};
    std::array<bool, 2> won{};
    std::barrier start(2);
    std::thread other([&] { codes[1] = race(*second, claim_unit(from, to[1]), start, won[1]); });
    codes[0] = race(*first, claim_unit(from, to[0]), start, won[0]);
    other.join();
    CHECK(won[0] != won[1]);
    CHECK(to_text(codes[0]) == "claim_lost");
    CHECK(to_text(codes[1]) == "claim_lost");
    check_tracker(look(table), won[0] ? to[0] : to[1]);
  }
}

TEST_SUITE_BEGIN("bookkeeping");

TEST_CASE("Reading where nothing is says so, and creates nothing") {
  const std::string table = fresh_name();
  for (int look_number = 1; look_number <= 2; ++look_number) {
    INFO("look ", look_number);
    const auto session = connect(table, Access::read);
    for (const LogDepth depth : {LogDepth::current, LogDepth::all}) {
      const State state = session->read_state(depth);
      CHECK_FALSE(state.tracker_exists);
      CHECK_FALSE(state.log_exists);
      CHECK_FALSE(state.journal_exists);
      CHECK(state.tracker.empty());
      CHECK(state.log.empty());
      CHECK(state.journal.empty());
    }
  }
}

TEST_CASE("The tables are created where a unit asks for it, and again without harm") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  for (int i = 0; i < 2; ++i) {
    require_done(execute(*session, claim_unit(std::nullopt, std::nullopt)), 1);
    const State state = look(table);
    check_tracker(state, std::nullopt);
    CHECK(state.log_exists);
    CHECK_FALSE(state.journal_exists);
  }
}

TEST_CASE("G4: a claim takes the tracker from nothing to a row, on to another, and back to nothing") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  const std::array<std::optional<TrackerRow>, 5> path{std::nullopt, clean(1), clean(20), dirty(20), std::nullopt};
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    INFO("step ", i);
    require_done(execute(*session, claim_unit(path[i], path[i + 1])), 1);
    check_tracker(look(table), path[i + 1]);
    check_tracker(session->read_state(LogDepth::current), path[i + 1]);
  }
}

TEST_CASE("G4: a claim from a state to the same state asserts it and changes nothing") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  for (const std::optional<TrackerRow>& row : {std::optional<TrackerRow>(), std::optional(clean(5))}) {
    if (row) set_tracker(*session, row);
    require_done(execute(*session, claim_unit(row, row)), 1);
    check_tracker(look(table), row);
  }
}

TEST_CASE("G4: a claim that misses is claim_lost, and nothing of its unit happens") {
  struct Miss {
    std::optional<TrackerRow> held, from, to;
  };
  const std::vector<Miss> misses{
      {clean(1), std::nullopt, clean(2)},      // nothing -> row, but there is one
      {clean(1), std::nullopt, clean(1)},      // … even the same
      {clean(1), clean(2), clean(3)},          // row -> row, another version
      {dirty(1), clean(1), clean(2)},          // … or dirty meanwhile
      {clean(1), dirty(1), clean(1)},          // … or clean meanwhile
      {std::nullopt, clean(1), clean(2)},      // … or gone
      {clean(1), clean(2), std::nullopt},      // row -> nothing, another version
      {std::nullopt, clean(1), std::nullopt},  // … or gone
      {clean(1), clean(2), clean(2)},          // assertion of another version
      {std::nullopt, clean(1), clean(1)},      // … of a row that is gone
      {clean(1), std::nullopt, std::nullopt},  // … of nothing
  };
  const std::string witness = fresh_name();
  require_done(run(*connect(fresh_name()), create_table(witness)));
  for (std::size_t i = 0; i < misses.size(); ++i) {
    INFO("miss ", i);
    const std::string table = fresh_name();
    const auto session = connect(table);
    set_tracker(*session, misses[i].held);
    const int number = static_cast<int>(i);
    const Source body(*session, insert(witness, number));
    Unit unit = body.transaction();
    unit.claim = Claim{misses[i].from, misses[i].to};
    unit.log = small_log_row(LogAction::up, 2);
    const ExecuteResult result = execute(*session, unit);
    require_failed(result, ErrorCode::claim_lost);
    CHECK(result.outcome == Outcome::not_applied);
    const State state = look(table);
    check_tracker(state, misses[i].held);
    CHECK(state.log.empty());
    CHECK(inserts(*session, witness, number));
  }
}

TEST_CASE("G4: a lost claim stops the units after it") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  set_tracker(*session, clean(1));
  const ExecuteResult result = execute(
      *session, {claim_unit(clean(1), clean(2)), claim_unit(clean(1), clean(3)), claim_unit(clean(2), clean(4))});
  require_failed(result, ErrorCode::claim_lost, 1);
  check_tracker(look(table), clean(2));
}

TEST_CASE("G4: of two sessions without a lock exactly one wins") {
  SUBCASE("from nothing to the same version") { check_race(std::nullopt, {clean(1), clean(1)}); }
  SUBCASE("from nothing to two versions") { check_race(std::nullopt, {clean(1), clean(2)}); }
  SUBCASE("from a row to the same version") { check_race(clean(1), {clean(2), clean(2)}); }
  SUBCASE("from a row to two versions") { check_race(clean(1), {clean(2), clean(3)}); }
  SUBCASE("from a row to nothing") { check_race(clean(1), {std::nullopt, std::nullopt}); }
}

TEST_CASE("G4: where the tracker holds two rows both are read, and every claim misses") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  set_tracker(*session, clean(1));
  if (run(*session, "INSERT INTO " + table + " (version, dirty) VALUES (2, 1 = 0)").error)
    return skip("a second tracker row cannot be inserted with plain SQL");
  CHECK(look(table).tracker.size() == 2);
  for (const std::optional<TrackerRow>& from : {std::optional<TrackerRow>(), std::optional(clean(1))}) {
    require_failed(execute(*session, claim_unit(from, clean(3))), ErrorCode::claim_lost);
    require_failed(execute(*session, claim_unit(from, std::nullopt)), ErrorCode::claim_lost);
  }
  CHECK(look(table).tracker.size() == 2);
}

TEST_CASE("The tracker holds every version, clean or dirty") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  std::optional<TrackerRow> current;
  for (const TrackerRow& row :
       {dirty(1), dirty(no_version), clean(0), clean(20'260'131'235'959), clean(std::numeric_limits<Version>::max()),
        dirty(std::numeric_limits<Version>::max())}) {
    require_done(execute(*session, claim_unit(current, row)), 1);
    check_tracker(look(table), row);
    current = row;
  }
}

TEST_CASE("A history row comes back as it was written, every column") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  Unit unit = claim_unit(std::nullopt, clean(1));
  unit.log = full_log_row();
  require_done(execute(*session, unit), 1);
  const State state = look(table);
  REQUIRE(state.log.size() == 1);
  check_same(state.log[0], full_log_row());
}

TEST_CASE("Of a history row that says little the rest is empty, and the plugin puts the times") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  Unit unit;
  unit.create_tables = true;
  unit.log = LogRow{};
  require_done(execute(*session, unit), 1);
  const State state = look(table);
  REQUIRE(state.log.size() == 1);
  check_same(state.log[0], LogRow{});
  INFO(state.log[0].started_at);
  CHECK(is_time(state.log[0].started_at));
  CHECK(state.log[0].duration_us >= 0);
}

TEST_CASE("History rows have rising ids, and every action comes back") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  const std::array actions{LogAction::up, LogAction::down, LogAction::force, LogAction::baseline};
  for (const LogAction action : actions) {
    Unit unit;
    unit.create_tables = true;
    unit.log = small_log_row(action, 1);
    require_done(execute(*session, unit), 1);
  }
  const State state = look(table);
  REQUIRE(state.log.size() == actions.size());
  for (std::size_t i = 0; i < actions.size(); ++i) {
    CHECK(static_cast<int>(state.log[i].action) == static_cast<int>(actions[i]));
    if (i > 0) CHECK(state.log[i].id > state.log[i - 1].id);
  }
}

TEST_CASE("G1: the current history begins at the last baseline or force that did not fail") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  const auto write = [&](LogAction action, Version version, bool failed) {
    Unit unit;
    unit.create_tables = true;
    unit.log = small_log_row(action, version, failed);
    require_done(execute(*session, unit), 1);
  };
  const auto versions = [&](LogDepth depth) {
    std::vector<Version> result;
    for (const LogRow& row : look(table, depth).log) result.push_back(row.version);
    return result;
  };
  write(LogAction::up, 1, false);
  write(LogAction::up, 2, true);
  CHECK(versions(LogDepth::current) == std::vector<Version>{1, 2});
  write(LogAction::baseline, 3, false);
  write(LogAction::up, 4, false);
  CHECK(versions(LogDepth::current) == std::vector<Version>{3, 4});
  write(LogAction::force, 5, false);
  write(LogAction::force, 6, true);
  write(LogAction::down, 7, false);
  CHECK(versions(LogDepth::current) == std::vector<Version>{5, 6, 7});
  CHECK(versions(LogDepth::all) == std::vector<Version>{1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("A journal row comes back as it was written, every column") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  require_done(execute(*session, journal_unit(JournalWriteKind::add, full_journal_row())), 1);
  CHECK(look(table).journal_exists);
  check_same(only_journal_row(table), full_journal_row());
}

TEST_CASE("Open journal rows are read by statement") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  for (const std::int64_t statement : {2, 1, 3}) {
    JournalRow row = full_journal_row();
    row.statement = statement;
    require_done(execute(*session, journal_unit(JournalWriteKind::add, row)), 1);
  }
  std::vector<std::int64_t> read;
  for (const JournalRow& row : look(table).journal) read.push_back(row.statement);
  CHECK(read == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("A journal row is updated by its key, and the plugin puts the times") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  JournalRow row;
  row.run = "1@host";
  row.version = 3;
  row.statement = row.statements = 1;
  require_done(execute(*session, journal_unit(JournalWriteKind::add, row)), 1);
  CHECK(is_time(only_journal_row(table).started_at));
  CHECK(only_journal_row(table).finished_at.empty());
  CHECK_FALSE(only_journal_row(table).line.has_value());

  JournalRow other = row;
  other.run = "2@host";
  other.state = JournalState::done;
  require_done(execute(*session, journal_unit(JournalWriteKind::update, other)), 1);
  CHECK(only_journal_row(table).state == JournalState::intent);

  for (const JournalState state : {JournalState::failed, JournalState::unknown, JournalState::done}) {
    row.state = state;
    row.error = state == JournalState::done ? "" : odd_text;
    row.error_code = state == JournalState::done ? "" : "XX000";
    require_done(execute(*session, journal_unit(JournalWriteKind::update, row)), 1);
    const JournalRow read = only_journal_row(table);
    CHECK(static_cast<int>(read.state) == static_cast<int>(state));
    CHECK(read.error == row.error);
    CHECK(read.error_code == row.error_code);
    CHECK(is_time(read.finished_at));
  }
}

TEST_CASE("Journal rows from a statement on are superseded, of any run, but not those before it or of another file") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  const auto add = [&](const char* run, Version version, Direction direction, std::int64_t statement) {
    add_journal_row(*session, run, version, direction, statement);
  };
  add("first", 3, Direction::up, 1);
  add("first", 3, Direction::up, 2);
  add("second", 3, Direction::up, 3);
  add("first", 3, Direction::down, 2);
  add("first", 4, Direction::up, 2);
  JournalRow from;
  from.version = 3;
  from.statement = 2;
  Unit unit;
  unit.journal.push_back({JournalWriteKind::supersede, from});
  from.run = "third";
  from.statements = 2;
  unit.journal.push_back({JournalWriteKind::add, from});
  require_done(execute(*session, unit), 1);
  CHECK(open_journal_rows(table) ==
        std::vector<std::string>{"first 3 down 2", "first 3 up 1", "first 4 up 2", "third 3 up 2"});
}

TEST_CASE("Closed journal rows no longer count; closing where there is no journal is no error") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  Unit close = claim_unit(std::nullopt, std::nullopt);
  close.journal.push_back({JournalWriteKind::close, {}});
  require_done(execute(*session, close), 1);
  require_done(execute(*session, journal_unit(JournalWriteKind::add, full_journal_row())), 1);
  require_done(execute(*session, close), 1);
  CHECK(look(table).journal.empty());
  JournalRow next = full_journal_row();
  next.run = "another run";
  require_done(execute(*session, journal_unit(JournalWriteKind::add, next)), 1);
  CHECK(only_journal_row(table).run == next.run);
}

TEST_CASE("Finishing a migration closes the journal rows of its own run, version and direction, and no others") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  const auto add = [&](const char* run, Version version, Direction direction, std::int64_t statement) {
    add_journal_row(*session, run, version, direction, statement);
  };
  add("first", 3, Direction::up, 1);
  add("second", 3, Direction::up, 1);
  add("second", 3, Direction::up, 2);
  add("second", 3, Direction::down, 1);
  add("second", 4, Direction::up, 1);
  JournalRow of_migration;
  of_migration.run = "second";
  of_migration.version = 3;
  require_done(execute(*session, journal_unit(JournalWriteKind::finish, of_migration)), 1);
  CHECK(open_journal_rows(table) == std::vector<std::string>{"first 3 up 1", "second 3 down 1", "second 4 up 1"});
}

TEST_CASE("G17: side tables that are not ours are refused") {
  for (const std::string& suffix : {std::string("_log"), std::string("_journal")}) {
    INFO(suffix);
    const std::string table = fresh_name();
    require_done(run(*connect(fresh_name()), create_table(table + suffix)));
    const auto session = connect(table);
    const Error error = error_of([&] { session->read_state(LogDepth::current); });
    CHECK(to_text(error.code) == "policy");
  }
}

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
