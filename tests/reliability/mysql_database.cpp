#include "mysql_database.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <stdexcept>

#include <mysql.h>

#include "mysql_keys.hpp"
#include "mysql_user.hpp"

namespace talos::test {

namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

MysqlFlavour wanted_flavour() {
  const char* const given = std::getenv("TALOS_TEST_MYSQL_FLAVOUR");
  return mysql_flavour(given == nullptr || *given == '\0' ? "mariadb" : given);
}

std::unique_ptr<MysqlServer> started_server() {
  const auto installation = mysql_or_skip(wanted_flavour());
  if (!installation) return nullptr;
  // What is committed survives a killed server, though not a killed machine.
  std::vector<std::string> settings{"innodb_flush_log_at_trx_commit=2"};
  // MariaDB takes tables to wherever it may write.
  if (installation->flavour == MysqlFlavour::mysql)
    settings.push_back("innodb_directories=" + mysql_other_disk().string());
  return std::make_unique<MysqlServer>(*installation, settings);
}

// The definition's text in what SHOW CREATE gives.
std::string shown(MysqlClient& client, const std::string& what, std::size_t column) {
  return client.query("SHOW CREATE " + what).at(0).at(column).value();
}

// There is no copying of a whole database.
void copy_all(MysqlServer& server, const std::string& from, const std::string& to) {
  MysqlClient source(server.socket_login(from));
  MysqlClient copy(server.socket_login(to));
  copy.run("SET foreign_key_checks = 0");
  for (const std::string& table :
       source.rows("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE ="
                   " 'BASE TABLE'")) {
    const std::string name = mysql_quoted(table);
    copy.run(shown(source, "TABLE " + name, 1));
    copy.run("INSERT INTO " + name + " SELECT * FROM " + mysql_quoted(from) + "." + name);
  }
  for (const std::string& view :
       source.rows("SELECT CONCAT('`', TABLE_NAME, '` AS ', REPLACE(VIEW_DEFINITION, '`" + from +
                   "`.', '')) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()"))
    copy.run("CREATE VIEW " + view);
  for (const std::string& trigger :
       source.rows("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"))
    copy.run(shown(source, "TRIGGER " + mysql_quoted(trigger), 2));
  for (const std::string& procedure :
       source.rows("SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"))
    copy.run(shown(source, "PROCEDURE " + mysql_quoted(procedure), 2));
}

// A view's definition names its database.
std::string objects_sql(const std::string& database) {
  return "SELECT CONCAT_WS(' ', 'trigger', TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE,"
         " ACTION_STATEMENT) AS line FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
         " UNION ALL SELECT CONCAT_WS(' ', ROUTINE_TYPE, ROUTINE_NAME, ROUTINE_DEFINITION) FROM"
         " information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
         " UNION ALL SELECT CONCAT_WS(' ', 'view', TABLE_NAME, REPLACE(VIEW_DEFINITION, '`" +
         database + "`.', '')) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY line";
}

}  // namespace

std::filesystem::path mysql_other_disk() {
  static const ServerDirectory directory;
  static const std::filesystem::path tables = [] {
    std::filesystem::create_directory(directory / "tables");
    mysql_user().give(directory / "tables");
    return directory / "tables";
  }();
  return tables;
}

MysqlServer* shared_mysql_or_skip() {
  static const auto server = started_server();
  return server.get();
}

bool database_or_skip() { return shared_mysql_or_skip() != nullptr; }

std::unique_ptr<TestDatabase> new_database() { return std::make_unique<MysqlDatabase>(*shared_mysql_or_skip()); }

std::unique_ptr<TestDatabase> copy_of(const TestDatabase& other) {
  const auto& original = dynamic_cast<const MysqlDatabase&>(other);
  return std::make_unique<MysqlDatabase>(original.server(), original);
}

MysqlDatabase::MysqlDatabase(MysqlServer& server)
    : server_(server), name_(server.create_database()), program_dsn_(dsn()) {}

MysqlDatabase::MysqlDatabase(MysqlServer& server, const MysqlDatabase& other) : MysqlDatabase(server) {
  copy_all(server, other.name_, name_);
}

MysqlDatabase::~MysqlDatabase() {
  try {
    server_.drop_database(name_);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "drop %s: %s\n", name_.c_str(), error.what());
  }
}

Target MysqlDatabase::target(const std::filesystem::path& migrations) const {
  return {commercial_program(), program_dsn_, migrations};
}

bool MysqlDatabase::has_table(const std::string& name) const {
  return !rows("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" + name +
               "'")
              .empty();
}

std::vector<std::string> MysqlDatabase::rows(const std::string& sql) const {
  return mysql_rows(server_.socket_login(name_), sql);
}

std::vector<std::string> MysqlDatabase::tables() const {
  return rows(
      "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
      " AND TABLE_NAME NOT LIKE 'schema\\_migrations%' ORDER BY TABLE_NAME");
}

std::string MysqlDatabase::rows_picture_of(const std::string& table) const {
  MysqlClient client(server_.socket_login(name_));
  std::string columns;
  for (const std::string& column :
       client.rows("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME ="
                   " '" +
                   table + "' ORDER BY ORDINAL_POSITION"))
    columns += ", IFNULL(" + mysql_quoted(column) + ", 'NULL')";
  const std::string row = "CRC32(CONCAT_WS('|'" + columns + "))";
  return table + ": " +
         client.rows("SELECT COUNT(*), SUM(" + row + "), BIT_XOR(" + row + ") FROM " + mysql_quoted(table)).front() +
         "\n";
}

std::string MysqlDatabase::schema() const {
  static const std::regex next_number(" AUTO_INCREMENT=[0-9]+");
  std::string text = joined(rows(objects_sql(name_)));
  MysqlClient client(server_.socket_login(name_));
  for (const std::string& table : tables())
    text += std::regex_replace(shown(client, "TABLE " + mysql_quoted(table), 1), next_number, "") + "\n";
  return text;
}

std::string MysqlDatabase::picture() const {
  std::string text = schema();
  for (const std::string& table : tables()) text += rows_picture_of(table);
  return text;
}

// By a connection that stays, until the server has been started anew.
std::vector<std::string> MysqlDatabase::observe(const std::string& sql) const {
  if (!observer_ || mysql_ping(observer_->raw()) != 0)
    observer_ = std::make_unique<MysqlClient>(server_.socket_login());
  return observer_->rows(sql);
}

std::vector<std::string> MysqlDatabase::connections() const {
  return observe(
      "SELECT CONCAT_WS(' ', p.ID, p.COMMAND, p.STATE, p.INFO) FROM information_schema.PROCESSLIST p JOIN"
      " performance_schema.session_connect_attrs a ON a.PROCESSLIST_ID = p.ID WHERE a.ATTR_NAME = 'program_name' AND"
      " a.ATTR_VALUE LIKE 'talos%' AND p.DB = '" +
      name_ + "'");
}

std::vector<std::string> MysqlDatabase::at_work() const {
  auto all = connections();
  // Between its statement and its rest a thread shows the one's command and has the other's state.
  const auto rests = [](const std::string& line) {
    return line.find(" Sleep ") != std::string::npos || line.find("Reset for next command") != std::string::npos;
  };
  all.erase(std::remove_if(all.begin(), all.end(), rests), all.end());
  return all;
}

// A server's thread goes on with its message when its client is gone, and ends then.
void MysqlDatabase::settle() const {
  if (!eventually([&] { return connections().empty(); }))
    throw std::runtime_error("still there: " + joined(connections()));
}

std::string MysqlDatabase::lock_holder() const {
  const std::string holder =
      observe("SELECT COALESCE(IS_USED_LOCK('" + mysql::own_lock_name(name_, "schema_migrations") +
              "'), IS_USED_LOCK('" + mysql::golang_migrate_lock_name(name_, "schema_migrations") + "'))")
          .front();
  return holder == "NULL" ? "" : holder;
}

pid_t MysqlDatabase::holder() const {
  const std::string connection = lock_holder();
  if (connection.empty()) return 0;
  const auto names = observe(
      "SELECT ATTR_VALUE FROM performance_schema.session_connect_attrs WHERE ATTR_NAME = 'program_name' AND"
      " PROCESSLIST_ID = " +
      connection);
  return names.empty() ? 0 : pid_of_runner(names.front());
}

// What has a schema change in it is statement by statement on these servers.
bool MysqlDatabase::may_be_torn(const TestMigration& migration) const {
  static const std::regex change("(CREATE|ALTER|DROP|RENAME|TRUNCATE|CALL) [\\s\\S]*");
  return migration.no_transaction || std::any_of(migration.up.begin(), migration.up.end(), [](const auto& statement) {
           return std::regex_match(statement, change);
         });
}

bool MysqlDatabase::happened(const std::string& statement) const { return value(evidence_of(statement)) == "1"; }

std::string MysqlDatabase::own_faults(bool /*dirty*/) const {
  std::string faults;
  if (!eventually([&] { return lock_holder().empty(); }, std::chrono::seconds(5)))
    faults += "connection " + lock_holder() + " still holds the run lock\n";
  // One whose program is gone may still have a message to read: it shows when its server gets to it.
  if (!eventually([&] { return connections().empty(); }, std::chrono::seconds(5)))
    for (const std::string& connection : connections()) faults += "a connection is left: " + connection + "\n";
  // The copy that an ALTER makes.
  const std::string innodb = server_.flavour() == MysqlFlavour::mariadb ? "INNODB_SYS_TABLES" : "INNODB_TABLES";
  const std::string copies = "SELECT NAME FROM information_schema." + innodb + " WHERE NAME LIKE '" + name_ + "/#%'";
  if (!eventually([&] { return rows(copies).empty(); }, std::chrono::seconds(5)))
    faults += "left of a change of a table: " + joined(rows(copies));
  std::string list;
  for (const std::string& table : tables()) list += (list.empty() ? "" : ", ") + mysql_quoted(table);
  if (list.empty()) return faults;
  for (const std::string& row : rows("CHECK TABLE " + list))
    if (!row.ends_with("|status|OK")) faults += "integrity: " + row + "\n";
  return faults;
}

}  // namespace talos::test
