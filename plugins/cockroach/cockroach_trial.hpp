// What can be found out about a migration's statements before they run. What they would take of a table can not: there
// are no locks to look at, a schema change is a job, and one in a transaction that could be rolled back is refused.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg_side.hpp"
#include "talos/trial.hpp"

namespace talos::cockroach {

class CockroachTrial : public Trial {
 public:
  struct Place {
    const pg::Parameters& parameters;
    const pg::PgDsn& dsn;
    const std::string& schema;          ///< of names without one
    std::vector<std::string> settings;  ///< single statements: what every session of ours is set to
    std::function<bool()> stop;
  };
  /// What `place` refers to outlives this. Connects when it is first used.
  explicit CockroachTrial(Place place) : place_(std::move(place)) {}

 private:
  std::vector<Effect> do_effects(const ScriptPart& body) override;
  std::optional<Error> do_prepare(std::string_view statement) override;

  pg::SideConnection& connection();

  Place place_;
  std::unique_ptr<pg::SideConnection> connection_;
};

}  // namespace talos::cockroach
