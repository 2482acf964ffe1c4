// The messages that run units.
#include <algorithm>

#include "common/units.hpp"
#include "pg_text.hpp"
#include "postgres_session.hpp"
#include "postgres_sqlstate.hpp"

namespace talos::postgres {

namespace {

std::string raise_unless(const std::string& condition, std::string_view state) {
  return "IF NOT (" + condition + ") THEN RAISE EXCEPTION 'talos' USING ERRCODE = " + pg::literal(state) + "; END IF; ";
}

std::string synchronous_commit(bool durable, const std::string& of_the_server) {
  // remote_apply is more than `on`; whatever is less is not for a commit that is reported as durable (P7).
  const std::string wanted = !durable ? "off" : of_the_server == "remote_apply" ? "remote_apply" : "on";
  return "SET LOCAL synchronous_commit = " + wanted;
}

// To the server every transaction of a message began when the message came: a claim notes how much later its own did.
// As a condition that holds, so that it costs no statement of its own.
constexpr std::string_view notes_beginning =
    "pg_catalog.set_config('talos.began',"
    " (pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp())::text, true) IS NOT NULL";
// A script may have reset it.
constexpr std::string_view beginning =
    "coalesce(nullif(pg_catalog.current_setting('talos.began', true), '')::interval, '0')";

// By our clock, `sent_at` being when the first message of the transaction left.
std::string started_at(const std::string& sent_at, bool noted) {
  return pg::literal(sent_at) + "::timestamptz" + (noted ? " + " + std::string(beginning) : "");
}

std::string duration_since(const LogRow& row, bool noted) {
  if (row.began) {
    const auto since = std::chrono::steady_clock::now() - *row.began;
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
  }
  const std::string later = noted ? " - " + std::string(beginning) : "";
  return "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()" + later +
         ") * 1000000";
}

}  // namespace

bool touches_session(const Script* script) {
  return script != nullptr && (script->traits & (pg::trait_session_state | pg::trait_lexing_settings)) != 0;
}

bool PostgresSession::takes_lease(const Unit& unit) const {
  return server_.pooled && !heartbeat_ && unit.claim && unit.claim->to && unit.claim->to->dirty;
}

bool PostgresSession::releases_lease(const Unit& unit) const {
  return heartbeat_ && unit.claim && !(unit.claim->to && unit.claim->to->dirty);
}

bool PostgresSession::needs_guard(const Unit& unit) const { return unit.claim || heartbeat_; }

// Claims are made with our own eyes and rights, whatever the statements before them set (G6).
std::string PostgresSession::claim_block(const Unit& unit, bool tells) const {
  // A notice is sent at once, and what was said before it too, which else waits for 8 KiB or the message's end (P6).
  std::string checks = tells ? "RAISE NOTICE 'talos'; " : "";
  if (server_.pooled && unit.claim) checks += raise_unless(locks_->try_in_transaction(), sqlstate::busy);
  if (server_.pooled && unit.claim && existing_.lease)
    checks += raise_unless("NOT " + lease_->held_by_other(), sqlstate::busy);
  if (heartbeat_) checks += raise_unless(lease_->is_ours(), sqlstate::lease_lost);
  if (unit.claim)
    checks += tables_->claim_sql(*unit.claim, notes_beginning) + " " + raise_unless("FOUND", sqlstate::claim_lost);
  if (takes_lease(unit)) checks += lease_->take();
  if (!touches_session(place_.script)) return "DO " + pg::literal("BEGIN " + checks + " END");
  const auto set = [](const std::string& name, const std::string& value) {
    return "PERFORM pg_catalog.set_config('" + name + "', " + value + ", true); ";
  };
  return "DO " + pg::literal(
                     "DECLARE talos_role text := pg_catalog.current_setting('role');"
                     " talos_path text := pg_catalog.current_setting('search_path');"
                     " talos_user name := session_user; BEGIN SET LOCAL SESSION AUTHORIZATION DEFAULT; " +
                     set("role", "'none'") + set("search_path", "'pg_catalog'") + checks +
                     "IF session_user <> talos_user THEN EXECUTE pg_catalog.format("
                     "'SET LOCAL SESSION AUTHORIZATION %I', talos_user); END IF; " +
                     set("search_path", "talos_path") + set("role", "talos_role") + "END");
}

std::vector<std::string> PostgresSession::renewed_session() const {
  std::vector<std::string> statements = fresh_session();
  for (std::string& statement : session_settings(dsn_, server_, statement_timeout_, false))
    statements.push_back(std::move(statement));
  return statements;
}

void PostgresSession::add_beginning(Message& message, const Unit& unit, bool tells) const {
  // Before BEGIN in the same message is inside of the same transaction.
  if (place_.fresh_due) message.add(renewed_session());
  // The file may have made sessions read-only for itself.
  const std::string begin = touches_session(place_.script) && (unit.script == nullptr || !unit.journal.empty())
                                ? "BEGIN READ WRITE"
                                : "BEGIN";
  message.add(unit.begin_text.empty() ? begin : std::string(unit.begin_text) + "\n");
  if (server_.pooled) message.add(session_settings(dsn_, server_, statement_timeout_, true));
  message.add("SET LOCAL lock_timeout = " + pg::setting(ddl_lock_timeout_));
  if (unit.create_tables) message.add(tables_->create_sql(existing_, common::adds_journal_row(unit)));
  if (takes_lease(unit) && !existing_.lease) message.add(tables_->create_lease_sql());
  if (needs_guard(unit)) message.add(claim_block(unit, tells));
  message.end_guard();
}

void PostgresSession::add_end(Message& message, const Unit& unit, const std::string& sent_at) const {
  if (unit.script != nullptr) {
    // Deferred constraints and triggers speak now, under the file's own settings, and not at our COMMIT.
    if (may_touch_session(unit.script)) message.add("SET CONSTRAINTS ALL IMMEDIATE");
    if (server_.pooled && touches_session(unit.script)) message.add(fresh_session());
  }
  const bool times_out = unit.script != nullptr && statement_timeout_.count() > 0;
  if (may_touch_session(unit.script) || touches_session(place_.script) || times_out) {
    message.add("SET LOCAL SESSION AUTHORIZATION DEFAULT");
    message.add("SET LOCAL ROLE NONE");
    message.add("SET LOCAL search_path = pg_catalog");
    message.add("SET LOCAL statement_timeout = 0");
  }
  message.add(synchronous_commit(unit.durable, server_.synchronous_commit));
  for (const JournalWrite& write : unit.journal)
    if (write.kind != JournalWriteKind::close || existing_.journal)
      message.add(
          tables_->journal_sql(write, write.subject.script != nullptr ? settlement_->image_sql(write.subject) : ""));
  if (unit.log) {
    const LogRow row = place_.steps.timed(*unit.log);
    const bool noted = unit.claim.has_value();
    message.add(tables_->log_sql(row, started_at(sent_at, noted), duration_since(row, noted)));
  }
  if (releases_lease(unit)) message.add(lease_->release_sql());
  if (common::is_empty(unit))
    // Nothing to write, and yet a commit that waits for all before it.
    message.add("SELECT pg_catalog.pg_logical_emit_message(true, 'talos', '')");
  message.add("COMMIT");
}

Message PostgresSession::compose(const Unit& unit, const std::string& sent_at, bool tells) const {
  Message message;
  add_beginning(message, unit, tells);
  if (unit.script != nullptr) message.add_body(unit.script->text.substr(unit.begin, unit.end - unit.begin));
  add_end(message, unit, sent_at);
  return message;
}

}  // namespace talos::postgres
