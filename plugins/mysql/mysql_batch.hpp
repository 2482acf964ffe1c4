// A statement of a migration with the rows of our own that come before it, in one message: one client turn instead of
// one for each.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/units.hpp"
#include "mysql_connection.hpp"
#include "mysql_message.hpp"
#include "talos/driver.hpp"

namespace talos::mysql {

struct Batch {
  Message message;
  /// Statements of the message up to the COMMIT of our rows, itself included; 0: there are none of them.
  std::size_t own_end = 0;
  /// Up to the one of the migration, if that is bare; 0 for a transaction, whose statements may give any number of
  /// answers.
  std::size_t bare_end = 0;
};

/// Where one execute() stands: units that are committed, then those of our own rows that wait for the statement which
/// they travel with, then the rest.
class Progress {
 public:
  struct Waiting {
    Unit unit;   ///< with the times of its step
    bool opens;  ///< its step: nothing of that was begun
  };

  Progress(std::span<const Unit> its_units, ExecuteObserver& its_observer) : units(its_units), observer(its_observer) {}

  const std::span<const Unit> units;
  ExecuteObserver& observer;
  common::StepClock clock;
  std::vector<Waiting> waiting;
  ExecuteResult result;

  /// The first that neither is committed nor waits.
  std::size_t next() const { return result.completed + waiting.size(); }
  bool failed() const { return result.error.has_value(); }
  void fail(Error error, Outcome outcome);

  /// The first that is not committed may run from now on.
  void start();
  void committed();
  /// The first of those that wait is.
  void waiting_committed();

 private:
  std::chrono::steady_clock::time_point began_;
};

/// What a message asked at its end of the objects that the next statement names.
struct KeptLook {
  std::string sql;
  Reply reply;
};

/// The answer to statement number `index`, as it would be alone. Nothing if none came that says anything.
std::optional<KeptLook> look_in(const Message& message, std::size_t index, const Reply& reply);

}  // namespace talos::mysql
