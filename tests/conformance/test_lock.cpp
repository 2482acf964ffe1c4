#include <doctest/doctest.h>

#include <future>
#include <optional>

#include "kit.hpp"
#include "lock_holder.hpp"
#include "runner_identity.hpp"
#include "talos/lock_wait.hpp"

namespace talos::conformance {
namespace {

// Makes the database and the tables, so that every kind of session finds them.
std::string table_in_use() {
  const std::string table = fresh_name();
  require_done(execute(*connect(table), claim_unit(std::nullopt, TrackerRow{1, false})), 1);
  return table;
}

bool has_lock() {
  if (capabilities().run_lock) return true;
  skip("run_lock is not declared");
  return false;
}

// One that has worked under the lock, and one that waits for it.
struct Waiting {
  const std::string table = table_in_use();
  const std::unique_ptr<Session> holder = connect(table, Access::write);
  const std::unique_ptr<Session> waiter = connect(table, Access::write);
  LockWait* const wait = waiter->ability<LockWait>();

  bool ready() {
    if (wait == nullptr) {
      skip("LockWait is not offered");
      return false;
    }
    CHECK(holder->try_lock());
    require_done(execute(*holder, claim_unit(TrackerRow{1, false}, TrackerRow{2, false})), 1);
    CHECK_FALSE(waiter->try_lock());
    return true;
  }
};

TEST_SUITE_BEGIN("lock");

TEST_CASE("Without Capabilities::run_lock try_lock() is inert or unsupported, and nobody holds the lock") {
  if (capabilities().run_lock) return skip("run_lock is declared");
  const std::string table = table_in_use();
  const auto first = connect(table, Access::write);
  const auto second = connect(table, Access::write);
  const auto attempt = [](Session& session) -> std::optional<ErrorCode> {
    try {
      CHECK(session.try_lock());
      return std::nullopt;
    } catch (const Error& error) {
      return error.code;
    }
  };
  const auto refusal = attempt(*first);
  if (refusal) CHECK(to_text(*refusal) == "unsupported");
  CHECK(attempt(*second) == refusal);
  CHECK_FALSE(second->observe_lock().held);
  first->unlock();
  second->unlock();
}

TEST_CASE("The holder of the lock does not take itself for somebody else") {
  if (!has_lock()) return;
  const std::string table = table_in_use();
  const auto session = connect(table, Access::write);
  CHECK(session->try_lock());
  const LockStatus own = session->observe_lock();
  CHECK((!own.held || own.ours));
  session->unlock();
}

TEST_CASE("A second session cannot lock while the first one does, and can afterwards") {
  if (!has_lock()) return;
  const std::string table = table_in_use();
  const auto first = connect(table, Access::write);
  const auto second = connect(table, Access::write);
  CHECK(first->try_lock());
  CHECK(first->try_lock());
  CHECK_FALSE(second->try_lock());
  first->unlock();
  CHECK(eventually([&] { return second->try_lock(); }));
  CHECK_FALSE(first->try_lock());
  second->unlock();
  second->unlock();
}

TEST_CASE("The end of a session gives its lock up") {
  if (!has_lock()) return;
  const std::string table = table_in_use();
  auto first = connect(table, Access::write);
  const auto second = connect(table, Access::write);
  CHECK(first->try_lock());
  CHECK_FALSE(second->try_lock());
  first.reset();
  CHECK(eventually([&] { return second->try_lock(); }));
}

TEST_CASE("The lock stays while its session works, and others can read meanwhile") {
  if (!has_lock()) return;
  const std::string table = table_in_use();
  const auto first = connect(table, Access::write);
  CHECK(first->try_lock());
  require_done(execute(*first, claim_unit(TrackerRow{1, false}, TrackerRow{2, false})), 1);
  const auto second = connect(table, Access::write);
  CHECK_FALSE(second->try_lock());
  CHECK(look(table).tracker.size() == 1);
  CHECK(connect(table, Access::read)->read_state(LogDepth::current).tracker.size() == 1);
}

TEST_CASE("G14: the lock's holder is seen without taking it") {
  if (!has_lock()) return;
  const std::string table = table_in_use();
  const auto observer = connect(table, Access::read);
  CHECK_FALSE(observer->observe_lock().held);
  const auto holder = connect(table, Access::write);
  CHECK(holder->try_lock());
  const LockStatus status = observer->observe_lock();
  CHECK(status.held);
  REQUIRE(status.holder.has_value());
  const Runner self = current_runner("talos-plugin-conformance");
  CHECK(status.holder->pid == self.pid);
  CHECK(status.holder->host == self.host);
  holder->unlock();
  CHECK(eventually([&] { return !observer->observe_lock().held; }));
}

TEST_CASE("A process that is killed while it holds the lock frees it") {
  if (!has_lock()) return;
  const std::string table = table_in_use();
  LockHolderProcess other(table);
  const auto session = connect(table, Access::write);
  CHECK_FALSE(session->try_lock());
  const LockStatus status = session->observe_lock();
  CHECK(status.held);
  REQUIRE(status.holder.has_value());
  CHECK(status.holder->pid == other.pid());
  other.kill();
  CHECK(eventually([&] { return session->try_lock(); }));
}

TEST_CASE("LockWait: a lock that stays held is waited for in vain, and nothing of it is taken") {
  if (!has_lock()) return;
  Waiting runners;
  if (!runners.ready()) return;
  for (int i = 0; i < 3; ++i) CHECK_FALSE(runners.wait->await(std::chrono::milliseconds(20)));
  CHECK_FALSE(runners.waiter->try_lock());
  runners.holder->unlock();
  CHECK(eventually([&] { return runners.holder->try_lock(); }));
}

TEST_CASE("LockWait: whoever waits is woken when one that has worked gives the lock up") {
  if (!has_lock()) return;
  Waiting runners;
  if (!runners.ready()) return;
  // Whatever it needs in order to hear of it is there from now on.
  CHECK_FALSE(runners.wait->await(std::chrono::milliseconds(1)));
  auto woken = std::async(std::launch::async, [&] { return runners.wait->await(std::chrono::minutes(10)); });
  runners.holder->unlock();
  REQUIRE(eventually([&] { return woken.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  CHECK(woken.get());
  CHECK(runners.waiter->try_lock());
}

TEST_CASE("LockWait: cancel() ends the wait") {
  if (!has_lock()) return;
  Waiting runners;
  if (!runners.ready()) return;
  auto woken = std::async(std::launch::async, [&] {
    try {
      return runners.wait->await(std::chrono::minutes(10));
    } catch (const Error& error) {
      CHECK(to_text(error.code) == "cancelled");
      return false;
    }
  });
  runners.waiter->cancel();
  REQUIRE(eventually([&] { return woken.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }));
  CHECK_FALSE(woken.get());
}

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
