// What may be said of a statement that ran outside of a transaction and was cut off.
#pragma once

#include "talos/settlement.hpp"

namespace talos::sqlite {

/// Statements that change the schema run in a transaction with their journal row, so that only the engine's maintenance
/// is ever in doubt here, and that may be said again.
class SqliteSettlement : public Settlement {
 private:
  Finding do_settle(const ScriptPart& statement, std::string_view before) override;
};

}  // namespace talos::sqlite
