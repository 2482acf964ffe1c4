// One test's place on a PostgreSQL server: a database, a scratch directory and a directory of migrations.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres_server.hpp"
#include "shared_server.hpp"
#include "world.hpp"

namespace talos::test {

class PgWorld {
 public:
  explicit PgWorld(PostgresServer& its_server)
      : server(its_server), database(server.create_database()), dsn(server.dsn(database)) {
    std::filesystem::create_directory(migrations);
  }
  ~PgWorld() {
    try {
      server.drop_database(database);
    } catch (const std::exception&) {
      // The server goes with its program.
    }
  }
  PgWorld(const PgWorld&) = delete;
  PgWorld& operator=(const PgWorld&) = delete;

  PostgresServer& server;
  const std::string database;
  std::string dsn;  ///< what the program is given; `server.dsn(database)` is what the test itself asks
  const ScratchDirectory directory;
  const std::filesystem::path migrations = directory / "migrations";

  void migration(long version, std::string_view name, std::string_view up, std::string_view down = "SELECT 1;\n") {
    write_migration(migrations, version, name, up, down);
  }

  /// Versions 1 to `count`; each makes table tN, and its down file drops it.
  void tables(int count) {
    for (int i = 1; i <= count; ++i) {
      const std::string table = "t" + std::to_string(i);
      migration(i, table, "CREATE TABLE " + table + " (x int);\n", "DROP TABLE " + table + ";\n");
    }
  }

  /// `talos-commercial migrate WORDS --database … --migrations …`, in the scratch directory.
  ProcessResult migrate(std::vector<std::string> words, ProcessOptions options = {}) const {
    return run(program(arguments(std::move(words)), std::move(options)));
  }
  Process start(std::vector<std::string> words, ProcessOptions options = {}) const {
    return Process::start(program(arguments(std::move(words)), std::move(options)));
  }

  std::vector<std::string> arguments(std::vector<std::string> words) const {
    words.insert(words.begin(), "migrate");
    for (const std::string& word : {std::string("--database"), dsn, std::string("--migrations"), migrations.string()})
      words.push_back(word);
    return words;
  }

  /// `options` for the commercial program with these arguments, or with another program first.
  ProcessOptions program(std::vector<std::string> words, ProcessOptions options = {}) const {
    words.insert(words.begin(), TALOS_TEST_COMMERCIAL);
    options.argv = std::move(words);
    if (options.directory.empty()) options.directory = directory.path();
    return options;
  }

  PgClient client() const { return PgClient(server.dsn(database)); }
  std::vector<std::string> rows(const std::string& sql) const { return pg_rows(server.dsn(database), sql); }
  std::string value(const std::string& sql) const { return pg_value(server.dsn(database), sql); }
  void sql(const std::string& text) const { pg_run(server.dsn(database), text); }

  /// Version and dirty flag, as golang-migrate reads them; "none" for an empty tracker.
  std::string tracker(const std::string& table = "schema_migrations") const {
    const auto found = rows("SELECT version || ',' || dirty FROM " + table);
    return found.empty() ? "none" : found.size() == 1 ? found[0] : "many";
  }

  bool has_table(const std::string& name) const { return value("SELECT to_regclass('" + name + "')") != "NULL"; }

  /// Names of the indexes that serve no query.
  std::vector<std::string> invalid_indexes() const {
    return rows("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid ORDER BY 1");
  }
  /// Advisory locks in this database.
  std::string advisory_locks() const {
    return value(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())");
  }
};

/// Whether a session of this database waits for a lock with that text in its query; the server shows the beginning
/// only.
inline bool waits(PgClient& observer, const std::string& text) {
  return observer.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%" +
                        text + "%' AND pid <> pg_backend_pid() AND datname = current_database()") != "0";
}

/// Whether one waits for that table's lock.
inline bool waits_for_table(PgClient& observer, const std::string& table) {
  return observer.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass('" + table +
                        "')") != "0";
}

}  // namespace talos::test
