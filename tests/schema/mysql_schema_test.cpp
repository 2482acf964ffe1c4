// The proof of the Talos schema on MariaDB and MySQL: the files of plugins/mysql/migrations against what the schema is
// to be, on each of the two that is here.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mysql.h>

#include "mysql_server.hpp"
#include "shared_mysql.hpp"
#include "talos_schema.hpp"

namespace {

namespace schema = talos::test::schema;
using schema::Direction;
using schema::has_column;
using schema::has_index;
using schema::Strings;
using talos::test::MysqlFlavour;
using talos::test::MysqlServer;

const std::filesystem::path folder = TALOS_MYSQL_MIGRATIONS;

std::string text_of(int version, Direction direction) {
  return schema::read_file(folder / schema::file_name(version, direction));
}

// ---- The database.

/// A session in a time zone that is not UTC, in a database whose own character set is not the tables'.
class Mysql final : public schema::Database {
 public:
  explicit Mysql(MysqlServer& server) : server_(server), database_(server.create_database()) {
    client_.run("ALTER DATABASE " + talos::test::mysql_quoted(database_) + " CHARACTER SET latin1");
    client_.run("USE " + talos::test::mysql_quoted(database_));
    client_.run("SET time_zone = '+05:45'");
    // From here on the server takes one statement and refuses a second.
    if (mysql_set_server_option(client_.raw(), MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0)
      throw std::runtime_error(mysql_error(client_.raw()));
  }
  ~Mysql() override {
    try {
      server_.drop_database(database_);
    } catch (const std::exception&) {
      // The server goes with its program.
    }
  }

  void exec(const std::string& sql) override { client_.run(sql); }

  std::vector<Strings> rows(const std::string& sql) override {
    std::vector<Strings> all;
    for (const auto& row : client_.query(sql)) {
      Strings values;
      for (const auto& value : row) values.push_back(value.value_or("NULL"));
      all.push_back(std::move(values));
    }
    return all;
  }

  std::string value(const std::string& sql) { return rows(sql).at(0).at(0); }

  int changed(const std::string& sql) override {
    client_.run(sql);
    return std::stoi(value("SELECT ROW_COUNT()"));
  }

  // As the migrator runs a file with a schema change: as it stands.
  void migrate(int version, Direction direction) override {
    INFO(schema::file_name(version, direction));
    exec(text_of(version, direction));
  }

  std::string catalogue() override;

  bool has_partial_indexes() const override { return false; }

  // MariaDB's JSON is a text that a CHECK keeps to JSON.
  std::string type(const std::string& type) const override {
    static const std::map<std::string, std::string> mysql = {
        {"JSON", "json"}, {"TIMESTAMP", "datetime(6)"}, {"INTEGER", "int"}, {"BIGINT", "bigint"}};
    static const std::map<std::string, std::string> mariadb = {{"JSON", "longtext check json_valid"},
                                                               {"TIMESTAMP", "datetime(6)"},
                                                               {"INTEGER", "int(11)"},
                                                               {"BIGINT", "bigint(20)"}};
    if (type.starts_with("VARCHAR")) return "varchar" + type.substr(std::string_view("VARCHAR").size());
    return (is_mariadb() ? mariadb : mysql).at(type);
  }

  std::string json(const std::string& text) const override { return schema::quoted(text); }

  std::string timestamp(const std::string& text) const override { return schema::quoted(text); }

  std::string literal_of(const schema::Column& column) const override {
    if (column.type == "INTEGER" || column.type == "BIGINT") return "IFNULL(CAST(" + column.name + " AS CHAR), 'NULL')";
    return "QUOTE(CAST(" + column.name + " AS CHAR))";
  }

  /// Where InnoDB keeps each table of keys: another identity is another copy.
  std::string identities() {
    const std::string source =
        is_mariadb() ? "information_schema.INNODB_SYS_TABLES" : "information_schema.INNODB_TABLES";
    return value("SELECT IFNULL(GROUP_CONCAT(NAME, ' ', TABLE_ID, ' ', SPACE ORDER BY NAME), '') FROM " + source +
                 " WHERE NAME LIKE '" + database_ + "/%\\_keys'");
  }

 private:
  bool is_mariadb() const { return server_.flavour() == MysqlFlavour::mariadb; }

  MysqlServer& server_;
  const std::string database_;
  talos::test::MysqlClient client_{server_.login()};
};

// What is not as the design has it shows as a difference; so does everything else that a file could leave behind.
std::string Mysql::catalogue() {
  std::set<std::string> lines;
  auto add = [&](const std::string& sql) {
    for (Strings& row : rows(sql)) lines.insert(std::move(row.at(0)));
  };
  const std::string here = " = DATABASE()";
  add("SELECT CONCAT('table ', TABLE_NAME, IF(TABLE_TYPE = 'BASE TABLE' AND ENGINE = 'InnoDB' AND TABLE_COLLATION ="
      " 'utf8mb4_unicode_ci' AND ROW_FORMAT = 'Dynamic' AND TABLE_COMMENT = '', '', ' not as designed'))"
      " FROM information_schema.TABLES WHERE TABLE_SCHEMA" +
      here);
  const std::string json_check =
      is_mariadb() ? "IF(EXISTS (SELECT 1 FROM information_schema.CHECK_CONSTRAINTS k WHERE k.CONSTRAINT_SCHEMA ="
                     " c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME AND k.CONSTRAINT_NAME = c.COLUMN_NAME AND"
                     " k.CHECK_CLAUSE = CONCAT('json_valid(`', c.COLUMN_NAME, '`)')), ' check json_valid', '')"
                   : "''";
  // A JSON text of MariaDB's is compared by its bytes.
  add("SELECT CONCAT('column ', c.TABLE_NAME, '.', LPAD(c.ORDINAL_POSITION - 1, 2, '0'), ' ', c.COLUMN_NAME, ' ',"
      " c.COLUMN_TYPE, " +
      json_check +
      ", IF(c.IS_NULLABLE = 'NO', ' not null', ''),"
      " IF(IFNULL(c.COLUMN_DEFAULT, 'NULL') = 'NULL', '', CONCAT(' default ', c.COLUMN_DEFAULT)),"
      " IFNULL(CONCAT(' key ', s.SEQ_IN_INDEX), ''),"
      " IF(c.EXTRA = '' AND IFNULL(c.GENERATION_EXPRESSION, '') = '' AND c.COLUMN_COMMENT = '', '', ' with more'),"
      " IF(IFNULL(c.COLLATION_NAME, '') IN ('', IF(c.DATA_TYPE = 'longtext', 'utf8mb4_bin', 'utf8mb4_unicode_ci')), '',"
      " CONCAT(' collated ', c.COLLATION_NAME)))"
      " FROM information_schema.COLUMNS c LEFT JOIN information_schema.STATISTICS s ON s.TABLE_SCHEMA = c.TABLE_SCHEMA"
      " AND s.TABLE_NAME = c.TABLE_NAME AND s.INDEX_NAME = 'PRIMARY' AND s.COLUMN_NAME = c.COLUMN_NAME"
      " WHERE c.TABLE_SCHEMA" +
      here);
  // InnoDB makes no difference between RESTRICT and NO ACTION.
  add("SELECT CONCAT('foreign key ', r.TABLE_NAME, ' (', GROUP_CONCAT(k.COLUMN_NAME ORDER BY k.ORDINAL_POSITION), ') "
      "to ',"
      " r.REFERENCED_TABLE_NAME, ' (', GROUP_CONCAT(k.REFERENCED_COLUMN_NAME ORDER BY k.ORDINAL_POSITION),"
      " ') on delete ', r.DELETE_RULE, ' on update ', IF(r.UPDATE_RULE = 'RESTRICT', 'NO ACTION', r.UPDATE_RULE))"
      " FROM information_schema.REFERENTIAL_CONSTRAINTS r JOIN information_schema.KEY_COLUMN_USAGE k ON"
      " k.CONSTRAINT_SCHEMA = r.CONSTRAINT_SCHEMA AND k.CONSTRAINT_NAME = r.CONSTRAINT_NAME AND k.TABLE_NAME ="
      " r.TABLE_NAME WHERE r.CONSTRAINT_SCHEMA" +
      here + " GROUP BY r.TABLE_NAME, r.CONSTRAINT_NAME, r.REFERENCED_TABLE_NAME, r.DELETE_RULE, r.UPDATE_RULE");
  add("SELECT CONCAT(IF(MAX(NON_UNIQUE), '', 'unique '), 'index ', INDEX_NAME, ' on ', TABLE_NAME, ' (', GROUP_CONCAT("
      "COLUMN_NAME, IF(COLLATION = 'D', ' DESC', ''), IF(SUB_PART IS NULL, '', ' prefix') ORDER BY SEQ_IN_INDEX"
      " SEPARATOR ', '), ')', IF(MAX(INDEX_TYPE) = 'BTREE', '', ' no tree'), IF(MAX(" +
      std::string(is_mariadb() ? "IGNORED) = 'NO'" : "IS_VISIBLE) = 'YES'") +
      ", '', ' not used')) FROM information_schema.STATISTICS WHERE INDEX_NAME <> 'PRIMARY' AND TABLE_SCHEMA" + here +
      " GROUP BY TABLE_NAME, INDEX_NAME");
  add("SELECT CONCAT('unexpected: check ', CONSTRAINT_NAME) FROM information_schema.CHECK_CONSTRAINTS WHERE"
      " CHECK_CLAUSE NOT LIKE 'json\\_valid(%' AND CONSTRAINT_SCHEMA" +
      here);
  add("SELECT CONCAT('unexpected: trigger ', TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA" +
      here);
  add("SELECT CONCAT('unexpected: routine ', ROUTINE_NAME) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA" +
      here);
  add("SELECT CONCAT('unexpected: event ', EVENT_NAME) FROM information_schema.EVENTS WHERE EVENT_SCHEMA" + here);
  return schema::joined(lines);
}

template <class Test>
void on_each_server(Test test) {
  for (const auto& server : talos::test::shared_mysql_servers()) {
    INFO(talos::test::name_of(server->flavour()));
    test(*server);
  }
}

// ---- The proof.

TEST_CASE("the set is the 24 versions with their titles, each with an up that says why and a down, and nothing else") {
  schema::check_files(folder);
}

TEST_CASE("each file is one statement, and each ALTER says that it makes no copy and keeps nobody out") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    // The server refuses a second statement in any of them.
    CHECK_THROWS_AS(db.exec("SELECT 1; SELECT 2"), std::runtime_error);
    db.migrate_between(0, schema::last_version);
    db.migrate_between(schema::last_version, 0);
  });
  for (int version = 1; version <= schema::last_version; ++version) {
    for (const Direction direction : {Direction::up, Direction::down}) {
      const std::string text = text_of(version, direction);
      INFO(schema::file_name(version, direction));
      const bool alters = has_index(version) || has_column(version);
      CHECK((text.find("ALTER TABLE ") != std::string::npos) == alters);
      // Whose LOCK is none in any case, so that the server takes no word about it.
      const bool instant = has_column(version) && direction == Direction::up;
      if (alters) CHECK(text.ends_with(instant ? ", ALGORITHM=INSTANT;\n" : ", ALGORITHM=INPLACE, LOCK=NONE;\n"));
      // What is there already is never taken for the file's own work.
      CHECK(text.find("EXISTS") == std::string::npos);
    }
  }
  for (const schema::Index& index : schema::indexes) CHECK(index.name.size() <= 64);
}

TEST_CASE("what an ALTER says is asked for: where the server cannot do it so, it fails and changes nothing") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    db.migrate_between(0, 5);
    // To such a table no column can be added at once.
    db.exec("ALTER TABLE issued_api_keys ROW_FORMAT = COMPRESSED");
    const std::string before = db.catalogue();
    CHECK_THROWS_WITH_AS(db.migrate(6, Direction::up), doctest::Contains("ALGORITHM=INSTANT is not supported"),
                         std::runtime_error);
    CHECK(db.catalogue() == before);
  });
}

TEST_CASE("after all ups columns, types, defaults, keys and indexes are those of the design") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    db.migrate_between(0, schema::last_version);
    CHECK(db.catalogue() == schema::expected_schema(db, schema::last_version));
  });
}

TEST_CASE("what the catalogue is compared by shows each thing that is not as designed") {
  on_each_server([](MysqlServer& server) {
    for (const std::string change :
         {"ALTER TABLE networks ENGINE = InnoDB ROW_FORMAT = COMPACT",
          "ALTER TABLE networks MODIFY created_at DATETIME(6)",
          "ALTER TABLE networks MODIFY created_at DATETIME(3) NOT NULL", "ALTER TABLE networks ADD CHECK (id <> '')",
          "ALTER TABLE issued_api_keys MODIFY name VARCHAR(255) CHARACTER SET latin1 NOT NULL",
          "ALTER TABLE issued_api_keys DROP INDEX idx_issued_api_keys_nid, ADD INDEX idx_issued_api_keys_nid (nid, "
          "name)",
          "ALTER TABLE issued_api_keys ALTER COLUMN status SET DEFAULT 2",
          "ALTER TABLE issued_api_keys MODIFY scopes LONGTEXT NOT NULL", "CREATE VIEW v AS SELECT id FROM networks"}) {
      CAPTURE(change);
      Mysql db(server);
      db.migrate_between(0, 3);
      db.exec(change);
      CHECK(db.catalogue() != schema::expected_schema(db, 3));
    }
  });
}

TEST_CASE("rows from the version where they could first exist are intact at the last; each down undoes its up") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    schema::check_ups_and_downs(db);
  });
}

TEST_CASE("down part of the way with the rows in place, and up again") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    schema::check_part_of_the_way(db);
  });
}

TEST_CASE("the release before inserts, reads, updates, revokes and deletes on the schema after each version") {
  on_each_server([](MysqlServer& server) {
    for (int version = 2; version <= schema::last_version; ++version) {
      Mysql db(server);
      schema::check_release_before(db, version);
    }
  });
}

TEST_CASE("a request id makes one key of a tenant; keys without one may be many; another tenant may use it too") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    schema::check_request_ids(db, "idx_{}_request_id");
  });
}

TEST_CASE("a key needs its tenant, and no two rows share a primary key") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    schema::check_keys(db, "a foreign key constraint fails", "Duplicate entry");
  });
}

TEST_CASE("no column is added, and no index, by writing a table anew") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    std::vector<schema::Loaded> loaded;
    for (int version = 1; version <= schema::last_version; ++version) {
      const std::string before = db.identities();
      db.migrate(version, Direction::up);
      INFO("version " << version);
      if (has_column(version) || has_index(version)) CHECK(db.identities() == before);
      schema::load_rows(db, version, loaded);
    }
    CHECK(db.identities() != "");
  });
}

TEST_CASE("a unique index over keys that repeat a request fails and leaves nothing, and is built when they are right") {
  on_each_server([](MysqlServer& server) {
    Mysql db(server);
    schema::check_repeated_requests(db, "Duplicate entry", schema::FailedIndex::leaves_nothing);
  });
}

}  // namespace
