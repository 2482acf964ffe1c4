// Which statements travel together in one message, and how it reads.
#include <algorithm>
#include <utility>

#include "mysql_batch.hpp"
#include "mysql_objects.hpp"
#include "mysql_session.hpp"
#include "talos/clock.hpp"

namespace talos::mysql {

namespace {

using Part = Message::Part;

// So that a run that is asked to stop, or whose runner is gone, is over soon.
constexpr std::size_t most_links = 128;
// Bytes of SQL in the files. Our rows have some 5 KiB a link where names are long and not of ASCII.
constexpr std::size_t largest_chain = 128U << 10U;

// The number of the history's row is no business of the script's.
constexpr std::string_view forget_number = "DO LAST_INSERT_ID(0)";

// The claims of one transaction: those that follow each other are one, from where the first begins to where the last
// ends.
std::vector<Claim> joined_claims(const std::vector<Unit>& rows) {
  std::vector<Claim> claims;
  for (const Unit& unit : rows) {
    if (!unit.claim) continue;
    if (!claims.empty() && claims.back().to == unit.claim->from)
      claims.back().to = unit.claim->to;
    else
      claims.push_back(*unit.claim);
  }
  return claims;
}

bool writes_history(const std::vector<Unit>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Unit& unit) { return unit.log.has_value(); });
}

std::string in_small_letters(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::span<const Unit> rows_of(const Progress& progress, const Link& link) {
  return progress.units.subspan(link.first, link.body - link.first);
}

std::vector<NamedObject> made_by_all(const Batch& batch) {
  std::vector<NamedObject> made;
  for (const Link& link : batch.links)
    if (link.made) made.push_back(*link.made);
  return made;
}

std::string_view text_of(const Unit& unit) { return unit.script->text.substr(unit.begin, unit.end - unit.begin); }

}  // namespace

const JournalWrite* announcement(std::span<const Unit> rows) {
  for (const Unit& unit : rows)
    for (const JournalWrite& write : unit.journal)
      if (write.kind == JournalWriteKind::add) return &write;
  return nullptr;
}

Batch MySqlSession::compose_batch(const Progress& progress, const Unit& unit) {
  Batch batch;
  batch.links.push_back({progress.result.completed, progress.next()});
  if (unit.transaction) {
    add_waiting(batch, progress);
    batch.links.front().own_end = batch.message.size();
    add_transaction(batch.message, unit);
    return batch;
  }
  add_links(batch, progress);
  const std::string sent = utc_now();
  for (Link& link : batch.links) {
    if (&link == &batch.links.front())
      add_waiting(batch, progress);
    else
      add_rows(batch.message, progress, link, sent);
    link.own_end = batch.message.size();
    if (link.body == progress.units.size()) return batch;
    link.bare_end = link.own_end + 1;
    add_bare(batch.message, progress.units[link.body]);
  }
  // Where the object does not exist it is an error, which ends the message.
  if (const auto look = next_look(progress, batch)) batch.message.add(Part::look, *look);
  return batch;
}

// As many statements as may follow the first, and the rows behind the last of all.
void MySqlSession::add_links(Batch& batch, const Progress& progress) {
  const auto& units = progress.units;
  // Where nothing waits nothing is asserted.
  const bool asserts = progress.chains && !progress.waiting.empty();
  const JournalWrite* const write = announcement(rows_of(progress, batch.links.front()));
  if (asserts && !look_ && write != nullptr) batch.links.front().made = made_by(*write, progress, batch);
  add_names(units[progress.next()], batch.touched);
  for (std::size_t size = 0; asserts && batch.links.size() < most_links && !stop_requested();) {
    auto link = next_link(progress, batch);
    if (!link || (size += text_of(units[link->body]).size()) > largest_chain) break;
    add_names(units[link->body], batch.touched);
    batch.links.push_back(std::move(*link));
  }
  // The last is the one whose traces count.
  const std::size_t last = batch.links.back().body;
  begin_script(units[last].script);
  if (!must_be_last(units[last]) && last + 1 < units.size() && rows_from(progress, last + 1) == units.size())
    batch.links.push_back({last + 1, units.size()});
}

void MySqlSession::add_names(const Unit& unit, Names& names) const {
  if (unit.transaction) return;
  for (const NamedObject& object : read_ddl(text_of(unit), modes_).objects) names.insert(in_small_letters(object.name));
}

// The first unit with a body, of those from `first` on, if what is before it can be written in the middle of a message.
std::optional<std::size_t> MySqlSession::rows_from(const Progress& progress, std::size_t first) {
  const auto& units = progress.units;
  std::size_t body = first;
  for (; body < units.size() && units[body].script == nullptr; ++body) {
    const Unit& unit = units[body];
    if (unit.create_tables && !missing_tables(unit).empty()) return std::nullopt;
    if (unit.step != units[body - 1].step && too_large(units.subspan(body))) return std::nullopt;
  }
  return body;
}

// The statement after those of the batch, if it may travel in the same message: one that makes something, of which the
// image before it (G13) is known without a look if nothing of that name is there.
std::optional<Link> MySqlSession::next_link(const Progress& progress, const Batch& batch) {
  const auto& units = progress.units;
  const Link& last = batch.links.back();
  if (must_be_last(units[last.body])) return std::nullopt;
  const auto body = rows_from(progress, last.body + 1);
  if (!body || *body == units.size() || units[*body].transaction) return std::nullopt;
  Link link{last.body + 1, *body};
  const JournalWrite* const write = announcement(rows_of(progress, link));
  if (write != nullptr) link.made = made_by(*write, progress, batch);
  if (!link.made) return std::nullopt;
  begin_script(units[link.body].script);
  if (!can_carry(units[link.body])) return std::nullopt;
  return link;
}

// The one thing that the announced statement makes, if the server can be told to go on only where it is not there, and
// nothing that ran before may have made it.
std::optional<NamedObject> MySqlSession::made_by(const JournalWrite& write, const Progress& progress,
                                                 const Batch& batch) const {
  if (!wants_image(write)) return std::nullopt;
  Ddl ddl = read_ddl(write.subject.text(), modes_);
  if (ddl.act != Act::create || ddl.objects.size() != 1 || !can_assert_absence(ddl.objects.front()))
    return std::nullopt;
  const std::string name = in_small_letters(ddl.objects.front().name);
  if (progress.touched.contains(name) || batch.touched.contains(name)) return std::nullopt;
  return std::move(ddl.objects.front());
}

// What the link announces gets the image of what is not there.
void MySqlSession::set_absence(Unit& unit, const Link& link) const {
  if (!link.made) return;
  for (JournalWrite& write : unit.journal)
    if (write.kind == JournalWriteKind::add) write.row.before = to_image({absent(*link.made, server_.database)});
}

// All that wait as one transaction, so that a migration's end and the next one's beginning are one durable commit.
void MySqlSession::add_waiting(Batch& batch, const Progress& progress) {
  Message& message = batch.message;
  const bool due = settings_due_;
  if (due) message.add(Part::setting, worker_settings());
  // The step may have begun with a message before this one.
  if (batch.links.size() > 1)
    message.add(Part::setting, "SET @talos_sent = UTC_TIMESTAMP(6), @talos_began = TIMESTAMPADD(MICROSECOND, -" +
                                   std::to_string(progress.clock.elapsed().count()) + ", UTC_TIMESTAMP(6))");
  std::vector<Unit> rows;
  for (const auto& [unit, opens] : progress.waiting) {
    if (common::is_empty(unit)) continue;
    rows.push_back(unit);
    set_absence(rows.back(), batch.links.front());
    rows.back().journal = with_images(rows.back());
  }
  if (rows.empty()) {
    if (due) add_work_lock(message);
    if (due) batch.settings_end = message.size();
    return;
  }
  const auto claims = joined_claims(rows);
  if (!claims.empty() && !claims.front().from) add_isolation(message);
  message.add(Part::setting, "START TRANSACTION READ WRITE");
  if (due) add_work_lock(message);
  if (due) batch.settings_end = message.size();
  for (const Claim& claim : claims) message.add(Part::claim, tables_->claim_sql(claim));
  if (const auto made = made_by_all(batch); !made.empty())
    message.add(Part::absence, require_sql(absence_sql(made, server_.database)));
  for (const Unit& unit : rows) add_records(message, unit, times_here(unit, utc_now(), false));
  if (writes_history(rows)) message.add(Part::ending, forget_number);
  add_commit(message, true);
}

// The same behind another statement of the message, with as few statements as there can be.
void MySqlSession::add_rows(Message& message, const Progress& progress, const Link& link, const std::string& sent) {
  const std::span<const Unit> units = rows_of(progress, link);
  std::vector<Unit> rows(units.begin(), units.end());
  std::string fence = nobody_stops();
  if (locks_->held()) fence += " AND " + locks_->is_held_by(base_->id());
  message.add(Part::setting, "START TRANSACTION READ WRITE");
  // Nobody else can claim what this has locked, until the end: the fence need not be the last.
  const auto claims = joined_claims(rows);
  for (const Claim& claim : claims) message.add(Part::claim, tables_->claim_sql(claim, fence));
  std::size_t step = progress.units[link.first - 1].step;
  for (Unit& unit : rows) {
    if (std::exchange(step, unit.step) != unit.step) message.add(Part::ending, began_sql);
    set_absence(unit, link);
    add_records(message, unit, times_there(sent));
  }
  if (writes_history(rows)) message.add(Part::ending, forget_number);
  if (claims.empty()) message.add(Part::stop, require_sql(fence));
  message.add(Part::commit, commit_sql);
}

void MySqlSession::add_bare(Message& message, const Unit& unit) const {
  message.add_body(text_of(unit), unit.begin);
  if (!must_be_last(unit)) message.add(Part::warnings, "SHOW WARNINGS");
}

void MySqlSession::add_transaction(Message& message, const Unit& unit) {
  Unit complete = unit;
  complete.journal = with_images(unit);
  add_beginning(message, complete, true);
  add_body(message, complete);
  add_end(message, complete, utc_now(), true);
}

// What it has set may show in what is shown. MySQL keeps the semicolon behind a trigger or an event with it, and then
// its dump does not load. And nothing may come behind a statement that is none for this server, as a comment for others
// is.
bool MySqlSession::must_be_last(const Unit& unit) const {
  if (may_leave_traces(unit)) return true;
  const std::string_view text = text_of(unit);
  if (text.find("/*!") != std::string_view::npos || text.find("/*M!") != std::string_view::npos) return true;
  const Ddl ddl = read_ddl(text, modes_);
  // MariaDB's packages, and what else is not known.
  if (ddl.objects.empty()) return Tokens(text, modes_).take("CREATE");
  return std::any_of(ddl.objects.begin(), ddl.objects.end(), is_program);
}

// What the row that announces the next statement wants to know of its object, where one question tells it. Nothing runs
// between the statement before it and that row.
std::optional<std::string> MySqlSession::next_look(const Progress& progress, const Batch& batch) const {
  const Link& last = batch.links.back();
  if (!shows_as_base_ || must_be_last(progress.units[last.body])) return std::nullopt;
  for (const Unit& unit : progress.units.subspan(last.body + 1)) {
    if (unit.script != nullptr) break;
    for (const JournalWrite& write : unit.journal)
      if (wants_image(write) && !(progress.chains && made_by(write, progress, batch)))
        return only_question(read_ddl(write.subject.text(), modes_).objects, server_.database);
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
