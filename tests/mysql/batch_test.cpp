// Our rows and the statement after them in one message: what it costs, and that what is said of each is true.
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_plugin.hpp"
#include "mysql_proxy.hpp"
#include "mysql_world.hpp"

namespace talos::test {

namespace {

struct Cost {
  int turns;
  int commits;
};

// Of an `up` of everything that there is.
Cost cost_of_up(MysqlWorld& world) {
  const MysqlProxy proxy(world.server.port());
  const auto commits = [&] {
    const auto row = world.rows("SHOW GLOBAL STATUS LIKE 'Com_commit'").at(0);
    return std::stoi(row.substr(row.find('|') + 1));
  };
  world.dsn = world.server.login(world.database, proxy.port()).dsn();
  const int before = commits();
  const auto up = world.migrate({"up"});
  INFO(up.err);
  REQUIRE(up.status == 0);
  const int after = commits();
  world.dsn = world.login().dsn();
  return {proxy.counts().turns, after - before};
}

std::vector<std::string> history(const MysqlWorld& world) {
  return world.rows("SELECT action, version, failed FROM schema_migrations_log ORDER BY id");
}

// Connection that waits to write our rows for somebody who has locked the tracker; `but` is another one.
std::string waiting_writer(MysqlClient& observer, const std::string& but = "0") {
  return observer.value(
      "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'UPDATE%schema_migrations%' AND DB = DATABASE() "
      "AND"
      " ID <> CONNECTION_ID() AND ID <> " +
      but + " LIMIT 1");
}

// Three tables are there or on their way; the third statement waits for somebody's transaction on the first.
struct HeldUp {
  explicit HeldUp(MysqlWorld& its_world) : world(its_world), blocker(world.client()), observer(world.client()) {
    world.tables(5);
    world.migration(3, "t3", "ALTER TABLE t1 ADD COLUMN y int;\n");
    REQUIRE(world.migrate({"up", "--to", "1"}).status == 0);
    blocker.run("START TRANSACTION; SELECT * FROM t1");
    runner.emplace(world.start({"up", "--ddl-lock-timeout", "0"}));
    // What is sent may show as a whole before its first statement is at work.
    REQUIRE(eventually(
        [&] { return world.tracker() == "3,1" && !connection_running(observer, "ALTER TABLE t1").empty(); }));
  }
  // Our next rows find the tracker locked. The connection that is to write them.
  std::string meet_lock() {
    tracker_holder.run("START TRANSACTION; SELECT * FROM schema_migrations FOR UPDATE");
    blocker.run("COMMIT");
    std::string id;
    REQUIRE(eventually([&] { return !(id = waiting_writer(observer)).empty(); }));
    return id;
  }
  MysqlWorld& world;
  MysqlClient blocker;
  MysqlClient observer;
  MysqlClient tracker_holder = world.client();
  std::optional<Process> runner;
};

// Five migrations in one message; the second of them, a view, waits for somebody who has locked its table.
struct HeldInTheMiddle {
  explicit HeldInTheMiddle(MysqlWorld& its_world) : world(its_world), blocker(world.client()) {
    world.tables(6);
    world.migration(3, "t3", "CREATE VIEW v3 AS SELECT x FROM seen;\n");
    world.sql("CREATE TABLE seen (x int)");
    REQUIRE(world.migrate({"up", "--to", "1"}).status == 0);
    blocker.run("LOCK TABLES seen WRITE");
    runner.emplace(world.start({"up", "--ddl-lock-timeout", "0"}));
    MysqlClient observer = world.client();
    REQUIRE(eventually([&] {
      worker = connection_running(observer, "CREATE VIEW v3");
      return world.tracker() == "3,1" && !worker.empty();
    }));
  }
  bool has_worker() const {
    return world.value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = " + worker) == "1";
  }
  MysqlWorld& world;
  MysqlClient blocker;
  std::string worker;
  std::optional<Process> runner;
};

}  // namespace

TEST_CASE("S4: up to 128 statements that make tables cost one client turn, and one commit of ours each") {
  on_each_flavour([](MysqlWorld& one) {
    one.tables(1);
    const Cost alone = cost_of_up(one);
    MysqlWorld many(one.server);
    many.tables(300);
    const Cost all = cost_of_up(many);
    // Where one takes long the other connection looks what it does.
    CHECK(all.turns - alone.turns <= 4);
    CHECK(all.commits - alone.commits == 299);
    CHECK(many.tracker() == "300,0");
    MESSAGE("client turns of up: one table " << alone.turns << ", 300 tables " << all.turns);
    CHECK(many.value("SELECT COUNT(*) FROM schema_migrations_journal WHERE NOT closed") == "0");
    CHECK(many.value("SELECT COUNT(*) FROM schema_migrations_journal WHERE before_image NOT LIKE '%(absent)%'") == "0");

    MysqlWorld unlocked(one.server);
    unlocked.tables(20);
    const MysqlProxy proxy(one.server.port());
    unlocked.dsn = one.server.login(unlocked.database, proxy.port()).dsn() + "?x-no-lock=true";
    REQUIRE(unlocked.migrate({"up"}).status == 0);
    // The server would go on for a runner that is gone.
    CHECK(proxy.counts().turns >= 20);
    CHECK(proxy.counts().turns <= 20 + alone.turns);

    MysqlWorld longer(one.server);
    longer.migration(1, "t", "CREATE TABLE t1 (x int);\nCREATE TABLE t2 (x int);\nDROP TABLE t2;\n");
    CHECK(cost_of_up(longer).turns - alone.turns == 1);
  });
}

TEST_CASE("what the history says of when a migration ran, and for how long, is so in the middle of a message, too") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(20);
    const auto up = world.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    const std::string ends = "started_at + INTERVAL duration_us MICROSECOND";
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_log WHERE duration_us <= 0") == "0");
    // Rounded to a millisecond, and the first and the last one by this machine's clock.
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_log a JOIN schema_migrations_log b ON b.id = a.id + 1"
                      " WHERE b.id < 20 AND b.started_at < a.started_at + INTERVAL a.duration_us - 2000 MICROSECOND") ==
          "0");
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_log WHERE ABS(TIMESTAMPDIFF(SECOND, " + ends +
                      ", UTC_TIMESTAMP())) > 60") == "0");
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_journal j JOIN schema_migrations_log l USING (version)"
                      " WHERE ABS(TIMESTAMPDIFF(MICROSECOND, j.started_at, l.started_at)) > 1000000") == "0");
  });
}

TEST_CASE("G13: a table that is there already, in the middle of a message, is seen before anything is done to it") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE t4 (mine int)");
    world.tables(6);
    world.migration(4, "t4", "CREATE TABLE IF NOT EXISTS t4 (x int);\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    CHECK(world.tracker() == "6,0");
    CHECK(world.value("SELECT GROUP_CONCAT(version ORDER BY id) FROM schema_migrations_log") == "1,2,3,4,5,6");
    CHECK(world.value("SELECT before_image FROM schema_migrations_journal WHERE version = 4") == Part{"`mine` int"});
    CHECK(world.value("SELECT before_image FROM schema_migrations_journal WHERE version = 3") == Part{"(absent)"});
    CHECK(world.value("SELECT before_image FROM schema_migrations_journal WHERE version = 5") == Part{"(absent)"});
  });
}

TEST_CASE("a statement that fails in the middle of a message: what was before it is done, and nothing after it begun") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(6);
    world.sql("CREATE TABLE t4 (mine int)");
    const auto exists = world.migrate({"up"});
    INFO(exists.err);
    CHECK(exists.status == 1);
    CHECK(exists.err == Part{"000004_t4.up.sql:1"});
    CHECK(exists.err == Part{"Applied 000003_t3"});
    CHECK(exists.err != Part{"000005"});
    CHECK(world.tracker() == "3,0");
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0", "up|3|0", "up|4|1"});
    CHECK(!world.has_table("t5"));

    world.sql("DROP TABLE t4");
    world.migration(5, "t5", "CREATE TABLE t5 (x int);\nCREATE TABLE u5 (x int, x int);\nCREATE TABLE v5 (x int);\n");
    const auto wrong = world.migrate({"up"});
    INFO(wrong.err);
    CHECK(wrong.status == 1);
    CHECK(wrong.err == Part{"000005_t5.up.sql:2"});
    CHECK(wrong.err == Part{"Duplicate column name 'x'"});
    CHECK(world.tracker() == "5,1");
    CHECK(world.has_table("t5"));
    CHECK(!world.has_table("v5"));
    CHECK(!world.has_table("t6"));
    CHECK(world.rows("SELECT statement, state FROM schema_migrations_journal WHERE NOT closed ORDER BY statement") ==
          std::vector<std::string>{"1|done", "2|failed"});
    world.migration(5, "t5", "CREATE TABLE t5 (x int);\nCREATE TABLE u5 (x int);\nCREATE TABLE v5 (x int);\n");
    REQUIRE(world.migrate({"resume"}).status == 0);
    REQUIRE(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "6,0");
  });
}

TEST_CASE("a session reads in one turn the tables that it knows, and sees what has come and gone since") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    const MysqlProxy proxy(world.server.port());
    const auto session = mysql_session(world.server.login(world.database, proxy.port()).dsn());
    CHECK(!session->read_state(LogDepth::all).tracker_exists);
    REQUIRE(world.migrate({"up"}).status == 0);
    CHECK(session->read_state(LogDepth::all).log.size() == 1);
    const int before = proxy.counts().turns;
    const State state = session->read_state(LogDepth::all);
    CHECK(proxy.counts().turns - before == 1);
    CHECK(state.tracker == std::vector<TrackerRow>{{1, false}});
    CHECK(state.log.size() == 1);
    world.sql("DROP TABLE schema_migrations_log");
    const State less = session->read_state(LogDepth::all);
    CHECK(less.tracker_exists);
    CHECK(!less.log_exists);
    CHECK(less.tracker == std::vector<TrackerRow>{{1, false}});
  });
}

TEST_CASE("S4: what is replaced costs one client turn, programs two, and so do rows and schema changes in turn") {
  on_each_flavour([](MysqlWorld& one) {
    one.tables(1);
    const int alone = cost_of_up(one).turns;
    MysqlWorld views(one.server);
    views.tables(1);
    views.migration(2, "view", "CREATE VIEW v AS SELECT x FROM t1;\n");
    views.migration(3, "view", "CREATE OR REPLACE VIEW v AS SELECT x + 1 FROM t1;\n");
    // The second one's look is a part of the message that makes the table and the first.
    CHECK(cost_of_up(views).turns - alone == 1);
    MysqlWorld programs(one.server);
    programs.tables(1);
    programs.migration(2, "event", "CREATE EVENT ev ON SCHEDULE EVERY 1 YEAR DO DELETE FROM t1;\n");
    programs.migration(3, "procedure", "CREATE PROCEDURE p()\nBEGIN\n  SELECT 1; SELECT ';';\nEND;\n");
    programs.migration(4, "trigger", "CREATE TRIGGER tr BEFORE INSERT ON t1 FOR EACH ROW SET NEW.x = 7;\n");
    programs.migration(5, "table", "CREATE TABLE t5 (x int);\n");
    // Where one is made nothing follows, not even the look at the next one's object.
    CHECK(cost_of_up(programs).turns - alone <= 2 * 4);
    CHECK(programs.rows("SHOW CREATE TRIGGER tr").at(0) != Part{"7;"});
    CHECK(programs.value("SELECT EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()") ==
          "DELETE FROM t1");
    CHECK(programs.value("SELECT ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA ="
                         " DATABASE()") == "SET NEW.x = 7");
    CHECK(programs.value("SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()") == "1");
    MysqlWorld mixed(one.server);
    for (int i = 1; i <= 21; i += 2) {
      const std::string table = "t" + std::to_string(i);
      mixed.migration(i, table, "CREATE TABLE " + table + " (x int);\n");
      if (i < 21) mixed.migration(i + 1, "rows", "INSERT INTO " + table + " VALUES (1);\n");
    }
    CHECK(cost_of_up(mixed).turns - alone <= 2 * 20);
    CHECK(mixed.tracker() == "21,0");
  });
}

TEST_CASE("G13: what is kept of an object before a statement is what the statement before it made") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "a",
                    "CREATE TABLE a (x int);\nALTER TABLE a ADD COLUMN y int;\nALTER TABLE a ADD COLUMN z int;\n"
                    "CREATE VIEW v AS SELECT x FROM a;\nDROP VIEW v;\n");
    world.migration(2, "b", "ALTER TABLE a DROP COLUMN z;\n");
    world.migration(3, "c", "ALTER TABLE a DROP COLUMN y;\nCREATE VIEW v AS SELECT x FROM a;\nDROP TABLE a;\n");
    world.migration(4, "d", "CREATE TABLE d (x int);\nINSERT INTO d VALUES (1);\nALTER TABLE d ADD COLUMN y int;\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    const auto images = world.rows(
        "SELECT REPLACE(before_image, CHAR(10), ' ') FROM schema_migrations_journal ORDER BY version,"
        " statement");
    REQUIRE(images.size() == 12);
    CHECK(images[0] == Part{"(absent)"});
    CHECK(images[1] == Part{"`x` int"});
    CHECK(images[1] != Part{"`y` int"});
    CHECK(images[2] == Part{"`y` int"});
    CHECK(images[2] != Part{"`z` int"});
    CHECK(images[3] == Part{"(absent)"});
    CHECK(images[4] == Part{"VIEW `v`"});
    CHECK(images[5] == Part{"`z` int"});
    CHECK(images[6] == Part{"`y` int"});
    CHECK(images[6] != Part{"`z` int"});
    CHECK(images[7] == Part{"(absent)"});
    CHECK(images[8] != Part{"`y` int"});
    CHECK(images[8] == Part{"`x` int"});
    CHECK(images[9] == Part{"(absent)"});
    CHECK(images[10] == "NULL");
    CHECK(images[11] == Part{"`x` int"});
  });
}

TEST_CASE("G13: a session of the DSN's whose definitions read otherwise is not asked for them") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "a", "CREATE TABLE a (x int);\nALTER TABLE a ADD COLUMN y int;\n");
    world.dsn += "?sql_mode=%27ANSI_QUOTES%27";
    const auto up = world.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    CHECK(world.value("SELECT before_image FROM schema_migrations_journal WHERE statement = 2") == Part{"`x` int"});
  });
}

TEST_CASE("G5: a migration is told as soon as it is committed, while the next one's statement in its message runs") {
  on_each_flavour([](MysqlWorld& world) {
    HeldUp held(world);
    held.runner->wait_for_output("Applied 000002_t2");
    CHECK(world.tracker() == "3,1");
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0"});
    CHECK(world.value("SELECT state FROM schema_migrations_journal WHERE NOT closed") == "intent");
    CHECK(held.runner->running());
    held.blocker.run("COMMIT");
    CHECK(held.runner->wait().status == 0);
    CHECK(world.tracker() == "5,0");
  });
}

TEST_CASE("G4: a claim that is lost among rows that travel together is the loss of the migration whose claim it was") {
  on_each_flavour([](MysqlWorld& world) {
    HeldUp held(world);
    world.sql("UPDATE schema_migrations SET version = 99");
    held.blocker.run("COMMIT");
    const auto result = held.runner->wait();
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.err == Part{"000003_t3.up.sql"});
    CHECK(result.err == Part{"the tracker was changed by somebody else while this migration ran"});
    CHECK(result.err != Part{"000004"});
    CHECK(!world.has_table("t4"));
    CHECK(world.tracker() == "99,1");
    CHECK(world.value("SELECT state FROM schema_migrations_journal WHERE version = 3") == "done");
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_journal WHERE version = 4") == "0");
  });
}

TEST_CASE("M5: somebody's KILL QUERY that hits rows of ours in front of a statement does them no harm") {
  on_each_flavour([](MysqlWorld& world) {
    HeldUp held(world);
    const std::string id = held.meet_lock();
    held.observer.run("KILL QUERY " + id);
    REQUIRE(eventually([&] { return !waiting_writer(held.observer, id).empty(); }));
    held.tracker_holder.run("COMMIT");
    const auto result = held.runner->wait();
    INFO(result.err);
    CHECK(result.status == 0);
    CHECK(world.tracker() == "5,0");
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0", "up|3|0", "up|4|0", "up|5|0"});
    CHECK(world.value("SELECT COUNT(*) FROM schema_migrations_journal WHERE NOT closed") == "0");
  });
}

TEST_CASE("a stop that comes while a migration is being marked as done waits for that, and begins no other") {
  on_each_flavour([](MysqlWorld& world) {
    HeldUp held(world);
    const std::string id = held.meet_lock();
    held.runner->signal(SIGINT);
    REQUIRE(eventually([&] { return !waiting_writer(held.observer, id).empty(); }));
    held.tracker_holder.run("COMMIT");
    const auto result = held.runner->wait();
    INFO(result.err);
    CHECK(result.status == 128 + SIGINT);
    CHECK(result.err == Part{"Applied 000003_t3"});
    CHECK(world.tracker() == "3,0");
    CHECK(!world.has_table("t4"));
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0", "up|3|0"});
    CHECK(world.migrate({"status"}).out == Part{"clean"});
  });
}

TEST_CASE("a connection that ends while it writes rows of ours: nothing is said that is not so") {
  on_each_flavour([](MysqlWorld& world) {
    HeldUp held(world);
    const std::string id = held.meet_lock();
    held.observer.run("KILL " + id);
    REQUIRE(eventually([&] { return waiting_writer(held.observer) != id; }));
    held.tracker_holder.run("COMMIT");
    const auto result = held.runner->wait();
    INFO(result.err);
    // Where the server's last word says that nothing came of them they are written anew; else nobody knows.
    CHECK((result.status == 0 || result.status == 5));
    if (result.status == 5) {
      CHECK(world.tracker() == "3,1");
      REQUIRE(world.migrate({"resume"}).status == 0);
      REQUIRE(world.migrate({"up"}).status == 0);
    }
    CHECK(world.tracker() == "5,0");
    CHECK(world.value("SELECT GROUP_CONCAT(version ORDER BY id) FROM schema_migrations_log WHERE NOT failed") ==
          "1,2,3,4,5");
  });
}

TEST_CASE("a stop in the middle of a message ends the statement, and none of those behind it begins") {
  on_each_flavour([](MysqlWorld& world) {
    HeldInTheMiddle held(world);
    held.runner->wait_for_output("Applied 000002_t2");
    held.runner->signal(SIGINT);
    const auto result = held.runner->wait();
    INFO(result.err);
    CHECK(result.status == 128 + SIGINT);
    held.blocker.run("UNLOCK TABLES");
    CHECK(world.tracker() == "2,0");
    CHECK(!world.has_table("v3"));
    CHECK(!world.has_table("t4"));
    REQUIRE(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "6,0");
  });
}

TEST_CASE("the server does not go on with the message of a runner that was killed, but for the statement at work") {
  on_each_flavour([](MysqlWorld& world) {
    HeldInTheMiddle held(world);
    held.runner->signal(SIGKILL);
    held.runner->wait();
    held.blocker.run("UNLOCK TABLES");
    REQUIRE(eventually([&] { return !held.has_worker(); }));
    CHECK(world.tracker() == "3,1");
    CHECK(!world.has_table("t4"));
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0"});
    const auto resume = world.migrate({"resume"});
    INFO(resume.err);
    REQUIRE(resume.status == 0);
    REQUIRE(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "6,0");
    CHECK(world.value("SELECT GROUP_CONCAT(version ORDER BY id) FROM schema_migrations_log WHERE NOT failed") ==
          "1,2,3,4,5,6");
  });
}

TEST_CASE("rows of ours are not committed in the middle of a message while somebody wants its connection to stop") {
  on_each_flavour([](MysqlWorld& world) {
    const MysqlProxy proxy(world.server.port());
    world.dsn = world.server.login(world.database, proxy.port()).dsn();
    HeldInTheMiddle held(world);
    MysqlClient stopper = world.client();
    REQUIRE(stopper.value("SELECT GET_LOCK('talos.stop." + held.worker + "', 0)") == "1");
    const int before = proxy.counts().turns;
    held.blocker.run("UNLOCK TABLES");
    const auto result = held.runner->wait();
    INFO(result.err);
    // The other connection writes them, one by one; the message would have gone on without a turn.
    CHECK(proxy.counts().turns - before > 8);
    CHECK(result.status == 0);
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0", "up|3|0", "up|4|0", "up|5|0", "up|6|0"});
  });
}

TEST_CASE("a run lock that is gone ends the message before its next statement") {
  on_each_flavour([](MysqlWorld& world) {
    HeldInTheMiddle held(world);
    std::vector<std::string> others;
    REQUIRE(eventually([&] {
      others = world.rows(
          "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND COMMAND = 'Sleep' AND ID NOT IN "
          "(CONNECTION_ID(), " +
          std::to_string(held.blocker.id()) + ")");
      return others.size() == 1;
    }));
    world.sql("KILL " + others[0]);
    held.blocker.run("UNLOCK TABLES");
    const auto result = held.runner->wait();
    INFO(result.err);
    CHECK(result.status == 5);
    CHECK(!world.has_table("t4"));
    CHECK(world.tracker() == "3,1");
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0"});
  });
}

// `up` through a proxy that passes on so many messages of the server's to the second connection and then no more, while
// the server goes on.
ProcessResult up_with_lost_answers(MysqlWorld& world, int messages) {
  MysqlProxy proxy(world.server.port());
  ProxyFault fault;
  fault.connection = 2;
  fault.from = From::server;
  fault.message = messages;
  fault.what = ProxyFault::What::stall_server;
  proxy.add(fault);
  const std::string direct = std::exchange(world.dsn, world.server.login(world.database, proxy.port()).dsn());
  auto result = world.migrate({"up", "--stall-timeout", "2s"});
  world.dsn = direct;
  REQUIRE(proxy.happened() == 1);
  return result;
}

TEST_CASE(
    "answers that get lost while the server does the whole message: what it has done is told, and is no failure") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(6);
    const auto up = up_with_lost_answers(world, 60);
    INFO(up.err);
    CHECK(up.status == 0);
    CHECK(up.err == Part{"Applied 000006_t6"});
    CHECK(world.tracker() == "6,0");
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0", "up|3|0", "up|4|0", "up|5|0", "up|6|0"});
  });
}

TEST_CASE("answers that get lost while the server goes on: only the statement that it was at is in doubt") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(6);
    // It waits for somebody else when the connection is given up.
    world.migration(5, "t5", "CREATE VIEW t5 AS SELECT x FROM seen;\n");
    world.sql("CREATE TABLE seen (x int)");
    MysqlClient blocker = world.client();
    blocker.run("LOCK TABLES seen WRITE");
    const auto up = up_with_lost_answers(world, 60);
    INFO(up.err);
    CHECK(up.status == 5);
    CHECK(up.err == Part{"Applied 000004_t4"});
    CHECK(up.err == Part{"000005_t5.up.sql"});
    CHECK(world.tracker() == "5,1");
    CHECK(history(world) == std::vector<std::string>{"up|1|0", "up|2|0", "up|3|0", "up|4|0", "up|5|1"});
    CHECK(world.rows("SELECT version, state FROM schema_migrations_journal WHERE NOT closed") ==
          std::vector<std::string>{"5|unknown"});
    blocker.run("UNLOCK TABLES");
    REQUIRE(world.migrate({"resume"}).status == 0);
    REQUIRE(world.migrate({"up"}).status == 0);
    CHECK(world.tracker() == "6,0");
  });
}

TEST_CASE("G2: a connection that is lost before an out-of-order migration began: nothing is told that did not happen") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(10, "t10", "CREATE TABLE t10 (x int);\n");
    REQUIRE(world.migrate({"up"}).status == 0);
    // Its end leaves the tracker as it was.
    world.migration(3, "t3", "CREATE TABLE t3 (x int);\n");
    MysqlClient tracker_holder = world.client();
    MysqlClient observer = world.client();
    tracker_holder.run("START TRANSACTION; SELECT * FROM schema_migrations FOR UPDATE");
    Process runner = world.start({"up", "--allow-out-of-order"});
    std::string id;
    REQUIRE(eventually([&] { return !(id = waiting_writer(observer)).empty(); }));
    observer.run("KILL " + id);
    REQUIRE(eventually([&] { return waiting_writer(observer) != id; }));
    tracker_holder.run("COMMIT");
    const auto result = runner.wait();
    INFO(result.err);
    CHECK((result.status == 0) == world.has_table("t3"));
    CHECK((result.status == 0) == (history(world) == std::vector<std::string>{"up|10|0", "up|3|0"}));
  });
}

TEST_CASE("a migration whose statements are of several messages: the history knows when it began") {
  on_each_flavour([](MysqlWorld& world) {
    world.sql("CREATE TABLE big (x int)");
    world.migration(1, "big", "ALTER TABLE big ADD COLUMN y int;\nALTER TABLE big ADD COLUMN z int;\n");
    world.migration(2, "u", "CREATE TABLE u (x int);\n");
    MysqlClient blocker = world.client();
    blocker.run("LOCK TABLES big WRITE");
    Process runner = world.start({"up", "--ddl-lock-timeout", "0"});
    const std::string announced =
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND"
        " TABLE_NAME = 'schema_migrations_journal'";
    REQUIRE(eventually([&] { return world.value(announced) == "1"; }));
    REQUIRE(eventually([&] {
      return world.value(
                 "SELECT COUNT(*) FROM schema_migrations_journal WHERE TIMESTAMPDIFF(MICROSECOND, started_at,"
                 " UTC_TIMESTAMP(6)) > 1500000") == "1";
    }));
    blocker.run("UNLOCK TABLES");
    const auto result = runner.wait();
    INFO(result.err);
    REQUIRE(result.status == 0);
    CHECK(world.value("SELECT duration_us > 1400000 FROM schema_migrations_log WHERE version = 1") == "1");
    CHECK(world.value("SELECT ABS(TIMESTAMPDIFF(MICROSECOND, l.started_at, j.started_at)) < 1000000 FROM"
                      " schema_migrations_log l JOIN schema_migrations_journal j USING (version) WHERE version = 1 AND"
                      " j.statement = 1") == "1");
    CHECK(world.value("SELECT duration_us < 1400000 FROM schema_migrations_log WHERE version = 2") == "1");
  });
}

TEST_CASE("S4: after a message that was disturbed statements travel together as before") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(60);
    REQUIRE(world.migrate({"up", "--to", "1"}).status == 0);
    const MysqlProxy proxy(world.server.port());
    MysqlClient tracker_holder = world.client();
    MysqlClient observer = world.client();
    world.dsn = world.server.login(world.database, proxy.port()).dsn();
    tracker_holder.run("START TRANSACTION; SELECT * FROM schema_migrations FOR UPDATE");
    Process runner = world.start({"up"});
    std::string id;
    REQUIRE(eventually([&] { return !(id = waiting_writer(observer)).empty(); }));
    observer.run("KILL QUERY " + id);
    REQUIRE(eventually([&] { return !waiting_writer(observer, id).empty(); }));
    tracker_holder.run("COMMIT");
    const auto result = runner.wait();
    INFO(result.err);
    REQUIRE(result.status == 0);
    CHECK(world.tracker() == "60,0");
    CHECK(proxy.counts().turns < 40);
  });
}

TEST_CASE("what fails is quoted without the words of ours that stand behind it, and told with its place") {
  on_each_flavour([](MysqlWorld& world) {
    world.tables(1);
    for (const auto& [body, place] : {std::pair{"CREATE TABLE a (x int);\nALTER\n  TABEL a (x int);\n", ":3:3"},
                                      std::pair{"CREATE TABLE a (x int);\nCREATE TABLE b (x int,\n", ":2:23"}}) {
      CAPTURE(body);
      world.sql("DROP TABLE IF EXISTS a");
      world.migration(2, "wrong", body);
      const auto up = world.migrate({"up"});
      INFO(up.err);
      CHECK(up.status == 1);
      CHECK(up.err == Part{std::string("000002_wrong.up.sql") + place});
      CHECK(up.err == Part{"1064"});
      CHECK(up.err != Part{"SHOW"});
      CHECK(world.tracker() == "2,1");
      REQUIRE(world.migrate({"force", "1"}).status == 0);
    }
  });
}

TEST_CASE("G6: the rows in front of a file's first statement leave it the session as it was") {
  on_each_flavour([](MysqlWorld& world) {
    world.migration(1, "t", "CREATE TABLE t (i bigint, r bigint);\n");
    world.migration(2, "u", "CREATE TABLE u (i bigint AUTO_INCREMENT PRIMARY KEY);\n");
    world.migration(3, "rows", "INSERT INTO t SELECT LAST_INSERT_ID(), 0;\n");
    world.migration(4, "asks", "CREATE TABLE v AS SELECT LAST_INSERT_ID() AS i;\n");
    const auto up = world.migrate({"up"});
    INFO(up.err);
    REQUIRE(up.status == 0);
    CHECK(world.rows("SELECT i, r FROM t") == std::vector<std::string>{"0|0"});
    CHECK(world.value("SELECT i FROM v") == "0");
  });
}

}  // namespace talos::test
