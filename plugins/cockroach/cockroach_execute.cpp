// Running units.
#include <algorithm>
#include <thread>
#include <utility>

#include "cockroach_catalogue.hpp"
#include "cockroach_lexer.hpp"
#include "cockroach_session.hpp"
#include "common/backoff.hpp"
#include "common/units.hpp"
#include "pg_lexer.hpp"
#include "pg_text.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::cockroach {

namespace {

constexpr int most_attempts = 10;
// So many statements of a body travel each by itself, so that an error is theirs without doubt: the server does not say
// where in a message it is. More of them travel in pieces.
constexpr std::size_t most_lone_statements = 100;
constexpr std::size_t piece_size = 256U << 10U;

bool touches_session(const Script* script) {
  return script != nullptr && (script->traits & (pg::trait_session_state | pg::trait_lexing_settings)) != 0;
}

std::string_view body_of(const Unit& unit) { return unit.script->text.substr(unit.begin, unit.end - unit.begin); }

bool has_statements(const Unit& unit) {
  bool any = false;
  split_sql(body_of(unit), [&](const Statement&) { any = true; });
  return any;
}

}  // namespace

ExecuteResult CockroachSession::do_execute(std::span<const Unit> units, ExecuteObserver& observer) {
  ExecuteResult result;
  try {
    if (!existing_.known) look_for_tables();
    const auto prepare = [&](const Unit& unit, bool new_step) {
      if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped before the next statement");
      if (new_step || unit.script != nullptr) begin_script(unit.script);
    };
    common::run_in_order(units, observer, result, prepare, [&](const Unit& unit) { return run_unit(unit, observer); });
  } catch (const Error& error) {
    result.error = error;
  }
  begin_script(nullptr);
  return result;
}

// G6. A session that the script itself changed, or that is in a transaction, is not used again.
void CockroachSession::begin_script(const Script* script) {
  if (script == script_) return;
  if (worker_ && (touches_session(script_) || !worker_->usable() || worker_->in_transaction())) drop_worker();
  reset_due_ = worker_ != nullptr;
  script_ = script;
}

std::optional<CockroachSession::Failure> CockroachSession::run_unit(const Unit& unit, ExecuteObserver& observer) {
  started_at_ = utc_now();
  unit_began_ = Clock::now();
  for (int attempt = 1;; ++attempt) {
    auto failure = run_once(unit, observer);
    if (!failure || !failure->may_pass) return failure;
    if (!wait_before_retry(*failure, attempt, observer)) return failure;
  }
}

std::optional<CockroachSession::Failure> CockroachSession::run_once(const Unit& unit, ExecuteObserver& observer) {
  if (heartbeat_ && heartbeat_->lost()) return Failure{lease_lost()};
  if (unit.create_tables) create_tables(unit);
  if (common::is_empty(unit)) return std::nullopt;
  if (!unit.transaction) return run_bare(unit, observer);
  Unit complete = unit;
  complete.journal = with_images(unit);
  if (unit.script == nullptr || !has_statements(unit)) return run_bookkeeping(complete);
  return run_transaction(complete, observer);
}

// The whole transaction, or the single statement.
bool CockroachSession::wait_before_retry(Failure& failure, int attempt, ExecuteObserver& observer) const {
  if (attempt >= most_attempts) {
    failure.error =
        failure.error.retold(std::string(failure.error.what()) + "; tried " + std::to_string(attempt) + " times");
    if (failure.error.hint.empty())
      failure.error.hint = "other transactions are in the way: try again when they are over";
    return false;
  }
  const auto delay = common::retry_delay(attempt) / 2;
  observer.warning(std::string(failure.error.what()) + "; attempt " + std::to_string(attempt + 1) + " of " +
                   std::to_string(most_attempts) + " in " + std::to_string(delay.count()) + " ms");
  if (pause_for(delay)) return true;
  failure.error.code = ErrorCode::cancelled;
  return false;
}

// By itself, and without harm if it is there: twice is as good as once, so that an answer that did not come is no
// matter. It cannot be fenced, and need not be.
void CockroachSession::create_table(const std::string& sql) {
  for (int attempt = 1;; ++attempt) {
    const pg::Reply reply = inquire(sql, firmly());
    if (!reply.failed()) return;
    // Others make it at the same moment.
    const auto taken = [&](std::string_view state) { return reply.error->is(state); };
    const bool again = !reply.error || fate_of(*reply.error) != Fate::refused ||
                       taken(pg::sqlstate::unique_violation) || taken(pg::sqlstate::duplicate_table) ||
                       taken(pg::sqlstate::duplicate_object);
    if (again && attempt < most_attempts && pause_for(common::retry_delay(attempt) / 2)) continue;
    if (!reply.error) throw_lost(*base_);
    Error error = pg::to_error(*reply.error, ErrorCode::connection);
    if (reply.error->is(pg::sqlstate::insufficient_privilege)) error.hint = "grant this user what the message names";
    throw Error(error);
  }
}

void CockroachSession::create_tables(const Unit& unit) {
  const bool journal = common::adds_journal_row(unit);
  for (const std::string& sql : tables_->create_sql(existing_, journal, true)) create_table(sql);
  existing_.tracker = existing_.log = true;
  existing_.journal = existing_.journal || journal;
}

// G13: what the catalogue says before the statement that the row announces.
std::vector<JournalWrite> CockroachSession::with_images(const Unit& unit) {
  std::vector<JournalWrite> journal = unit.journal;
  for (JournalWrite& write : journal) {
    const Script* const script = write.subject.script;
    if (write.kind != JournalWriteKind::add || script == nullptr || !write.row.before.empty()) continue;
    // Its unqualified names may lead anywhere.
    if (touches_session(script)) continue;
    const Ddl ddl = read_ddl(write.subject.text());
    if (ddl.objects.empty()) continue;
    write.row.before = common::to_image(look_at(asking(), ddl.objects, server_.schema));
    image_of_ = write.subject.end;
    image_ = write.row.before;
  }
  return journal;
}

std::vector<CockroachSession::Step> CockroachSession::beginning(const Unit& unit, bool on_worker) const {
  std::vector<Step> steps;
  if (unit.begin_text.empty()) {
    steps.push_back({Part::setting, begin_serializable});
  } else {
    // The file's own options hold, but for the isolation that the fence depends on.
    steps.push_back({Part::setting, std::string(unit.begin_text)});
    steps.push_back({Part::setting, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"});
  }
  const std::string fence = on_worker ? lease_->fence() : lease_->fence_now();
  if (lease_->held()) steps.push_back({Part::guard, "SELECT 1 WHERE " + fence, true});
  if (!unit.claim) return steps;
  const bool writes = unit.claim->from || unit.claim->to;
  steps.push_back({Part::claim, tables_->plain_claim_sql(*unit.claim, fence) + (writes ? " RETURNING 1" : ""), true});
  return steps;
}

std::vector<CockroachSession::Step> CockroachSession::ending(const Unit& unit, bool on_worker) const {
  std::vector<Step> steps;
  const std::string fence = on_worker ? lease_->fence() : lease_->fence_now();
  // Our own rows are never written under a role of the script's; their names are complete.
  if (on_worker && touches_session(unit.script)) steps.push_back({Part::setting, "RESET ROLE"});
  if (on_worker && unit.claim) {
    // The migration itself could have written there.
    const Claim still{unit.claim->to, unit.claim->to};
    steps.push_back({Part::tracker, tables_->plain_claim_sql(still, fence) + (still.to ? " RETURNING 1" : ""), true});
  }
  for (const JournalWrite& write : unit.journal) {
    if (write.kind == JournalWriteKind::close && !existing_.journal) continue;
    // Never a blind write: what was settled otherwise stays (C4).
    const bool completes = on_worker && write.kind == JournalWriteKind::update && write.row.state == JournalState::done;
    const std::string condition = completes ? fence + " AND state = 'intent'" : fence;
    steps.push_back({Part::ending, tables_->journal_sql(write, "", condition) + " RETURNING 1",
                     completes || write.kind == JournalWriteKind::add});
  }
  if (unit.log) {
    const auto duration = common::since(unit.log->began.value_or(unit_began_));
    steps.push_back({Part::ending,
                     tables_->log_sql(*unit.log, pg::literal(started_at_) + "::timestamptz",
                                      std::to_string(duration.count()), fence) +
                         " RETURNING 1",
                     true});
  }
  return steps;
}

void CockroachSession::roll_back(pg::Connection& connection) const {
  if (!connection.usable() || !connection.in_transaction()) return;
  connection.send("ROLLBACK", firmly());
  if (connection.usable() && connection.in_transaction()) connection.give_up("its transaction could not be ended");
}

std::optional<CockroachSession::Failure> CockroachSession::run_steps(pg::Connection& connection,
                                                                     const std::vector<Step>& steps,
                                                                     const pg::Connection::WhileWaiting& waiting) {
  if (steps.empty()) return std::nullopt;
  std::string sql;
  for (const Step& step : steps) sql += (sql.empty() ? "" : ";\n") + step.sql;
  const pg::Reply reply = connection.ask(sql, waiting);
  if (!reply.lost.empty()) return lost(connection);
  std::optional<Failure> failure;
  if (reply.error) {
    failure = refused(*reply.error, steps.at(std::min(reply.succeeded, steps.size() - 1)).part);
  } else {
    for (std::size_t i = 0; i < steps.size() && !failure; ++i)
      if (steps[i].must && (i >= reply.tables.size() || reply.tables[i].rows.empty())) failure = missed(steps[i].part);
  }
  // Never assumed: a server may end transactions by its own rules.
  if (!failure && !connection.in_transaction())
    failure = Failure{Error(ErrorCode::statement, "the server ended the transaction in its middle"), Outcome::unknown};
  if (failure) roll_back(connection);
  return failure;
}

// By the connection that no script has touched.
std::optional<CockroachSession::Failure> CockroachSession::run_bookkeeping(const Unit& unit) {
  std::vector<Step> steps = beginning(unit, false);
  for (Step& step : ending(unit, false)) steps.push_back(std::move(step));
  pg::Connection& connection = base();
  fail_point("cockroach before unit");
  if (auto failure = run_steps(connection, steps, firmly())) return failure;
  fail_point("cockroach before commit");
  auto failure = commit(unit, connection);
  fail_point("cockroach after unit");
  return failure;
}

std::optional<CockroachSession::Failure> CockroachSession::run_transaction(const Unit& unit,
                                                                           ExecuteObserver& observer) {
  if (auto failure = before_statement()) return failure;
  pg::Connection& connection = worker();
  Pursuit pursuit(
      connection, heartbeat_.get(), observer, [this] { return stop_requested(); }, statement_timeout_);
  if (heartbeat_) heartbeat_->follow(sessions_.back(), statement_since_);
  fail_point("cockroach before unit");
  auto failure = run_steps(connection, beginning(unit, true), pursuit.waiting());
  if (!failure) failure = run_body(unit, pursuit);
  if (heartbeat_) heartbeat_->rest();
  fail_point("cockroach after body");
  if (!failure) failure = run_steps(connection, ending(unit, true), firmly());
  if (failure) {
    blame(*failure, pursuit);
    drop_worker();
    return failure;
  }
  fail_point("cockroach before commit");
  failure = commit(unit, connection);
  if (failure) drop_worker();
  fail_point("cockroach after unit");
  return failure;
}

std::optional<CockroachSession::Failure> CockroachSession::run_body(const Unit& unit, Pursuit& pursuit) {
  std::optional<Failure> failure;
  std::vector<std::size_t> statements;
  std::size_t piece = unit.begin;
  std::size_t count = 0;
  split_sql(body_of(unit), [&](const Statement& statement) {
    if (failure) return;
    const std::size_t at = unit.begin + statement.offset;
    const bool alone = ++count <= most_lone_statements + 1 && count > 1;
    if (alone || at - piece >= piece_size) {
      failure = send_piece(unit, piece, statements, at, pursuit);
      statements.clear();
      piece = at;
    }
    statements.push_back(at);
  });
  return failure ? failure : send_piece(unit, piece, statements, unit.end, pursuit);
}

std::optional<CockroachSession::Failure> CockroachSession::send_piece(const Unit& unit, std::size_t begin,
                                                                      const std::vector<std::size_t>& statements,
                                                                      std::size_t end, Pursuit& pursuit) {
  const std::string text(unit.script->text.substr(begin, end - begin));
  const pg::Reply reply = worker_->send(text, pursuit.waiting());
  if (!reply.lost.empty()) return lost(*worker_);
  std::optional<Failure> failure;
  if (reply.error) {
    failure = refused(*reply.error, Part::body);
    failure->error.offset = statements.empty() ? begin : statements[std::min(reply.succeeded, statements.size() - 1)];
  } else if (!worker_->in_transaction()) {
    failure =
        Failure{Error(ErrorCode::statement, "the server ended the transaction in the middle of the file").at(begin),
                Outcome::unknown};
  }
  if (failure) roll_back(*worker_);
  return failure;
}

std::optional<CockroachSession::Failure> CockroachSession::commit(const Unit& unit, pg::Connection& connection) {
  const pg::Reply reply = connection.ask("COMMIT", firmly());
  if (!reply.lost.empty()) return settle_commit(unit, lost(connection), true);
  if (!reply.error) {
    if (reply.last_tag == "COMMIT") return std::nullopt;
    // Of a transaction that had failed already it says ROLLBACK, and no error.
    return Failure{Error(ErrorCode::statement, "the server rolled the transaction back")};
  }
  Failure failure = refused(*reply.error, Part::commit);
  roll_back(connection);
  const Fate fate = fate_of(*reply.error);
  if (fate == Fate::unknown || fate == Fate::broken) return settle_commit(unit, failure, fate == Fate::unknown);
  return failure;
}

// The last look at the lease: what follows cannot be fenced (C3), or not by its time.
std::optional<CockroachSession::Failure> CockroachSession::before_statement() {
  const auto answer = ask("SELECT " + pg::milliseconds_of("clock_timestamp()") + ", " + lease_->fence_now());
  const pg::Row& row = answer.at(0).rows.at(0);
  statement_since_ = pg::time_of(row.at(0).value_or(""));
  const std::string ours = row.at(1).value_or("");
  if (ours != "t" && ours != "true") return Failure{lease_lost()};
  return std::nullopt;
}

std::optional<CockroachSession::Failure> CockroachSession::run_bare(const Unit& unit, ExecuteObserver& observer) {
  if (auto failure = before_statement()) return failure;
  pg::Connection& connection = worker();
  const std::string text(body_of(unit));
  Pursuit pursuit(
      connection, heartbeat_.get(), observer, [this] { return stop_requested(); }, statement_timeout_);
  connection.on_notice([&](const pg::ServerError& notice) {
    if (notice.severity == "WARNING") observer.warning(notice.message);
  });
  if (heartbeat_) heartbeat_->follow(sessions_.back(), statement_since_);
  fail_point("cockroach before bare statement");
  const pg::Reply reply = connection.send(text, pursuit.waiting());
  fail_point("cockroach after bare statement");
  if (heartbeat_) heartbeat_->rest();
  connection.on_notice({});
  if (!reply.failed()) return std::nullopt;
  Failure failure = reply.lost.empty() ? refused(*reply.error, Part::body) : lost(connection);
  if (reply.error && reply.lost.empty()) failure.error.offset = unit.begin;
  blame(failure, pursuit);
  drop_worker();
  const Fate fate = reply.lost.empty() ? fate_of(*reply.error) : Fate::unknown;
  const bool look_once = pursuit.cancelled() || stop_requested();
  switch (fate) {
    case Fate::refused:
      return failure;
    case Fate::restart:
      return failure;
    case Fate::wait:
      if (const auto job = wait_for_jobs("1970-01-02T00:00:00Z", look_once, observer); job && !advice(*job).empty()) {
        failure.error.hint = job->told() + ": " + advice(*job);
        return failure;
      }
      failure.may_pass = !look_once;
      return failure;
    case Fate::unknown:
    case Fate::broken:
      break;
  }
  return settle_schema_change(unit, std::move(failure), fate == Fate::unknown, look_once, observer);
}

}  // namespace talos::cockroach
