#include "mysql_batch.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <utility>

#include "mysql_session.hpp"
#include "talos/fail_point.hpp"

namespace talos::mysql {

namespace {

using Part = Message::Part;

// Bytes of SQL, and a quarter of it for the statement. A larger one travels without our rows in front of it.
constexpr std::size_t largest_batch = 1U << 20U;

// All of its migration is done but to say so: a stop waits for that.
bool finishes(const Unit& unit, bool opens) { return unit.script == nullptr && unit.log && !opens; }

// The last statement of a migration in it.
std::size_t last_body(const Batch& batch, std::span<const Unit> units) {
  const std::size_t body = batch.links.back().body;
  return body < units.size() ? body : batch.links.at(batch.links.size() - 2).body;
}

}  // namespace

void Progress::fail(Error error, Outcome outcome) {
  result.error = std::move(error);
  result.outcome = outcome;
}

void Progress::start() {
  began_ = std::chrono::steady_clock::now();
  if (result.completed < units.size()) observer.unit_started(result.completed);
}

void Progress::committed() {
  ++result.completed;
  observer.unit_committed(result.completed - 1, common::since(began_), true);
}

void Progress::waiting_committed() {
  waiting.erase(waiting.begin());
  committed();
}

void Progress::wait_for(std::size_t first, std::size_t end) {
  for (const Unit& unit : units.subspan(first, end - first)) {
    const bool opens = clock.begin(unit);
    waiting.push_back({clock.timed(unit), opens});
  }
}

void BatchFollower::operator()(std::size_t succeeded) {
  for (; at_ < batch_.links.size(); ++at_) {
    const Link& link = batch_.links[at_];
    if (!entered_) {
      progress_.wait_for(link.first, link.body);
      progress_.start();
      entered_ = true;
    }
    while (!progress_.waiting.empty() && succeeded >= link.own_end) {
      progress_.waiting_committed();
      progress_.start();
    }
    if (link.bare_end == 0 || succeeded < link.bare_end) return;
    progress_.committed();
    entered_ = false;
  }
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
  add_names(unit, progress.touched);
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
  const std::size_t at = progress.next();
  const Batch batch = compose_batch(progress, unit);
  const Reply reply = send_batch(batch, progress, chase);
  const std::size_t last = last_body(batch, progress.units);
  for (const Link& link : batch.links)
    if (link.body < progress.units.size() && link.body <= progress.next())
      add_names(progress.units[link.body], progress.touched);
  const Unit& reached = progress.next() == at ? unit : progress.units[std::min(progress.next(), last)];
  begin_script(reached.script);
  if (progress.waiting.empty()) used_ = used_ || may_leave_traces(reached);
  if (reached.transaction && progress.waiting.empty() && !reply.failed()) progress.committed();
  tell_all_warnings(progress, batch, reply);
  if (!progress.waiting.empty()) return rows_failed(progress, batch, reply, chase);
  if (progress.next() > last) {
    if (batch.message.part(batch.message.size()) == Part::look)
      look_ = look_in(batch.message, batch.message.size() - 1, reply);
    return;
  }
  auto failure = judge(reached, batch.message, reply, *worker_, &chase);
  if (failure && failure->may_pass && wait_before_retry(*failure, 1, chase.blockers(), progress.observer))
    failure = run_unit(reached, progress.observer, 2);
  finish(progress, std::move(failure));
}

// Each is reported as soon as the server has answered it, whatever else of the message is still at work.
Reply MySqlSession::send_batch(const Batch& batch, Progress& progress, Pursuit& chase) {
  const Message& message = batch.message;
  BatchFollower follower(batch, progress);
  fail_point("mysql before batch");
  progress.start();
  const Reply reply = chase.send(
      message.sql(), [&](std::size_t i) { return message.part(i) == Part::warnings || message.part(i) == Part::look; },
      std::ref(follower));
  fail_point("mysql after batch");
  if (reply.succeeded >= batch.settings_end) settings_due_ = false;
  follower(reply.lost.empty() ? reply.succeeded : std::max(reply.succeeded, done_after_loss(batch, progress)));
  return reply;
}

// Statements of the message that are done for certain, though nothing was heard of them: the server may have gone on
// for a while. 0 where it may still be at it.
std::size_t MySqlSession::done_after_loss(const Batch& batch, const Progress& progress) {
  std::vector<JournalRow> announced;
  std::vector<std::size_t> ends;
  for (const Link& link : batch.links) {
    if (link.body < progress.next() || (link.body == progress.next() && progress.waiting.empty())) continue;
    const auto rows = progress.units.subspan(link.first, link.body - link.first);
    const JournalWrite* const write = announcement(rows);
    if (write == nullptr) continue;
    announced.push_back(write->row);
    ends.push_back(link.own_end);
  }
  const auto& last = progress.units[progress.units.size() - 1].claim;
  const bool ends_all = batch.links.back().body == progress.units.size() && last && last->to;
  if ((announced.empty() && !ends_all) || !base_->usable() || !end_connection(*base_, last_worker_)) return 0;
  std::string sql = announced.empty() ? "SELECT 0" : tables_->journal_count_sql(announced);
  if (ends_all) sql += "; " + tables_->tracker_count_sql(*last->to);
  const Reply reply = base_->ask(sql, firmly());
  if (reply.failed()) return 0;
  const auto reached = std::strtoull(reply.tables.at(0).value().c_str(), nullptr, 10);
  // The tracker alone does not tell: out of order, a migration leaves it as it was.
  if (ends_all && reached == announced.size() && reply.tables.at(1).value() == "1") return batch.message.size();
  return reached == 0 ? 0 : ends.at(reached - 1);
}

// Nothing of them is in the database, and the statement has not run: one by one they say which it was, and one that
// only met somebody's KILL QUERY is written all the same (M5).
void MySqlSession::rows_failed(Progress& progress, const Batch& batch, const Reply& reply, Pursuit& chase) {
  auto failure = judge(progress.waiting.front().unit, batch.message, reply, *worker_, &chase);
  const Part part = batch.message.part(reply.succeeded);
  const bool missed = reply.lost.empty() && reply.error && reply.error->is(number::subquery_many_rows);
  // Behind another statement the fence is a part of the claim.
  if (missed && part != Part::lock && lock_is_gone()) return progress.fail(lock_lost(), Outcome::not_applied);
  const bool fenced = reply.lost.empty() && part == Part::lock;
  if (failure && (fenced || failure->outcome != Outcome::not_applied))
    return progress.fail(std::move(failure->error), failure->outcome);
  // One of the things is there already: so may be what comes after it.
  if (missed && part == Part::absence) progress.chains = false;
  write_waiting(progress);
}

// By the word of the connection that took it. One that is gone itself is for others to tell of.
bool MySqlSession::lock_is_gone() {
  if (!locks_->held()) return false;
  const Reply reply = base_->ask("SELECT " + locks_->is_held_by(base_->id()), firmly());
  return !reply.failed() && reply.tables.at(0).value() != "1";
}

void MySqlSession::tell_all_warnings(const Progress& progress, const Batch& batch, const Reply& reply) {
  const Message& message = batch.message;
  auto link = batch.links.begin();
  for (std::size_t i = 0; i < reply.tables.size(); ++i) {
    if (message.part(i) != Part::warnings) continue;
    while (link->bare_end != 0 && i > link->bare_end) ++link;
    tell_warnings(progress.units[link->body], message.offset(i), reply.tables[i], progress.observer);
  }
  const Link& last = batch.links.back();
  // A transaction's statements are asked for theirs, and so is what has anything behind it.
  const bool asked = last.bare_end == 0 || message.size() > last.bare_end;
  if (asked || reply.failed() || reply.warnings.empty() || reply.warnings.back() == 0) return;
  const Unit& unit = progress.units[last.body];
  const Reply warnings = worker_->ask("SHOW WARNINGS", firmly());
  if (!warnings.failed()) tell_warnings(unit, unit.begin, warnings.tables.at(0), progress.observer);
}

}  // namespace talos::mysql
