// SDK. An optional ability of a session: to find out from the catalogue what became of a statement that was sent and of
// which no answer came.
#pragma once

#include <string>
#include <string_view>

#include "talos/driver.hpp"

namespace talos {

/// Asked only when the session that sent the statement is gone: by `status` while nobody holds the run lock, and by
/// `resume` under it.
class Settlement : public Ability {
 public:
  static constexpr std::string_view id = "talos.settlement.1";

  enum class Verdict {
    unknown,      ///< the catalogue cannot tell; it is never guessed
    not_applied,  ///< what the statement names is as it was before
    applied,      ///< it happened, as a whole
    repeatable,   ///< it may have happened; run again it does no harm, and the end is the same (VACUUM)
  };

  struct Finding {
    Verdict verdict = Verdict::unknown;
    std::string reason;    ///< for the operator, a clause: what the catalogue says, or why it cannot tell
    std::string leftover;  ///< what a broken attempt left and clear() removes: "the INVALID index i"; else empty
  };

  /// `before` is what the plugin stored in JournalRow::before when the statement was announced; empty: nothing.
  /// Writes nothing.
  Finding settle(const ScriptPart& statement, std::string_view before) {
    return detail::guarded("settle", [&] { return do_settle(statement, before); });
  }

  /// Removes what settle() named as left over, before the statement runs again. Under the run lock.
  void clear(const ScriptPart& statement, std::string_view before, ExecuteObserver& observer) {
    detail::guarded("clear", [&] { do_clear(statement, before, observer); });
  }

 private:
  virtual Finding do_settle(const ScriptPart& statement, std::string_view before) = 0;
  /// Nothing to do where settle() never names a leftover.
  virtual void do_clear(const ScriptPart& /*statement*/, std::string_view /*before*/, ExecuteObserver& /*observer*/) {}
};

}  // namespace talos
