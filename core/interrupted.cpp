#include "interrupted.hpp"

#include <algorithm>
#include <map>

#include "sha256.hpp"

namespace talos {

namespace {

std::optional<TrackerRow> clean_row(Version version) {
  if (version == no_version) return std::nullopt;
  return TrackerRow{version, false};
}

Error refusal(const std::string& message) { return Error(ErrorCode::dirty, message); }

std::vector<JournalRow> newest_by_statement(const std::vector<JournalRow>& journal) {
  std::map<std::int64_t, JournalRow> rows;
  for (const JournalRow& row : journal) rows.insert_or_assign(row.statement, row);
  std::vector<JournalRow> result;
  for (auto& [statement, row] : rows) result.push_back(std::move(row));
  return result;
}

}  // namespace

Step interrupted_step(const Migration& migration, Direction direction, const History& history) {
  std::set<Version> applied = history.applied;
  applied.erase(migration.version);
  const Version without = applied.empty() ? no_version : *applied.rbegin();
  const Version with = std::max(without, migration.version);
  const bool up = direction == Direction::up;
  const Version target = up ? with : without;
  return {&migration, direction, clean_row(up ? without : with), target, clean_row(target)};
}

Interrupted::Interrupted(const MigrationSet& set, const History& history, const std::vector<JournalRow>& journal,
                         Session& session)
    : rows_(newest_by_statement(journal)) {
  if (rows_.empty())
    throw refusal("nothing says what ran: the database was left dirty by a tool that keeps no journal")
        .with_hint("look at the schema, repair it, and set the version with: migrate force VERSION");
  read_file(set, history, session);
  ask_catalogue(session);
  check_prefix();
}

void Interrupted::read_file(const MigrationSet& set, const History& history, Session& session) {
  const JournalRow& first = rows_.front();
  const Migration* migration = set.find(first.version);
  if (migration == nullptr || !migration->file(first.direction))
    throw refusal("the rest of " + first.file + " is not known: " + set.origin() + " has no such file")
        .with_hint("run the release, or name the --migrations, that began it");
  step_ = interrupted_step(*migration, first.direction, history);
  if (history.tracker != TrackerRow{step_.dirty_version, true})
    throw refusal("the tracker was moved after " + first.file + " was interrupted: its journal no longer fits")
        .with_hint("look at the schema, repair it, and set the version with: migrate force VERSION");
  script_.emplace(*migration, first.direction, step_.file(), session);
  journalled_ = script_->journalled();
}

bool Interrupted::same_text(const JournalRow& row) const {
  const auto number = static_cast<std::size_t>(row.statement);
  return number >= 1 && number <= journalled_.size() &&
         sha256(script_->part(journalled_[number - 1]).text()) == row.sha256;
}

std::string Interrupted::place_of(const JournalRow& row) const {
  return "statement " + std::to_string(row.statement) + " of " + std::to_string(row.statements) + " in " + row.file;
}

// What has happened must stand in the file as it was when it did: what follows was written to follow it.
void Interrupted::check_prefix() const {
  for (const JournalRow& row : rows_) {
    const bool last = &row == &rows_.back();
    const bool counts =
        row.state == JournalState::done || (last && finding_ && finding_->verdict == Settlement::Verdict::applied);
    if (!counts || same_text(row)) continue;
    throw refusal(place_of(row) + " is not what ran: the file was changed since")
        .with_detail("what ran: " + row.text)
        .with_hint("restore the statements that have run, or finish by hand and set the version with: migrate force " +
                   std::to_string(step_.migration->version));
  }
}

void Interrupted::ask_catalogue(Session& session) {
  const JournalRow& row = rows_.back();
  if (row.state == JournalState::done) return;
  finding_ = find_out(row, session);
  if (row.state != JournalState::failed) return;
  // The server said that it did not happen: only what it left behind is news.
  finding_->verdict = Settlement::Verdict::not_applied;
  finding_->reason.clear();
  if (finding_->leftover.empty()) finding_.reset();
}

Settlement::Finding Interrupted::find_out(const JournalRow& row, Session& session) const {
  using Verdict = Settlement::Verdict;
  const bool known = row.statement >= 1 && static_cast<std::size_t>(row.statement) <= journalled_.size();
  const JournalUnit* const unit = known ? &journalled_[static_cast<std::size_t>(row.statement) - 1] : nullptr;
  if (unit != nullptr && unit->transaction && row.state == JournalState::intent)
    return {Verdict::not_applied, "its record would have come with it, and there is none", ""};
  if (!same_text(row)) return {Verdict::unknown, "its text in the file was changed since it ran", ""};
  if (unit->session.size() == 1 && unit->session.front().begin == unit->begin)
    return {Verdict::repeatable, "it changes nothing but its session", ""};
  if (auto* const settlement = session.ability<Settlement>())
    return settlement->settle(script_->part(*unit), row.before);
  return {Verdict::unknown, "this plugin cannot ask the catalogue", ""};
}

bool Interrupted::unsettled() const {
  return finding_ && rows_.back().state != JournalState::failed && finding_->verdict == Settlement::Verdict::unknown;
}

bool Interrupted::happened(std::optional<Assumption> assumption) const {
  const JournalRow& row = rows_.back();
  if (assumption && !unsettled())
    throw Error(ErrorCode::usage, "--assume is for a statement of which nothing tells whether it happened; of " +
                                      place_of(row) + " it is known")
        .with_hint("see what is known with: migrate status; then: migrate resume");
  if (unsettled()) {
    if (!assumption)
      throw refusal("it is not known whether " + place_of(row) + " happened: " + finding_->reason)
          .with_hint(
              "look at the schema for what it does, then: migrate resume --assume applied, or: migrate resume --assume "
              "not-applied");
    if (*assumption == Assumption::applied && !same_text(row))
      throw refusal(place_of(row) + " is not what ran: the file was changed since")
          .with_detail("what ran: " + row.text);
    return *assumption == Assumption::applied;
  }
  if (row.state == JournalState::done) return true;
  return row.state != JournalState::failed && finding_->verdict == Settlement::Verdict::applied;
}

Resumption Interrupted::resumption(std::optional<Assumption> assumption) const {
  const JournalRow& last = rows_.back();
  Resumption result;
  result.first = static_cast<std::size_t>(last.statement);
  if (happened(assumption)) {
    ++result.first;
    if (last.state != JournalState::done) result.settled = last;
  }
  if (result.first > journalled_.size()) return result;
  for (std::size_t i = 0; i + 1 < result.first; ++i) {
    const JournalUnit& unit = journalled_[i];
    if (unit.unrepeatable)
      throw script_->locate(
          refusal("what follows may need what this statement did to its session, which ended: it cannot be done again")
              .at(unit.unrepeatable->begin)
              .with_hint("finish by hand, and set the version with: migrate force " +
                         std::to_string(step_.after ? step_.after->version : no_version)));
    result.replay.insert(result.replay.end(), unit.session.begin(), unit.session.end());
  }
  return result;
}

std::string Interrupted::leftover(const Resumption& resumption) const {
  const bool again = resumption.first == static_cast<std::size_t>(rows_.back().statement);
  return again && finding_ ? finding_->leftover : "";
}

void Interrupted::clear(const Resumption& resumption, Session& session, ExecuteObserver& observer) const {
  if (leftover(resumption).empty()) return;
  session.ability<Settlement>()->clear(script_->part(journalled_[resumption.first - 1]), rows_.back().before, observer);
}

}  // namespace talos
