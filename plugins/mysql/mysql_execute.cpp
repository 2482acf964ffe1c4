// Running units.
#include <algorithm>
#include <utility>

#include "common/backoff.hpp"
#include "common/pause.hpp"
#include "common/units.hpp"
#include "mysql_session.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::mysql {

namespace {

using common::retry_delay;

using Part = Message::Part;

// A larger body travels in pieces, so that neither side holds all of it.
constexpr std::size_t largest_message = 1U << 20U;
// Of a message; what stands around the body comes on top.
constexpr std::size_t reserve = 16U << 10U;
// The statements of larger texts are found anew whenever they are needed.
constexpr std::size_t largest_kept_text = 16U << 20U;

// A message of several statements has about one at most.
constexpr std::size_t least_packet_of_chains = 4U << 20U;

// CREATE VIEW and its kin: whatever they speak of, nothing of it runs now.
bool only_defines(const Ddl& ddl) {
  return (ddl.act == common::Act::create || ddl.act == common::Act::alter) && !ddl.objects.empty() &&
         std::all_of(ddl.objects.begin(), ddl.objects.end(), [](const NamedObject& object) {
           return object.kind == NamedObject::Kind::view || is_program(object);
         });
}

}  // namespace

ExecuteResult MySqlSession::do_execute(std::span<const Unit> units, ExecuteObserver& observer) {
  Progress progress(units, observer);
  // Without a lock the server would go on for a runner that is gone.
  progress.chains = locks_->held() && server_.max_allowed_packet >= least_packet_of_chains;
  try {
    if (!existing_.known) look_for_tables();
    while (!progress.failed() && progress.next() < units.size()) take_unit(progress);
    if (!progress.failed()) write_waiting(progress);
  } catch (const Error& error) {
    progress.fail(error, Outcome::not_applied);
  }
  look_.reset();
  begin_script(nullptr);
  return std::move(progress.result);
}

// G6: what the script before left behind is gone. Locks and temporary tables go at once, and not with the next script.
void MySqlSession::begin_script(const Script* script) {
  if (script == script_) return;
  const bool holds_things = script_ != nullptr && (script_->traits & trait_session_state) != 0;
  if (used_ && (script != nullptr || holds_things)) renew_worker();
  script_ = script;
  statements_.clear();
  keeps_statements_ = script != nullptr && script->text.size() <= largest_kept_text;
  if (keeps_statements_)
    split_sql(script->text, modes_, [this](const Statement& statement) { statements_.push_back(statement); });
  script_asks_ = script != nullptr && (!keeps_statements_ || asks_for_diagnostics(script->text));
}

void MySqlSession::renew_worker() {
  used_ = false;
  settings_due_ = true;
  if (!worker_ || !worker_->usable()) return;
  const Reply reply = worker_->reset(firmly());
  // A proxy may not know how: then the next script gets a new connection.
  if (reply.failed()) worker_.reset();
}

void MySqlSession::for_each_statement(const Unit& unit, const StatementSink& sink) {
  const auto filter = [&](const Statement& statement) {
    if (statement.offset >= unit.begin && statement.offset < unit.end) sink(statement);
  };
  if (keeps_statements_ && unit.script == script_)
    std::for_each(statements_.begin(), statements_.end(), filter);
  else
    split_sql(unit.script->text, modes_, filter);
}

bool MySqlSession::has_statements(const Unit& unit) {
  bool any = false;
  for_each_statement(unit, [&](const Statement&) { any = true; });
  return any;
}

// A statement of the step that these units begin with: nothing of that has run.
std::optional<Error> MySqlSession::too_large(std::span<const Unit> units) {
  std::optional<Error> refusal;
  const std::size_t most = server_.max_allowed_packet > reserve ? server_.max_allowed_packet - reserve : 1;
  for (const Unit& unit : units) {
    if (unit.step != units.front().step) break;
    if (unit.script == nullptr || unit.end - unit.begin <= most) continue;
    for_each_statement(unit, [&](const Statement& statement) {
      if (refusal || statement.length <= most) return;
      refusal =
          Error(ErrorCode::unsupported, "the statement has " + std::to_string(statement.length) +
                                            " bytes, more than the server takes in one message (max_allowed_packet = " +
                                            std::to_string(server_.max_allowed_packet) + ")")
              .at(statement.offset)
              .with_hint("raise max_allowed_packet on the server: SET GLOBAL max_allowed_packet = BYTES");
    });
  }
  return refusal;
}

Pursuit MySqlSession::pursuit(ExecuteObserver& observer) {
  Pursuit::Settings settings;
  settings.endpoint = endpoint_;
  settings.stall_timeout = stall_timeout_;
  settings.statement_timeout = statement_timeout_;
  // Early enough to see who holds the lock before we give up waiting for it.
  if (ddl_lock_timeout_.count() > 0)
    settings.watch_after = std::clamp(ddl_lock_timeout_ / 4, std::chrono::milliseconds(50), settings.watch_after);
  return Pursuit(
      worker(), *base_, server_, observer, [this] { return stop_requested(); }, std::move(settings));
}

std::optional<MySqlSession::Failure> MySqlSession::run_unit(const Unit& unit, ExecuteObserver& observer, int attempt) {
  for (;; ++attempt) {
    std::string blockers;
    auto failure = run_once(unit, observer, blockers);
    if (!failure || !failure->may_pass) return failure;
    if (!wait_before_retry(*failure, attempt, blockers, observer)) return failure;
  }
}

std::optional<MySqlSession::Failure> MySqlSession::run_once(const Unit& unit, ExecuteObserver& observer,
                                                            std::string& blockers) {
  if (unit.create_tables) create_tables(unit);
  if (common::is_empty(unit)) return std::nullopt;
  Unit complete = unit;
  complete.journal = with_images(unit);
  if (unit.script == nullptr || (unit.transaction && !has_statements(unit))) return run_bookkeeping(complete);
  Pursuit chase = pursuit(observer);
  auto failure = unit.transaction ? run_transaction(complete, chase, observer) : run_bare(complete, chase, observer);
  used_ = used_ || may_leave_traces(unit);
  blockers = chase.blockers();
  return failure;
}

std::vector<std::string> MySqlSession::missing_tables(const Unit& unit) const {
  return tables_->create_sql(existing_, common::adds_journal_row(unit), !server_.shows_attributes);
}

void MySqlSession::create_tables(const Unit& unit) {
  const auto statements = missing_tables(unit);
  if (statements.empty()) return;
  std::string sql;
  for (const std::string& statement : statements) sql += (sql.empty() ? "" : "; ") + statement;
  const bool signs = !server_.shows_attributes && locks_->held();
  if (signs) sql += "; " + sign_lock_sql(*tables_, base_->id(), runner_);
  Reply reply = base_->ask(sql, firmly());
  // The signature is best effort, as ever.
  if (signs && reply.lost.empty() && reply.succeeded == statements.size()) reply.error.reset();
  answers(std::move(reply));
  existing_.tracker = existing_.log = true;
  existing_.journal = existing_.journal || common::adds_journal_row(unit);
  existing_.lock = existing_.lock || !server_.shows_attributes;
}

// Functions and triggers may set anything; plain DDL leaves nothing in its session.
bool MySqlSession::may_leave_traces(const Unit& unit) const {
  if (unit.transaction || (unit.script->traits & trait_session_state) != 0) return true;
  const std::string_view text = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  return (contains_word(text, "SELECT") || contains_word(text, "CALL")) && !only_defines(read_ddl(text, modes_));
}

bool MySqlSession::may_be_partial(std::string_view text, const Ddl& ddl) const {
  return may_leave_a_part(text, ddl, !server_.mariadb && server_.version_number >= 80000);
}

bool MySqlSession::wants_image(const JournalWrite& write) {
  const Script* const script = write.subject.script;
  if (write.kind != JournalWriteKind::add || script == nullptr || !write.row.before.empty()) return false;
  // Else its unqualified names may be of another database.
  return (script->traits & trait_default_database) == 0;
}

// G13: what the catalogue says before the statement that the row announces.
std::vector<JournalWrite> MySqlSession::with_images(const Unit& unit) {
  std::vector<JournalWrite> journal = unit.journal;
  for (JournalWrite& write : journal) {
    if (!wants_image(write)) continue;
    const Ddl ddl = read_ddl(write.subject.text(), modes_);
    write.row.before = to_image(look_at(remembering(), ddl.objects, server_.database));
  }
  return journal;
}

// By the connection that no script has touched.
std::optional<MySqlSession::Failure> MySqlSession::run_bookkeeping(const Unit& unit) {
  Message message;
  add_beginning(message, unit, false);
  add_end(message, unit, utc_now(), false);
  fail_point("mysql before unit");
  Reply reply = base_->send(message.sql(), firmly());
  // M5: a KILL QUERY that somebody meant for a statement of a migration.
  if (reply.error && reply.error->is(number::query_interrupted) && !stop_requested()) {
    base_->send("ROLLBACK", firmly());
    reply = base_->send(message.sql(), firmly());
  }
  fail_point("mysql after unit");
  return judge(unit, message, reply, *base_, nullptr);
}

std::optional<MySqlSession::Failure> MySqlSession::run_transaction(const Unit& unit, Pursuit& chase,
                                                                   ExecuteObserver& observer) {
  if (unit.end - unit.begin > std::min(largest_message, server_.max_allowed_packet / 4))
    return run_in_pieces(unit, chase, observer);
  Message message;
  add_beginning(message, unit, true);
  add_body(message, unit);
  add_end(message, unit, utc_now(), true);
  fail_point("mysql before unit");
  auto failure = send(unit, message, chase, observer);
  fail_point("mysql after unit");
  return failure;
}

std::optional<MySqlSession::Failure> MySqlSession::run_in_pieces(const Unit& unit, Pursuit& chase,
                                                                 ExecuteObserver& observer) {
  const std::string started_at = utc_now();
  const std::size_t piece_size = std::min(largest_message, server_.max_allowed_packet / 4) / 4;
  fail_point("mysql before unit");
  std::optional<Failure> failure;
  Message message;
  add_beginning(message, unit, true);
  const auto flush = [&] {
    if (failure || message.empty()) return;
    failure = send(unit, message, chase, observer);
    // Its transaction is not committed yet.
    if (failure && failure->outcome == Outcome::unknown) failure->outcome = Outcome::not_applied;
    message = Message();
  };
  flush();
  for_each_statement(unit, [&](const Statement& statement) {
    if (failure) return;
    if (message.sql().size() + statement.length > piece_size) flush();
    message.add_body(unit.script->text.substr(statement.offset, statement.length), statement.offset);
  });
  flush();
  if (failure) return failure;
  add_end(message, unit, started_at, true);
  failure = send(unit, message, chase, observer);
  fail_point("mysql after unit");
  return failure;
}

std::optional<MySqlSession::Failure> MySqlSession::send(const Unit& unit, const Message& message, Pursuit& chase,
                                                        ExecuteObserver& observer) {
  const Reply reply =
      chase.send(message.sql(), [&](std::size_t statement) { return message.part(statement) == Part::warnings; });
  if (!reply.failed() || message.part(reply.succeeded) != Part::setting) settings_due_ = false;
  for (std::size_t i = 0; i < reply.tables.size(); ++i)
    if (message.part(i) == Part::warnings) tell_warnings(unit, message.offset(i), reply.tables[i], observer);
  return judge(unit, message, reply, *worker_, &chase);
}

std::optional<MySqlSession::Failure> MySqlSession::run_bare(const Unit& unit, Pursuit& chase,
                                                            ExecuteObserver& observer) {
  if (settings_due_) {
    Message settings;
    settings.add(Part::setting, worker_settings());
    add_work_lock(settings);
    if (auto failure = send(unit, settings, chase, observer)) return failure;
  }
  const std::string_view text = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  const Ddl ddl = read_ddl(text, modes_);
  const bool divisible = may_be_partial(text, ddl);
  std::vector<Sight> before;
  if (divisible) before = look_at(inquiring(*worker_), ddl.objects, default_database());
  Message message;
  message.add_body(text, unit.begin);
  fail_point("mysql before bare statement");
  const Reply reply = chase.send(message.sql(), {});
  fail_point("mysql after bare statement");
  auto failure = judge(unit, message, reply, *worker_, &chase);
  if (failure && divisible) judge_part(ddl, before, *failure);
  if (worker_->usable() && !reply.warnings.empty() && reply.warnings.back() != 0) {
    const Reply warnings = worker_->ask("SHOW WARNINGS", firmly());
    if (!warnings.failed()) tell_warnings(unit, unit.begin, warnings.tables.at(0), observer);
  }
  return failure;
}

bool MySqlSession::pause_for(std::chrono::milliseconds duration) const {
  return common::pause_for(duration, [this] { return stop_requested(); });
}

// The guard of a migration that is half-way: whoever is in the way will be gone soon, or holds what is ours.
bool MySqlSession::wait_for_guard(Failure& failure, int attempt) const {
  const auto delay = retry_delay(std::min(attempt, 3));
  if (std::chrono::milliseconds(attempt * 100) > lock_timeout_) return false;
  if (pause_for(delay)) return true;
  failure.error.code = ErrorCode::cancelled;
  return false;
}

bool MySqlSession::wait_before_retry(Failure& failure, int attempt, const std::string& blockers,
                                     ExecuteObserver& observer) {
  if (failure.error.code == ErrorCode::busy) return wait_for_guard(failure, attempt);
  const std::string who = blockers.empty() ? "" : ", blocked by " + blockers;
  if (attempt > ddl_lock_retries_) {
    Error error = failure.error.retold(std::string(failure.error.what()) + who + "; tried " + std::to_string(attempt) +
                                       (attempt == 1 ? " time" : " times"));
    error.hint =
        "try again when the blocking transaction is over, or end it; see --ddl-lock-timeout and "
        "--ddl-lock-retries";
    failure.error = error;
    return false;
  }
  const auto delay = retry_delay(attempt);
  observer.warning(std::string(failure.error.what()) + who + "; rolled back, attempt " + std::to_string(attempt + 1) +
                   " of " + std::to_string(ddl_lock_retries_ + 1) + " in " + std::to_string(delay.count()) + " ms");
  if (pause_for(delay)) return true;
  failure.error.code = ErrorCode::cancelled;
  return false;
}

}  // namespace talos::mysql
