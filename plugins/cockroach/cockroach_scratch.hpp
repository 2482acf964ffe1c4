// A scratch database on a CockroachDB cluster.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pg_connection.hpp"
#include "pg_dsn.hpp"
#include "talos/scratch.hpp"

namespace talos::cockroach {

/// Made and dropped by connections of their own: the session that it belongs to may be idle for long, and a request to
/// stop must not keep the database from being dropped.
class CockroachScratch : public Scratch {
 public:
  struct Place {
    const pg::Parameters& parameters;
    const pg::PgDsn& dsn;
    const std::string& schema;
    std::vector<std::string> settings;  ///< single statements: what every session of ours is set to
  };
  /// What `place` refers to outlives this.
  explicit CockroachScratch(Place place) : place_(std::move(place)) {}
  ~CockroachScratch() override;
  CockroachScratch(const CockroachScratch&) = delete;
  CockroachScratch& operator=(const CockroachScratch&) = delete;

 private:
  std::string do_create() override;
  std::string do_copy(std::string_view from, std::string_view table) override;
  void do_drop() override;

  void run(const pg::Parameters& parameters, const std::string& sql) const;

  Place place_;
  std::string name_;  ///< empty: there is none
};

}  // namespace talos::cockroach
