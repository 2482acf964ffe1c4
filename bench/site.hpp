// Where migrations are applied: a SQLite file, or a server of our own on loopback.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "message_proxy.hpp"
#include "ways.hpp"

namespace talos::bench {

/// One database at a time, which each turn begins anew.
class Site {
 public:
  Site() = default;
  virtual ~Site() = default;
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// "PostgreSQL 15.18"
  virtual std::string name() const = 0;
  /// "sqlite", "postgres" or "mysql".
  virtual std::string dialect() const = 0;
  /// How durable its commits are, and what differs from how Debian's package is configured.
  virtual std::string settings() const = 0;
  virtual std::string talos() const { return "talos-commercial"; }

  /// A way for each tool that is here; talos is the first. With a proxy in front, they go through it.
  virtual std::vector<Way> ways(const test::MessageProxy* proxy = nullptr) const = 0;
  /// The dialect's own client on a set, in one transaction if that is wanted; nothing if it is not here.
  virtual std::optional<Way> client(bool one_transaction, const test::MessageProxy* proxy = nullptr) const = 0;

  /// Nothing is in the database, and nothing is left to be written back that the next turn would have to wait for.
  virtual void clear(const std::filesystem::path& directory) = 0;
  /// Throws unless there are so many of the tables t1, t2, …
  virtual void expect_tables(const std::filesystem::path& directory, unsigned wanted) = 0;
  virtual void expect_rows(const std::filesystem::path& directory, const std::string& table, long long wanted) = 0;

  /// Each direction is delayed by half of that.
  virtual std::unique_ptr<test::MessageProxy> proxy(std::chrono::milliseconds round_trip) = 0;

  /// What else its client is measured with: the same statements with what makes it comparable.
  virtual std::vector<Way> limits() const { return {}; }
  /// The bare statements with next to no round trips: the server's own work. Nothing where nothing does that.
  virtual std::optional<Way> server_alone(const test::MessageProxy* /*proxy*/ = nullptr) const { return std::nullopt; }
};

/// "sqlite", "postgres", "mariadb" and "mysql".
const std::vector<std::string>& site_names();

/// Starts it; nothing where it is not here.
std::unique_ptr<Site> open_site(const std::string& name, const Tools& tools);

}  // namespace talos::bench
