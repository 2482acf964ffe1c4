// The proof of the Talos schema on CockroachDB's double: the files of plugins/cockroach/migrations against what the
// schema is to be. Not yet run against a live CockroachDB.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cockroach_place.hpp"
#include "crdb_double.hpp"
#include "postgres_schema.hpp"
#include "shared_server.hpp"
#include "talos_schema.hpp"

namespace {

namespace schema = talos::test::schema;
using schema::Direction;
using talos::test::CrdbDouble;
using talos::test::CrdbProfile;

const std::filesystem::path folder = TALOS_COCKROACH_MIGRATIONS;

class Cockroach final : public talos::test::PostgresSchema {
 public:
  explicit Cockroach(CrdbDouble& crdb, const std::string& database)
      : PostgresSchema(crdb.libpq_dsn(database), folder), locks_new_tables_(crdb.profile() >= CrdbProfile::v26_1) {
    if (crdb.profile() >= CrdbProfile::v24_3) exec("SET autocommit_before_ddl = off");
    if (locks_new_tables_) exec("SET create_table_with_schema_locked = off");
  }

  // As the migrator runs it: a statement by itself.
  void migrate(int version, Direction direction) override {
    INFO(schema::file_name(version, direction));
    exec(schema::read_file(folder / schema::file_name(version, direction)));
  }

  // Every integer has eight bytes.
  std::string type(const std::string& type) const override {
    return PostgresSchema::type(type == "INTEGER" ? "BIGINT" : type);
  }

 private:
  bool locks_new_tables_;
};

// What the files say means the same in all of them: without a wish one will do.
std::vector<CrdbProfile> profiles() {
  if (std::getenv("TALOS_TEST_CRDB_PROFILES") != nullptr) return talos::test::crdb_profiles();
  return {CrdbProfile::v26_1};
}

void on_double(const std::function<void(Cockroach& db)>& test) {
  auto* const server = talos::test::shared_server();
  if (server == nullptr) return;
  for (const CrdbProfile profile : profiles()) {
    CAPTURE(talos::test::profile_name(profile));
    CrdbDouble crdb(*server, profile);
    const std::string database = server->create_database();
    {
      Cockroach db(crdb, database);
      test(db);
    }
    for (const std::string& sql : crdb.not_modelled()) FAIL_CHECK("the double has not modelled: " << sql);
    crdb.cut_all();
    server->drop_database(database);
  }
}

}  // namespace

TEST_CASE("the set is the 24 versions with their titles, each with an up that says why and a down, and nothing else") {
  schema::check_files(folder);
}

TEST_CASE("each file is one statement, none asks for CONCURRENTLY, and none takes for its work what is there already") {
  for (int version = 1; version <= schema::last_version; ++version) {
    for (const Direction direction : {Direction::up, Direction::down}) {
      INFO(schema::file_name(version, direction));
      const std::string text = schema::read_file(folder / schema::file_name(version, direction));
      CHECK(text.find(";\n") == text.size() - 2);
      CHECK(text.find("CONCURRENTLY") == std::string::npos);
      CHECK(text.find("EXISTS") == std::string::npos);
    }
  }
}

TEST_CASE("after all ups columns, types, defaults, keys and indexes are those of the design") {
  on_double([](Cockroach& db) {
    db.migrate_between(0, schema::last_version);
    CHECK(db.catalogue() == schema::expected_schema(db, schema::last_version));
  });
}

TEST_CASE("rows from the version where they could first exist are intact at the last; each down undoes its up") {
  on_double([](Cockroach& db) { schema::check_ups_and_downs(db); });
}

TEST_CASE("the release before inserts, reads, updates, revokes and deletes on the schema after each version") {
  on_double([](Cockroach& db) {
    for (int version = 2; version <= schema::last_version; ++version) {
      schema::check_release_before(db, version);
      for (const char* table : {"imported_api_keys", "issued_api_keys", "networks"})
        db.exec("DROP TABLE IF EXISTS " + std::string(table));
    }
  });
}

TEST_CASE("a request id makes one key of a tenant; keys without one may be many; another tenant may use it too") {
  on_double([](Cockroach& db) { schema::check_request_ids(db, "unique constraint \"idx_{}_request_id\""); });
}

TEST_CASE("a key needs its tenant, and no two rows share a primary key") {
  on_double([](Cockroach& db) {
    schema::check_keys(db, "violates foreign key constraint \"issued_api_keys_nid_fkey\"",
                       "violates unique constraint \"issued_api_keys_pkey\"");
  });
}
