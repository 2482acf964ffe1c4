#include "cockroach_database.hpp"

#include <cstdlib>
#include <regex>
#include <stdexcept>

namespace talos::test {

namespace {

// Runners that wait for a killed one's lease wait for it to end by itself, so it is short; not too short for a machine
// that is busy with sixteen of them.
constexpr const char* lease = "&x-lease-ttl=4s";

std::unique_ptr<CrdbDouble> started_double() {
  if (shared_server() == nullptr) return nullptr;
  const char* const given = std::getenv("TALOS_TEST_CRDB_PROFILE");
  const auto profile = crdb_profile(given == nullptr || *given == '\0' ? "26.1" : given);
  if (!profile) throw std::runtime_error(std::string("TALOS_TEST_CRDB_PROFILE: no profile is called ") + given);
  std::printf("%s\n", std::string(crdb_double_limits()).c_str());
  return std::make_unique<CrdbDouble>(*shared_server(), *profile);
}

}  // namespace

CrdbDouble* shared_double_or_skip() {
  static const auto crdb = started_double();
  return crdb.get();
}

bool database_or_skip() { return shared_double_or_skip() != nullptr; }

std::unique_ptr<TestDatabase> new_database() { return std::make_unique<CockroachDatabase>(*shared_double_or_skip()); }

std::unique_ptr<TestDatabase> copy_of(const TestDatabase& other) {
  const auto& original = dynamic_cast<const CockroachDatabase&>(other);
  return std::make_unique<CockroachDatabase>(original.crdb(), original);
}

CockroachDatabase::CockroachDatabase(CrdbDouble& crdb) : PostgresDatabase(*shared_server()), crdb_(crdb) {
  show_program(crdb_.dsn(name()) + lease);
}

CockroachDatabase::CockroachDatabase(CrdbDouble& crdb, const CockroachDatabase& other)
    : PostgresDatabase(*shared_server(), other), crdb_(crdb) {
  show_program(crdb_.dsn(name()) + lease);
}

void CockroachDatabase::settle() const {
  PostgresDatabase::settle();
  if (has_table("schema_migrations_lock"))
    rows(
        "UPDATE schema_migrations_lock SET expires_at = clock_timestamp() - INTERVAL '1 hour' WHERE expires_at >"
        " clock_timestamp()");
}

pid_t CockroachDatabase::holder() const {
  if (!has_table("schema_migrations_lock")) return 0;
  return pid_of_runner(value("SELECT runner FROM schema_migrations_lock WHERE id = 1 AND owner <> ''"));
}

// What has a schema change in it is statement by statement.
bool CockroachDatabase::may_be_torn(const TestMigration& migration) const {
  static const std::regex change("(CREATE|ALTER|DROP) [\\s\\S]*");
  const auto changes = [](const std::vector<std::string>& statements) {
    for (const std::string& statement : statements)
      if (std::regex_match(statement, change)) return true;
    return false;
  };
  return migration.no_transaction || changes(migration.up) || changes(migration.down);
}

std::string CockroachDatabase::own_faults(bool dirty) const {
  std::string faults = PostgresDatabase::own_faults(dirty);
  for (const std::string& sql : crdb_.not_modelled()) faults += "the double has not modelled: " + sql + "\n";
  return faults;
}

std::string CockroachDatabase::lease_faults() const {
  if (!has_table("schema_migrations_lock")) return "";
  const std::string held =
      "SELECT h.runner, u.expires_at FROM schema_migrations_lock AS h, schema_migrations_lock AS u WHERE h.id = 1 AND"
      " h.owner <> '' AND u.id = 2 AND u.expires_at > clock_timestamp()";
  std::string left;
  if (!eventually([&] { return value(held).empty(); }, std::chrono::seconds(5)))
    for (const std::string& row : rows(held)) left += "a lease is left: " + row + "\n";
  return left;
}

}  // namespace talos::test
