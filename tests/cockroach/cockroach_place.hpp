// One test's place on CockroachDB: the double in one profile, or a live cluster; a database, a scratch directory and a
// directory of migrations.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdb_double.hpp"
#include "postgres_server.hpp"
#include "process.hpp"
#include "world.hpp"

namespace talos::test {

/// TALOS_TEST_COCKROACH_DSN: a cluster on which this user may create databases.
std::optional<std::string> live_cockroach();

/// The profiles that tests run on: TALOS_TEST_CRDB_PROFILES="23.2 26.1", by default the oldest and the first that locks
/// new tables.
std::vector<CrdbProfile> crdb_profiles();

class CockroachPlace {
 public:
  /// On a double of its own in front of that server.
  CockroachPlace(PostgresServer& server, CrdbProfile profile);
  /// In a new database of the live cluster.
  explicit CockroachPlace(const std::string& live_dsn);
  /// Drops the database, and checks that the double has judged all that it was sent.
  ~CockroachPlace();
  CockroachPlace(const CockroachPlace&) = delete;
  CockroachPlace& operator=(const CockroachPlace&) = delete;

  const std::unique_ptr<CrdbDouble> crdb;  ///< null: live
  PostgresServer* const server;            ///< behind the double
  const std::string database;
  std::string dsn;  ///< what the program is given
  const ScratchDirectory directory;
  const std::filesystem::path migrations = directory / "migrations";

  /// For a test in which a lease comes to its end by itself.
  void shorten_lease();

  void migration(long version, std::string_view name, std::string_view up,
                 std::string_view down = "SELECT 1;\n") const {
    write_migration(migrations, version, name, up, down);
  }
  /// Versions 1 to `count`; each makes table tN, and its down file drops it.
  void tables(int count) const;

  /// `talos-commercial migrate WORDS`, in the scratch directory.
  ProcessOptions talos(std::vector<std::string> words, ProcessOptions options = {}) const;
  /// `talos-commercial migrate WORDS --database … --migrations …`, in the scratch directory.
  ProcessResult migrate(std::vector<std::string> words, ProcessOptions options = {}) const;
  Process start(std::vector<std::string> words, ProcessOptions options = {}) const;

  PgClient client() const { return PgClient(libpq_dsn_); }
  std::vector<std::string> rows(const std::string& sql) const { return pg_rows(libpq_dsn_, sql); }
  std::string value(const std::string& sql) const { return pg_value(libpq_dsn_, sql); }
  void sql(const std::string& text) const { pg_run(libpq_dsn_, text); }
  /// On the server behind the double: for what CockroachDB has, and the double has not modelled.
  void behind(const std::string& text) const { pg_run(server->dsn(database), text); }

  /// Version and dirty flag, as golang-migrate reads them; "none" for an empty tracker.
  std::string tracker() const;
  bool has_table(const std::string& name) const;
  /// Until nobody holds the lease; false in vain.
  bool lease_is_free() const;

 private:
  ProcessOptions program(std::vector<std::string> words, ProcessOptions options) const;

  std::string libpq_dsn_;
};

/// Runs the test in a new place on each profile, or, where a live cluster is given, there. Nothing, after saying why,
/// without a PostgreSQL for the double (T7).
void on_cockroach(const std::function<void(CockroachPlace& place)>& test);
/// The same for what a live cluster cannot be made to do: skipped there with the reason.
void on_double(const std::function<void(CockroachPlace& place)>& test);

}  // namespace talos::test
