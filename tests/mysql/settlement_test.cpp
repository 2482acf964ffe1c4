// G13: what became of a statement that nobody saw the end of, told from the catalogue.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "mysql_plugin.hpp"
#include "mysql_world.hpp"
#include "talos/settlement.hpp"

namespace talos::test {

namespace {

using Verdict = Settlement::Verdict;

// A statement that was announced and perhaps ran, `meanwhile`; then another session settles it.
class Case {
 public:
  explicit Case(MysqlWorld& world) : world_(world) {}

  Settlement::Finding settle(const std::string& statement, const std::string& meanwhile) {
    return settle(
        statement,
        [&] {
          if (!meanwhile.empty()) world_.sql(meanwhile);
        },
        [] {});
  }

  /// `connected`: by the session that is about to settle.
  Settlement::Finding settle(const std::string& statement, const std::function<void()>& meanwhile,
                             const std::function<void()>& connected) {
    const auto session = connect();
    Script script;
    script.version = ++version_;
    script.text = statement;
    script.traits = session->split(statement, [](const Statement&) {});
    const ScriptPart part{&script, 0, statement.size()};
    Unit unit;
    unit.create_tables = true;
    JournalRow row;
    row.run = "1@host";
    row.version = version_;
    row.statement = row.statements = 1;
    unit.journal.push_back({JournalWriteKind::add, row, part});
    Silent observer;
    const auto result = session->execute(std::span<const Unit>(&unit, 1), observer);
    REQUIRE_FALSE(result.error.has_value());
    meanwhile();
    std::string before;
    for (const JournalRow& open : session->read_state(LogDepth::current).journal)
      if (open.version == version_) before = open.before;
    const auto later = connect();
    auto* const settlement = later->ability<Settlement>();
    REQUIRE(settlement != nullptr);
    connected();
    return settlement->settle(part, before);
  }

  Verdict verdict(const std::string& statement, const std::string& meanwhile) {
    const auto finding = settle(statement, meanwhile);
    CHECK_FALSE(finding.reason.empty());
    return finding.verdict;
  }

 private:
  std::unique_ptr<Session> connect() { return mysql_session(world_.dsn); }
  MysqlWorld& world_;
  Version version_ = 0;
};

}  // namespace

TEST_CASE("G13: a schema change that did not happen, and one that did, are told apart") {
  on_each_flavour([](MysqlWorld& world) {
    Case that(world);
    struct Change {
      const char* prepare;
      const char* statement;
    };
    const Change changes[] = {
        {"SELECT 1", "CREATE TABLE a (x int)"},
        {"SELECT 1", "ALTER TABLE a ADD COLUMN y int, ADD COLUMN z int"},
        {"SELECT 1", "CREATE INDEX i ON a (x)"},
        {"SELECT 1", "ALTER TABLE a DROP INDEX i"},
        {"CREATE INDEX i ON a (x)", "DROP INDEX i ON a"},
        {"SELECT 1", "RENAME TABLE a TO b"},
        {"SELECT 1", "ALTER TABLE b RENAME TO a"},
        {"SELECT 1", "CREATE VIEW v AS SELECT x FROM a"},
        {"SELECT 1", "DROP VIEW v"},
        {"SELECT 1", "CREATE PROCEDURE p() SELECT 1"},
        {"SELECT 1", "DROP PROCEDURE p"},
        {"SELECT 1", "CREATE TRIGGER tr BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 1"},
        {"SELECT 1", "DROP TRIGGER tr"},
        {"SELECT 1", "DROP TABLE a"},
    };
    for (const Change& change : changes) {
      const std::string statement = change.statement;
      CAPTURE(statement);
      world.sql(change.prepare);
      CHECK(that.verdict(statement, "") == Verdict::not_applied);
      CHECK(that.verdict(statement, statement) == Verdict::applied);
    }
  });
}

TEST_CASE("G13: what does no harm twice is repeatable, and what cannot be told is unknown") {
  on_each_flavour([](MysqlWorld& world) {
    Case that(world);
    world.sql("CREATE TABLE a (x int); CREATE TABLE b (x int); CREATE PROCEDURE p() SELECT 1");
    CHECK(that.verdict("TRUNCATE TABLE a", "") == Verdict::repeatable);
    CHECK(that.verdict("TRUNCATE TABLE a", "TRUNCATE TABLE a") == Verdict::repeatable);
    CHECK(that.verdict("ANALYZE TABLE a", "") == Verdict::repeatable);
    CHECK(that.verdict("CREATE TABLE IF NOT EXISTS a (x int)", "") == Verdict::repeatable);
    CHECK(that.verdict("DROP TABLE IF EXISTS missing", "") == Verdict::repeatable);
    CHECK(that.verdict("CALL p()", "") == Verdict::unknown);
    // Somebody else made something of that name.
    CHECK(that.verdict("CREATE TABLE c (x int)", "CREATE TABLE c (y text)") == Verdict::applied);
    CHECK(that.verdict("ALTER TABLE b ADD COLUMN y int", "DROP TABLE b") == Verdict::unknown);
    // Rows that come with the table.
    CHECK(that.verdict("CREATE TABLE d AS SELECT 1 AS x", "") == Verdict::not_applied);
    CHECK(that.verdict("CREATE TABLE d AS SELECT 1 AS x", "CREATE TABLE d (x int)") == Verdict::unknown);
    world.sql("CREATE TABLE e (x int); CREATE TABLE f (x int)");
    CHECK(that.verdict("DROP TABLE e, f", "") == Verdict::not_applied);
    CHECK(that.verdict("DROP TABLE e, f", "DROP TABLE e") == Verdict::unknown);
  });
}

// A copy of a table under construction in InnoDB, until the end: the ALTER TABLE that builds it waits for a reader. A
// crash can leave such a copy behind.
class HalfBuilt {
 public:
  HalfBuilt(MysqlWorld& world, const std::string& table) : reader_(world.login()), builder_(world.login()) {
    reader_.run("BEGIN; SELECT * FROM " + table);
    builder_.send(building(table));
    MysqlClient observer(world.login());
    REQUIRE(eventually([&] {
      return observer.value(
                 "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'Waiting for table"
                 " metadata lock'") == "1" &&
             observer.value(
                 "SELECT COUNT(*) FROM information_schema.INNODB_SYS_TABLES WHERE NAME LIKE"
                 " '%/#sql-alter-%'") == "1";
    }));
  }
  static std::string building(const std::string& table) {
    return "ALTER TABLE " + table + " ADD COLUMN y int, ALGORITHM=COPY";
  }

  void end() {
    reader_.run("COMMIT");
    builder_.finish();
  }

 private:
  MysqlClient reader_;
  MysqlClient builder_;
};

TEST_CASE("G13: a half-built copy of a table, as a crash may leave it, makes an altered table's verdict unknown") {
  on_each_flavour([](MysqlWorld& world) {
    if (!world.is_mariadb()) return;
    Case that(world);
    const auto altered = [&](const std::string& table, const std::string& column) {
      const std::string statement = "ALTER TABLE " + table + " ADD COLUMN " + column + " int";
      return that.settle(statement, statement);
    };
    const std::string other = world.database + "-of 100%";
    world.sql("CREATE DATABASE `" + other + "`; CREATE TABLE `" + other + "`.a (x int); CREATE TABLE a (x int)");
    const std::string theirs = "`" + other + "`.";
    CHECK(altered("a", "b").verdict == Verdict::applied);
    for (const std::string& place : {std::string(), theirs}) {
      world.sql("CREATE TABLE " + place + "held (x int)");
      HalfBuilt copy(world, place + "held");
      const auto found = altered(place + "a", "c");
      CHECK(found.verdict == Verdict::unknown);
      CHECK(found.reason == Part{"/#sql-alter-"});
      // It is no copy of a table of another database, and says nothing of a new one.
      CHECK(altered((place.empty() ? theirs : "") + "a", "d").verdict == Verdict::applied);
      const std::string created = "CREATE TABLE " + place + "e (x int)";
      CHECK(that.verdict(created, created) == Verdict::applied);
      world.sql("CREATE VIEW " + place + "v AS SELECT 1 AS one");
      const std::string changed = "ALTER VIEW " + place + "v AS SELECT 2 AS two";
      CHECK(that.verdict(changed, changed) == Verdict::applied);
      copy.end();
    }
    CHECK(altered(theirs + "a", "f").verdict == Verdict::applied);
    world.sql("DROP DATABASE `" + other + "`");
  });
}

TEST_CASE("G13: who may not see InnoDB's tables settles by the definitions alone") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE a (x int)");
    world.dsn = world.server.create_user("plain", world.database, MysqlServer::Rights::all).dsn();
    Case that(world);
    CHECK(that.verdict("ALTER TABLE a ADD COLUMN y int", "ALTER TABLE a ADD COLUMN y int") == Verdict::applied);
    CHECK(that.verdict("ALTER TABLE a ADD COLUMN z int", "") == Verdict::not_applied);
  });
}

TEST_CASE("G13: a table whose copy goes away while it is waited for is looked at afterwards") {
  on_each_flavour([](MysqlWorld& world) {
    if (!world.is_mariadb()) return;
    Case that(world);
    world.sql("CREATE TABLE held (x int)");
    std::optional<HalfBuilt> copy;
    MysqlClient observer(world.login());
    const auto asked = [&] { return observer.rows("SHOW GLOBAL STATUS LIKE 'Com_select'"); };
    std::jthread ends;
    const auto found = that.settle(
        HalfBuilt::building("held"), [&] { copy.emplace(world, "held"); },
        [&] {
          ends = std::jthread([&, before = asked()] {
            eventually([&] { return asked() != before; });
            copy->end();
          });
        });
    CHECK(found.verdict == Verdict::applied);
  });
}

TEST_CASE("G13: rows that were added do not look like a change of the table") {
  on_each_flavour([](MysqlWorld& world) {
    Case that(world);
    world.sql("CREATE TABLE a (id int AUTO_INCREMENT PRIMARY KEY, x int)");
    CHECK(that.verdict("ALTER TABLE a ADD COLUMN y int", "INSERT INTO a (x) VALUES (1), (2), (3)") ==
          Verdict::not_applied);
  });
}

}  // namespace talos::test
