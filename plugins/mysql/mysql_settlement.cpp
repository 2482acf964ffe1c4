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

bool all_are(const std::vector<Sight>& sights, Sight::State state) {
  return std::all_of(sights.begin(), sights.end(), [&](const Sight& sight) { return sight.state == state; });
}

bool none_is(const std::vector<Sight>& sights, Sight::State state) {
  return std::none_of(sights.begin(), sights.end(), [&](const Sight& sight) { return sight.state == state; });
}

// The change is the one that such a statement makes.
bool fits(const Ddl& ddl, const std::vector<Sight>& before, const std::vector<Sight>& now) {
  using State = Sight::State;
  switch (ddl.act) {
    case Act::create:
      // An index is seen in its table, which is there before and after.
      return ddl.objects.front().kind == NamedObject::Kind::index
                 ? all_are(before, State::present) && all_are(now, State::present)
                 : all_are(before, State::absent) && all_are(now, State::present);
    case Act::drop:
      return ddl.objects.front().kind == NamedObject::Kind::index
                 ? all_are(before, State::present) && all_are(now, State::present)
                 : all_are(before, State::present) && all_are(now, State::absent);
    case Act::alter:
    case Act::rename:
      return before.size() == 1 ? all_are(before, State::present) && all_are(now, State::present)
                                : before.front().state == State::present && now.front().state == State::absent &&
                                      before.back().state == State::absent && now.back().state == State::present;
    case Act::truncate:
    case Act::other:
      break;
  }
  return false;
}

std::string titles(const std::vector<Sight>& sights) {
  std::string text;
  for (const Sight& sight : sights) text += (text.empty() ? "" : ", ") + sight.title;
  return text;
}

Settlement::Finding finding(Verdict verdict, std::string reason) { return {verdict, std::move(reason), {}}; }

Settlement::Finding settle_unchanged(const Ddl& ddl, const std::vector<Sight>& now, bool conditional) {
  const std::string same = titles(now) + (now.size() == 1 ? " is as it was" : " are as they were");
  if (conditional) return finding(Verdict::repeatable, same + ", and the statement allows for that");
  // What a statement that shows nowhere in the definitions has done cannot be seen.
  const bool would_show = ddl.single || ddl.act == Act::create || ddl.act == Act::drop;
  if (would_show) return finding(Verdict::not_applied, same);
  return finding(Verdict::unknown, same + ", but the statement may change rows only");
}

}  // namespace

Settlement::Finding settle(std::string_view statement, LexerModes modes, std::string_view before, const Inquiry& ask,
                           const std::string& database) {
  Ddl ddl = read_ddl(statement, modes);
  if (is_repeatable(statement, ddl, modes)) return finding(Verdict::repeatable, "it can be run again without harm");
  if (ddl.objects.empty()) return finding(Verdict::unknown, "nothing in the catalogue tells what it did");
  if (before.empty()) return finding(Verdict::unknown, "the catalogue was not looked at before it");
  const std::vector<Sight> now = look_at(ask, ddl.objects, database);
  const std::vector<Sight> then = from_image(before, now);
  if (!none_is(now, Sight::State::hidden) || !none_is(then, Sight::State::hidden))
    return finding(Verdict::unknown, "this user cannot see all of " + titles(now));
  if (brings_rows(statement, ddl)) ddl.single = false;
  if (now == then) return settle_unchanged(ddl, now, is_conditional(statement, modes));
  const std::string changed = differences(then, now);
  const bool all_dropped = ddl.act == Act::drop && none_is(now, Sight::State::present);
  if ((ddl.single && fits(ddl, then, now)) || all_dropped) return finding(Verdict::applied, changed);
  if (ddl.single) return finding(Verdict::unknown, changed + ", which is not what it does");
  return finding(Verdict::unknown, changed + ", but the statement is not one act");
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
