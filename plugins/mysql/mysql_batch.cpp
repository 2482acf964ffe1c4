#include "mysql_batch.hpp"

#include <algorithm>
#include <utility>

#include "mysql_objects.hpp"
#include "mysql_session.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::mysql {

namespace {

using Part = Message::Part;

// Bytes of SQL, and a quarter of it for the statement. A larger one travels without our rows in front of it.
constexpr std::size_t largest_batch = 1U << 20U;

bool has_rows(const Progress::Waiting& one) { return !common::is_empty(one.unit); }

// All of its migration is done but to say so: a stop waits for that.
bool finishes(const Unit& unit, bool opens) { return unit.script == nullptr && unit.log && !opens; }

}  // namespace

void Progress::fail(Error error, Outcome outcome) {
  result.error = std::move(error);
  result.outcome = outcome;
}

void Progress::start() {
  began_ = std::chrono::steady_clock::now();
  observer.unit_started(result.completed);
}

void Progress::committed() {
  ++result.completed;
  observer.unit_committed(result.completed - 1, common::since(began_), true);
}

void Progress::waiting_committed() {
  waiting.erase(waiting.begin());
  committed();
}

std::optional<KeptLook> look_in(const Message& message, std::size_t index, const Reply& reply) {
  KeptLook look{std::string(message.text(index)), {}};
  if (reply.succeeded > index) {
    look.reply.succeeded = 1;
    look.reply.tables.push_back(reply.tables.at(index));
    return look;
  }
  // Of what was interrupted or locked it says nothing.
  const bool refused = reply.succeeded == index && reply.error && reply.lost.empty() &&
                       !reply.error->is_one_of({number::query_interrupted, number::statement_timeout_mariadb,
                                                number::query_timeout_mysql, number::lock_wait_timeout});
  if (!refused) return std::nullopt;
  look.reply.error = reply.error;
  return look;
}

// Throws what stands in the way of anything more.
void MySqlSession::check_way(bool finishing) {
  if (stop_requested() && !finishing) throw Error(ErrorCode::cancelled, "stopped before the next statement");
  // It holds the lock, and it idles while the other one works.
  if (!base_->alive()) throw_lost(*base_);
}

// One unit further, or to a failure.
void MySqlSession::take_unit(Progress& progress) {
  const Unit& unit = progress.units[progress.next()];
  const bool opens = progress.clock.begin(unit);
  if (!prepare(progress, unit, opens)) return;
  const bool own = unit.script == nullptr || (unit.transaction && !has_statements(unit));
  if (!own) return run_statements(progress, progress.clock.timed(unit));
  progress.waiting.push_back({progress.clock.timed(unit), opens});
  // Where the script has left its traces none of our rows are written.
  if (used_ && !opens) write_waiting(progress);
}

// What must be done, or known, before it; what waits is written first if that takes a message or fails.
bool MySqlSession::prepare(Progress& progress, const Unit& unit, bool opens) {
  std::optional<Error> refusal;
  if (opens) refusal = too_large(progress.units.subspan(progress.next()));
  const bool stops = stop_requested() && !finishes(unit, opens);
  const bool lacks_tables = unit.create_tables && !missing_tables(unit).empty();
  if (refusal || stops || lacks_tables) {
    write_waiting(progress);
    if (progress.failed()) return false;
    if (refusal) throw Error(*refusal);
    check_way(false);
    create_tables(unit);
  }
  if (opens || unit.script != nullptr) begin_script(unit.script);
  return true;
}

// One by one, by the connection that no script has touched.
void MySqlSession::write_waiting(Progress& progress) {
  while (!progress.waiting.empty() && !progress.failed()) {
    const auto& [unit, opens] = progress.waiting.front();
    check_way(finishes(unit, opens));
    progress.start();
    if (auto failure = run_unit(unit, progress.observer))
      progress.fail(std::move(failure->error), failure->outcome);
    else
      progress.waiting_committed();
  }
}

bool MySqlSession::can_carry(const Unit& unit) const {
  const std::string_view text = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  if (used_ || server_.max_allowed_packet < largest_batch || text.size() > largest_batch / 4) return false;
  if (unit.transaction) return true;
  return !script_asks_ && !may_be_partial(text, read_ddl(text, modes_));
}

// `unit` has statements of a migration.
void MySqlSession::run_statements(Progress& progress, const Unit& unit) {
  if (can_carry(unit) && (!unit.transaction || !progress.waiting.empty())) {
    const bool connected = worker_ && worker_->alive();
    const bool begins = !progress.waiting.empty() && progress.waiting.front().opens;
    // What is done is not to depend on a connection that may not come, nor on a stop.
    if ((!connected && !begins) || stop_requested()) write_waiting(progress);
    if (progress.failed()) return;
    if (!base_->alive()) throw_lost(*base_);
    return run_batch(progress, unit);
  }
  write_waiting(progress);
  if (progress.failed()) return;
  check_way(false);
  progress.start();
  finish(progress, run_unit(unit, progress.observer));
}

void MySqlSession::finish(Progress& progress, std::optional<Failure> failure) {
  if (failure)
    progress.fail(std::move(failure->error), failure->outcome);
  else
    progress.committed();
}

void MySqlSession::run_batch(Progress& progress, const Unit& unit) {
  Pursuit chase = pursuit(progress.observer);
  const Batch batch = compose_batch(progress, unit);
  const std::size_t at = progress.next();
  const Reply reply = send_batch(batch, progress, chase);
  if (!progress.waiting.empty()) return rows_failed(progress, unit, batch, reply, chase);
  used_ = used_ || may_leave_traces(unit);
  if (unit.transaction && !reply.failed()) progress.committed();
  tell_all_warnings(unit, batch, reply, progress.observer);
  if (progress.next() > at) {
    if (batch.message.part(batch.message.size()) == Part::look)
      look_ = look_in(batch.message, batch.message.size() - 1, reply);
    return;
  }
  auto failure = judge(unit, batch.message, reply, *worker_, &chase);
  if (failure && failure->may_pass && wait_before_retry(*failure, 1, chase.blockers(), progress.observer))
    failure = run_unit(unit, progress.observer, 2);
  finish(progress, std::move(failure));
}

// All that wait as one transaction, so that a migration's end and the next one's beginning are one durable commit.
void MySqlSession::add_rows(Batch& batch, const Progress& progress) {
  const auto& waiting = progress.waiting;
  Message& message = batch.message;
  const bool due = settings_due_;
  if (due) message.add(Part::setting, worker_settings());
  if (std::none_of(waiting.begin(), waiting.end(), has_rows)) {
    if (due) add_work_lock(message);
    return;
  }
  const auto on_empty = [](const Progress::Waiting& one) { return one.unit.claim && !one.unit.claim->from; };
  if (std::any_of(waiting.begin(), waiting.end(), on_empty)) add_isolation(message);
  message.add(Part::setting, "START TRANSACTION READ WRITE");
  if (due) add_work_lock(message);
  bool logs = false;
  for (const auto& [unit, opens] : waiting) {
    Unit complete = unit;
    complete.journal = with_images(unit);
    if (unit.claim) message.add(Part::claim, tables_->claim_sql(*unit.claim));
    add_records(message, complete, utc_now(), false);
    logs = logs || unit.log;
  }
  // The number of the history's row is no business of the script's.
  if (logs) message.add(Part::ending, "DO LAST_INSERT_ID(0)");
  add_commit(message, true);
  batch.own_end = message.size();
}

Batch MySqlSession::compose_batch(const Progress& progress, const Unit& unit) {
  Batch batch;
  add_rows(batch, progress);
  if (unit.transaction) {
    Unit complete = unit;
    complete.journal = with_images(unit);
    add_beginning(batch.message, complete, true);
    add_body(batch.message, complete);
    add_end(batch.message, complete, utc_now(), true);
    return batch;
  }
  batch.message.add_body(unit.script->text.substr(unit.begin, unit.end - unit.begin), unit.begin);
  batch.bare_end = batch.message.size();
  // What it has set may show in what is shown.
  if (may_leave_traces(unit) || must_be_last(unit)) return batch;
  batch.message.add(Part::warnings, "SHOW WARNINGS");
  // Where the object does not exist it is an error, which ends the message.
  if (const auto look = next_look(progress)) batch.message.add(Part::look, *look);
  return batch;
}

// MySQL keeps the semicolon behind a trigger or an event with it, and then its dump does not load. And nothing may come
// behind a statement that is none for this server, as a comment for others is.
bool MySqlSession::must_be_last(const Unit& unit) const {
  const std::string_view text = unit.script->text.substr(unit.begin, unit.end - unit.begin);
  if (text.find("/*!") != std::string_view::npos || text.find("/*M!") != std::string_view::npos) return true;
  const Ddl ddl = read_ddl(text, modes_);
  // MariaDB's packages, and what else is not known.
  if (ddl.objects.empty()) return Tokens(text, modes_).take("CREATE");
  return std::any_of(ddl.objects.begin(), ddl.objects.end(), is_program);
}

// Each is reported as soon as the server has answered it, whatever else of the message is still at work.
Reply MySqlSession::send_batch(const Batch& batch, Progress& progress, Pursuit& chase) {
  const Message& message = batch.message;
  bool statement_done = false;
  const auto follow = [&](std::size_t succeeded) {
    while (!progress.waiting.empty() && succeeded >= batch.own_end) {
      progress.waiting_committed();
      progress.start();
    }
    if (batch.bare_end == 0 || succeeded < batch.bare_end || std::exchange(statement_done, true)) return;
    progress.committed();
  };
  fail_point("mysql before batch");
  progress.start();
  const Reply reply = chase.send(
      message.sql(), [&](std::size_t i) { return message.part(i) == Part::warnings || message.part(i) == Part::look; },
      follow);
  fail_point("mysql after batch");
  if (!reply.failed() || message.part(reply.succeeded) != Part::setting) settings_due_ = false;
  return reply;
}

// Nothing of them is in the database, and the statement has not run: one by one they say which it was, and one that
// only met somebody's KILL QUERY is written all the same (M5).
void MySqlSession::rows_failed(Progress& progress, const Unit& unit, const Batch& batch, const Reply& reply,
                               Pursuit& chase) {
  auto failure = judge(progress.waiting.front().unit, batch.message, reply, *worker_, &chase);
  const bool fenced = reply.lost.empty() && batch.message.part(reply.succeeded) == Part::lock;
  if (failure && (fenced || failure->outcome != Outcome::not_applied))
    return progress.fail(std::move(failure->error), failure->outcome);
  write_waiting(progress);
  if (!progress.failed()) run_statements(progress, unit);
}

void MySqlSession::tell_all_warnings(const Unit& unit, const Batch& batch, const Reply& reply,
                                     ExecuteObserver& observer) {
  const Message& message = batch.message;
  for (std::size_t i = 0; i < reply.tables.size(); ++i)
    if (message.part(i) == Part::warnings) tell_warnings(unit, message.offset(i), reply.tables[i], observer);
  const bool asked = unit.transaction || message.size() > batch.bare_end;
  if (asked || reply.failed() || reply.warnings.empty() || reply.warnings.back() == 0) return;
  const Reply warnings = worker_->ask("SHOW WARNINGS", firmly());
  if (!warnings.failed()) tell_warnings(unit, unit.begin, warnings.tables.at(0), observer);
}

// What the row that announces the next statement wants to know of its object, where one question tells it. Nothing runs
// between the statement before it and that row.
std::optional<std::string> MySqlSession::next_look(const Progress& progress) const {
  if (!shows_as_base_) return std::nullopt;
  for (const Unit& unit : progress.units.subspan(progress.next() + 1)) {
    if (unit.script != nullptr) break;
    for (const JournalWrite& write : unit.journal)
      if (wants_image(write)) return only_question(read_ddl(write.subject.text(), modes_).objects, server_.database);
  }
  return std::nullopt;
}

// Answers from the last message where that asked the same; else by the connection that no script has touched.
Inquiry MySqlSession::remembering() {
  return [this](const std::string& sql) {
    const auto kept = std::exchange(look_, std::nullopt);
    return kept && kept->sql == sql ? kept->reply : base_->ask(sql, firmly());
  };
}

}  // namespace talos::mysql
