#include "cockroach_place.hpp"

#include <cstdlib>
#include <random>
#include <sstream>
#include <utility>

#include <doctest/doctest.h>

#include "shared_server.hpp"

namespace talos::test {

namespace {

// Long enough for any machine; and short enough to wait for its end.
constexpr std::string_view lease = "x-lease-ttl=20s";
constexpr std::string_view lease_to_wait_for = "x-lease-ttl=4s";

std::string with_parameter(const std::string& dsn) {
  return dsn + (dsn.find('?') == std::string::npos ? "?" : "&") + std::string(lease);
}

// scheme://authority/database?parameters
std::string with_database(const std::string& dsn, const std::string& database) {
  const auto authority = dsn.find("://") + 3;
  const auto question = std::min(dsn.find('?', authority), dsn.size());
  const auto slash = std::min(dsn.find('/', authority), question);
  return dsn.substr(0, slash) + "/" + database + dsn.substr(question);
}

std::string for_libpq(const std::string& dsn) { return "postgresql" + dsn.substr(dsn.find("://")); }

std::string new_live_database(const std::string& dsn) {
  const std::string name = "talos_test_" + std::to_string(std::random_device{}());
  pg_run(for_libpq(dsn), "CREATE DATABASE " + name);
  return name;
}

}  // namespace

std::optional<std::string> live_cockroach() {
  const char* const dsn = std::getenv("TALOS_TEST_COCKROACH_DSN");
  if (dsn == nullptr || *dsn == 0) return std::nullopt;
  return dsn;
}

std::vector<CrdbProfile> crdb_profiles() {
  const char* const given = std::getenv("TALOS_TEST_CRDB_PROFILES");
  std::istringstream words(given != nullptr && *given != 0 ? given : "23.2 26.1");
  std::vector<CrdbProfile> profiles;
  for (std::string word; words >> word;) {
    const auto profile = crdb_profile(word);
    if (!profile) throw std::runtime_error("TALOS_TEST_CRDB_PROFILES: no profile is called " + word);
    profiles.push_back(*profile);
  }
  return profiles;
}

CockroachPlace::CockroachPlace(PostgresServer& its_server, CrdbProfile profile)
    : crdb(std::make_unique<CrdbDouble>(its_server, profile)),
      server(&its_server),
      database(its_server.create_database()),
      dsn(with_parameter(crdb->dsn(database))),
      libpq_dsn_(crdb->libpq_dsn(database)) {
  std::filesystem::create_directory(migrations);
}

CockroachPlace::CockroachPlace(const std::string& live_dsn)
    : server(nullptr),
      database(new_live_database(live_dsn)),
      dsn(with_parameter(with_database(live_dsn, database))),
      libpq_dsn_(for_libpq(with_database(live_dsn, database))) {
  std::filesystem::create_directory(migrations);
}

CockroachPlace::~CockroachPlace() {
  try {
    if (!crdb) {
      pg_run(for_libpq(*live_cockroach()), "DROP DATABASE IF EXISTS " + database + " CASCADE");
      return;
    }
    for (const std::string& sql : crdb->not_modelled()) FAIL_CHECK("the double has not modelled: " << sql);
    crdb->release_stalled();
    crdb->release_jobs();
    crdb->cut_all();
    server->drop_database(database);
  } catch (const std::exception&) {
    // The server goes with its program; a live cluster's operator sees the name.
  }
}

void CockroachPlace::shorten_lease() { dsn.replace(dsn.find(lease), lease.size(), lease_to_wait_for); }

void CockroachPlace::tables(int count) const {
  for (int i = 1; i <= count; ++i) {
    const std::string table = "t" + std::to_string(i);
    migration(i, table, "CREATE TABLE " + table + " (x int);\n", "DROP TABLE " + table + ";\n");
  }
}

ProcessOptions CockroachPlace::talos(std::vector<std::string> words, ProcessOptions options) const {
  words.insert(words.begin(), {TALOS_TEST_COMMERCIAL, "migrate"});
  options.argv = std::move(words);
  options.directory = directory.path();
  return options;
}

ProcessOptions CockroachPlace::program(std::vector<std::string> words, ProcessOptions options) const {
  for (const std::string& word : {std::string("--database"), dsn, std::string("--migrations"), migrations.string()})
    words.push_back(word);
  return talos(std::move(words), std::move(options));
}

ProcessResult CockroachPlace::migrate(std::vector<std::string> words, ProcessOptions options) const {
  return run(program(std::move(words), std::move(options)));
}

Process CockroachPlace::start(std::vector<std::string> words, ProcessOptions options) const {
  return Process::start(program(std::move(words), std::move(options)));
}

std::string CockroachPlace::tracker() const {
  const auto found = rows("SELECT version::text || ',' || dirty::text FROM schema_migrations");
  return found.empty() ? "none" : found.size() == 1 ? found[0] : "many";
}

bool CockroachPlace::has_table(const std::string& name) const {
  return value("SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public' AND tablename = '" + name +
               "'") == "1";
}

bool CockroachPlace::lease_is_free() const {
  return eventually(
      [&] { return value("SELECT count(*) FROM schema_migrations_lock WHERE id = 1 AND owner <> ''") == "0"; });
}

namespace {

void on_each_profile(const std::function<void(CockroachPlace& place)>& test) {
  PostgresServer* const server = shared_server();
  if (server == nullptr) return;
  for (const CrdbProfile profile : crdb_profiles()) {
    CAPTURE(profile_name(profile));
    CockroachPlace place(*server, profile);
    test(place);
  }
}

}  // namespace

void on_cockroach(const std::function<void(CockroachPlace& place)>& test) {
  const auto live = live_cockroach();
  if (!live) return on_each_profile(test);
  CockroachPlace place(*live);
  test(place);
}

void on_double(const std::function<void(CockroachPlace& place)>& test) {
  if (!live_cockroach()) return on_each_profile(test);
  MESSAGE("skipped: a live cluster cannot be made to fail so; the double can");
}

}  // namespace talos::test
