#include "mysql_settlement.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "mysql_text.hpp"

namespace talos::mysql {

namespace {

using Verdict = Settlement::Verdict;

// Said again they do no harm, whatever happened the first time.
bool is_repeatable(std::string_view statement, const Ddl& ddl, LexerModes modes) {
  if (ddl.act == Act::truncate) return true;
  Tokens tokens(statement, modes);
  const Token first = tokens.next();
  for (const std::string_view word : {"ANALYZE", "OPTIMIZE", "CHECK", "REPAIR", "FLUSH", "SET", "USE", "GRANT"})
    if (tokens.is(first, word)) return true;
  // CREATE OR REPLACE of what holds no rows.
  const bool replaces = tokens.is(first, "CREATE") && tokens.take("OR") && tokens.take("REPLACE");
  return replaces && !ddl.objects.empty() &&
         std::none_of(ddl.objects.begin(), ddl.objects.end(), [](const NamedObject& object) {
           return object.kind == NamedObject::Kind::table || object.kind == NamedObject::Kind::sequence ||
                  object.kind == NamedObject::Kind::database;
         });
}

// IF EXISTS, IF NOT EXISTS: it may change nothing and be content.
bool is_conditional(std::string_view statement, LexerModes modes) {
  Tokens tokens(statement, modes);
  for (Token token = tokens.next(); token.kind != Token::Kind::end; token = tokens.next()) {
    if (!tokens.is(token, "IF")) continue;
    tokens.take("NOT");
    if (tokens.take("EXISTS")) return true;
  }
  return false;
}

// Its definition says nothing of whether all its rows came.
bool brings_rows(std::string_view statement, const Ddl& ddl) {
  return ddl.act == Act::create && ddl.objects.front().kind == NamedObject::Kind::table &&
         contains_word(statement, "SELECT");
}

Settlement::Finding finding(Verdict verdict, std::string reason) { return {verdict, std::move(reason), {}}; }

bool alters_table(const Ddl& ddl) {
  const NamedObject::Kind kind = ddl.objects.front().kind;
  return kind == NamedObject::Kind::index || (kind == NamedObject::Kind::table && ddl.act == Act::alter);
}

const std::string& schema_of(const Ddl& ddl, const std::string& database) {
  return ddl.objects.front().schema.empty() ? database : ddl.objects.front().schema;
}

// The copy of a table that an ALTER TABLE was building, if InnoDB still has one in this database. A server that comes
// up after a crash ends or undoes such a statement and drops its copy; MariaDB 10.11 was seen to do neither, with the
// new definition over the old rows. Only a user with PROCESS sees it. On MySQL there is none: its data dictionary
// changes with the rows.
std::optional<std::string> half_built_copy(const Inquiry& ask, const std::string& database) {
  const Reply reply =
      ask("SELECT NAME FROM information_schema.INNODB_SYS_TABLES WHERE NAME LIKE '%/#sql-alter-%' AND"
          " SUBSTRING_INDEX(NAME, '/', 1) = CONVERT(CONVERT(" +
          literal(database) + " USING filename) USING binary) LIMIT 1");
  if (!reply.lost.empty()) throw Error(ErrorCode::connection, "the connection was lost: " + reply.lost);
  if (reply.error && reply.error->is(number::access_denied_for_privilege)) return std::nullopt;
  if (reply.error) throw Error(to_error(*reply.error, ErrorCode::connection));
  if (reply.tables.at(0).rows.empty()) return std::nullopt;
  return reply.tables[0].rows[0].at(0);
}

// What is at work is waited for: another session's ALTER TABLE, or the server that still tidies up.
std::optional<std::string> lasting_copy(const Inquiry& ask, const std::string& database) {
  constexpr int looks = 20;
  constexpr std::chrono::milliseconds pause{100};
  auto copy = half_built_copy(ask, database);
  for (int i = 1; copy && i < looks; ++i) {
    std::this_thread::sleep_for(pause);
    copy = half_built_copy(ask, database);
  }
  return copy;
}

}  // namespace

Settlement::Finding settle(std::string_view statement, LexerModes modes, std::string_view before, const Inquiry& ask,
                           const ServerInfo& server) {
  Ddl ddl = read_ddl(statement, modes);
  if (is_repeatable(statement, ddl, modes)) return finding(Verdict::repeatable, "it can be run again without harm");
  if (ddl.objects.empty()) return finding(Verdict::unknown, "nothing in the catalogue tells what it did");
  if (before.empty()) return finding(Verdict::unknown, "the catalogue was not looked at before it");
  const bool may_have_copy = server.mariadb && alters_table(ddl);
  // Before anything is looked at: what goes away while it is waited for has changed its table.
  if (const auto copy = may_have_copy ? lasting_copy(ask, schema_of(ddl, server.database)) : std::nullopt)
    return finding(Verdict::unknown, "InnoDB still has " + *copy +
                                         ", the copy of a table that was being altered: the rows may not be as the "
                                         "definition says");
  const std::vector<Sight> now = look_at(ask, ddl.objects, server.database);
  const std::vector<Sight> then = from_image(before, now);
  if (brings_rows(statement, ddl)) ddl.single = false;
  const bool in_table = ddl.objects.front().kind == NamedObject::Kind::index;
  return common::judge({ddl.act, in_table, ddl.single, is_conditional(statement, modes)}, then, now);
}

bool may_leave_a_part(std::string_view statement, const Ddl& ddl, bool atomic_ddl) {
  if (!ddl.objects.empty()) return !ddl.single && !atomic_ddl;
  Tokens tokens(statement);
  const Token first = tokens.next();
  for (const std::string_view word :
       {"CALL", "EXECUTE", "LOAD", "BEGIN", "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"})
    if (tokens.is(first, word)) return true;
  return false;
}

}  // namespace talos::mysql
