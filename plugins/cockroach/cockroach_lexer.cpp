#include "cockroach_lexer.hpp"

#include "pg_lexer.hpp"
#include "pg_token.hpp"

namespace talos::cockroach {

namespace {

// Changes a setting of the session, and nothing else.
bool sets_session(pg::Tokens words) {
  if (words.take("USE")) return true;
  if (!words.take("SET") && !words.take("RESET")) return false;
  return !words.take("CLUSTER");
}

// Every schema change runs by itself here, so that those which refuse transactions elsewhere are no exceptions.
std::uint64_t adjust(std::string_view sql, Statement& statement) {
  if (statement.kind == StatementClass::no_transaction) statement.kind = StatementClass::ddl;
  if (statement.kind != StatementClass::ddl) return 0;
  pg::Tokens words(sql);
  // There is no SELECT … INTO that makes a table: the INTO is UPSERT's.
  if (words.take("UPSERT") || words.take("WITH")) {
    statement.kind = StatementClass::dml;
  } else if (sets_session(words)) {
    // As good in a transaction: a file of rows and settings stays one.
    statement.kind = StatementClass::dml;
    if (!words.take("USE")) return 0;
    statement.session_only = true;
    return pg::trait_session_state;
  } else if (words.take("SET") || words.take("RESET")) {
    // SET CLUSTER SETTING lasts, for every session.
    statement.session_only = false;
  }
  return 0;
}

}  // namespace

std::uint64_t split_sql(std::string_view text, const StatementSink& sink) {
  std::uint64_t traits = 0;
  traits |= pg::split_sql(text, [&](const Statement& found) {
    Statement statement = found;
    traits |= adjust(text.substr(statement.offset, statement.length), statement);
    sink(statement);
  });
  return traits;
}

}  // namespace talos::cockroach
