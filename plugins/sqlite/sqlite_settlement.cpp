#include "sqlite_settlement.hpp"

#include "sqlite_lexer.hpp"

namespace talos::sqlite {

Settlement::Finding SqliteSettlement::do_settle(const ScriptPart& statement, std::string_view /*before*/) {
  if (is_maintenance(statement.text())) return {Verdict::repeatable, "it may be run again: it changes no data", ""};
  return {Verdict::unknown, "the database does not tell whether it happened", ""};
}

}  // namespace talos::sqlite
