// A scratch database on a PostgreSQL server.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pg_bookkeeping.hpp"
#include "pg_connection.hpp"
#include "pg_dsn.hpp"
#include "postgres_server.hpp"
#include "talos/scratch.hpp"

namespace talos::postgres {

/// Made and dropped by connections of their own: the session that it belongs to may be idle for long, and a request to
/// stop must not keep the database from being dropped.
class PostgresScratch : public Scratch {
 public:
  struct Place {
    const pg::Parameters& parameters;
    const pg::PgDsn& dsn;
    const ServerInfo& server;
    std::vector<std::string> settings;  ///< single statements: what the session is set to
    std::function<bool()> stop;
  };
  /// What `place` refers to outlives this.
  explicit PostgresScratch(Place place) : place_(std::move(place)) {}
  ~PostgresScratch() override;
  PostgresScratch(const PostgresScratch&) = delete;
  PostgresScratch& operator=(const PostgresScratch&) = delete;

 private:
  class Source;

  std::string do_create() override;
  std::string do_copy(std::string_view from, std::string_view table) override;
  void do_drop() override;

  void make_database();
  void make_schemas(const std::vector<std::string>& names) const;
  pg::Parameters inside() const;

  Place place_;
  std::string name_;  ///< empty: there is none
};

}  // namespace talos::postgres
