#include "diagnose.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "interrupted.hpp"
#include "introspect.hpp"
#include "operation.hpp"
#include "scratch_database.hpp"
#include "script.hpp"
#include "silent_reporter.hpp"

namespace talos {

namespace {

std::string first_line_of(std::string_view text) {
  constexpr std::size_t longest = 120;
  return std::string(text.substr(0, std::min(text.find_first_of("\r\n"), longest)));
}

// By the objects that it changes.
StatementStanding standing_of(const SchemaPrint& before, const SchemaPrint& after, const SchemaPrint& live) {
  StatementStanding result;
  std::size_t as_before = 0;
  std::size_t as_after = 0;
  std::string other;
  const auto of = [](const SchemaPrint& print, const std::string& name) {
    const auto found = print.objects.find(name);
    return found == print.objects.end() ? std::string() : found->second;
  };
  for (const std::string& line : compare(before, after)) {
    const std::string name = line.substr(2);
    const std::string now = of(live, name);
    if (now == of(after, name))
      ++as_after;
    else if (now == of(before, name))
      ++as_before;
    else
      other = name;
  }
  if (as_before == 0 && as_after == 0 && other.empty()) {
    result.why = "it changes nothing of the schema";
  } else if (!other.empty()) {
    result.why = other + " is neither as before nor as after it";
  } else if (as_before != 0 && as_after != 0) {
    result.why = "only a part of what it changes is there";
  } else {
    result.standing = as_after != 0 ? Standing::present : Standing::absent;
  }
  return result;
}

class Diagnostician {
 public:
  Diagnostician(Driver& driver, const MigrationSet& set, const RunOptions& options, Reporter& reporter,
                CancelToken& cancel)
      : driver_(driver), set_(set), options_(options), reporter_(reporter), cancel_(cancel), silent_(reporter) {}

  Diagnosis operator()(const std::string& scratch) {
    Diagnosis diagnosis;
    diagnosis.inspection = inspect(driver_, set_, options_, LogDepth::current, false, reporter_, cancel_);
    const SchemaReport live = report_schema(driver_, options_, reporter_, cancel_);
    live_ = print_of(live.schema);
    diagnosis.flavour = live.flavour;
    diagnosis.fingerprint = live_.whole;
    SchemaPrints expected = known_prints(set_, live.flavour);
    diagnosis.source = std::string(fingerprints_file);
    if (expected.empty() && scratch.empty())
      throw Error(ErrorCode::unsupported, "nothing says what the schema should be on " + live.flavour)
          .with_hint("name a server for a scratch database: --scratch DSN");
    std::optional<ScratchDatabase> place;
    if (!scratch.empty()) {
      RunOptions own = options_;
      own.connect.dsn = scratch;
      place.emplace(driver_, own, reporter_, cancel_);
    }
    if (expected.empty()) {
      expected = try_all(*place, diagnosis);
      diagnosis.source = "a scratch database";
    }
    compare_with(expected, diagnosis);
    if (place && diagnosis.inspection.history.dirty()) look_at_statements(*place, diagnosis);
    if (place) place->drop();
    return diagnosis;
  }

 private:
  void compare_with(const SchemaPrints& expected, Diagnosis& diagnosis) const {
    for (const auto& [version, print] : expected) {
      if (print.whole == live_.whole)
        diagnosis.equals.push_back(version);
      else
        diagnosis.near.push_back({version, compare(print, live_)});
    }
    if (!diagnosis.equals.empty()) return diagnosis.near.clear();
    // Of equally near ones, where the tracker says it is.
    const Version tracker = diagnosis.inspection.history.current();
    const auto distance = [&](const NearVersion& near) {
      return std::pair(near.differences.size(), near.version != tracker);
    };
    std::stable_sort(diagnosis.near.begin(), diagnosis.near.end(),
                     [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
    if (diagnosis.near.size() > 2) diagnosis.near.resize(2);
  }

  // ---- On a scratch database

  void migrate_to(Session& session, Version version) {
    Goal goal;
    goal.to = version;
    RunOptions options = options_;
    options.policies = {};
    options.policies.allow_missing_down = true;
    RunResult result;
    run_on(session, set_, goal, options, silent_, cancel_, result);
  }

  // As far as the set goes without a fault.
  SchemaPrints try_all(ScratchDatabase& place, Diagnosis& diagnosis) {
    place.make({});
    SchemaPrints prints{{no_version, print_of(read_schema(place.session()))}};
    for (const Migration& migration : set_.migrations()) {
      cancel_.check();
      try {
        migrate_to(place.session(), migration.version);
      } catch (const Error& error) {
        if (error.code != ErrorCode::statement && error.code != ErrorCode::usage) throw;
        diagnosis.inspection.state.notes.push_back("what the schema is from version " +
                                                   std::to_string(migration.version) +
                                                   " on is not known: it fails on a scratch database: " + error.what());
        break;
      }
      prints.emplace_back(migration.version, print_of(read_schema(place.session())));
    }
    return prints;
  }

  // Runs the interrupted file's statements one by one from the state that it began with.
  void look_at_statements(ScratchDatabase& place, Diagnosis& diagnosis) {
    const Inspection& inspection = diagnosis.inspection;
    if (inspection.state.journal.empty()) return;
    const JournalRow& row = inspection.state.journal.front();
    const Migration* migration = set_.find(row.version);
    if (migration == nullptr || !migration->file(row.direction)) return;
    const Step step = interrupted_step(*migration, row.direction, inspection.history);
    place.make({});
    if (step.before) migrate_to(place.session(), step.before->version);
    const PreparedScript script(*migration, row.direction, step.file(), place.session());
    SchemaPrint before = print_of(read_schema(place.session()));
    note_equal(before, 0, diagnosis);
    const auto units = script.journalled();
    std::string failed;
    for (std::size_t i = 0; i < units.size(); ++i) {
      StatementStanding standing;
      SchemaPrint after = before;
      if (failed.empty()) {
        failed = run_unit(place.session(), script, units[i], silent_);
        after = print_of(read_schema(place.session()));
        standing = standing_of(before, after, live_);
        if (!failed.empty()) {
          standing = {};
          standing.why = "it fails on the scratch database, too: " + failed;
        }
      } else {
        standing.why = "not tried after one that fails";
      }
      standing.statement = i + 1;
      standing.line = line_of(script.script().text, units[i].begin);
      const std::string_view text = script.part(units[i]).text();
      standing.text = speaks_of_credentials(text) ? "(it speaks of credentials)" : first_line_of(text);
      diagnosis.statements.push_back(std::move(standing));
      if (failed.empty()) note_equal(after, i + 1, diagnosis);
      before = std::move(after);
    }
    settle_by_whole(diagnosis);
  }

  // One statement may undo what another did: where the whole fits exactly, it says which have happened.
  static void settle_by_whole(Diagnosis& diagnosis) {
    if (!diagnosis.equals_after) return;
    for (StatementStanding& one : diagnosis.statements)
      if (one.standing != Standing::unseen)
        one.standing = one.statement <= diagnosis.equals_after->second ? Standing::present : Standing::absent;
  }

  void note_equal(const SchemaPrint& print, std::size_t statements, Diagnosis& diagnosis) const {
    if (print.whole != live_.whole) return;
    if (!diagnosis.equals_after) diagnosis.equals_after = {statements, statements};
    diagnosis.equals_after->second = statements;
  }

  // Empty, or why it failed.
  static std::string run_unit(Session& session, const PreparedScript& script, const JournalUnit& part,
                              Reporter& reporter) {
    Unit unit;
    unit.transaction = part.transaction;
    unit.script = &script.script();
    unit.begin = part.begin;
    unit.end = part.end;
    unit.begin_text = part.begin_text;
    SilentObserver observer(reporter);
    const std::vector<Unit> units{unit};
    const ExecuteResult result = session.execute(units, observer);
    if (!result.error) return {};
    if (result.error->code != ErrorCode::statement) throw script.locate(*result.error);
    return result.error->what();
  }

  Driver& driver_;
  const MigrationSet& set_;
  const RunOptions& options_;
  Reporter& reporter_;
  CancelToken& cancel_;
  SilentReporter silent_;
  SchemaPrint live_;
};

}  // namespace

SchemaPrints known_prints(const MigrationSet& set, const std::string& flavour) {
  if (!set.fingerprints()) return {};
  const Body body = set.fingerprints()->load();
  return read_fingerprints(body.bytes(), flavour);
}

Diagnosis diagnose(Driver& driver, const MigrationSet& set, const std::string& scratch, const RunOptions& options,
                   Reporter& reporter, CancelToken& cancel) {
  return Diagnostician(driver, set, options, reporter, cancel)(scratch);
}

}  // namespace talos
