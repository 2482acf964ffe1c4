#include "verify.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "application_queries.hpp"
#include "introspect.hpp"
#include "scratch_database.hpp"
#include "script.hpp"
#include "silent_reporter.hpp"

namespace talos {

namespace {

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool same_letter(char a, char b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return lower(a) == lower(b);
}

// As a whole word, whatever its case.
std::size_t find_word(std::string_view text, std::string_view word) {
  if (word.empty()) return std::string_view::npos;
  for (auto at = text.begin();; ++at) {
    at = std::search(at, text.end(), word.begin(), word.end(), same_letter);
    if (at == text.end()) return std::string_view::npos;
    const auto begin = static_cast<std::size_t>(at - text.begin());
    const auto end = begin + word.size();
    if ((begin == 0 || !is_word(text[begin - 1])) && (end == text.size() || !is_word(text[end]))) return begin;
  }
}

// The next word, taken off its beginning.
std::string_view take_word(std::string_view& text) {
  const auto begin = std::find_if(text.begin(), text.end(), is_word);
  const auto end = std::find_if_not(begin, text.end(), is_word);
  const std::string_view word =
      text.substr(static_cast<std::size_t>(begin - text.begin()), static_cast<std::size_t>(end - begin));
  text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
  return word;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view other) {
    return std::equal(word.begin(), word.end(), other.begin(), other.end(), same_letter);
  });
}

// Makes, changes or removes something that is described. Who owns what and who may do what is not, as it differs from
// place to place; TRUNCATE, VACUUM, CALL, GRANT and their like have a purpose that no schema shows.
bool shapes_schema(std::string_view statement) {
  if (!is_one_of(take_word(statement), {"CREATE", "ALTER", "DROP", "RENAME"})) return false;
  const std::string_view of = take_word(statement);
  if (is_one_of(of, {"ROLE", "USER", "GROUP"})) return false;
  if (is_one_of(of, {"DEFAULT"}) && is_one_of(take_word(statement), {"PRIVILEGES"})) return false;
  const auto owner = find_word(statement, "OWNER");
  return owner == statement.npos || find_word(statement.substr(owner), "TO") == statement.npos;
}

// Whatever an IF [NOT] EXISTS may have hidden, it has done something.
bool has_another_purpose(const Statement& statement, std::string_view text) {
  if (statement.kind == StatementClass::dml) return true;
  if (statement.kind != StatementClass::ddl && statement.kind != StatementClass::no_transaction) return false;
  return !statement.session_only && !shapes_schema(text);
}

// The first statement that names both, and where in it the name stands; or else the first that names either.
std::optional<std::size_t> find_place(const PreparedScript& script, Session& session, const std::string& table,
                                      const std::string& name) {
  const std::string_view text = script.script().text;
  std::optional<std::size_t> best;
  int quality = 0;
  session.split(text, [&](const Statement& statement) {
    const std::string_view part = text.substr(statement.offset, statement.length);
    const auto at_table = find_word(part, table);
    const auto at_name = find_word(part, name);
    const int found = (at_table != part.npos ? 1 : 0) + (at_name != part.npos ? 2 : 0);
    if (found <= quality) return;
    quality = found;
    best = statement.offset + (at_name != part.npos ? at_name : at_table);
  });
  return best;
}

class Verification {
 public:
  Verification(Driver& driver, const MigrationSet& set, const VerifyOptions& verify_options, const RunOptions& options,
               Reporter& reporter, CancelToken& cancel)
      : set_(set),
        verify_(verify_options),
        options_(options),
        cancel_(cancel),
        steps_(reporter),
        scratch_(driver, options, reporter, cancel) {
    // A down file that is missing is found, not run into.
    options_.policies.allow_missing_down = true;
    options_.policies.allow_out_of_order = true;
  }

  VerifyReport operator()() {
    begin();
    const std::vector<const Migration*> todo = pending_ones();
    for (std::size_t i = 0; i < todo.size(); ++i) {
      cancel_.check();
      if (try_migration(*todo[i])) continue;
      report_.skipped = todo.size() - i - 1;
      break;
    }
    check_queries();
    scratch_.drop();
    return std::move(report_);
  }

 private:
  Session& session() { return scratch_.session(); }

  void begin() {
    scratch_.make(verify_.from);
    report_.info = session().info();
    report_.flavour = introspection_of(session()).flavour();
    const History history = look();
    if (history.dirty())
      throw Error(ErrorCode::dirty, "Database is in dirty state at version " + std::to_string(history.current()))
          .with_hint("verify begins from a clean one");
    start_ = history.current();
    stand_at(start_, read_schema(session()));
    if (verify_.since && *verify_.since < start_)
      throw Error(ErrorCode::usage, "--since " + std::to_string(*verify_.since) + " is below version " +
                                        std::to_string(start_) + ", from which the copy begins");
  }

  History look() { return interpret(session().read_state(LogDepth::current), set_); }
  std::vector<const Migration*> pending_ones() { return pending(set_, look()); }

  // A set of thousands has a schema for each: only what is asked for again is kept.
  void stand_at(Version version, Schema schema) {
    newest_ = version;
    if (verify_.keep_prints) report_.prints.emplace_back(version, print_of(schema));
    if (version <= verify_.since.value_or(start_)) release_ = schema;
    current_ = std::move(schema);
  }

  // ---- One migration

  /// False if nothing after it can be tried.
  bool try_migration(const Migration& migration) {
    VerifiedMigration tried{migration.version, migration.title, migration.up ? migration.up->name : ""};
    if (!migration.up) {
      find(Severity::error, "no-up", migration, nullptr, "this migration has no up file");
      return false;
    }
    std::optional<PreparedScript> script;
    const bool fits = prepare(migration, Direction::up, script) && try_out(*script, tried.effects);
    if (!fits || !step(migration, Direction::up)) return report_.migrations.push_back(std::move(tried)), false;
    Schema after = read_schema(session());
    const auto changes = compare(current_, after);
    tried.changes = describe(changes);
    judge_change(migration, *script, after);
    judge_effects(migration, *script, tried.effects);
    if (changes.empty()) judge_nothing(migration, *script);
    try_down(migration, after);
    note_late_columns(current_, after, migration.version, late_);
    report_.migrations.push_back(std::move(tried));
    stand_at(migration.version, std::move(after));
    return true;
  }

  // Down must lead to where it came from, and up again to where it was. Leaves the database after the up.
  void try_down(const Migration& migration, const Schema& after) {
    if (!migration.down) {
      find(Severity::warning, "no-down", migration, nullptr,
           "this migration cannot be rolled back: it has no down file")
          .help = "add " + migration.up->name.substr(0, migration.up->name.size() - 7) + ".down.sql";
      return;
    }
    // Merged late: a down undoes the highest version first.
    if (look().current() != migration.version) return;
    judge_loss(migration, after);
    std::optional<PreparedScript> script;
    if (!prepare(migration, Direction::down, script) || !step(migration, Direction::down)) return again(migration);
    const bool whole = expect(migration, Direction::down, "down-leaves",
                              "does not lead back to the schema before its up", current_, read_schema(session()));
    if (!step(migration, Direction::up, whole ? "up-again-fails" : "")) return again(migration);
    const Schema twice = read_schema(session());
    // What a broken down left is found already.
    if (whole)
      expect(migration, Direction::up, "up-differs", "makes another schema after its down than it made first", after,
             twice);
    if (twice != after) again(migration);
  }

  bool expect(const Migration& migration, Direction direction, std::string_view rule, const std::string& message,
              const Schema& wanted, const Schema& found) {
    const auto differences = compare(wanted, found);
    if (differences.empty()) return true;
    VerifyFinding& finding = find(Severity::error, rule, migration, &*migration.file(direction), message);
    finding.details = describe(differences);
    finding.reason = "- is missing, + should not be there, ~ is otherwise";
    return false;
  }

  // A fresh database with everything up to here, where a down left it in another state.
  void again(const Migration& migration) {
    scratch_.make(verify_.from);
    Goal goal;
    goal.to = migration.version;
    RunResult result;
    run_on(session(), set_, goal, options_, steps_, cancel_, result);
  }

  bool step(const Migration& migration, Direction direction, std::string_view rule = "fails") {
    Goal goal;
    goal.direction = direction;
    goal.steps = 1;
    try {
      RunResult result;
      run_on(session(), set_, goal, options_, steps_, cancel_, result);
      return true;
    } catch (const Error& error) {
      if (error.code == ErrorCode::connection || error.code == ErrorCode::cancelled) throw;
      // The rule is empty where another finding has said why.
      if (!rule.empty()) find(migration, direction, rule, error);
      return false;
    }
  }

  // Reads a file as the run will.
  bool prepare(const Migration& migration, Direction direction, std::optional<PreparedScript>& script) {
    try {
      script.emplace(migration, direction, &*migration.file(direction), session());
      return true;
    } catch (const Error& error) {
      if (error.code == ErrorCode::connection || error.code == ErrorCode::cancelled) throw;
      find(migration, direction, "refused", error);
      return false;
    }
  }

  // What its statements would do to others.
  bool try_out(const PreparedScript& script, std::vector<Effect>& effects) {
    auto* trial = session().ability<Trial>();
    if (trial == nullptr) return true;
    try {
      effects = trial->effects({&script.script(), script.begin(), script.end()});
      return true;
    } catch (const Error& error) {
      if (error.code == ErrorCode::connection || error.code == ErrorCode::cancelled) throw;
      // What fails when it is tried fails when it runs, and is told then.
      if (error.code != ErrorCode::usage) return true;
      find(*set_.find(script.script().version), Direction::up, "refused", script.locate(error));
      return false;
    }
  }

  // ---- Judging

  void judge_change(const Migration& migration, const PreparedScript& script, const Schema& after) {
    if (verify_.since && migration.version <= *verify_.since) return;
    const Schema& release = verify_.since || !verify_.from.empty() ? release_ : current_;
    for (Judgement& judgement : judge({release, current_, after, late_, introspection_of(session())})) {
      const std::string declared = script.directives().breaking;
      const bool breaking = judgement.severity == Severity::error;
      VerifyFinding& finding = find(breaking && !declared.empty() ? Severity::note : judgement.severity, judgement.rule,
                                    migration, &*migration.up, std::move(judgement.message));
      finding.reason = std::move(judgement.reason);
      finding.help = std::move(judgement.help);
      if (breaking && declared.empty()) {
        finding.message += ": breaking for the release before";
        finding.help += (finding.help.empty() ? "" : "; ") + std::string("if it is meant: -- talos:breaking REASON");
      } else if (breaking) {
        finding.help = "declared as breaking: " + declared;
      }
      place(finding, script, judgement.table, judgement.name);
    }
  }

  void judge_effects(const Migration& migration, const PreparedScript& script, const std::vector<Effect>& effects) {
    for (const Effect& effect : effects) {
      if (!effect.rewrites && !(effect.scans && effect.blocks_writes)) continue;
      const std::string_view rule = effect.rewrites ? "rewrites-table" : "blocks-writes";
      // One that lets others work is told, and is no reason to fail.
      const bool blocks = effect.blocks_reads || effect.blocks_writes;
      VerifyFinding& finding = find(
          blocks ? Severity::warning : Severity::note, rule, migration, &*migration.up,
          (effect.rewrites ? "rewrites table " : "reads the whole of table ") + effect.table + " under " + effect.what);
      const std::string_view meanwhile = effect.blocks_reads    ? "nobody reads or writes it"
                                         : effect.blocks_writes ? "nobody writes it"
                                                                : "others go on reading and writing it";
      finding.reason = std::string(meanwhile) + " for as long as that takes, and that grows with the table";
      place(finding, script, effect.table, effect.table);
    }
  }

  // Rows and privileges come and go without the schema's changing; statements that change the schema have a purpose.
  void judge_nothing(const Migration& migration, const PreparedScript& script) {
    const std::string_view text = script.script().text;
    bool another = false;
    session().split(text, [&](const Statement& statement) {
      another = another || has_another_purpose(statement, text.substr(statement.offset, statement.length));
    });
    if (another) return;
    find(Severity::warning, "changes-nothing", migration, &*migration.up,
         script.statement_count() == 0 ? "holds no statement" : "leaves the schema as it was")
        .reason = script.statement_count() == 0 ? "" : "an IF [NOT] EXISTS may hide that it does not fit";
  }

  // What up removes and down makes again is empty.
  void judge_loss(const Migration& migration, const Schema& after) {
    std::vector<std::string> lost;
    for (const SchemaChange& change : compare(current_, after)) {
      if (change.object().kind != SchemaKind::table) continue;
      for (const std::string& line : describe(change))
        if (line.starts_with('-')) lost.push_back(line.substr(2));
    }
    if (lost.empty()) return;
    std::string names;
    for (const std::string& name : lost) names += (names.empty() ? "" : ", ") + name;
    find(Severity::warning, "lossy-down", migration, &*migration.down, "cannot bring back what was in " + names)
        .reason = "its up removes that with its rows";
  }

  // ---- Queries of the application

  void check_queries() {
    if (verify_.queries.empty()) return;
    auto* trial = session().ability<Trial>();
    if (trial == nullptr)
      throw Error(ErrorCode::unsupported, "the plugin for " + session().info().server + " cannot try --queries");
    const ApplicationQueries queries = read_queries(verify_.queries, session());
    for (const auto& query : queries.old_release)
      check_query(query, *trial, "query-breaks", "fails after version " + std::to_string(newest_));
    for (const auto& query : queries.new_release)
      check_query(query, *trial, "query-fails", "of the new release fails at version " + std::to_string(newest_));
    check_before(queries);
  }

  // That the old release's queries fit its own schema, or they would show nothing.
  void check_before(const ApplicationQueries& queries) {
    const Version release = verify_.since.value_or(start_);
    if (release == no_version || queries.old_release.empty()) return;
    scratch_.make(verify_.from);
    if (release != start_) {
      Goal goal;
      goal.to = release;
      RunResult result;
      run_on(session(), set_, goal, options_, steps_, cancel_, result);
    }
    auto* trial = session().ability<Trial>();
    for (const auto& query : queries.old_release)
      check_query(query, *trial, "query-unfit", "fails at version " + std::to_string(release) + ", before any change");
  }

  void check_query(const ApplicationQuery& query, Trial& trial, std::string_view rule, const std::string& message) {
    const auto error = trial.prepare(query.text);
    if (!error) return;
    VerifyFinding finding;
    finding.rule = rule;
    finding.version = newest_;
    finding.file = query.file;
    finding.line = query.line;
    finding.source_line = query.text.substr(0, query.text.find('\n'));
    finding.message = "this query " + message;
    finding.reason = error->what();
    report_.findings.push_back(std::move(finding));
  }

  // ---- Findings

  VerifyFinding& find(Severity severity, std::string_view rule, const Migration& migration, const MigrationFile* file,
                      std::string message) {
    VerifyFinding finding;
    finding.severity = severity;
    finding.rule = rule;
    finding.version = migration.version;
    finding.file = file != nullptr ? file->name : migration.up ? migration.up->name : migration.down->name;
    finding.message = std::move(message);
    report_.findings.push_back(std::move(finding));
    return report_.findings.back();
  }

  void find(const Migration& migration, Direction direction, std::string_view rule, const Error& error) {
    VerifyFinding& finding = find(Severity::error, rule, migration, &*migration.file(direction), error.what());
    finding.line = error.line;
    finding.column = error.column;
    finding.source_line = error.source_line;
    finding.reason = error.detail;
    finding.help = error.hint;
    if (rule == "up-again-fails") finding.message = "fails after its own down: " + finding.message;
  }

  void place(VerifyFinding& finding, const PreparedScript& script, const std::string& table, const std::string& name) {
    const auto offset = find_place(script, session(), table, name);
    if (!offset) return;
    const Error located = script.locate(Error(ErrorCode::statement, "").at(*offset));
    finding.line = located.line;
    finding.column = located.column;
    finding.source_line = located.source_line;
  }

  const MigrationSet& set_;
  const VerifyOptions& verify_;
  RunOptions options_;
  CancelToken& cancel_;
  SilentReporter steps_;
  ScratchDatabase scratch_;
  VerifyReport report_;
  LateColumns late_;
  Version start_ = no_version;
  Version newest_ = no_version;  ///< the last that went up
  Schema current_;               ///< there
  Schema release_;               ///< at the end of the release before
};

}  // namespace

std::size_t VerifyReport::count(Severity severity) const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(), [&](const auto& f) { return f.severity == severity; }));
}

VerifyReport verify(Driver& driver, const MigrationSet& set, const VerifyOptions& verify_options,
                    const RunOptions& options, Reporter& reporter, CancelToken& cancel) {
  return Verification(driver, set, verify_options, options, reporter, cancel)();
}

}  // namespace talos
