// What a migration's statements do to others, tried in a transaction that is rolled back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg_bookkeeping.hpp"
#include "pg_side.hpp"
#include "talos/trial.hpp"

namespace talos::postgres {

class PostgresTrial : public Trial {
 public:
  struct Place {
    const pg::Parameters& parameters;
    const pg::PgDsn& dsn;
    std::vector<std::string> settings;  ///< single statements: what every transaction of the session has
    const pg::Bookkeeping& own;
    std::function<bool()> stop;
  };
  /// What `place` refers to outlives this. Connects when it is first used.
  explicit PostgresTrial(Place place) : place_(std::move(place)) {}

 private:
  std::vector<Effect> do_effects(const ScriptPart& body) override;
  std::optional<Error> do_prepare(std::string_view statement) override;

  std::optional<Error> plan();
  pg::SideConnection& connection();
  std::string beginning() const;

  Place place_;
  std::unique_ptr<pg::SideConnection> connection_;
};

}  // namespace talos::postgres
