#include "postgres_batch.hpp"

#include <algorithm>
#include <utility>

#include "postgres_session.hpp"
#include "talos/clock.hpp"
#include "talos/fail_point.hpp"

namespace talos::postgres {

namespace {

// Bytes. The server keeps a whole message, and reads all of it before the first statement runs.
constexpr std::size_t largest_batch = 1U << 20U;

// A message to the client is sent at once, and the words before it with it, which else wait for 8 KiB or the end (P6).
constexpr std::string_view tell_what_is_done = "DO 'BEGIN RAISE NOTICE ''talos''; END'";

std::size_t characters(std::string_view utf8) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), begins));
}

}  // namespace

void Batch::add(Message message) {
  const std::size_t begin = sql_.size();
  sql_ += message.sql();
  parts_.push_back({std::move(message), begin});
}

pg::Reply Batch::reply_to(std::size_t index, const pg::Reply& whole, std::size_t before) const {
  pg::Reply reply = whole;
  reply.succeeded -= before;
  if (reply.succeeded == 0) reply.last_tag.clear();
  if (!reply.error || !reply.error->position) return reply;
  const std::size_t skipped = characters(std::string_view(sql_).substr(0, parts_[index].begin));
  if (*reply.error->position > skipped)
    *reply.error->position -= skipped;
  else
    reply.error->position.reset();
  return reply;
}

// What speaks of settings travels alone (P5), and so does what takes or has a lease.
bool PostgresSession::may_travel_with_others(const Unit& unit) const {
  return unit.transaction && unit.script != nullptr && unit.claim && unit.journal.empty() && unit.begin_text.empty() &&
         !touches_session(unit.script) && unit.end - unit.begin <= largest_batch && !server_.pooled && !heartbeat_;
}

// The caller has called begin_unit() for the first.
Batch PostgresSession::batch_from(const Progress& progress) {
  Batch batch;
  const std::string sent_at = utc_now();
  for (const Unit& unit : progress.units.subspan(progress.completed)) {
    const bool first = batch.size() == 0;
    if (!first && (unit.create_tables || !may_travel_with_others(unit))) break;
    if (!first && batch.sql().size() + unit.end - unit.begin > largest_batch) break;
    if (!first) begin_unit(unit);
    batch.add(compose(unit, sent_at, first ? std::string_view() : tell_what_is_done));
  }
  return batch;
}

// Each is reported as soon as its COMMIT is answered. Returns the answer to the one that was at work in the end.
pg::Reply PostgresSession::send_batch(const Batch& batch, Progress& progress, Pursuit& chase) {
  const std::size_t first = progress.completed;
  std::size_t before = 0;
  auto began = Clock::now();
  const auto after_each = [&](const pg::Reply& so_far) {
    // A migration has no COMMIT of its own here (G7).
    if (so_far.last_tag != "COMMIT") return;
    before = so_far.succeeded;
    committed(progress, std::exchange(began, Clock::now()));
    chase.restart();
    if (progress.completed < first + batch.size()) progress.observer.unit_started(progress.completed);
  };
  fail_point("postgres before unit");
  const pg::Reply reply = connection_->send(batch.sql(), chase.waiting(), after_each);
  fail_point("postgres after unit");
  watch_refused_ = watch_refused_ || chase.watch_refused();
  const std::size_t at = progress.completed - first;
  return at < batch.size() ? batch.reply_to(at, reply, before) : reply;
}

std::optional<PostgresSession::Failure> PostgresSession::run_batch(Progress& progress) {
  const std::size_t first = progress.completed;
  const bool first_is_fresh_due = fresh_due_;
  const Batch batch = batch_from(progress);
  Pursuit chase = pursuit(progress.next(), progress.observer);
  const pg::Reply reply = send_batch(batch, progress, chase);
  const std::size_t at = progress.completed - first;
  if (at == batch.size()) {
    fresh_due_ = false;
    return std::nullopt;
  }

  // The cleaning before it was rolled back with it.
  script_ = progress.next().script;
  fresh_due_ = at > 0 || first_is_fresh_due;
  if (connection_->usable()) roll_back();
  if (at == 0 && reply.error && reply.lost.empty() && reply.succeeded == 0 && batch.size() > 1) {
    // The message could not be read at all, wherever in it the fault is: one at a time they say which.
    progress.alone_before = first + batch.size();
    return std::nullopt;
  }
  auto failure = judge(progress.next(), batch.message(at), reply, chase);
  if (!failure)
    failure = Failure{Error(ErrorCode::statement, "the server rolled the transaction back"), Outcome::not_applied};
  if (!failure->name_taken.empty()) blame_taken_name(*failure);
  if (!failure->may_pass || !wait_before_retry(*failure, 1, chase, progress.observer)) return failure;
  return run_alone(progress, 2);
}

}  // namespace talos::postgres
