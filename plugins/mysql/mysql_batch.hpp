// Statements of migrations with the rows of our own that come before each, in one message: one client turn instead of
// one for each. A message ends with the first of its statements that fails.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/units.hpp"
#include "mysql_connection.hpp"
#include "mysql_message.hpp"
#include "mysql_objects.hpp"
#include "talos/driver.hpp"

namespace talos::mysql {

/// A statement of a migration, or its transaction, and the rows of our own that travel in front of it.
struct Link {
  std::size_t first = 0;  ///< of Progress::units: the first of those rows
  std::size_t body = 0;   ///< and the statement; behind the last unit: none, these are the last rows of all
  /// Statements of the message up to the COMMIT of our rows, itself included.
  std::size_t own_end = 0;
  /// Up to the one of the migration, if that is bare; 0 for a transaction, whose statements may give any number of
  /// answers.
  std::size_t bare_end = 0;
  /// By the statement: no such thing is there when the message begins, which it asserts.
  std::optional<NamedObject> made = {};
};

/// Names of tables and views, in small letters: whether they differ otherwise is up to the server.
using Names = std::set<std::string, std::less<>>;

struct Batch {
  Message message;
  std::size_t settings_end = 0;  ///< statements of it up to the last of the session's settings and its work lock
  std::vector<Link> links;
  Names touched;  ///< by its statements
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
  bool chains = true;  ///< several statements may travel in one message
  Names touched;       ///< by the statements so far

  /// The first that neither is committed nor waits.
  std::size_t next() const { return result.completed + waiting.size(); }
  bool failed() const { return result.error.has_value(); }
  void fail(Error error, Outcome outcome);

  /// The first that is not committed, if there is one, may run from now on.
  void start();
  void committed();
  /// The first of those that wait is.
  void waiting_committed();
  /// Those from `first` to before `end` wait, and nothing before them does.
  void wait_for(std::size_t first, std::size_t end);

 private:
  std::chrono::steady_clock::time_point began_;
};

/// Tells of a message's units as its answers come.
class BatchFollower {
 public:
  /// The first link has begun.
  BatchFollower(const Batch& batch, Progress& progress) : batch_(batch), progress_(progress) {}

  /// So many of its statements are answered.
  void operator()(std::size_t succeeded);

 private:
  const Batch& batch_;
  Progress& progress_;
  std::size_t at_ = 0;  ///< of its links
  bool entered_ = true;
};

/// The row that announces the statement behind these, if one does.
const JournalWrite* announcement(std::span<const Unit> rows);

/// What a message asked at its end of the objects that the next statement names.
struct KeptLook {
  std::string sql;
  Reply reply;
};

/// The answer to statement number `index`, as it would be alone. Nothing if none came that says anything.
std::optional<KeptLook> look_in(const Message& message, std::size_t index, const Reply& reply);

}  // namespace talos::mysql
