// One test's place on a MariaDB or MySQL server: a database, a scratch directory and a directory of migrations.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_server.hpp"
#include "shared_mysql.hpp"
#include "world.hpp"

namespace talos::test {

class MysqlWorld {
 public:
  explicit MysqlWorld(MysqlServer& its_server)
      : server(its_server), database(server.create_database()), dsn(login().dsn()) {
    std::filesystem::create_directory(migrations);
  }
  ~MysqlWorld() {
    try {
      server.drop_database(database);
    } catch (const std::exception&) {
      // The server goes with its program.
    }
  }
  MysqlWorld(const MysqlWorld&) = delete;
  MysqlWorld& operator=(const MysqlWorld&) = delete;

  MysqlServer& server;
  const std::string database;
  std::string dsn;  ///< what the program is given
  const ScratchDirectory directory;
  const std::filesystem::path migrations = directory / "migrations";

  bool is_mariadb() const { return server.flavour() == MysqlFlavour::mariadb; }
  MysqlLogin login() const { return server.login(database); }

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
    return run(program(std::move(words), std::move(options)));
  }
  Process start(std::vector<std::string> words, ProcessOptions options = {}) const {
    return Process::start(program(std::move(words), std::move(options)));
  }

  MysqlClient client() const { return MysqlClient(login()); }
  std::vector<std::string> rows(const std::string& sql) const { return mysql_rows(login(), sql); }
  std::string value(const std::string& sql) const { return mysql_value(login(), sql); }
  void sql(const std::string& text) const { mysql_run(login(), text); }

  /// Version and dirty flag, as golang-migrate reads them; "none" for an empty tracker.
  std::string tracker(const std::string& table = "schema_migrations") const {
    const auto found = rows("SELECT CONCAT(version, ',', dirty) FROM " + table);
    return found.empty() ? "none" : found.size() == 1 ? found[0] : "many";
  }

  bool has_table(const std::string& name) const {
    return value("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" +
                 name + "'") == "1";
  }

 private:
  ProcessOptions program(std::vector<std::string> words, ProcessOptions options) const {
    words.insert(words.begin(), {TALOS_TEST_COMMERCIAL, "migrate"});
    for (const std::string& word : {std::string("--database"), dsn, std::string("--migrations"), migrations.string()})
      words.push_back(word);
    options.argv = std::move(words);
    if (options.directory.empty()) options.directory = directory.path();
    return options;
  }
};

/// Runs `test` in a new world on each flavour that is here.
template <class Test>
void on_each_flavour(Test test) {
  for (const auto& server : shared_mysql_servers()) {
    const std::string flavour(name_of(server->flavour()));
    CAPTURE(flavour);
    MysqlWorld world(*server);
    test(world);
  }
}

/// The connection that runs a statement with this text, if one does. What a message holds behind the statement at work
/// shows, too, as long as that is being read: then it is the program's COMMIT that shows with it. The journal's row,
/// which tells of the statement, is not it either.
inline std::string connection_running(MysqlClient& observer, const std::string& text) {
  return observer.value("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '%" + text +
                        "%' AND INFO NOT LIKE '%NO CHAIN%' AND INFO NOT LIKE '%(`layout`, %' AND"
                        " ID <> CONNECTION_ID() LIMIT 1");
}

}  // namespace talos::test
