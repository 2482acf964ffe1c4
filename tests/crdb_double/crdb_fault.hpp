// Faults that the double makes happen at a client's statement.
#pragma once

#include <functional>
#include <string>

namespace talos::test {

/// One statement of a client, in the order in which the double took them up.
struct CrdbStatement {
  int number = 0;      ///< from 1, over all connections
  int connection = 0;  ///< from 1
  std::string user;
  std::string application;
  std::string sql;
  bool in_transaction = false;    ///< a BEGIN came before it
  bool ends_transaction = false;  ///< COMMIT of that transaction
  bool more_follow = false;       ///< in its message: the implicit transaction goes on
  bool schema_change = false;     ///< one that a job does

  /// With it something is committed or not: only here can the outcome be ambiguous.
  bool decides() const { return ends_transaction || (!in_transaction && (!more_follow || schema_change)); }
};

struct CrdbFault {
  enum class What {
    retry,             ///< 40001; the transaction is rolled back, and so is a statement of its own
    ambiguous_before,  ///< 40003, and nothing was committed; only where `CrdbStatement::decides`
    ambiguous_after,   ///< 40003 after the real commit; only there
    drop_before,       ///< the socket is closed, the statement is not run
    drop_during,       ///< the socket is closed while the schema change's job goes on; elsewhere as drop_after
    drop_after,        ///< the statement is run, and committed if it decides, then the socket is closed
    stall_before,      ///< nothing more is run or answered until CrdbDouble::release_stalled
    stall_after,       ///< it is run, but not answered until then
    late,              ///< the socket is closed, and what the client sent last arrives all the same, only then
  };
  What what = What::retry;
  /// CrdbStatement::number; 0: the first for which `matches` holds.
  int statement = 0;
  std::function<bool(const CrdbStatement&)> matches = nullptr;
  int times = 1;
  /// ReadyForQuery's TxStatus after 40001 at COMMIT: no golden case says which, so tests run both.
  char status_after_commit = 'I';
};

}  // namespace talos::test
