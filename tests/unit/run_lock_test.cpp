#include "run_lock.hpp"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include "fake_session.hpp"
#include "fixtures.hpp"

using namespace talos;
using namespace talos::test;
using namespace std::chrono_literals;

namespace {

struct Waiter {
  FakeDatabase database;
  FakeSession session{database};
  RecordingReporter reporter;
  CancelToken cancel;

  bool acquire(
      RunLock& lock, std::chrono::milliseconds timeout, const std::function<bool()>& finished = [] { return false; }) {
    return lock.acquire(timeout, reporter, cancel, finished);
  }
};

const LockHolder holder{4711, "db1", "2026-01-02T03:04:05Z", "CREATE INDEX"};

}  // namespace

TEST_CASE("G15: waits between polls grow from 10 ms to 250 ms, so that an end is noticed within a fifth of the time") {
  for (int round = 0; round < 50; ++round) {
    PollDelay delay;
    auto waited = 0ms;
    for (int i = 0; i < 100; ++i) {
      const auto most = std::clamp(waited / 5, 10ms, 250ms);
      const auto wait = delay.next();
      CHECK(wait >= most / 2);
      CHECK(wait <= most);
      waited += wait;
    }
    CHECK(waited > 5s);
  }
}

TEST_CASE("G15: waits have jitter, so that waiters do not march in step") {
  std::set<std::chrono::milliseconds> waits;
  PollDelay delay;
  for (int i = 0; i < 200; ++i) waits.insert(delay.next());
  CHECK(waits.size() > 20);
}

TEST_CASE("a longest wait of another length is kept to") {
  PollDelay delay(30ms);
  for (int i = 0; i < 50; ++i) CHECK(delay.next() <= 30ms);
}

TEST_CASE("the holder of a lock is described by what is known of it") {
  CHECK(describe_holder({true, holder}) == "pid 4711 on db1 since 2026-01-02T03:04:05Z (CREATE INDEX)");
  CHECK(describe_holder({true, LockHolder{4711, "", "", ""}}) == "pid 4711");
  CHECK(describe_holder({true, std::nullopt}) == "an unknown process");
  CHECK(describe_holder({true, LockHolder{}}) == "an unknown process");
}

TEST_CASE("a free lock is taken at the first attempt and given up at the end of the scope") {
  Waiter waiter;
  {
    RunLock lock(waiter.session);
    CHECK(waiter.acquire(lock, 0ms));
    CHECK(waiter.database.locked);
    CHECK(waiter.reporter.lock_waits == 0);
  }
  CHECK_FALSE(waiter.database.locked);
}

TEST_CASE("a connection that breaks before the lock is given up does not end the program") {
  Waiter waiter;
  waiter.database.unlock_fails = true;
  RunLock lock(waiter.session);
  CHECK(waiter.acquire(lock, 0ms));
}

TEST_CASE("a lock that somebody gives up is taken at a later poll") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  waiter.reporter.on_wait = [&] {
    if (waiter.reporter.lock_waits == 2) waiter.database.foreign_lock.reset();
  };
  RunLock lock(waiter.session);
  CHECK(waiter.acquire(lock, 1h));
  CHECK(waiter.reporter.lock_waits == 2);
  CHECK(waiter.database.lock_attempts >= 3);
  CHECK(waiter.database.locked);
}

TEST_CASE("the lock is tried for more often than the others are looked at") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  RunLock lock(waiter.session);
  int looks = 0;
  CHECK_FALSE(waiter.acquire(lock, 1h, [&] { return ++looks == 3; }));
  CHECK(waiter.database.lock_attempts > 10);
}

TEST_CASE("a lock that stays held until the deadline is lock_timeout and names the holder") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  RunLock lock(waiter.session);
  const Error error = error_of([&] { waiter.acquire(lock, 15ms); });
  CHECK(error.code == ErrorCode::lock_timeout);
  CHECK(contains(error.what(), "pid 4711 on db1"));
  CHECK(contains(error.hint, "--lock-timeout"));
  CHECK(waiter.database.lock_attempts >= 2);
}

TEST_CASE("a holder that has no process is described by what the engine says of it") {
  LockStatus lock;
  lock.held = true;
  lock.holder.emplace();
  CHECK(describe_holder(lock) == "an unknown process");
  lock.holder->detail = "another tool, by its row";
  CHECK(describe_holder(lock) == "another tool, by its row");
}

TEST_CASE("a lock timeout of zero tries once") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  RunLock lock(waiter.session);
  CHECK(error_of([&] { waiter.acquire(lock, 0ms); }).code == ErrorCode::lock_timeout);
  CHECK(waiter.database.lock_attempts == 1);
}

TEST_CASE("G15: a waiter that sees the work done goes without the lock") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  RunLock lock(waiter.session);
  int looks = 0;
  CHECK_FALSE(waiter.acquire(lock, 1h, [&] { return ++looks == 2; }));
  CHECK(looks == 2);
}

TEST_CASE("G15: a waiter that is told of an end looks at once, and goes without the lock where all is done") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  int waits = 0;
  waiter.database.on_lock_wait = [&](std::chrono::milliseconds) { return ++waits == 2; };
  RunLock lock(waiter.session);
  CHECK_FALSE(waiter.acquire(lock, 1h, [&] { return waits == 2; }));
  CHECK(waiter.database.lock_attempts == 2);
}

TEST_CASE("a stop that ends a wait in the database is told with its reason") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  waiter.database.on_lock_wait = [&](std::chrono::milliseconds) -> bool {
    waiter.cancel.request("stopped by SIGTERM");
    throw Error(ErrorCode::cancelled, "stopped");
  };
  RunLock lock(waiter.session);
  CHECK(std::string(error_of([&] { waiter.acquire(lock, 1h); }).what()) == "stopped by SIGTERM");
}

TEST_CASE("a waiter that is told of an end and has something to do takes the lock") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  waiter.database.on_lock_wait = [&](std::chrono::milliseconds) {
    waiter.database.foreign_lock.reset();
    return true;
  };
  RunLock lock(waiter.session);
  CHECK(waiter.acquire(lock, 1h));
  CHECK(waiter.database.locked);
  CHECK(waiter.database.lock_attempts == 2);
}

TEST_CASE("G15: whoever will be told of an end waits for 10 ms, and then twice as long each time, up to 250 ms") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  std::vector<std::chrono::milliseconds> waits;
  waiter.database.on_lock_wait = [&](std::chrono::milliseconds at_most) {
    waits.push_back(at_most);
    return waits.size() == 12;
  };
  RunLock lock(waiter.session);
  CHECK_FALSE(waiter.acquire(lock, 1h, [&] { return waits.size() == 12; }));
  auto waited = 0ms;
  for (const auto wait : waits) {
    const auto most = std::clamp(waited, 10ms, 250ms);
    CHECK(wait >= most / 2);
    CHECK(wait <= most);
    waited += wait;
  }
}

TEST_CASE("a wait that comes back at once, though nothing ended, is slept out") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  auto allowed = 0ms;
  waiter.database.on_lock_wait = [&](std::chrono::milliseconds at_most) {
    allowed += at_most;
    return false;
  };
  const auto start = std::chrono::steady_clock::now();
  RunLock lock(waiter.session);
  CHECK(error_of([&] { waiter.acquire(lock, 60ms); }).code == ErrorCode::lock_timeout);
  CHECK(std::chrono::steady_clock::now() - start >= allowed);
}

TEST_CASE("a request to stop ends the wait at once") {
  Waiter waiter;
  waiter.database.foreign_lock = holder;
  waiter.reporter.on_wait = [&] { waiter.cancel.request(); };
  RunLock lock(waiter.session);
  CHECK(error_of([&] { waiter.acquire(lock, 1h); }).code == ErrorCode::cancelled);
  CHECK(waiter.database.lock_attempts == 1);
}
