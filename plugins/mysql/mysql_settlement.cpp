#include "mysql_settlement.hpp"

#include <algorithm>

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

}  // namespace

Settlement::Finding settle(std::string_view statement, LexerModes modes, std::string_view before, const Inquiry& ask,
                           const std::string& database) {
  Ddl ddl = read_ddl(statement, modes);
  if (is_repeatable(statement, ddl, modes)) return finding(Verdict::repeatable, "it can be run again without harm");
  if (ddl.objects.empty()) return finding(Verdict::unknown, "nothing in the catalogue tells what it did");
  if (before.empty()) return finding(Verdict::unknown, "the catalogue was not looked at before it");
  const std::vector<Sight> now = look_at(ask, ddl.objects, database);
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
