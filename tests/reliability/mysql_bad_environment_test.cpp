// R4 on MySQL: servers on which nothing can be done: the exit status and words of product.md, nothing changed, no
// password shown.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>

#include <doctest/doctest.h>
#include <unistd.h>

#include "message_proxy.hpp"
#include "mysql_slow.hpp"
#include "mysql_tls.hpp"
#include "refusals.hpp"

namespace talos::test {

namespace {

TestSet small_set() { return busy_set(Profile::transactional, 20); }

// A server in front of the server that says it knows nothing of TLS (M3).
class Downgrade : public ProxyProtocol {
 public:
  Opening opening(std::string_view /*received*/) const override { return Opening::connection; }
  std::unique_ptr<ProxyFraming> framing() const override { return std::make_unique<Framing>(); }

 private:
  class Framing : public ProxyFraming {
   public:
    std::optional<ProxyMessage> take(From from, std::string& received) override {
      if (received.empty()) return std::nullopt;
      ProxyMessage message{'?', std::move(received)};
      received.clear();
      if (from == From::server && !std::exchange(greeted_, true)) message.bytes = without_tls(message.bytes);
      return message;
    }
    bool opaque() const override { return false; }

   private:
    // The packet's head, a byte, the version and its NUL, the thread, eight bytes and one more; then the abilities.
    static std::string without_tls(std::string greeting) {
      constexpr std::size_t head = 5;
      const std::size_t abilities = greeting.find('\0', head) + 1 + 4 + 8 + 1;
      constexpr unsigned tls = 1U << 3U;  // of the second byte
      greeting.at(abilities + 1) = static_cast<char>(static_cast<unsigned char>(greeting.at(abilities + 1)) & ~tls);
      return greeting;
    }
    bool greeted_ = false;
  };
};

}  // namespace

TEST_CASE("R4: a wrong password is exit 5, and neither the wrong nor the right one is shown") {
  if (!database_or_skip()) return;
  const MysqlPlace place(small_set());
  REQUIRE(migrate(place.target(), {"up", "--to", "4"}).status == 0);
  MysqlLogin wrong = place.database.login();
  wrong.password = random_password();
  check_all_refused(place, wrong.dsn(), {"Access denied", "check the user and the password"});
  CHECK_FALSE(has(migrate(place.target(wrong.dsn()), {"up"}).err, wrong.password));
}

TEST_CASE("R4: an unknown user and an unknown database are exit 5, no database at all is exit 2") {
  if (!database_or_skip()) return;
  const MysqlPlace place(small_set());
  MysqlLogin login = place.database.login();
  login.user = "stranger";
  check_all_refused(place, login.dsn(), {"Access denied"});
  login = place.database.login();
  login.database = "nowhere";
  check_all_refused(place, login.dsn(), {"nowhere", "create it first"});
  login.database = "";
  check_all_refused(place, login.dsn(), {"names no database"}, 2);
}

TEST_CASE("R4: a closed port, a host that does not exist and a missing socket are exit 5") {
  if (!database_or_skip()) return;
  const MysqlPlace place(small_set());
  const auto& server = place.database.server();
  check_all_refused(place, server.login(place.database.name(), free_port()).dsn(), {"cannot connect", "--wait"});
  std::string nowhere = place.database.dsn();
  nowhere.replace(nowhere.find("127.0.0.1"), 9, "nowhere.invalid");
  check_all_refused(place, nowhere, {"nowhere.invalid"});
  MysqlLogin no_socket = place.database.login();
  no_socket.socket = place.scratch / "none.sock";
  check_all_refused(place, no_socket.dsn(), {"none.sock"});
}

TEST_CASE("R4, M3: TLS asked for of a server that seems not to have it is exit 5, never a connection in plaintext") {
  if (!database_or_skip()) return;
  const MysqlPlace place(small_set());
  const MessageProxy proxy(place.database.server().port(), std::make_unique<Downgrade>());
  const std::string dsn = place.database.server().login(place.database.name(), proxy.port()).dsn();
  for (const char* tls : {"true", "skip-verify"}) {
    INFO(std::string(tls));
    check_all_refused(place, dsn + "?tls=" + tls, {});
  }
  for (const char* tls : {"false", "preferred"}) {
    INFO(std::string(tls));
    CHECK(migrate(place.target(dsn + "?tls=" + tls), {"status"}).status == 0);
  }
}

TEST_CASE("R4: a server whose certificate a stranger has signed is exit 5") {
  if (!database_or_skip() || !openssl_or_skip()) return;
  const MysqlPlace place(small_set());
  const MysqlTls others;
  const std::string dsn = place.database.dsn() + "?tls=custom&x-tls-ca=";
  check_all_refused(place, dsn + others.stranger().string(), {});
}

TEST_CASE("R4: a user who may not create tables is exit 5 naming what is missing, and nothing is made") {
  if (!database_or_skip()) return;
  const MysqlPlace place(small_set());
  const MysqlLogin guest = place.database.server().create_user("guest_" + place.database.name(), place.database.name(),
                                                               MysqlServer::Rights::select_only);
  const std::string before = place.everything();
  check_refused(place, guest.dsn(), {"up"}, 5, {"CREATE command denied", "grant this user"});
  CHECK(place.everything() == before);
}

TEST_CASE("R4: a user who may write but not change the schema: exit 1 at the first file that does, clean before it") {
  if (!database_or_skip()) return;
  const MysqlPlace place(small_set());
  REQUIRE(migrate(place.target(), {"up", "--to", "6"}).status == 0);
  const std::string name = "writer_" + place.database.name();
  const MysqlLogin writer =
      place.database.server().create_user(name, place.database.name(), MysqlServer::Rights::select_only);
  // Here a name is a pattern.
  const std::string pattern = std::regex_replace(place.database.name(), std::regex("_"), "\\_");
  place.database.rows("GRANT INSERT, UPDATE, DELETE, CREATE ON `" + pattern + "`.* TO '" + name + "'@'%'");
  check_refused(place, writer.dsn(), {"up"}, 1, {"ALTER command denied", "000007_step_7"});
  CHECK(place.state() == "clean 6");
  CHECK(place.database.faults(place.set) == "");
}

TEST_CASE("R4: a user without a free connection is exit 5, and --wait tries again") {
  if (!database_or_skip()) return;
  const MysqlPlace place(small_set());
  const std::string name = "crowded_" + place.database.name();
  const MysqlLogin user = place.database.server().create_user(name, place.database.name());
  place.database.rows("ALTER USER '" + name + "'@'%' WITH MAX_USER_CONNECTIONS 2");
  auto one = std::make_unique<MysqlClient>(user);
  auto other = std::make_unique<MysqlClient>(user);
  check_refused(place, user.dsn(), {"up"}, 5, {"max_user_connections"});
  auto patient = Process::start(migrate_options(place.target(user.dsn()), {"up", "--wait", "1m"}));
  patient.wait_for_output("max_user_connections");
  one.reset();
  other.reset();
  const auto result = patient.wait();
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(place.database.faults(place.set) == "");
}

TEST_CASE("R4: a statement beyond --statement-timeout is exit 1, rolled back, and names the option") {
  if (!database_or_skip()) return;
  for (const bool no_transaction : {false, true}) {
    INFO("no-transaction " << no_transaction);
    const TestSet set{
        {1, "quick", {"CREATE TABLE quick (id BIGINT)"}, {"DROP TABLE quick"}, false},
        {2, "slow", {"INSERT INTO quick VALUES (1)", slow_insert}, {"DELETE FROM quick"}, no_transaction}};
    const MysqlPlace place(set);
    check_refused(place, place.database.dsn(), {"up", "--statement-timeout", "300ms"}, 1, {"--statement-timeout"});
    CHECK(place.state() == (no_transaction ? "dirty 2" : "clean 1"));
    CHECK(place.database.value("SELECT COUNT(*) FROM quick") == (no_transaction ? "1" : "0"));
    CHECK(place.database.faults(set) == "");
  }
}

TEST_CASE("R4: connections that the server ends in the middle of a run: exit 5, and a new run completes it") {
  if (!database_or_skip()) return;
  const TestSet set{{1, "quick", {"CREATE TABLE quick (id BIGINT)"}, {"DROP TABLE quick"}, false},
                    {2, "slow", {slow_insert}, {"SELECT 1"}, false}};
  // The one at work, and the one that holds the lock.
  for (const bool at_work : {true, false}) {
    INFO("the one at work " << at_work);
    const MysqlPlace place(set);
    auto runner = Process::start(migrate_options(place.target(), {"up"}));
    wait_for_activity(place, runner, "AS slow");
    for (const std::string& line : place.database.connections())
      if (has(line, "AS slow") == at_work) place.database.rows("KILL " + line.substr(0, line.find(' ')));
    const auto result = runner.wait();
    INFO(result.err);
    CHECK(result.status == 5);
    place.database.settle();
    CHECK(place.state() == "clean 1");
    CHECK(place.database.value("SELECT COUNT(*) FROM quick") == "0");
    CHECK(place.database.faults(set) == "");
  }
}

TEST_CASE("R4, G5: a server killed at any moment of a run: exit 5, and what was told as done is there") {
  if (!database_or_skip()) return;
  MysqlServer& server = *shared_mysql_or_skip();
  std::mt19937_64 random(test_seed("R4 server killed"));
  const long rounds = std::max(1L, from_environment("TALOS_TEST_ROUNDS", 4) / 4);
  for (const Profile profile : {Profile::transactional, Profile::no_transaction}) {
    const TestSet set = busy_set(profile, 5'000);
    const MysqlPlace undisturbed(set);
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(migrate(undisturbed.target(), {"up"}).status == 0);
    const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    const std::string expected = undisturbed.database.picture();
    for (long round = 0; round < rounds; ++round) {
      INFO("round " << round);
      const MysqlPlace place(set);
      auto runner = Process::start(migrate_options(place.target(), {"up"}));
      const auto moment = std::chrono::milliseconds(std::uniform_int_distribution<long>(20, span.count())(random));
      eventually([&] { return !runner.running(); }, moment);
      server.kill_hard();
      const auto result = runner.wait();
      INFO(result.err);
      CHECK((result.status == 0 || result.status == 5));
      CHECK_FALSE(has(result.err, server.password()));
      server.restart();
      CHECK(place.database.faults(set) == "");
      const long told = durable_by(result.err);
      const bool any = place.database.has_table("schema_migrations") && !place.database.tracker().empty();
      CHECK((any ? std::stol(place.database.tracker().front()) : 0) >= told);
      up_with_resumes(place.database, place.migrations, set);
      CHECK(place.database.faults(set) == "");
      CHECK(place.database.picture() == expected);
    }
  }
}

TEST_CASE("R2, G13: a server killed in the middle of an ALTER TABLE: status knows, resume ends as if undisturbed") {
  if (!database_or_skip()) return;
  MysqlServer& server = *shared_mysql_or_skip();
  const TestSet set{{1, "quick", {"CREATE TABLE quick (id BIGINT)"}, {"DROP TABLE quick"}, false},
                    {2,
                     "slow",
                     {"INSERT INTO quick VALUES (1)", slow_alter, "INSERT INTO quick VALUES (2)"},
                     {"ALTER TABLE big DROP COLUMN added"},
                     false}};
  const MysqlPlace place(set);
  make_big_table(place.database);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  wait_until_copying(place, runner);
  server.kill_hard();
  const auto result = runner.wait();
  INFO(result.err);
  CHECK(result.status == 5);
  server.restart();
  const auto status = status_of(place.target());
  INFO(status.dump(2));
  CHECK(status.at("status") == "dirty");
  REQUIRE(status.at("dirty").at("statements").size() == 2);
  CHECK(status.at("dirty").at("finding").at("verdict") == "not_applied");
  CHECK(place.database.faults(set) == "");
  CHECK(migrate(place.target(), {"up"}).status == 3);
  resume(place.database, place.migrations);
  CHECK(place.state() == "clean 2");
  CHECK(place.database.value("SELECT MIN(added) FROM big") == "7");
  CHECK(place.database.rows("SELECT id FROM quick ORDER BY id") == std::vector<std::string>{"1", "2"});
  CHECK(place.database.faults(set) == "");
}

// Its server goes on with it, without the lock, which went with the runner.
TEST_CASE("R2, G13: a runner killed in the middle of an ALTER TABLE, and resume at once: the ALTER is done once") {
  if (!database_or_skip()) return;
  const TestSet set{
      {1, "quick", {"CREATE TABLE quick (id BIGINT)"}, {"DROP TABLE quick"}, false},
      {2, "slow", {slow_alter, "INSERT INTO quick VALUES (2)"}, {"ALTER TABLE big DROP COLUMN added"}, false}};
  const MysqlPlace place(set);
  make_big_table(place.database);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  wait_until_copying(place, runner);
  runner.signal(SIGKILL);
  runner.wait();
  REQUIRE(eventually([&] { return place.database.lock_holder().empty(); }));
  const bool still = has(place.activity(), "ALTER TABLE");
  const auto at_once = migrate(place.target(), {"resume"});
  INFO(at_once.out << at_once.err);
  CHECK((at_once.status == 0 || at_once.status == 3));
  CHECK(still);
  place.database.settle();
  if (at_once.status == 3) resume(place.database, place.migrations);
  CHECK(place.state() == "clean 2");
  CHECK(place.database.value("SELECT MIN(added) FROM big") == "7");
  CHECK(place.database.rows("SELECT id FROM quick") == std::vector<std::string>{"2"});
  CHECK(place.database.faults(set) == "");
}

TEST_CASE("R2: a runner killed while the server writes its rows, and resume at once: the rows are there once") {
  if (!database_or_skip()) return;
  const TestSet set{{1, "quick", {"CREATE TABLE quick (id BIGINT)"}, {"DROP TABLE quick"}, false},
                    {2,
                     "slow",
                     {"INSERT INTO quick SELECT SLEEP(2) AS slow", "INSERT INTO quick VALUES (2)"},
                     {"DELETE FROM quick"},
                     true}};
  const MysqlPlace place(set);
  auto runner = Process::start(migrate_options(place.target(), {"up"}));
  wait_for_activity(place, runner, "AS slow");
  runner.signal(SIGKILL);
  runner.wait();
  REQUIRE(eventually([&] { return place.database.lock_holder().empty(); }));
  const auto at_once = migrate(place.target(), {"resume"});
  INFO(at_once.out << at_once.err);
  place.database.settle();
  if (at_once.status != 0) resume(place.database, place.migrations);
  CHECK(place.state() == "clean 2");
  CHECK(place.database.rows("SELECT id FROM quick ORDER BY id") == std::vector<std::string>{"0", "2"});
  CHECK(place.database.faults(set) == "");
}

// ---- Disk full

// MariaDB 10.11 does not survive it.
TEST_CASE("R4: a server whose disk is full: exit 5 in the server's words, clean, and it goes on once there is room") {
  if (!database_or_skip()) return;
  MysqlServer& server = *shared_mysql_or_skip();
  const bool survives = server.flavour() == MysqlFlavour::mysql;
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can mount a small file system");
    return;
  }
  const std::string disk = mysql_other_disk().string();
  const auto mount = [&](const std::string& options) {
    ProcessOptions command;
    command.argv = {"mount", "-t", "tmpfs", "-o", options, "none", disk};
    return run(command).status == 0;
  };
  if (!mount("size=12m,mode=0777")) {
    MESSAGE("skipped: a small file system cannot be mounted here");
    return;
  }
  struct Unmount {
    std::string where;
    ~Unmount() {
      ProcessOptions command;
      command.argv = {"umount", "-l", where};
      try {
        run(command);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
      }
    }
  } const unmount{disk};
  const TestSet set{
      {1,
       "small",
       {"CREATE TABLE filler (id BIGINT AUTO_INCREMENT PRIMARY KEY, data LONGTEXT) DATA DIRECTORY = '" + disk + "'"},
       {"DROP TABLE filler"},
       false},
      {2,
       "big",
       {"INSERT INTO filler (data) SELECT REPEAT('x', 100000) FROM information_schema.COLLATIONS LIMIT 250"},
       {"DELETE FROM filler"},
       false}};
  const MysqlPlace place(set);
  check_refused(place, place.database.dsn(), {"up"}, 5,
                survives ? std::vector<std::string>{"is full", "1114"} : std::vector<std::string>{});
  if (survives) CHECK(place.state() == "clean 1");
  REQUIRE(mount("remount,size=200m"));
  if (!survives) server.restart();
  CHECK(place.state() == "clean 1");
  CHECK(place.database.faults(set) == "");
  const auto result = migrate(place.target(), {"up"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(place.database.value("SELECT COUNT(*) FROM filler") == "250");
}

}  // namespace talos::test
