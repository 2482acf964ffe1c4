// Several transactions in one message: what a round trip costs is paid once for all of them.
#include <algorithm>
#include <utility>

#include "postgres_session.hpp"
#include "postgres_sqlstate.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::postgres {

namespace {

// Bytes. The server keeps a whole message, and reads all of it before the first statement runs.
constexpr std::size_t largest_batch = 1U << 20U;

std::size_t characters(std::string_view utf8) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), begins));
}

}  // namespace

class PostgresSession::Batch {
 public:
  /// `first`: number of its first unit. `head`, if not empty, is a statement that comes before all of them.
  Batch(std::size_t first, const std::string& head) : first_(first) {
    if (!head.empty()) sql_ = head + ";\n";
  }

  /// One transaction: it ends in COMMIT. `place`: where the session stands before it.
  void add(Message message, Place place) {
    const std::size_t begin = sql_.size();
    sql_ += message.sql();
    parts_.push_back({std::move(message), std::move(place), begin});
  }
  /// A SELECT after all of them …
  void end_with(const std::string& select) {
    sql_ += select + ";\n";
    looks_ = true;
  }
  /// … and one that releases golang-migrate's keys.
  void release_with(const std::string& select) {
    sql_ += select + ";\n";
    releases_ = true;
  }
  bool looks() const { return looks_; }
  bool releases() const { return releases_; }

  const std::string& sql() const { return sql_; }
  std::size_t first() const { return first_; }
  std::size_t size() const { return parts_.size(); }
  std::size_t end() const { return first_ + parts_.size(); }
  const Message& message(std::size_t unit) const { return parts_[unit - first_].message; }
  const Place& place(std::size_t unit) const { return parts_[unit - first_].place; }

  /// The answer that the message of `unit` would have got alone; `before` statements of those before it succeeded.
  pg::Reply reply_to(std::size_t unit, const pg::Reply& whole, std::size_t before) const {
    pg::Reply reply = whole;
    reply.succeeded -= before;
    if (reply.succeeded == 0) reply.last_tag.clear();
    if (!reply.error || !reply.error->position) return reply;
    const std::size_t skipped = characters(std::string_view(sql_).substr(0, parts_[unit - first_].begin));
    if (*reply.error->position > skipped)
      *reply.error->position -= skipped;
    else
      reply.error->position.reset();
    return reply;
  }

 private:
  struct Part {
    Message message;
    Place place;
    std::size_t begin;  ///< byte of sql_
  };

  std::size_t first_;
  std::string sql_;
  std::vector<Part> parts_;
  bool looks_ = false;
  bool releases_ = false;
};

// A script that speaks of settings travels alone (P5), and so does what takes or has a lease.
bool PostgresSession::may_travel_with_others(const Unit& unit) const {
  if (!unit.transaction || server_.pooled || heartbeat_) return false;
  if (unit.script == nullptr) return true;
  return unit.claim && unit.journal.empty() && unit.begin_text.empty() && !touches_session(unit.script) &&
         unit.end - unit.begin <= largest_batch;
}

bool PostgresSession::ends_batch(const Batch& batch, const Unit& unit) const {
  if (!may_travel_with_others(unit) || batch.sql().size() + unit.end - unit.begin > largest_batch) return true;
  // What it left behind takes a message of its own to go.
  return place_.settings_touched && place_.steps.is_new(unit);
}

// Each unit is composed for the state that those before it leave behind.
PostgresSession::Batch PostgresSession::batch_from(const Progress& progress, const BareRun* bare) {
  Batch batch(progress.completed + (bare != nullptr ? 1 : 0), bare != nullptr ? confirmation(*bare) : "");
  const std::string sent_at = utc_now();
  const pg::Existing existing = existing_;
  for (const Unit& unit : progress.units.subspan(batch.first())) {
    const bool first = batch.size() == 0;
    if (!first && ends_batch(batch, unit)) break;
    // The caller has begun the first.
    if (!first) begin_unit(unit);
    const Place place = place_;
    batch.add(compose(unit, sent_at, !first), place);
    place_.fresh_due = false;
    note_tables(unit, existing_);
  }
  existing_ = existing;
  if (batch.end() < progress.units.size()) end_before(progress.units[batch.end()], bare != nullptr, batch);
  return batch;
}

// What a bare statement wants done before it, a turn earlier.
void PostgresSession::end_before(const Unit& next, bool takes_locks, Batch& batch) const {
  if (next.transaction) return;
  const std::string_view text = next.script->text.substr(next.begin, next.end - next.begin);
  if (const std::string sql = LeftoverSearch(text).before_sql(); !sql.empty()) batch.end_with(sql);
  const bool will_hold = locks_->held() && (takes_locks || locks_->foreign_held());
  if (const std::string sql = locks_->release_foreign_sql(); will_hold && !sql.empty()) batch.release_with(sql);
}

// Each is reported as soon as its COMMIT is answered. Returns the answer to the one that was at work in the end.
pg::Reply PostgresSession::send_batch(const Batch& batch, Progress& progress, const BareRun* bare, Pursuit& chase) {
  std::size_t before = 0;
  auto began = Clock::now();
  const auto goes_on = [&](const pg::Reply& so_far) {
    before = so_far.succeeded;
    began = Clock::now();
    chase.restart();
    if (progress.completed == batch.end()) return;
    // The last one's, if it goes on after this message.
    if (!place_.steps.is_new(progress.next()) && progress.begins_step()) place_.steps.restart();
    progress.observer.unit_started(progress.completed);
  };
  const auto after_each = [&](const pg::Reply& so_far) {
    if (progress.completed < batch.first()) {
      locks_->foreign_taken();
      committed(progress, bare->began);
      goes_on(so_far);
    } else if (so_far.last_tag == "COMMIT") {
      // A migration has no COMMIT of its own here (G7).
      committed(progress, began);
      goes_on(so_far);
    }
  };
  fail_point("postgres before unit");
  pg::Reply reply =
      connection_->send(batch.sql(), chase.waiting(), after_each, [&] { return progress.completed == batch.end(); });
  fail_point("postgres after unit");
  watch_refused_ = watch_refused_ || chase.watch_refused();
  const std::size_t at = progress.completed;
  return at >= batch.first() && at < batch.end() ? batch.reply_to(at, reply, before) : reply;
}

std::optional<PostgresSession::Failure> PostgresSession::run_batch(Progress& progress, const BareRun* bare) {
  const Place place = place_;
  const Batch batch = batch_from(progress, bare);
  Pursuit chase = pursuit(progress.units[batch.first()], progress.observer);
  const pg::Reply reply = send_batch(batch, progress, bare, chase);
  const std::size_t at = progress.completed;
  if (at == batch.end()) {
    // What failed of the rest is done when the statement's turn comes.
    if (batch.looks() && !reply.tables.empty()) before_bare_ = reply.tables.front();
    if (batch.releases() && !reply.failed()) locks_->foreign_released();
    return std::nullopt;
  }
  if (connection_->usable()) roll_back();
  // The message could not be read at all, wherever in it the fault is: one at a time they say which.
  if (reply.error && reply.lost.empty() && reply.succeeded == 0 && at <= batch.first() && batch.size() > 1 &&
      !(at < batch.first() && reply.error->is(sqlstate::unconfirmed)))
    progress.alone_before = batch.end();
  if (at < batch.first()) {
    place_ = place;
    if (!reply.lost.empty()) return lost(bare->unit, bare->message, reply, chase);
    return confirm(*bare, progress);
  }
  // The cleaning before it was rolled back with it.
  place_ = batch.place(at);
  if (at < progress.alone_before) return std::nullopt;
  return settle_batch(batch, at, reply, progress, chase);
}

// The unit `at` did not happen, or may not have.
std::optional<PostgresSession::Failure> PostgresSession::settle_batch(const Batch& batch, std::size_t at,
                                                                      const pg::Reply& reply, Progress& progress,
                                                                      const Pursuit& chase) {
  const Unit& unit = progress.next();
  // A request to cancel that came too late for the message before.
  if (unit.script == nullptr && !chase.cancelled() && reply.lost.empty() && reply.error &&
      reply.error->is(pg::sqlstate::query_canceled))
    return run_alone(progress, 1);
  auto failure = judge(unit, batch.message(at), reply, chase);
  if (!failure)
    failure = Failure{Error(ErrorCode::statement, "the server rolled the transaction back"), Outcome::not_applied};
  if (!failure->name_taken.empty()) blame_taken_name(*failure);
  if (!failure->may_pass || !wait_before_retry(*failure, 1, chase, progress.observer)) return failure;
  return run_alone(progress, 2);
}

}  // namespace talos::postgres
