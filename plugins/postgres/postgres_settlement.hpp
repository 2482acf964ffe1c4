// What became of a statement that runs outside of a transaction and was cut off, by the catalogue.
#pragma once

#include <string>

#include "pg_bookkeeping.hpp"
#include "talos/settlement.hpp"

namespace talos::postgres {

class PostgresSettlement : public Settlement {
 public:
  /// Unqualified names are those of `schema`. `session` runs what clear() has to do; it owns this object.
  PostgresSettlement(Session& session, pg::Ask ask, std::string schema);

  /// An SQL expression for JournalRow::before of such a statement; empty where nothing could be settled by one.
  std::string image_sql(const ScriptPart& statement) const;

 private:
  Finding do_settle(const ScriptPart& statement, std::string_view before) override;
  void do_clear(const ScriptPart& statement, std::string_view before, ExecuteObserver& observer) override;

  Session& session_;
  pg::Ask ask_;
  std::string schema_;
};

}  // namespace talos::postgres
