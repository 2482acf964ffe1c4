#include <doctest/doctest.h>

#include <optional>

#include "kit.hpp"
#include "lock_holder.hpp"
#include "runner_identity.hpp"

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

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
