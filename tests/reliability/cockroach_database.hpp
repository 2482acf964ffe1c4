// CockroachDB databases of the reliability tests, by the program's one double (tests/crdb_double), not yet run against
// a live CockroachDB. What they hold is read from the PostgreSQL behind it. TALOS_TEST_CRDB_PROFILE says which release
// the double is, else 26.1.
#pragma once

#include "crdb_double.hpp"
#include "postgres_database.hpp"

namespace talos::test {

/// Null, after saying why, where there is no PostgreSQL and the test is to be skipped (T7).
CrdbDouble* shared_double_or_skip();

class CockroachDatabase : public PostgresDatabase {
 public:
  /// A new empty one.
  explicit CockroachDatabase(CrdbDouble& crdb);
  /// With all that is in `other`, to which nobody may be connected.
  CockroachDatabase(CrdbDouble& crdb, const CockroachDatabase& other);

  CrdbDouble& crdb() const { return crdb_; }

  /// Also lets the time of a killed runner's lease pass, instead of waiting for its end.
  void settle() const override;
  pid_t holder() const override;
  std::vector<std::string> scratch_words() const override { return {}; }
  bool may_be_torn(const TestMigration& migration) const override;

 private:
  std::string own_faults(bool dirty) const override;
  std::string lease_faults() const override;

  CrdbDouble& crdb_;
};

}  // namespace talos::test
