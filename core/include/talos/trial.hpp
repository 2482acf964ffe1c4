// SDK. An optional ability of a session on a scratch database: to find out what a statement would do to others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "talos/driver.hpp"

namespace talos {

/// What a statement does to those who use the table at the same time.
struct Effect {
  std::string table;
  std::string what;  ///< in the dialect's words: "ACCESS EXCLUSIVE", "ALGORITHM=COPY, LOCK=SHARED"
  bool blocks_reads = false;
  bool blocks_writes = false;
  bool rewrites = false;  ///< the whole table is written anew: it takes as long as the table is large
  bool scans = false;     ///< the whole table is read under that lock: an index is built, a constraint checked
  bool operator==(const Effect&) const = default;
};

class Trial : public Ability {
 public:
  static constexpr std::string_view id = "talos.trial.1";

  /// Runs it, sees what it takes on tables that were there before, and undoes it. Nothing for what cannot be tried so.
  std::vector<Effect> effects(const ScriptPart& body) {
    return detail::guarded("effects", [&] { return do_effects(body); });
  }

  /// Prepares one statement of an application, which may have parameters, and runs nothing. The error that the engine
  /// has to say, if any.
  std::optional<Error> prepare(std::string_view statement) {
    return detail::guarded("prepare", [&] { return do_prepare(statement); });
  }

 private:
  virtual std::vector<Effect> do_effects(const ScriptPart& body) = 0;
  virtual std::optional<Error> do_prepare(std::string_view statement) = 0;
};

}  // namespace talos
